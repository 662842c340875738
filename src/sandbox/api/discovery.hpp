#pragma once
// What a client can find out about the API itself: groups, resources with their verbs, versions.

#include "sandbox/core/resource.hpp"
#include "sandbox/core/world.hpp"

#include <optional>
#include <string_view>

namespace sluice::sandbox {

/// True for groups that the server of this profile has, also those whose resources are not played.
bool knows_group(const World& world, std::string_view group);

/// Answers "/apis", "/apis/G", "/apis/G/V", "/api", "/api/v1", "/oapi/v1", "/version", "/version/openshift".
/// Empty for any other path.
std::optional<ApiReply> discover(const World& world, const Catalog& catalog, std::string_view path);

}  // namespace sluice::sandbox
