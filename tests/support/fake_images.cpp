#include "support/fake_images.hpp"

#include "base/hash.hpp"
#include "base/json.hpp"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace sluice::support {

namespace {

constexpr std::string_view kLayer = "application/vnd.oci.image.layer.v1.tar+gzip";
constexpr std::string_view kConfig = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";

Json descriptor(std::string_view type, std::string_view content) {
  return Json::object()
      .set("mediaType", type)
      .set("digest", oci::Digest::of(content).text())
      .set("size", std::uint64_t{content.size()});
}

Json descriptor(const oci::Manifest& manifest) {
  return Json::object()
      .set("mediaType", manifest.media_type)
      .set("digest", manifest.digest.text())
      .set("size", std::uint64_t{manifest.bytes.size()});
}

oci::Manifest read(const Json& document) {
  auto manifest = oci::parse_manifest(document.dump(), "");
  if (manifest.ok()) return std::move(manifest).value();
  std::fprintf(stderr, "a test made a manifest that does not parse: %s\n", manifest.error().sentence().c_str());
  std::abort();
}

FakeImage make_image(std::string_view type, std::string_view config_type, std::string_view layer_type,
                     std::string_view name, const std::vector<std::string>& layers) {
  std::map<oci::Digest, std::string> blobs;
  const auto config = Json::object().set("os", "linux").set("architecture", "amd64").set("author", name).dump();
  blobs.emplace(oci::Digest::of(config), config);
  Json list = Json::array();
  for (const auto& layer : layers) {
    list.push(descriptor(layer_type, layer));
    blobs.emplace(oci::Digest::of(layer), layer);
  }
  auto manifest = read(Json::object()
                           .set("schemaVersion", 2)
                           .set("mediaType", type)
                           .set("config", descriptor(config_type, config))
                           .set("layers", std::move(list)));
  return {std::move(manifest), std::move(blobs), {}};
}

}  // namespace

std::uint64_t FakeImage::blob_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [digest, content] : blobs) sum += content.size();
  return sum;
}

FakeImage fake_image(std::string_view name, const std::vector<std::string>& layers) {
  return make_image(oci::media::kOciManifest, kConfig, kLayer, name, layers);
}

FakeImage fake_docker_image(std::string_view name, const std::vector<std::string>& layers) {
  return make_image(oci::media::kDockerManifest, kDockerConfig, kDockerLayer, name, layers);
}

FakeImage fake_index(const std::vector<FakeImage>& children) {
  std::map<oci::Digest, std::string> blobs;
  std::vector<oci::Manifest> below;
  Json list = Json::array();
  for (const auto& child : children) {
    blobs.insert(child.blobs.begin(), child.blobs.end());
    below.insert(below.end(), child.below.begin(), child.below.end());
    below.push_back(child.manifest);
    const auto variant = "v" + std::to_string(list.items().size());
    list.push(
        descriptor(child.manifest)
            .set("platform", Json::object().set("os", "linux").set("architecture", "arm64").set("variant", variant)));
  }
  auto manifest = read(
      Json::object().set("schemaVersion", 2).set("mediaType", oci::media::kOciIndex).set("manifests", std::move(list)));
  return {std::move(manifest), std::move(blobs), std::move(below)};
}

FakeImage fake_artifact(std::string_view type, std::string_view content, const oci::Manifest& subject) {
  const std::string empty = "{}";  // image-spec manifest.md, "Guidance for an Empty Descriptor"
  std::map<oci::Digest, std::string> blobs;
  blobs.emplace(oci::Digest::of(empty), empty);
  blobs.emplace(oci::Digest::of(content), content);
  Json layers = Json::array();
  layers.push(descriptor(type, content));
  auto manifest = read(Json::object()
                           .set("schemaVersion", 2)
                           .set("mediaType", oci::media::kOciManifest)
                           .set("artifactType", type)
                           .set("config", descriptor("application/vnd.oci.empty.v1+json", empty))
                           .set("layers", std::move(layers))
                           .set("subject", descriptor(subject)));
  return {std::move(manifest), std::move(blobs), {}};
}

std::string fake_bytes(std::string_view seed, std::size_t size) {
  std::string out;
  out.reserve(size + 64);
  auto block = hash_hex(HashAlgorithm::sha256, seed);
  while (out.size() < size) {
    out += block;
    // Rehashing a megabyte in blocks of 64 would be most of a test's time under sanitizers: shift instead.
    block = out.size() % 4096 == 0 ? hash_hex(HashAlgorithm::sha256, block) : block.substr(1) + block.front();
  }
  out.resize(size);
  return out;
}

}  // namespace sluice::support
