#pragma once
// Which events tell of this rollout, and what a refusal of pods means. Clusters keep events for hours and write some
// that have no consequence, so an event counts only when it is about this rollout's objects and not older than its
// beginning, by the cluster's own clocks. Pure. Private to cluster.

#include "openshift/rollouts/cause.hpp"
#include "openshift/rollouts/rollout.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::openshift {

/// When the rollout began by the API server's clock, in RFC 3339: when its controller was made, else when the snapshot
/// of before was taken. "" when nobody knows: every event counts then.
std::string beginning_of(const RolloutDecision& decision, const Followed& followed, const LiveWorkload& live);

/// The newest event about one object with this reason, seen no earlier than `since`. `words` must be in its message.
/// Null when there is none. Borrowed from `live`.
const kube::Event* event_about(const LiveWorkload& live, std::string_view uid, std::string_view reason,
                               std::string_view since, std::string_view words = "");

/// What it means that a pod was refused with these words. Empty for those that have no consequence ("already exists").
std::optional<RolloutCause> refusal(std::string_view message);

/// Why the deployer pod of `controller` is not made; empty when no event of this rollout says so.
std::optional<RolloutCause> refused_deployer(const kube::Object& controller, const LiveWorkload& live,
                                             std::string_view since);

/// Why pods of this rollout are missing, as far as conditions and events say so. `pods`: those that are there.
std::optional<RolloutCause> refused_pods(const RolloutDecision& decision, const LiveWorkload& live,
                                         const std::vector<const kube::Pod*>& pods, std::string_view since);

/// Why a rollout does not even begin: its controller is refused.
std::optional<RolloutCause> refused_controller(const Followed& followed, const LiveWorkload& live);

/// Words of others for a sentence: printable, cut, and with digests shortened to twelve digits.
std::string quote_words(std::string_view text);

/// Whether the words tell of something that may pass by itself: a time-out, a lost connection, a busy server.
bool may_pass(std::string_view words);

}  // namespace sluice::openshift
