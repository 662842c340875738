#pragma once
// Flight: one answer that several threads wait for while one of them gets it.

#include "base/deadline.hpp"
#include "base/guarded.hpp"
#include "base/result.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace sluice::auth {

/// Whoever creates it must call `land` once; everybody else may `wait`. Unlike Watched<>, waiting has a deadline.
/// Thread: any.
template <class T>
class Flight : private Guarded<std::optional<Result<T>>> {
 public:
  void land(Result<T> answer) {
    {
      const std::scoped_lock lock(this->mutex_);
      this->value_.emplace(std::move(answer));
    }
    landed_.notify_all();
  }

  /// Empty when `deadline` or `stop` came first.
  std::optional<Result<T>> wait(Deadline deadline, const std::stop_token& stop) {
    std::unique_lock lock(this->mutex_);
    const auto landed = [this] { return this->value_.has_value(); };
    if (deadline.is_bounded()) {
      landed_.wait_until(lock, stop, deadline.at(), landed);
    } else {
      landed_.wait(lock, stop, landed);
    }
    return this->value_;
  }

 private:
  std::condition_variable_any landed_;
};

}  // namespace sluice::auth
