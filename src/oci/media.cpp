// Media types and platforms.
// Source: image-spec media-types.md; distribution "Image Manifest V 2, Schema 2", "Media Types".

#include "oci/manifest.hpp"

#include <algorithm>
#include <array>

namespace sluice::oci {

namespace media {

namespace {

constexpr std::array kManifests{kOciIndex, kOciManifest, kDockerList, kDockerManifest,
                                // Asked for so that an old image comes back as what it is, to be explained.
                                kDockerSchema1Signed, kDockerSchema1};

constexpr std::array<std::string_view, 5> kForeignLayers{
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
};

}  // namespace

std::string accept_all() {
  std::string out;
  for (const auto type : kManifests) {
    if (!out.empty()) out += ", ";
    out += type;
  }
  return out;
}

bool is_manifest(std::string_view type) {
  return std::find(kManifests.begin(), kManifests.end(), type) != kManifests.end();
}

bool is_index(std::string_view type) { return type == kOciIndex || type == kDockerList; }

bool is_foreign_layer(std::string_view type) {
  return std::find(kForeignLayers.begin(), kForeignLayers.end(), type) != kForeignLayers.end();
}

}  // namespace media

std::string Platform::text() const {
  if (os.empty() && architecture.empty()) return {};
  auto out = (os.empty() ? "unknown" : os) + "/" + (architecture.empty() ? "unknown" : architecture);
  if (!variant.empty()) out += "/" + variant;
  return out;
}

}  // namespace sluice::oci
