#pragma once
// BlobStore: the blobs of the registry. Each blob is kept once; repositories have links to it. Upload sessions hash
// what comes once, on the way in. Knows nothing of HTTP, streams or rights. Source: distribution, "registry/storage":
// global blob store, repository links, upload sessions.

#include "base/guarded.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"
#include "oci/digest.hpp"
#include "sandbox/registry/blob_medium.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace sluice::sandbox {

/// One upload session. Thread: any; one writer at a time.
class BlobUpload {
 public:
  BlobUpload(std::string id, std::string repository, std::string started, std::unique_ptr<BlobDraft> draft);

  const std::string& id() const { return id_; }
  const std::string& repository() const { return repository_; }
  const std::string& started() const { return started_; }
  std::uint64_t size() const;

  /// Makes the caller the writer; false when there is one already, or when it is finished.
  bool claim();
  bool claimed() const;
  void release();
  /// By the writer. Errors: storage; they stick.
  Status append(std::span<const std::byte> bytes);
  /// What went wrong while appending.
  std::optional<Error> failure() const;

 private:
  friend class BlobStore;
  struct Content {
    std::unique_ptr<BlobDraft> draft;  ///< null when finished
    Hasher hasher{HashAlgorithm::sha256};
    std::uint64_t size = 0;
    bool claimed = false;
    std::optional<Error> failure{};
  };

  std::string id_;
  std::string repository_;
  std::string started_;
  Guarded<Content> content_;
};
using UploadPtr = std::shared_ptr<BlobUpload>;

/// Which of a repository's two lists of links.
enum class Link : std::uint8_t { blob, manifest };

/// Thread: any.
class BlobStore {
 public:
  explicit BlobStore(std::unique_ptr<BlobMedium> medium);

  std::optional<std::uint64_t> size_of(const std::string& digest) const;
  /// Null when it is not here.
  BlobPtr open(const std::string& digest) const;
  /// Keeps a small blob. Errors: storage, integrity (another digest than the `expected` one).
  Result<oci::Digest> put(std::string_view bytes, const std::optional<oci::Digest>& expected = std::nullopt);
  void remove(const std::string& digest);

  void link(Link kind, const std::string& repository, const std::string& digest);
  bool linked(Link kind, const std::string& repository, const std::string& digest) const;
  /// True when there was one.
  bool unlink(Link kind, const std::string& repository, const std::string& digest);

  /// Errors: storage. The oldest session without a writer is given up when there are too many.
  Result<UploadPtr> start_upload(const std::string& repository, std::string started);
  /// Null when it is gone.
  UploadPtr find_upload(std::string_view id) const;
  void cancel_upload(std::string_view id);
  /// Keeps what came under its digest, and links it to the session's repository. The session ends in any case.
  /// Errors: integrity (another digest), storage.
  Status finish_upload(BlobUpload& upload, const oci::Digest& expected);

  struct Totals {
    std::size_t blobs = 0;
    std::uint64_t bytes = 0;
    std::size_t uploads = 0;
  };
  Totals totals() const;

 private:
  struct Session {
    std::uint64_t age = 0;  ///< counted up: the smallest is the oldest
    UploadPtr upload;
  };
  struct Shelf {
    std::map<std::string, std::uint64_t> sizes;  ///< by digest
    std::map<std::string, std::set<std::string>> blob_links;
    std::map<std::string, std::set<std::string>> manifest_links;
    std::map<std::string, Session, std::less<>> uploads;
    std::uint64_t next_age = 0;

    std::map<std::string, std::set<std::string>>& links(Link kind) {
      return kind == Link::blob ? blob_links : manifest_links;
    }
    const std::map<std::string, std::set<std::string>>& links(Link kind) const {
      return kind == Link::blob ? blob_links : manifest_links;
    }
  };

  static UploadPtr take_oldest(Shelf& shelf);
  Status keep(std::unique_ptr<BlobDraft> draft, const std::string& digest, std::uint64_t size);

  std::unique_ptr<BlobMedium> medium_;
  Guarded<Shelf> shelf_;
};

}  // namespace sluice::sandbox
