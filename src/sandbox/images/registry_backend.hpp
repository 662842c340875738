#pragma once
// RegistryBackend: what the integrated registry asks of the rest of the sandbox. The registry knows blobs and
// manifests; who may do what, and which stream holds which image, is known behind this interface.

#include "base/json.hpp"
#include "sandbox/core/access.hpp"
#include "sandbox/core/refusal.hpp"
#include "sandbox/images/import/source.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

/// The registry of which release is played; what differs between them grows with the number.
enum class RegistryRelease : std::uint8_t {
  v3_11,  ///< Docker schema 1 and 2
  v4_1,   ///< the same
  v4_7,   ///< OCI images too
  v4_13,  ///< manifest lists, OCI indexes, and pushes by digest too
  v4_14,  ///< built on distribution v3: Content-Range is looked at, deleting a tag does nothing
};

/// Where an image of a stream's history is when this registry does not have it.
struct RemoteImage {
  RegistryRoute route;
  std::string path;       ///< repository there
  std::string reference;  ///< pull spec of the history item, for messages
};

/// Thread: any, several at once. `ns` and `stream` are the two parts of a repository's name; a digest is
/// "sha256:...".
class RegistryBackend {
 public:
  virtual ~RegistryBackend() = default;

  /// Whose token it is; empty for an unknown, expired or revoked one. Asked once for each request that shows a token.
  virtual std::optional<Caller> authenticate(std::string_view token) = 0;
  virtual bool may(const Caller& caller, const Attributes& wanted) = 0;
  /// The name of the registry in pull specs, host[:port].
  virtual std::string internal_host() = 0;

  virtual bool stream_exists(std::string_view ns, std::string_view stream) = 0;
  /// The tags that have a history.
  virtual std::vector<std::string> tags(std::string_view ns, std::string_view stream) = 0;
  /// The digest on top of a tag.
  virtual std::optional<std::string> digest_of_tag(std::string_view ns, std::string_view stream,
                                                   std::string_view tag) = 0;
  /// Is the image in the history of any tag? From 4.13 on also as a child of a manifest list there.
  virtual bool history_has(std::string_view ns, std::string_view stream, std::string_view digest) = 0;
  /// Does any image of the history name this blob: layer, config or manifest?
  virtual bool history_references_blob(std::string_view ns, std::string_view stream, std::string_view digest) = 0;
  /// The streams of all projects as "ns/stream", sorted bytewise.
  virtual std::vector<std::string> streams() = 0;
  /// Where to pull an image, or a blob of an image, of the history from when it is not here.
  virtual std::optional<RemoteImage> remote(std::string_view ns, std::string_view stream, std::string_view digest) = 0;

  /// The Image object of a digest.
  virtual std::optional<Json> image(std::string_view digest) = 0;
  /// POST imagestreammappings with the registry's own right. An empty tag is refused with 422 as any. Refusals: 404
  /// with details.kind "imagestreammappings" for a missing stream, 404 with "namespaces" for a missing project, 403 or
  /// 422 by a limit.
  virtual Verdict add_mapping(std::string_view ns, std::string_view stream, std::string_view tag, Json image) = 0;
  /// Stores only the Image (pushes by digest since 4.13). Refusals: as add_mapping.
  virtual Verdict add_image(std::string_view ns, std::string_view stream, Json image) = 0;
  /// POST imagestreams with the right of `caller`. Refusals: 403 by a missing right or a quota, 409 exists.
  virtual Verdict create_stream(const Caller& caller, std::string_view ns, std::string_view stream) = 0;
  /// POST imagesignatures. Refusals: 409 name or content exists, 404 no such Image, 422 a bad name.
  virtual Answer<Json> add_signature(const Caller& caller, Json signature) = 0;
};

}  // namespace sluice::sandbox
