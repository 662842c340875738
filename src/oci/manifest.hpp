#pragma once
// Manifests: the bytes that arrived, and what we read in them. What is pushed is what was pulled.
// Source: image-spec manifest.md, image-index.md; distribution "Image Manifest V 2, Schema 2".

#include "base/result.hpp"
#include "oci/digest.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::oci {

inline constexpr std::size_t kMaxManifestBytes = std::size_t{8} * 1024 * 1024;

namespace media {
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view kDockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
/// Everything that may come back from a manifest GET; always sent in full (distribution rewrites otherwise).
std::string accept_all();
bool is_manifest(std::string_view type);
bool is_index(std::string_view type);
/// Layers that registries refuse to hold ("foreign", "nondistributable").
bool is_foreign_layer(std::string_view type);
}  // namespace media

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;     ///< may be empty
  std::string os_version;  ///< may be empty
  /// "linux/arm64/v8"; "unknown/unknown" is what buildkit gives its attestations.
  std::string text() const;
  friend bool operator==(const Platform&, const Platform&) = default;
};

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size_bytes = 0;
  std::vector<std::string> urls;     ///< only foreign layers have them
  std::optional<Platform> platform;  ///< only in an index
  std::string artifact_type;         ///< may be empty
  std::string attached_to{};  ///< of buildkit's attestations in an index: the digest they are about; may be empty
  bool is_foreign() const { return media::is_foreign_layer(media_type) && !urls.empty(); }
};

enum class ManifestKind : std::uint8_t { image, index };

/// One manifest. Immutable; `bytes` hash to `digest`.
struct Manifest {
  std::string media_type;
  Digest digest;
  std::string bytes;
  ManifestKind kind = ManifestKind::image;
  std::optional<Descriptor> config;   ///< images; absent in some artifacts
  std::vector<Descriptor> layers;     ///< images: layers or artifact blobs, in order, duplicates kept
  std::vector<Descriptor> children;   ///< indexes: manifests of any kind, in order
  std::optional<Descriptor> subject;  ///< what this is attached to
  std::string artifact_type;          ///< may be empty

  bool is_index() const { return kind == ManifestKind::index; }
  /// Config and layers that have to be carried: each digest once, foreign layers left out.
  std::vector<Descriptor> blobs() const;
  Descriptor descriptor() const { return {media_type, digest, bytes.size(), {}, {}, artifact_type}; }
};

/// "linux/arm64", of an index in its order; what buildkit calls unknown/unknown (its attestations) is no platform, and
/// neither is what names no operating system.
std::vector<std::string> platforms_of(const Manifest& index);

/// The index with those entries alone whose digests are in `wanted`; everything else in it stays. Errors: protocol.
Result<Manifest> index_of(const Manifest& index, const std::set<Digest>& wanted);

/// Reads a manifest. `content_type` is the header that came with it (parameters are ignored); the body's own
/// mediaType must agree with it when both are there, because two readings of one digest are an attack.
/// `expected` is the digest that was asked for, if any.
/// Errors: integrity (digest), unsupported (schema 1, unknown type), protocol (not a manifest, over a limit).
Result<Manifest> parse_manifest(std::string bytes, std::string_view content_type,
                                const std::optional<Digest>& expected = std::nullopt);

/// What people want to know of an image's config blob. Fields that are not there stay empty.
struct ImageConfig {
  Platform platform;
  std::string created;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> exposed_ports;
  std::vector<std::string> diff_ids;
};
Result<ImageConfig> parse_image_config(std::string_view bytes);

}  // namespace sluice::oci
