#pragma once
// Timing: the clocks and waits of this room in one place, so that tests have their own and wait for nothing.

#include "base/deadline.hpp"
#include "base/pause.hpp"

#include <chrono>
#include <functional>
#include <stop_token>

namespace sluice::kube {

/// Thread: any, if the functions are. The defaults are the real clocks.
struct Timing {
  /// Waits; false when it was stopped.
  std::function<bool(std::chrono::milliseconds, const std::stop_token&)> pause = pause_for;
  std::function<Deadline::Clock::time_point()> now = Deadline::Clock::now;
  std::function<std::chrono::system_clock::time_point()> wall = std::chrono::system_clock::now;
  /// In [0, 1); null: random.
  std::function<double()> fraction;
};

/// A fraction for jitter: `timing.fraction`, else random.
double fraction_of(const Timing& timing);

}  // namespace sluice::kube
