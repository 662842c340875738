#pragma once
// The watch time after a rollout: for so long, the pods that came with it must go on running.

#include "base/result.hpp"
#include "openshift/rollouts/follow.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace sluice::openshift {

/// How a workload came through the watch time.
struct WatchedWorkload {
  WorkloadKind kind = WorkloadKind::deployment;
  std::string name;
  bool steady = true;
  bool superseded = false;  ///< somebody rolled something else out: no failure of ours
  std::string sentence;     ///< what went wrong: "pod web-2-x1 crashed (exit code 1), 3 restarts"; "" when steady
  std::optional<LinesToShow> log{};
};

/// Watches the pods of the rollouts in `results` (those that succeeded or were already running) for `span`. Restarts,
/// pods that are no longer ready for longer than `grace`, another image and another rollout end the watch of a
/// workload. Blocks for `span`, less when every workload has failed. One entry for each of `followed`. Errors: as
/// follow_rollouts.
Result<std::vector<WatchedWorkload>> watch_rollouts(kube::Client& client, net::ReplyStreams& streams,
                                                    const std::vector<Followed>& followed,
                                                    const std::vector<RolloutResult>& results,
                                                    std::chrono::milliseconds span, std::chrono::milliseconds grace,
                                                    const net::ExchangeContext& context, const OnRollout& on_progress);

}  // namespace sluice::openshift
