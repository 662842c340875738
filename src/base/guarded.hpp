#pragma once
// Guarded<T>: data that can only be reached under its lock. There are no bare mutexes in this project.

#include "base/deadline.hpp"

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace sluice {

/// Thread: any. `with` runs its function under the lock; keep it short and never block in it.
template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}
  /// For what can neither be copied nor moved.
  template <class... Arguments>
  explicit Guarded(std::in_place_t /*tag*/, Arguments&&... arguments) : value_(std::forward<Arguments>(arguments)...) {}

  template <class F>
  decltype(auto) with(F&& f) {
    std::scoped_lock lock(mutex_);
    return std::forward<F>(f)(value_);
  }
  template <class F>
  decltype(auto) with(F&& f) const {
    std::scoped_lock lock(mutex_);
    return std::forward<F>(f)(value_);
  }

 protected:
  mutable std::mutex mutex_;
  T value_{};
};

/// A Guarded that threads can wait on. `notify` after a change that a waiter looks for.
template <class T>
class Watched : public Guarded<T> {
 public:
  using Guarded<T>::Guarded;

  /// Waits until `ready(value)` or `stop`, then runs `f(value)` under the lock.
  template <class Ready, class F>
  decltype(auto) when(Ready&& ready, std::stop_token stop, F&& f) {
    std::unique_lock lock(this->mutex_);
    changed_.wait(lock, std::move(stop), [&] { return ready(this->value_); });
    return std::forward<F>(f)(this->value_);
  }

  /// The same, for no longer than until `deadline`: look at the value to see why it returned.
  template <class Ready, class F>
  decltype(auto) when_until(Ready&& ready, const Deadline& deadline, std::stop_token stop, F&& f) {
    if (!deadline.is_bounded()) return when(std::forward<Ready>(ready), std::move(stop), std::forward<F>(f));
    std::unique_lock lock(this->mutex_);
    changed_.wait_until(lock, std::move(stop), deadline.at(), [&] { return ready(this->value_); });
    return std::forward<F>(f)(this->value_);
  }

  /// Changes the value under the lock and wakes everybody who waits.
  template <class F>
  decltype(auto) update(F&& f) {
    struct Wake {
      std::condition_variable_any& changed;
      ~Wake() { changed.notify_all(); }
    } wake{changed_};
    std::scoped_lock lock(this->mutex_);
    return std::forward<F>(f)(this->value_);
  }

 private:
  std::condition_variable_any changed_;
};

}  // namespace sluice
