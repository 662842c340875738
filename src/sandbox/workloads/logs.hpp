#pragma once
// What containers of the sandbox print, and the log subresources that show it.

#include "sandbox/core/resource.hpp"

namespace sluice::sandbox {

/// pods/log
Answer<ApiReply> pod_log(const World& world, const ApiRequest& request);
/// deploymentconfigs/log: of the deployer while a rollout runs or after it failed, else of a pod of the version.
Answer<ApiReply> config_log(const World& world, const ApiRequest& request);

}  // namespace sluice::sandbox
