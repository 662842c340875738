#pragma once
// Why a rollout does not come to its end: the first cause, in words, from conditions, container states and events.
// Pure. Source: k8s.io/api core/v1, "ContainerStateWaiting" and "PodCondition"; kubelet images/types.go; the
// DeploymentConfig and deployer controllers.

#include "openshift/rollouts/rollout.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::openshift {

enum class CauseKind : std::uint8_t {
  cancelled,      ///< somebody ended the rollout
  quota,          ///< no more pods are allowed
  pod_refused,    ///< pods are refused for another reason: security constraints, admission
  unschedulable,  ///< no node takes the pod
  pull_denied,    ///< the image may not be pulled
  pull_failed,    ///< the image cannot be pulled
  config_error,   ///< the container cannot be made: a Secret, ConfigMap or command is missing
  crash_loop,     ///< the container starts and ends
  probe,          ///< runs, and its readiness probe says no
  deployer,       ///< what carries the rollout out failed itself
  deadline,       ///< nothing of this, and the time was up
};
/// "image-pull-denied", ...: stable.
std::string_view to_string(CauseKind kind);

struct RolloutCause {
  CauseKind kind = CauseKind::deadline;
  std::string sentence;  ///< never with lines of a log in it
  std::string pod{};     ///< whose log tells more; "" when none does
  std::string container{};
  bool vague = false;     ///< the event that says more is yet to come
  bool lasting = false;   ///< waiting does not heal it: somebody has to do something
  bool previous = false;  ///< the log that tells more is that of the container before (`oc logs --previous`)
  friend bool operator==(const RolloutCause&, const RolloutCause&) = default;
};

/// That a container ends after its start, with how it ended last.
RolloutCause crash_of(const kube::Pod& pod, const kube::Pod::ContainerStatus& status);

/// The first cause that the present state shows; empty when nothing is wrong with it.
std::optional<RolloutCause> first_cause(const RolloutDecision& decision, const Followed& followed,
                                        const LiveWorkload& live);

}  // namespace sluice::openshift
