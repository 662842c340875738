#include "sandbox/images/fields.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/images/tag_view.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kLayersOrder = "image.openshift.io/dockerLayersOrder";
constexpr std::string_view kSchema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";

// The members of a container configuration that an Image shows.
constexpr std::array<std::string_view, 26> kConfigMembers = {
    "Hostname",    "Domainname",   "User",         "Memory",    "MemorySwap",   "CpuShares", "Cpuset",
    "AttachStdin", "AttachStdout", "AttachStderr", "PortSpecs", "ExposedPorts", "Tty",       "OpenStdin",
    "StdinOnce",   "Env",          "Cmd",          "DNS",       "Image",        "Volumes",   "VolumesFrom",
    "WorkingDir",  "Entrypoint",   "SecurityOpts", "OnBuild",   "Labels"};

bool says_nothing(const Json& value) {
  return value.is_null() || value.as_string() == "" || value.as_integer() == 0 || value.as_bool() == false ||
         (value.is_array() && value.items().empty()) || (value.is_object() && value.members().empty());
}

Json container_config(const Json& config) {
  auto shown = Json::object();
  for (const auto member : kConfigMembers) {
    const auto& value = at(config, {member});
    if (!says_nothing(value)) shown.append_unchecked(std::string(member), value);
  }
  return shown;
}

// dockerImageMetadata out of a config (or of the newest v1Compatibility entry of schema 1, which has the same form).
Json docker_image(std::string_view id, const Json& config, std::int64_t size) {
  auto docker = Json::object();
  docker.set("kind", "DockerImage");
  docker.set("apiVersion", "1.0");
  docker.set("Id", id);
  if (const auto parent = text_at(config, {"parent"}); !parent.empty()) docker.set("Parent", parent);
  if (const auto comment = text_at(config, {"comment"}); !comment.empty()) docker.set("Comment", comment);
  const auto created = text_at(config, {"created"});
  docker.set("Created", created.empty() ? Json() : Json(created));
  if (const auto container = text_at(config, {"container"}); !container.empty()) docker.set("Container", container);
  docker.set("ContainerConfig", container_config(at(config, {"container_config"})));
  if (const auto version = text_at(config, {"docker_version"}); !version.empty()) {
    docker.set("DockerVersion", version);
  }
  if (const auto author = text_at(config, {"author"}); !author.empty()) docker.set("Author", author);
  if (at(config, {"config"}).is_object()) docker.set("Config", container_config(at(config, {"config"})));
  if (const auto arch = text_at(config, {"architecture"}); !arch.empty()) docker.set("Architecture", arch);
  if (size > 0) docker.set("Size", size);
  return docker;
}

Json layer(std::string_view digest, std::int64_t size, std::string_view media_type) {
  auto entry = Json::object();
  entry.set("name", digest);
  entry.set("size", size);
  entry.set("mediaType", media_type);
  return entry;
}

void fill_schema1(Json& image, const Json& manifest) {
  auto layers = Json::array();
  const auto& blobs = at(manifest, {"fsLayers"}).items();
  // Schema 1 lists the newest layer first.
  for (auto blob = blobs.rbegin(); blob != blobs.rend(); ++blob) {
    layers.push(layer(text_at(*blob, {"blobSum"}), 0, "application/vnd.docker.container.image.rootfs.diff+x-gtar"));
  }
  image.set("dockerImageLayers", std::move(layers));
  const auto& history = at(manifest, {"history"}).items();
  if (history.empty()) return;
  const auto newest = parse_json(text_at(history.front(), {"v1Compatibility"}));
  if (!newest.ok()) return;
  image.set("dockerImageMetadata", docker_image(text_at(*newest, {"id"}), *newest, number_at(*newest, {"Size"})));
}

void fill_schema2(Json& image, const Json& manifest, const std::string& config_text) {
  auto layers = Json::array();
  std::set<std::string> seen;
  auto size = static_cast<std::int64_t>(config_text.size());
  for (const auto& sent : at(manifest, {"layers"}).items()) {
    const auto digest = text_at(sent, {"digest"});
    const auto bytes = number_at(sent, {"size"});
    if (seen.insert(digest).second) size += bytes;
    layers.push(layer(digest, bytes, text_at(sent, {"mediaType"})));
  }
  image.set("dockerImageLayers", std::move(layers));
  if (config_text.empty()) return;
  const auto config = parse_json(config_text);
  image.set("dockerImageMetadata",
            docker_image(text_at(manifest, {"config", "digest"}), config.ok() ? *config : Json::object(), size));
}

void fill_list(Json& image, const Json& list) {
  auto manifests = Json::array();
  for (const auto& sent : at(list, {"manifests"}).items()) {
    auto child = Json::object();
    child.set("digest", text_at(sent, {"digest"}));
    child.set("mediaType", text_at(sent, {"mediaType"}));
    child.set("manifestSize", number_at(sent, {"size"}));
    child.set("architecture", text_at(sent, {"platform", "architecture"}));
    child.set("os", text_at(sent, {"platform", "os"}));
    if (const auto variant = text_at(sent, {"platform", "variant"}); !variant.empty()) child.set("variant", variant);
    manifests.push(std::move(child));
  }
  image.set("dockerImageManifests", std::move(manifests));
}

void fill_from_manifest(Json& image, const Json& manifest) {
  const bool schema1 = number_at(manifest, {"schemaVersion"}) == 1;
  if (text_at(image, {"dockerImageManifestMediaType"}).empty()) {
    const auto own = text_at(manifest, {"mediaType"});
    image.set("dockerImageManifestMediaType", schema1 && own.empty() ? std::string(kSchema1) : own);
  }
  if (schema1) {
    fill_schema1(image, manifest);
  } else if (at(manifest, {"manifests"}).is_array()) {
    fill_list(image, manifest);
  } else {
    fill_schema2(image, manifest, text_at(image, {"dockerImageConfig"}));
  }
}

}  // namespace

Json complete_image(Json image) {
  image.remove("kind");
  image.remove("apiVersion");
  const auto blank = blank_image();
  if (says_nothing(at(image, {"dockerImageLayers"})) || text_at(image, {"dockerImageMetadata", "Id"}).empty()) {
    const auto manifest = parse_json(text_at(image, {"dockerImageManifest"}));
    if (manifest.ok() && manifest->is_object()) fill_from_manifest(image, *manifest);
  }
  for (const auto* member : {"dockerImageMetadata", "dockerImageMetadataVersion", "dockerImageLayers"}) {
    if (image.find(member) == nullptr) image.set(member, at(blank, {member}));
  }
  annotate(image, kLayersOrder, "ascending");
  if (annotation(image, kManifestStored) == "true") {
    image.remove("dockerImageManifest");
    image.remove("dockerImageConfig");
  }
  return image;
}

std::int64_t image_size(const Json& image) { return number_at(image, {"dockerImageMetadata", "Size"}); }

}  // namespace sluice::sandbox
