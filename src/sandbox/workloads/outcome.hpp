#pragma once
// What the knobs say a workload's rollout comes to, and whether its images can be pulled. Reads the world, changes
// nothing.

#include "base/json.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/workloads/pod.hpp"

#include <string_view>

namespace sluice::sandbox {

/// By the workload that owns `object` (a pod, a ReplicationController, a ReplicaSet or the workload itself), else by
/// the digest of one of its images.
Outcome outcome_of(const World& world, std::string_view resource, const Json& object);

/// Pulls `image` as the service account of a pod would. Images of the integrated registry need the right to their
/// stream and must be in its history; everybody else's are assumed to be there.
PulledImage pull_image(const World& world, std::string_view ns, std::string_view service_account,
                       std::string_view image);

/// What the node makes of a pod, without the time.
NodeView node_view(const World& world, const Json& pod);

/// The refusal of the project's ResourceQuotas, or of the knob, to one more pod of `owner`; "" when it may be made.
std::string pod_refused(const World& world, std::string_view owner_resource, const Json& owner,
                        std::string_view pod_name);

}  // namespace sluice::sandbox
