#pragma once
// From an image stream tag to the pull spec that it stands for now: what ImageChange triggers and tag views show.
// Source: OpenShift image/v1, "referencePolicy" of a tag reference.

#include "base/json.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::sandbox {

struct World;

/// The pull spec of the newest item of a tag: the stream's own repository at the digest when the spec tag's reference
/// policy is Local, else the reference of the item. Empty when the stream, the tag or an item is missing.
std::optional<std::string> resolve_tag(const World& world, std::string_view ns, std::string_view stream,
                                       std::string_view tag);

/// The same for a stream at hand; `repository` is its status.dockerImageRepository ("": the cluster has no registry).
std::optional<std::string> resolve_tag_of(const Json& stream, std::string_view repository, std::string_view tag);

/// "HOST/NS/STREAM" of the integrated registry, or "" when there is none.
std::string stream_repository(const World& world, std::string_view ns, std::string_view stream);

}  // namespace sluice::sandbox
