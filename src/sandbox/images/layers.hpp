#pragma once
// ImageStreamLayers: which blobs a stream can serve, over its whole history. The registry asks it for pulls.
// Source: OpenShift image/v1 ImageStreamLayers.

#include "base/json.hpp"
#include "sandbox/core/refusal.hpp"

#include <string_view>

namespace sluice::sandbox {

struct World;

/// "blobs" and "images" of a stream at hand.
Json stream_layers(const World& world, const Json& stream);
/// Does any image of the history name the blob as layer, config or manifest?
bool stream_names_blob(const World& world, const Json& stream, std::string_view digest);
/// Is the digest the image itself, its config, or one of its layers?
bool image_names_blob(const Json& image, std::string_view digest);
/// The answer to GET imagestreams/NAME/layers.
Answer<Json> read_layers(const World& world, std::string_view ns, std::string_view name, bool legacy);
/// The answer to GET imagestreams/NAME/secrets: every pull secret of the project, whatever NAME is.
Json read_pull_secrets(const World& world, std::string_view ns);

}  // namespace sluice::sandbox
