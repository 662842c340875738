#pragma once
// The members of an Image that follow from its manifest and its config. Pure.
// Source: OpenShift image/v1 Image and docker10 DockerImage; image-spec; distribution, schema 1 and 2.

#include "base/json.hpp"

#include <cstdint>
#include <string_view>

namespace sluice::sandbox {

/// Annotation: the registry has the manifest as a blob, so that the Image needs not carry its text.
inline constexpr std::string_view kManifestStored = "image.openshift.io/manifestBlobStored";

/// Fills what is missing in an Image: dockerImageMetadata, dockerImageLayers, dockerImageManifests and the media type
/// out of dockerImageManifest and dockerImageConfig (texts, both may be absent), the annotation with the order of
/// layers, and empty members where nothing is known. Drops the texts when the manifest is stored as a blob.
Json complete_image(Json image);

/// dockerImageMetadata.Size
std::int64_t image_size(const Json& image);

}  // namespace sluice::sandbox
