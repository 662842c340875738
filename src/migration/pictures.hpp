#pragma once
// From the text of a reference, parts of which may be unknown, to a place, an image and a tag.

#include "base/result.hpp"
#include "migration/notebook.hpp"

#include <string>
#include <string_view>

namespace sluice::migration {

/// A reference as `docker` reads it: without a host it is one of Docker Hub. A registry of OpenShift is told by its
/// usual names, and gives a project of a cluster: of `current` when it is the name from inside.
/// Errors: usage, with a clause for people.
Result<Picture> picture_of(std::string_view text, std::string_view current, Notebook& notebook);

/// An image stream tag as `oc` reads it: [project/]stream[:tag]. Errors: usage.
Result<Picture> stream_of(std::string_view text, std::string_view project, std::string_view current);

/// Whether a text names a registry at its beginning.
bool names_registry(std::string_view reference);

/// What the names of one cluster's API and registry have in common.
std::string cluster_key(std::string_view host);

}  // namespace sluice::migration
