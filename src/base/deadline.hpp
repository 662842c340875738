#pragma once
// Deadline: a moment that travels down every call, instead of a number of seconds that each floor restarts.

#include <chrono>
#include <stop_token>

namespace sluice {

/// Immutable. `never()` does not expire.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline never() { return Deadline(Clock::time_point::max()); }
  static Deadline after(std::chrono::milliseconds span) { return Deadline(Clock::now() + span); }

  bool expired() const { return is_bounded() && Clock::now() >= at_; }
  bool is_bounded() const { return at_ != Clock::time_point::max(); }
  Clock::time_point at() const { return at_; }
  Deadline earlier(Deadline other) const { return at_ < other.at_ ? *this : other; }

 private:
  explicit Deadline(Clock::time_point at) : at_(at) {}
  Clock::time_point at_;
};

}  // namespace sluice
