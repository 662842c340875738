#pragma once
// What the API server makes of the tags of an image stream, as far as a writer must foresee it. Pure; the writers are
// in stream_tags.hpp. Source: openshift-apiserver, imagestream strategy ("tagsChanged", "tagRefChanged"); library-go,
// image/imageutil
// ("ResolveLatestTaggedImage").

#include "kube/objects/images.hpp"

#include <string>
#include <string_view>

namespace sluice::openshift {

/// "docker-registry.default.svc:5000" of a repository or pull spec; empty when there is none.
std::string registry_host(std::string_view pull_spec);

/// The digest on top of a tag's history; empty when there is none.
std::string top_image(const kube::ImageStream& stream, std::string_view tag);

/// Whether the cluster would move the tag away from `digest` by itself: a scheduled import, an alias of another tag of
/// the stream, a pull spec that is not bound to the digest. A tag without an entry in the spec stays where it is.
bool would_wander(const kube::ImageStream& stream, std::string_view tag, std::string_view digest);

/// Whether writing `from` does nothing, since the entry of the spec says the same already. The history does not count:
/// a push moves the tag and leaves the spec alone.
bool write_does_nothing(const kube::ImageStream& stream, std::string_view tag, const kube::ImageSource& from);

/// Whether every history item of the image leads to the stream's own repository in the cluster's registry. Only then
/// does the server lead a tag of another stream to that stream's repository.
bool is_stored_here(const kube::ImageStream& stream, std::string_view digest);

/// What triggers put into templates for a tag: the newest item's pull spec, or with referencePolicy Local the stream's
/// own repository. Empty for a tag without history.
std::string resolved_pull_spec(const kube::ImageStream& stream, std::string_view tag);

}  // namespace sluice::openshift
