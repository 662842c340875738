#pragma once
// What the parts of the registry share: what they stand on, and the request at hand. Only for the registry_*.cpp files.

#include "base/guarded.hpp"
#include "sandbox/core/http_text.hpp"
#include "sandbox/images/registry_backend.hpp"
#include "sandbox/registry/access.hpp"
#include "sandbox/registry/blob_store.hpp"
#include "sandbox/registry/notifications.hpp"
#include "sandbox/registry/path.hpp"
#include "sandbox/registry/schema1.hpp"

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace sluice::sandbox {

struct RegistryParts {
  RegistryBackend& backend;
  BlobStore& blobs;
  Notifications& notifications;
  net::Exchanger& exchanger;
  RegistryRelease release;
  std::string secret;  ///< signs upload states and links to the object storage
  Schema1Signer signer{};
  std::string instance_id{};  ///< in notifications
  std::stop_token stop{};     ///< ends pulls from other registries
  /// Schema 1 manifests with their signatures, by the digest of their payload.
  Guarded<std::map<std::string, std::string>> signed_schema1{};
  Guarded<std::string> storage_url{};  ///< blobs are answered with a redirect to here; empty: they are not
};

/// One request that was let in.
struct RegistryCall {
  const net::ServerRequest& request;
  RegistryPath path;
  Query query;
  std::string base;  ///< base_url()
  Admission admission;
  StreamName name;  ///< of the repository, if the path has one

  std::string blob_url(std::string_view digest) const;
  std::string manifest_url(std::string_view digest) const;
};

/// Tells the endpoints what happened to a blob or a manifest. `media_type` empty: a blob.
struct Happening {
  std::string_view action;  ///< "push", "pull", "mount", "delete"
  std::string digest;
  std::uint64_t size = 0;
  std::string media_type{};
  std::string tag{};
  std::string from{};  ///< repository, of a mount
};
void notify(RegistryParts& parts, const RegistryCall& call, const Happening& happening);

/// A blob that a repository shows: by a link, or because an image of the stream's history names it; then it may come
/// from another registry. Null: unknown.
BlobPtr visible_blob(RegistryParts& parts, const StreamName& name, const oci::Digest& digest);
/// A digest as the API reads it; empty when it is none.
std::optional<oci::Digest> digest_of(std::string_view text);

// registry_blobs.cpp
net::ServerReply serve_blob(RegistryParts& parts, const RegistryCall& call);
net::ServerReply delete_blob(RegistryParts& parts, const RegistryCall& call);
net::ServerReply delete_any_blob(RegistryParts& parts, const RegistryCall& call);
// registry_manifests.cpp
net::ServerReply serve_manifest(RegistryParts& parts, const RegistryCall& call);
net::ServerReply delete_manifest(RegistryParts& parts, const RegistryCall& call);
// registry_push.cpp
inline constexpr std::size_t kMaxManifestBytes = std::size_t{4} * 1024 * 1024;
/// `bytes` empty: there were more than kMaxManifestBytes.
net::ServerReply put_manifest(RegistryParts& parts, const RegistryCall& call, std::optional<std::string> bytes);
// registry_signatures.cpp
net::ServerReply serve_signatures(RegistryParts& parts, const RegistryCall& call);
net::ServerReply put_signature(RegistryParts& parts, const RegistryCall& call);
// registry_pull_through.cpp
/// Fetches and keeps what another registry has. Errors: not_found (with what that registry said).
Status pull_manifest(RegistryParts& parts, const StreamName& name, const oci::Digest& digest);
Status pull_blob(RegistryParts& parts, const StreamName& name, const oci::Digest& digest);

}  // namespace sluice::sandbox
