#pragma once
// What a push means to the API: an Image object, and an item in the history of a tag. The registry calls this with its
// own right; a client's POST of an ImageStreamMapping ends here too. Also the questions that the registry asks about
// the history of a stream.

#include "base/json.hpp"
#include "sandbox/core/refusal.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::sandbox {

struct World;

/// Stores `image` (an Image object as image_object.hpp makes it) unless it exists already, and puts it on top of the
/// tag. Refusals: 404 with details.kind "imagestreammappings" when the stream is missing; 403 by a LimitRange; 422.
Verdict add_image_mapping(World& world, std::string_view ns, std::string_view stream, std::string_view tag, Json image);
/// Only stores the Image (4.13 and later: a manifest pushed by digest). 404 when the stream is missing.
Verdict add_pushed_image(World& world, std::string_view ns, std::string_view stream, Json image);

/// The digest on top of a tag; empty when the stream, the tag or an image is missing.
std::optional<std::string> digest_of_tag(const World& world, std::string_view ns, std::string_view stream,
                                         std::string_view tag);
/// Is the digest in the history of any tag? In the 4.x profile also when it is a child of a manifest list there.
bool history_has(const World& world, std::string_view ns, std::string_view stream, std::string_view digest);
/// Does any image of the history name this blob as its layer, config or manifest (what imagestreams/layers shows)?
bool history_references_blob(const World& world, std::string_view ns, std::string_view stream, std::string_view digest);
/// The pull spec under which the digest stands in the history; empty when it is not there. For pull-through.
std::optional<std::string> history_reference(const World& world, std::string_view ns, std::string_view stream,
                                             std::string_view digest);

/// Adds an ImageSignature ({"metadata":{"name":"<digest>@<name>"},"type":..,"content":"<base64>"}) to its Image and
/// returns it as stored. Refusals: 422 bad name, 404 no such Image, 409 the name or the content is there already.
Answer<Json> add_image_signature(World& world, Json signature);
/// Refusals: 400, 404.
Verdict remove_image_signature(World& world, std::string_view name);

/// True when a refusal comes from a LimitRange or a quota: the registry says DENIED to those.
bool is_limit_refusal(const Refusal& refusal);

}  // namespace sluice::sandbox
