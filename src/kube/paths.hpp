#pragma once
// Paths of the API, with every part encoded. Pure.

#include "kube/objects/object.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::kube {

/// "/apis/GROUP/VERSION[/namespaces/PROJECT]/PLURAL[/NAME[/SUBRESOURCE]]". ':', '@' and '~' stay as they are: names of
/// tags and images are shown that way everywhere. No part can lead out of its place: '/' and dots alone are encoded.
std::string path_of(const Resource& resource, std::string_view project, std::string_view name = "",
                    std::string_view subresource = "");

/// "?a=b&c=d" behind a path; values are encoded, empty ones left out.
std::string with_query(std::string path, const std::vector<std::pair<std::string_view, std::string>>& parameters);

/// "application/x-www-form-urlencoded" text.
std::string form_of(const std::vector<std::pair<std::string_view, std::string>>& fields);

/// "the image stream prod/web": for sentences.
std::string shown(const Resource& resource, std::string_view project, std::string_view name);

}  // namespace sluice::kube
