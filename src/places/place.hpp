#pragma once
// Place: somewhere an image can live. Every verb is one exchange or one file operation; the copy algorithm above
// knows verbs and traits, and nothing of registries. Repositories are paths within the place ("shop-dev/web").

#include "base/result.hpp"
#include "base/task_pool.hpp"
#include "oci/manifest.hpp"
#include "places/blob_pipe.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::places {

/// What a place can do. Constant over the life of the object.
struct Traits {
  bool mount = false;           ///< takes a blob from another repository of itself without bytes moving
  bool ranges = false;          ///< reads parts of blobs
  bool push_by_digest = false;  ///< takes a manifest that no tag points at yet
  bool referrers = false;       ///< may list what is attached to a digest; asking tells
  bool attachments = false;     ///< other manifests and tags may belong to what it holds
};

/// A repository that will be used, so that rights can be asked for once (see Place::expect).
struct Access {
  std::string repository;
  bool write = false;
};

/// Names a manifest within a repository: by tag or by digest.
class ManifestName {
 public:
  static ManifestName tag(std::string tag) { return ManifestName(std::move(tag), std::nullopt); }
  static ManifestName digest(const oci::Digest& digest) { return ManifestName(digest.text(), digest); }
  /// As an index names it: more bytes than it says are not read.
  static ManifestName child(const oci::Descriptor& child) {
    auto name = digest(child.digest);
    name.size_bytes_ = child.size_bytes;
    return name;
  }
  const std::string& text() const { return text_; }
  const std::optional<oci::Digest>& as_digest() const { return digest_; }
  const std::optional<std::uint64_t>& size_bytes() const { return size_bytes_; }

 private:
  ManifestName(std::string text, std::optional<oci::Digest> digest)
      : text_(std::move(text)), digest_(std::move(digest)) {}
  std::string text_;
  std::optional<oci::Digest> digest_;
  std::optional<std::uint64_t> size_bytes_;
};

/// A manifest as a place keeps it, whatever its kind: nobody has read it yet.
struct StoredManifest {
  std::string media_type;
  std::string bytes;
  oci::Digest digest(HashAlgorithm algorithm = HashAlgorithm::sha256) const {
    return oci::Digest::of(bytes, algorithm);
  }
};

/// An upload that was opened and not yet finished. `location` is a capability: never logged.
struct UploadSession {
  std::string repository;
  std::string location;
  std::uint64_t offset = 0;  ///< bytes of the blob that the place keeps, as far as it said so
};
/// Told by a job thread whenever a session has gone on: location or offset changed, and a journal may want to know.
using SessionMoved = std::function<void(const UploadSession&)>;
/// A manifest that the place has taken.
struct Taken {
  bool subject_listed = false;  ///< it says that it lists the manifest among the referrers of its subject
};
/// What a mount came to: done, or an upload session to use instead (the place would not or could not).
struct Mounted {};
using MountAnswer = std::variant<Mounted, UploadSession>;

/// A blob on its way into a pipe. Destruction ends it.
class BlobRead {
 public:
  virtual ~BlobRead() = default;
  /// Waits until the place said yes (bytes are coming) or no.
  virtual Status started() = 0;
  /// Waits for the end of the bytes. The pipe has checked size and digest.
  virtual Status finish() = 0;
};

/// Errors of all verbs: unreachable, timeout, busy, untrusted, denied, unauthenticated, protocol, cancelled, and those
/// named. Sentences name the place, the repository and what came back.
/// Thread: any job thread; every verb blocks.
class Place : public TaskHost {
 public:
  virtual Traits traits() const = 0;

  /// Says which repositories will be used, and how, so that one token can cover them all.
  virtual void expect(const std::vector<Access>& accesses) = 0;

  /// Errors: not_found, integrity, unsupported.
  virtual Result<oci::Manifest> manifest(const std::string& repository, const ManifestName& name,
                                         const std::stop_token& stop) = 0;
  /// Reads what stands under a name; empty when there is nothing. Errors: integrity (not the digest that was asked
  /// for).
  virtual Result<std::optional<StoredManifest>> find_manifest(const std::string& repository, const ManifestName& name,
                                                              const std::stop_token& stop) = 0;
  /// The digest of what stands under a name; empty when there is nothing. The bytes are read and hashed: neither a HEAD
  /// nor a header proves what others will get. A digest that was asked for has its own algorithm.
  Result<std::optional<oci::Digest>> digest_of(const std::string& repository, const ManifestName& name,
                                               const std::stop_token& stop,
                                               HashAlgorithm algorithm = HashAlgorithm::sha256);
  /// Stores a manifest under a tag or its digest. Errors: unsupported (type or content refused), conflict (immutable).
  virtual Result<Taken> put_manifest(const std::string& repository, const ManifestName& name,
                                     const oci::Manifest& manifest, const std::stop_token& stop) = 0;

  /// What the place lists as attached to a digest; empty when it keeps no such list (distribution-spec, "Listing
  /// Referrers"). Errors: unsupported (the list is too long).
  virtual Result<std::optional<std::vector<oci::Descriptor>>> referrers(const std::string& repository,
                                                                        const oci::Digest& digest,
                                                                        const std::stop_token& stop) = 0;

  /// Whether the place can give a blob, proven by reading a byte of it: places say of blobs that are gone that they
  /// have them (stale caches). False also where it may not be looked for; the upload that follows tells the difference.
  virtual Result<bool> has_blob(const std::string& repository, const oci::Descriptor& blob,
                                const std::stop_token& stop) = 0;
  /// Takes a blob from `from`, a repository of the same place.
  virtual Result<MountAnswer> mount_blob(const std::string& repository, const oci::Descriptor& blob,
                                         const std::string& from, const std::stop_token& stop) = 0;
  /// Sessions are not bound to a blob, but to its algorithm.
  virtual Result<UploadSession> begin_upload(const std::string& repository, HashAlgorithm algorithm,
                                             const std::stop_token& stop) = 0;
  /// Asks how much of an upload is kept, and where it goes on. Errors: not_found (the session is void).
  virtual Result<UploadSession> upload_state(const UploadSession& session, const std::stop_token& stop) = 0;
  /// Starts filling `pipe` with a blob. Does not wait.
  virtual std::unique_ptr<BlobRead> read_blob(const std::string& repository, const oci::Descriptor& blob,
                                              BlobPipe& pipe, const std::stop_token& stop) = 0;
  /// Empties `pipe`, which gives the blob's bytes from session.offset on, into an upload and commits it under the
  /// blob's digest. Errors: integrity; those that are worth a retry leave open how much the place has kept, see
  /// upload_state().
  virtual Status write_blob(const UploadSession& session, const oci::Descriptor& blob, BlobPipe& pipe,
                            const SessionMoved& moved, const std::stop_token& stop) = 0;
  /// Best effort, short: gives an unused upload back.
  virtual void abandon_upload(const UploadSession& session) = 0;

  /// All tags of a repository, in the order of the place. Errors: not_found.
  virtual Result<std::vector<std::string>> tags(const std::string& repository, const std::stop_token& stop) = 0;
  /// A whole small blob in memory, checked. Errors: not_found, integrity, unsupported (over `max_bytes`).
  virtual Result<std::string> small_blob(const std::string& repository, const oci::Descriptor& blob,
                                         std::size_t max_bytes, const std::stop_token& stop) = 0;

  /// Exchanges so far, all kinds.
  virtual std::uint64_t requests() const = 0;
};

}  // namespace sluice::places
