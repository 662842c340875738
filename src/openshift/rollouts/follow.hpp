#pragma once
// Follows workloads after a switch until each has come to an end, and proves what their pods run. One list and one
// watch per kind, however many workloads there are.

#include "base/result.hpp"
#include "kube/client.hpp"
#include "kube/restart_signs.hpp"
#include "net/reply_stream.hpp"
#include "openshift/rollouts/cause.hpp"
#include "openshift/rollouts/rollout.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::openshift {

/// The last lines of a container that would not run. To be shown to whoever started this, and never stored, sent or put
/// into an error or a document: they may hold anything.
struct LinesToShow {
  std::string project;
  std::string pod;
  std::string container;
  bool previous = false;             ///< of the container before the present one
  std::vector<std::string> lines{};  ///< made printable; none when the log could not be read
  /// "oc logs web-2-x1 -n prod -c web --previous".
  std::string command() const;
};

struct RolloutProgress {
  std::size_t index = 0;  ///< of the followed
  WorkloadKind kind = WorkloadKind::deployment;
  std::string name;
  std::string line;      ///< "web: 1 of 2 pods ready"
  bool trouble = false;  ///< a cause that may keep it from its end
  bool ended = false;
};

/// How one workload ended.
struct RolloutResult {
  WorkloadKind kind = WorkloadKind::deployment;
  std::string project;
  std::string name;
  RolloutEnd end = RolloutEnd::succeeded;
  TriggerVerdict verdict = TriggerVerdict::fires;
  std::string sentence;                 ///< without a full stop, never with lines of a log
  std::optional<RolloutCause> cause{};  ///< of a failure
  std::optional<LinesToShow> log{};
  std::string rollout{};                ///< "web-2", a ReplicaSet, a revision
  std::vector<std::string> replaced{};  ///< rollouts with the same image that somebody replaced on the way
  std::int64_t pods = 0;                ///< that were seen to run the image
  std::set<std::string> digests{};      ///< as the runtime names them
};

struct FollowOptions {
  /// Gives a workload up whose trouble has stayed the same for so long; empty: as long as cluster and deadline allow.
  /// StatefulSets and DaemonSets are never given up by the cluster itself.
  std::optional<std::chrono::milliseconds> patience{};
  /// Gives a workload up whose cause no waiting heals (RolloutCause::lasting) when it has stood for so long; a quota is
  /// looked at again first. Empty: as long as cluster and deadline allow.
  std::optional<std::chrono::milliseconds> grace{};
  /// How long the evidence of a failure may come after the failure: watches are not ordered among each other.
  std::chrono::milliseconds settle{std::chrono::seconds(2)};
  int log_lines = 20;
  /// How long a server that is away at the deadline is waited for, to see once more how things stand.
  std::chrono::milliseconds restart{kube::RestartSigns::kLongest};
};

/// Called by the thread that follows; keep it short.
using OnRollout = std::function<void(const RolloutProgress&)>;

/// Blocks until every one has ended; what has not until the deadline of `context` ends as `timed_out`. When there is no
/// connection at the deadline, the server is waited for (FollowOptions::restart), and what it shows then is followed
/// for as long as nobody saw anything (at most `restart` again): nodes could not report either. One result for each of
/// `followed`, in their order. Precondition: all are of one project.
/// Errors: unauthenticated (the token has ended; says so), denied (names what may not be watched), cancelled,
/// unreachable (no connection at the deadline, and none later: nobody knows how the rollouts stand), and those of Watch
/// that no waiting mends. Events that may not be read only make causes poorer.
Result<std::vector<RolloutResult>> follow_rollouts(kube::Client& client, net::ReplyStreams& streams,
                                                   const std::vector<Followed>& followed, const FollowOptions& options,
                                                   const net::ExchangeContext& context, const OnRollout& on_progress);

}  // namespace sluice::openshift
