#include "sandbox/images/kinds.hpp"

#include "sandbox/core/world.hpp"
#include "sandbox/images/stream_store.hpp"

namespace sluice::sandbox {

Traits image_traits(std::string plural, std::string kind, std::vector<std::string> verbs) {
  Traits traits;
  traits.group = kImageGroup;
  traits.plural = std::move(plural);
  traits.kind = std::move(kind);
  traits.verbs = std::move(verbs);
  traits.legacy = true;
  return traits;
}

void add_image_resources(Catalog& catalog, const World& world, net::Exchanger& exchanger) {
  catalog.add(images_kind());
  catalog.add(image_signatures_kind());
  catalog.add(image_stream_images_kind());
  catalog.add(image_stream_imports_kind(exchanger));
  catalog.add(image_stream_mappings_kind());
  catalog.add(image_streams_kind());
  catalog.add(image_stream_tags_kind());
  if (world.profile == Profile::v4) catalog.add(image_tags_kind());
}

}  // namespace sluice::sandbox
