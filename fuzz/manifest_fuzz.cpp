// Manifests as a registry sends them. The first byte chooses what the header says.

#include "fuzz/require.hpp"
#include "oci/manifest.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>

using namespace sluice;

namespace {

constexpr std::array<std::string_view, 6> kHeaders{"",
                                                   oci::media::kOciManifest,
                                                   oci::media::kOciIndex,
                                                   oci::media::kDockerManifest,
                                                   oci::media::kDockerList,
                                                   "application/json; charset=utf-8"};

void check(const oci::Manifest& manifest, const std::string& bytes) {
  require(manifest.bytes == bytes, "the bytes are those that came");
  require(manifest.digest == oci::Digest::of(bytes), "the digest is that of the bytes");
  require(oci::media::is_index(manifest.media_type) == manifest.is_index(), "kind and type agree");
  require(manifest.is_index() ? manifest.layers.empty() && !manifest.config : manifest.children.empty(),
          "a manifest is an image or an index");
  std::set<oci::Digest> seen;
  for (const auto& blob : manifest.blobs()) {
    require(seen.insert(blob.digest).second, "each blob is listed once");
    require(!blob.is_foreign(), "foreign layers are left out");
  }
  for (const auto& layer : manifest.layers) {
    require(layer.is_foreign() || seen.contains(layer.digest), "no layer is lost");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto header = kHeaders.at(data[0] % kHeaders.size());
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);

  const auto manifest = oci::parse_manifest(bytes, header);
  if (manifest.ok()) {
    check(*manifest, bytes);
    const auto as_itself = oci::parse_manifest(bytes, manifest->media_type, manifest->digest);
    require(as_itself.ok(), "a manifest is accepted under its own type and digest");
  } else {
    const auto kind = manifest.error().kind();
    require(kind == ErrorKind::protocol || kind == ErrorKind::unsupported, "errors have the kinds of the contract");
    require(manifest.error().sentence().size() < 2000, "a message does not echo endless text");
  }
  require(!oci::parse_manifest(bytes, header, oci::Digest::of(bytes + "x")).ok(), "another digest is refused");
  return 0;
}
