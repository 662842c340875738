#pragma once
// RestartSigns: what this process has seen of one API server, to tell "it is starting" from "it says no". A server that
// has just started refuses connections, and then answers 403 to everybody until it knows its roles (3.11: some
// seconds, "no RBAC policy matched"). A right that this identity had a moment ago is the best sign of that.

#include "base/deadline.hpp"
#include "base/guarded.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace sluice::kube {

/// Thread: any. Memory: bounded; the paths of some hundred requests.
class RestartSigns {
 public:
  using TimePoint = Deadline::Clock::time_point;
  /// How long a server is waited for, from the first sign on. A guess: masters of 3.11 need half of it.
  static constexpr std::chrono::seconds kLongest{60};

  /// A request was answered with 2xx. `target` with its query; `bytes` of the reply.
  void worked(std::string_view method, std::string_view target, std::size_t bytes, TimePoint now);
  /// There was no connection, it was cut, or the server said 502 to 504.
  void broke(TimePoint now);

  /// Whether a 403 to this request is worth a second look: the same was allowed before, there was trouble a moment ago,
  /// or nothing was heard of the server for a while.
  bool suspects(std::string_view method, std::string_view target, TimePoint now) const;
  /// The target of a GET that was allowed and is cheap to ask again; "" when there is none.
  std::string proof() const;
  /// Whether waiting is still in order: something worked before, and kLongest has not passed since the first sign.
  /// The first call after a success is that sign.
  bool may_wait(TimePoint now);

 private:
  struct Seen {
    std::set<std::string, std::less<>> allowed;  ///< "GET /api/v1/namespaces/prod/pods"
    std::string proof;
    std::size_t proof_bytes = 0;
    std::optional<TimePoint> last_success;
    std::optional<TimePoint> last_trouble;
    std::optional<TimePoint> since;  ///< the first sign of the present trouble
  };
  Guarded<Seen> seen_;
};

}  // namespace sluice::kube
