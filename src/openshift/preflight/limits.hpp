#pragma once
// What the target takes: manifest types by release, limit ranges and quotas by their numbers after the promotion, nodes
// by what the image runs on. Pure; a part of judge_preflight().

#include "openshift/preflight/preflight.hpp"

#include <string>
#include <vector>

namespace sluice::openshift {

/// Which manifests the registry of a release takes. Source: github.com/openshift/image-registry, the manifest handlers
/// of its release branches; imports: github.com/openshift/api, importMode of 4.12.
std::vector<Finding> judge_manifest_type(const PreflightRequest& request, const ServerFacts& server);

/// Source: OpenShift, "Limit ranges" and "Resource quotas per project".
std::vector<Finding> judge_limits(const PreflightRequest& request, const PreflightFacts& facts);

std::vector<Finding> judge_nodes(const PreflightRequest& request, const NodeCounts& nodes);

/// Whether every tag stands for the image already, so that nothing is written.
bool all_tags_right(const PreflightRequest& request, const PreflightFacts& facts);

}  // namespace sluice::openshift
