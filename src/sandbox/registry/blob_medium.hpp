#pragma once
// BlobMedium: where the bytes of blobs are kept, in memory or in the files of a folder. It knows no repositories and
// computes no digests: see blob_store.hpp.

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

/// The bytes of one blob. Immutable. Thread: any.
class Blob {
 public:
  virtual ~Blob() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills `room` from `offset` on and returns how much that was; less than `room` only at the end. Errors: storage.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> room) const = 0;
};
using BlobPtr = std::shared_ptr<const Blob>;

/// The whole of a small blob. Errors: storage, unsupported (larger than `max_bytes`).
Result<std::string> text_of(const Blob& blob, std::size_t max_bytes);

/// A blob on its way in. What is not kept is forgotten with the object. Thread: one at a time.
class BlobDraft {
 public:
  virtual ~BlobDraft() = default;
  /// Errors: storage.
  virtual Status append(std::span<const std::byte> bytes) = 0;
  /// The bytes so far, which are all: nothing may be appended afterwards. Errors: storage.
  virtual Result<BlobPtr> close() = 0;
};

struct KeptBlob {
  std::string digest;
  std::uint64_t size = 0;
};

/// Thread: any.
class BlobMedium {
 public:
  virtual ~BlobMedium() = default;
  /// Errors: storage.
  virtual Result<std::unique_ptr<BlobDraft>> draft() = 0;
  /// Keeps a closed draft under its digest. Errors: storage.
  virtual Status keep(std::unique_ptr<BlobDraft> draft, const std::string& digest) = 0;
  /// Null when it is not there (any more).
  virtual BlobPtr open(const std::string& digest) = 0;
  virtual void remove(const std::string& digest) = 0;
  /// What was there from the start.
  virtual std::vector<KeptBlob> list() = 0;
};

std::unique_ptr<BlobMedium> memory_medium();
/// `folder` is made when it is missing; drafts that a former run left behind are removed. Errors: storage.
Result<std::unique_ptr<BlobMedium>> folder_medium(const std::filesystem::path& folder);

}  // namespace sluice::sandbox
