#include "sandbox/images/layers.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/history.hpp"
#include "sandbox/images/stream_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace sluice::sandbox {

namespace {

// All images of the history, and in the 4.x profile the children of manifest lists.
std::set<std::string> images_of(const World& world, const Json& stream) {
  std::set<std::string> images;
  each_event(stream, [&](const std::string& /*tag*/, const TagEvent& event) {
    if (!event.image.empty()) images.insert(event.image);
  });
  if (world.profile != Profile::v4) return images;
  std::set<std::string> children;
  for (const auto& digest : images) {
    const auto image = find_image_object(world, digest);
    if (!image) continue;
    for (const auto& child : at(*image, {"dockerImageManifests"}).items()) children.insert(text_at(child, {"digest"}));
  }
  images.merge(children);
  return images;
}

std::string config_of(const Json& image) {
  const auto id = text_at(image, {"dockerImageMetadata", "Id"});
  return id.starts_with("sha256:") && id != name_of(image) ? id : "";
}

std::string config_type(const Json& image) {
  const auto manifest = text_at(image, {"dockerImageManifestMediaType"});
  return manifest.find("vnd.oci.") == std::string::npos ? "application/vnd.docker.container.image.v1+json"
                                                        : "application/vnd.oci.image.config.v1+json";
}

Json blob(Json size, std::string_view media_type) {
  auto entry = Json::object();
  entry.set("size", std::move(size));
  if (!media_type.empty()) entry.set("mediaType", media_type);
  return entry;
}

Json describe(const Json* image) {
  auto entry = Json::object();
  entry.set("imageMissing", image == nullptr);
  if (image == nullptr) {
    // All members are there, and nothing is known of them.
    entry.set("layers", Json());
    entry.set("config", Json());
    return entry;
  }
  const auto& manifests = at(*image, {"dockerImageManifests"}).items();
  auto layers = Json::array();
  for (const auto& layer : at(*image, {"dockerImageLayers"}).items()) layers.push(at(layer, {"name"}));
  entry.set("layers", manifests.empty() ? std::move(layers) : Json());
  if (const auto config = config_of(*image); !config.empty()) entry.set("config", config);
  if (!manifests.empty()) {
    auto children = Json::array();
    for (const auto& child : manifests) children.push(at(child, {"digest"}));
    entry.set("manifests", std::move(children));
  }
  return entry;
}

void add_blobs(const Json& image, std::map<std::string, Json>& blobs) {
  for (const auto& layer : at(image, {"dockerImageLayers"}).items()) {
    blobs.insert_or_assign(text_at(layer, {"name"}), blob(at(layer, {"size"}), text_at(layer, {"mediaType"})));
  }
  if (const auto config = config_of(image); !config.empty()) blobs.emplace(config, blob(Json(), config_type(image)));
  blobs.emplace(name_of(image), blob(Json(), text_at(image, {"dockerImageManifestMediaType"})));
}

}  // namespace

Json stream_layers(const World& world, const Json& stream) {
  std::map<std::string, Json> blobs;
  auto images = Json::object();
  for (const auto& digest : images_of(world, stream)) {
    const auto image = find_image_object(world, digest);
    images.append_unchecked(digest, describe(image.get()));
    if (image) add_blobs(*image, blobs);
  }
  auto all = Json::object();
  for (auto& [digest, entry] : blobs) all.append_unchecked(digest, std::move(entry));
  auto layers = Json::object();
  layers.set("blobs", std::move(all));
  layers.set("images", std::move(images));
  return layers;
}

bool image_names_blob(const Json& image, std::string_view digest) {
  const auto& layers = at(image, {"dockerImageLayers"}).items();
  return name_of(image) == digest || config_of(image) == digest ||
         std::any_of(layers.begin(), layers.end(),
                     [&](const Json& layer) { return layer.string_at("name") == digest; });
}

bool stream_names_blob(const World& world, const Json& stream, std::string_view digest) {
  for (const auto& name : images_of(world, stream)) {
    const auto image = find_image_object(world, name);
    if (image && image_names_blob(*image, digest)) return true;
  }
  return false;
}

Answer<Json> read_layers(const World& world, std::string_view ns, std::string_view name, bool legacy) {
  const auto stream = find_stream(world, ns, name);
  if (!stream) return not_found(kImageGroup, "imagestreams", name);
  auto metadata = at(*stream, {"metadata"});
  if (world.profile == Profile::v3_11) {
    metadata.set("selfLink", fmt::format("/apis/{}/v1/namespaces/{}/imagestreams/{}/layers", kImageGroup, ns, name));
  }
  auto view = Json::object();
  view.set("metadata", std::move(metadata));
  auto layers = stream_layers(world, *stream);
  for (auto& [member, value] : *layers.fields()) view.append_unchecked(member, std::move(value));
  return with_kind("ImageStreamLayers", legacy, view);
}

Json read_pull_secrets(const World& world, std::string_view ns) {
  constexpr std::string_view kExcluded = "openshift.io/image.excludeSecret";
  auto items = Json::array();
  for (const auto& secret : world.store.list("secrets", ns)) {
    const auto type = text_at(*secret, {"type"});
    if (type != "kubernetes.io/dockercfg" && type != "kubernetes.io/dockerconfigjson") continue;
    if (annotation(*secret, kExcluded) == "true") continue;
    items.push(*secret);
  }
  auto list = Json::object();
  list.set("kind", "SecretList");
  list.set("apiVersion", "v1");
  list.set("metadata", Json::object());
  list.set("items", std::move(items));
  return list;
}

}  // namespace sluice::sandbox
