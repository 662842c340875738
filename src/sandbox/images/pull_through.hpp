#pragma once
// Pull-through: where the registry gets an image, or a blob of one, that a stream's history names and that it does not
// have itself.
// Source: OpenShift's image registry, "pullthrough".

#include "sandbox/images/registry_backend.hpp"

#include <optional>
#include <string_view>

namespace sluice::sandbox {

struct World;

/// Empty when the history does not lead to the digest, or leads to this registry only. With the credentials of the
/// project, and without TLS checks where the tag's import policy says insecure.
std::optional<RemoteImage> remote_image(const World& world, std::string_view ns, std::string_view stream,
                                        std::string_view digest);

}  // namespace sluice::sandbox
