// The medium that keeps blobs in memory: pieces of one size, so that a blob grows without being copied.
#include "base/guarded.hpp"
#include "sandbox/registry/blob_medium.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

namespace sluice::sandbox {

namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;

class MemoryBlob final : public Blob {
 public:
  explicit MemoryBlob(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {
    for (const auto& piece : pieces_) size_ += piece.size();
  }
  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> room) const override {
    std::size_t done = 0;
    while (done < room.size() && offset < size_) {
      const auto& piece = pieces_[offset / kPieceBytes];
      const std::size_t from = offset % kPieceBytes;
      const auto count = std::min(room.size() - done, piece.size() - from);
      std::memcpy(room.data() + done, piece.data() + from, count);
      done += count;
      offset += count;
    }
    return done;
  }

 private:
  std::vector<std::string> pieces_;  ///< all but the last have kPieceBytes
  std::uint64_t size_ = 0;
};

class MemoryDraft final : public BlobDraft {
 public:
  Status append(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      if (pieces_.empty() || pieces_.back().size() == kPieceBytes) pieces_.emplace_back();
      auto& piece = pieces_.back();
      const auto part = bytes.first(std::min(bytes.size(), kPieceBytes - piece.size()));
      piece.append(reinterpret_cast<const char*>(part.data()), part.size());
      bytes = bytes.subspan(part.size());
    }
    return {};
  }
  Result<BlobPtr> close() override {
    if (!pieces_.empty()) pieces_.back().shrink_to_fit();
    blob_ = std::make_shared<MemoryBlob>(std::exchange(pieces_, {}));
    return blob_;
  }
  const BlobPtr& blob() const { return blob_; }

 private:
  std::vector<std::string> pieces_;
  BlobPtr blob_;
};

class MemoryMedium final : public BlobMedium {
 public:
  Result<std::unique_ptr<BlobDraft>> draft() override {
    return std::unique_ptr<BlobDraft>(std::make_unique<MemoryDraft>());
  }
  Status keep(std::unique_ptr<BlobDraft> draft, const std::string& digest) override {
    blobs_.with([&](Blobs& blobs) { blobs.emplace(digest, static_cast<MemoryDraft&>(*draft).blob()); });
    return {};
  }
  BlobPtr open(const std::string& digest) override {
    return blobs_.with([&](const Blobs& blobs) -> BlobPtr {
      const auto found = blobs.find(digest);
      return found == blobs.end() ? nullptr : found->second;
    });
  }
  void remove(const std::string& digest) override {
    blobs_.with([&](Blobs& blobs) { blobs.erase(digest); });
  }
  std::vector<KeptBlob> list() override { return {}; }

 private:
  using Blobs = std::map<std::string, BlobPtr>;
  Guarded<Blobs> blobs_;
};

}  // namespace

Result<std::string> text_of(const Blob& blob, std::size_t max_bytes) {
  if (blob.size() > max_bytes) return Error(ErrorKind::unsupported, "the blob is too large to be read as a whole");
  std::string text(blob.size(), '\0');
  SLUICE_TRY(const auto count, blob.read(0, std::as_writable_bytes(std::span(text))));
  if (count != text.size()) return Error(ErrorKind::storage, "the blob is shorter than it was");
  return text;
}

std::unique_ptr<BlobMedium> memory_medium() { return std::make_unique<MemoryMedium>(); }

}  // namespace sluice::sandbox
