#pragma once
// Small manifests for the tests of this folder.

#include "oci/manifest.hpp"

#include <fmt/format.h>

#include <string>

namespace sluice::oci::samples {

inline std::string descriptor(std::string_view type, std::string_view content, std::string_view more = "") {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}{}}})", type, Digest::of(content).text(),
                     content.size(), more);
}

inline constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";

inline std::string layer(std::string_view content) { return descriptor(kLayerType, content); }
inline std::string config() { return descriptor(kConfigType, "{}"); }

/// An OCI image manifest with these layers; `more` is put at its end.
inline std::string image(std::string_view layers, std::string_view more = "") {
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]{}}})", media::kOciManifest,
                     config(), layers, more);
}

inline std::string index(std::string_view manifests, std::string_view more = "") {
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]{}}})", media::kOciIndex, manifests, more);
}

}  // namespace sluice::oci::samples
