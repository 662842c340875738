#pragma once
// The kinds of image.openshift.io, one factory each; add_image_resources puts them into the catalog.

#include "net/http.hpp"
#include "sandbox/core/resource.hpp"

#include <memory>

namespace sluice::sandbox {

std::unique_ptr<Resource> image_streams_kind();
std::unique_ptr<Resource> image_stream_tags_kind();
std::unique_ptr<Resource> image_tags_kind();  ///< 4.x only
std::unique_ptr<Resource> image_stream_images_kind();
std::unique_ptr<Resource> image_stream_mappings_kind();
std::unique_ptr<Resource> images_kind();
std::unique_ptr<Resource> image_signatures_kind();
/// `exchanger` outlives the kind.
std::unique_ptr<Resource> image_stream_imports_kind(net::Exchanger& exchanger);

/// What all of them share.
Traits image_traits(std::string plural, std::string kind, std::vector<std::string> verbs);

}  // namespace sluice::sandbox
