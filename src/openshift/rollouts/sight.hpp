#pragma once
// Sight: whether anybody sees how rollouts stand. While a watch has no connection, nothing that stood before it was cut
// may be taken for the present state. Pure: the time comes from the caller.

#include "base/deadline.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace sluice::openshift {

/// Thread: as a plain value. `settle`: how long a watch that came back needs to tell what was missed.
class Sight {
 public:
  using TimePoint = Deadline::Clock::time_point;

  explicit Sight(std::chrono::milliseconds settle) : settle_(settle) {}

  /// The watch of `kind` has lost its connection.
  void lost(std::string_view kind, TimePoint now) {
    if (away_.empty()) lost_at_ = now;
    away_.emplace(kind);
  }
  /// The watch of `kind` has a connection, for the first time or again. When none is missing any more, time that counts
  /// against a workload starts anew; after a short cut it goes on, but nothing ends before the watch had time to tell.
  void back(std::string_view kind, TimePoint now) {
    connected_.emplace(kind);
    if (away_.erase(std::string(kind)) == 0 || !away_.empty()) return;
    unseen_ = now - *lost_at_;
    lost_at_.reset();
    if (unseen_ >= settle_) counted_from_ = now;
    not_before_ = now + settle_;
  }
  /// The watch of `kind` is given up: nobody waits for it.
  void ended(std::string_view kind, TimePoint now) {
    back(kind, now);
    connected_.erase(std::string(kind));
  }

  bool is_clear() const { return away_.empty(); }
  /// Every watch has a connection, and had the time to tell what was missed.
  bool is_settled(TimePoint now) const { return is_clear() && (!not_before_ || now >= *not_before_); }
  /// How many watches have had a connection and were not given up.
  std::size_t connected() const { return connected_.size(); }
  /// How long the last cut lasted, or lasts up to now; zero when there was none.
  std::chrono::milliseconds unseen(TimePoint now) const {
    return std::chrono::ceil<std::chrono::milliseconds>(lost_at_ ? now - *lost_at_ : unseen_);
  }
  /// When something that has stood since `since` has stood for `span` before somebody's eyes; empty while nobody looks.
  std::optional<TimePoint> seen_for(TimePoint since, std::chrono::milliseconds span) const {
    if (!is_clear()) return std::nullopt;
    const auto end = (counted_from_ ? std::max(since, *counted_from_) : since) + span;
    return not_before_ ? std::max(end, *not_before_) : end;
  }

 private:
  std::chrono::milliseconds settle_;
  std::set<std::string> away_;
  std::set<std::string> connected_;
  std::optional<TimePoint> lost_at_;  ///< when the first of `away_` was lost
  Deadline::Clock::duration unseen_{};
  std::optional<TimePoint> counted_from_;
  std::optional<TimePoint> not_before_;
};

}  // namespace sluice::openshift
