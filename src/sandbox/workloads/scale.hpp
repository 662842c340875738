#pragma once
// The scale subresource: spec.replicas of a workload under the kind Scale.
// Source: autoscaling/v1, and extensions/v1beta1 for DeploymentConfigs.

#include "sandbox/core/resource.hpp"

#include <optional>

namespace sluice::sandbox {

/// Answers GET, PUT and PATCH of `scale` for a workload that has spec.replicas.
Answer<ApiReply> handle_scale(World& world, const Resource& resource, const ApiRequest& request);

}  // namespace sluice::sandbox
