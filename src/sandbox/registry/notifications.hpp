#pragma once
// Notifications: tells configured URLs what happens to blobs and manifests, in order for each of them, until they take
// it. In memory: what is not delivered is lost with the process, as at the real registry.
// Source: distribution, "Notifications".

#include "base/guarded.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "net/http.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace sluice::sandbox {

struct NotificationEndpoint {
  std::string name;
  net::Url url;
  net::Headers headers;
};

struct NotificationOptions {
  std::size_t max_queued = 10'000;          ///< for each endpoint; what comes then is refused
  std::chrono::milliseconds backoff{1000};  ///< before another try, as in the real registry's example
  std::chrono::milliseconds timeout{1000};  ///< of one try
};

/// Thread: any. Each endpoint has a thread of its own, so that one that is down does not hold up the others.
class Notifications {
 public:
  /// `exchanger` must outlive it.
  explicit Notifications(net::Exchanger& exchanger, NotificationOptions options = {});
  ~Notifications();
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

  /// Replaces all endpoints; what the former ones had not got is dropped.
  void set_endpoints(std::vector<NotificationEndpoint> endpoints);
  /// [{"name": .., "url": .., "headers": {NAME: VALUE}}]. Errors: usage.
  Status set_endpoints(const Json& endpoints);
  /// Does anybody listen?
  bool wanted() const { return wanted_.load(); }
  /// Queues one event for every endpoint; never blocks.
  void add(const Json& event);

  struct Counts {
    std::uint64_t delivered = 0;
    std::uint64_t failed_tries = 0;
    std::uint64_t refused = 0;  ///< events that found a full queue
    std::size_t queued = 0;
  };
  /// Of the endpoints that are configured now.
  Counts counts() const;

  /// Now, with nanoseconds.
  static std::string timestamp();

 private:
  class Line;
  using Lines = std::vector<std::unique_ptr<Line>>;

  net::Exchanger& exchanger_;
  NotificationOptions options_;
  std::atomic<bool> wanted_{false};
  Guarded<Lines> lines_;
};

}  // namespace sluice::sandbox
