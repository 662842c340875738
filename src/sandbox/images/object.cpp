#include "sandbox/images/object.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/images/fields.hpp"

namespace sluice::sandbox {

Json image_object(const PushedImage& pushed) {
  auto image = Json::object();
  set_at(image, {"metadata", "name"}, pushed.digest);
  annotate(image, "openshift.io/image.managed", "true");
  annotate(image, kManifestStored, "true");
  annotate(image, "image.openshift.io/dockerLayersOrder", "ascending");
  image.set("dockerImageReference", pushed.reference);
  image.set("dockerImageManifest", pushed.manifest);
  if (!pushed.config.empty()) image.set("dockerImageConfig", pushed.config);
  image.set("dockerImageManifestMediaType", pushed.media_type);
  return image;
}

}  // namespace sluice::sandbox
