#pragma once
// Images from nothing, for tests that need whole graphs: images, indexes, artifacts, with the content of their blobs.
// The manifests are read by the parser of src/oci, so that a test cannot invent one that no registry would hold.

#include "oci/manifest.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::support {

/// A manifest with everything below it. Immutable.
struct FakeImage {
  oci::Manifest manifest;
  std::map<oci::Digest, std::string> blobs;  ///< of this manifest and of all below it
  std::vector<oci::Manifest> below;          ///< children before parents; without `manifest` itself

  const oci::Digest& digest() const { return manifest.digest; }
  std::uint64_t blob_bytes() const;
};

/// An OCI image: its config says `name`, its layers are these bytes, in order.
FakeImage fake_image(std::string_view name, const std::vector<std::string>& layers);
/// A Docker schema 2 image with the same parts.
FakeImage fake_docker_image(std::string_view name, const std::vector<std::string>& layers);
/// An index of these; each gets a platform of its own.
FakeImage fake_index(const std::vector<FakeImage>& children);
/// An artifact without a config of weight: one blob of any media type, attached to `subject`.
FakeImage fake_artifact(std::string_view type, std::string_view content, const oci::Manifest& subject);

/// Bytes that look different for every seed: blobs for tests with sizes that matter.
std::string fake_bytes(std::string_view seed, std::size_t size);

}  // namespace sluice::support
