#include "sandbox/registry/blob_store.hpp"

#include "sandbox/core/store.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace sluice::sandbox {

namespace {

// Sessions that were begun and left hold what they got; a guess that no set of tests comes near.
constexpr std::size_t kMaxUploads = 1024;

// For digests of another algorithm than the one that uploads are hashed with.
Result<std::string> hash_again(const Blob& blob, HashAlgorithm algorithm) {
  Hasher hasher(algorithm);
  std::vector<std::byte> room(std::size_t{64} * 1024);
  for (std::uint64_t at = 0; at < blob.size();) {
    SLUICE_TRY(const auto count, blob.read(at, room));
    if (count == 0) return Error(ErrorKind::storage, "the upload is shorter than it was");
    hasher.update(std::span(room).first(count));
    at += count;
  }
  return hasher.finish_hex();
}

Error other_digest(const oci::Digest& expected) {
  return {ErrorKind::integrity, fmt::format("the content does not have the digest {}", expected.text())};
}

}  // namespace

BlobUpload::BlobUpload(std::string id, std::string repository, std::string started, std::unique_ptr<BlobDraft> draft)
    : id_(std::move(id)), repository_(std::move(repository)), started_(std::move(started)) {
  content_.with([&](Content& content) { content.draft = std::move(draft); });
}

std::uint64_t BlobUpload::size() const {
  return content_.with([](const Content& content) { return content.size; });
}

bool BlobUpload::claim() {
  return content_.with(
      [](Content& content) { return content.draft != nullptr && !std::exchange(content.claimed, true); });
}

bool BlobUpload::claimed() const {
  return content_.with([](const Content& content) { return content.claimed; });
}

void BlobUpload::release() {
  content_.with([](Content& content) { content.claimed = false; });
}

Status BlobUpload::append(std::span<const std::byte> bytes) {
  return content_.with([&](Content& content) -> Status {
    if (content.failure) return *content.failure;
    if (!content.draft) return Error(ErrorKind::conflict, "the upload is finished");
    auto appended = content.draft->append(bytes);
    if (!appended.ok()) {
      content.failure = appended.error();
      return appended;
    }
    content.hasher.update(bytes);
    content.size += bytes.size();
    return {};
  });
}

std::optional<Error> BlobUpload::failure() const {
  return content_.with([](const Content& content) { return content.failure; });
}

BlobStore::BlobStore(std::unique_ptr<BlobMedium> medium) : medium_(std::move(medium)) {
  shelf_.with([&](Shelf& shelf) {
    for (auto& kept : medium_->list()) shelf.sizes.emplace(std::move(kept.digest), kept.size);
  });
}

std::optional<std::uint64_t> BlobStore::size_of(const std::string& digest) const {
  return shelf_.with([&](const Shelf& shelf) -> std::optional<std::uint64_t> {
    const auto found = shelf.sizes.find(digest);
    if (found == shelf.sizes.end()) return std::nullopt;
    return found->second;
  });
}

BlobPtr BlobStore::open(const std::string& digest) const {
  if (!size_of(digest)) return nullptr;
  return medium_->open(digest);
}

Result<oci::Digest> BlobStore::put(std::string_view bytes, const std::optional<oci::Digest>& expected) {
  const auto digest = oci::Digest::of(bytes, expected ? expected->algorithm() : HashAlgorithm::sha256);
  if (expected && digest != *expected) return other_digest(*expected);
  if (size_of(digest.text())) return digest;
  SLUICE_TRY(auto draft, medium_->draft());
  SLUICE_CHECK(draft->append(std::as_bytes(std::span(bytes))));
  SLUICE_TRY(const auto closed, draft->close());
  SLUICE_CHECK(keep(std::move(draft), digest.text(), closed->size()));
  return digest;
}

Status BlobStore::keep(std::unique_ptr<BlobDraft> draft, const std::string& digest, std::uint64_t size) {
  if (size_of(digest)) return {};
  SLUICE_CHECK(medium_->keep(std::move(draft), digest));
  shelf_.with([&](Shelf& shelf) { shelf.sizes.emplace(digest, size); });
  return {};
}

void BlobStore::remove(const std::string& digest) {
  if (shelf_.with([&](Shelf& shelf) { return shelf.sizes.erase(digest); }) > 0) medium_->remove(digest);
}

void BlobStore::link(Link kind, const std::string& repository, const std::string& digest) {
  shelf_.with([&](Shelf& shelf) { shelf.links(kind)[repository].insert(digest); });
}

bool BlobStore::linked(Link kind, const std::string& repository, const std::string& digest) const {
  return shelf_.with([&](const Shelf& shelf) {
    const auto& links = shelf.links(kind);
    const auto found = links.find(repository);
    return found != links.end() && found->second.contains(digest);
  });
}

bool BlobStore::unlink(Link kind, const std::string& repository, const std::string& digest) {
  return shelf_.with([&](Shelf& shelf) {
    auto& links = shelf.links(kind);
    const auto found = links.find(repository);
    return found != links.end() && found->second.erase(digest) > 0;
  });
}

Result<UploadPtr> BlobStore::start_upload(const std::string& repository, std::string started) {
  SLUICE_TRY(auto draft, medium_->draft());
  auto upload = std::make_shared<BlobUpload>(new_uid(), repository, std::move(started), std::move(draft));
  UploadPtr given_up;  // let go of without the lock: it may have a file to remove
  shelf_.with([&](Shelf& shelf) {
    if (shelf.uploads.size() >= kMaxUploads) given_up = take_oldest(shelf);
    shelf.uploads.emplace(upload->id(), Session{shelf.next_age++, upload});
  });
  return upload;
}

UploadPtr BlobStore::take_oldest(Shelf& shelf) {
  auto oldest = shelf.uploads.end();
  for (auto at = shelf.uploads.begin(); at != shelf.uploads.end(); ++at) {
    const bool older = oldest == shelf.uploads.end() || at->second.age < oldest->second.age;
    if (older && !at->second.upload->claimed()) oldest = at;
  }
  if (oldest == shelf.uploads.end()) return nullptr;
  auto upload = std::move(oldest->second.upload);
  shelf.uploads.erase(oldest);
  return upload;
}

UploadPtr BlobStore::find_upload(std::string_view id) const {
  return shelf_.with([&](const Shelf& shelf) -> UploadPtr {
    const auto found = shelf.uploads.find(id);
    return found == shelf.uploads.end() ? nullptr : found->second.upload;
  });
}

void BlobStore::cancel_upload(std::string_view id) {
  UploadPtr cancelled;
  shelf_.with([&](Shelf& shelf) {
    const auto found = shelf.uploads.find(id);
    if (found == shelf.uploads.end()) return;
    cancelled = std::move(found->second.upload);
    shelf.uploads.erase(found);
  });
}

Status BlobStore::finish_upload(BlobUpload& upload, const oci::Digest& expected) {
  // The last reference may be the shelf's.
  const auto alive = find_upload(upload.id());
  cancel_upload(upload.id());
  auto content = upload.content_.with([](BlobUpload::Content& c) { return std::exchange(c, {}); });
  if (content.failure) return *content.failure;
  if (!content.draft) return Error(ErrorKind::conflict, "the upload is finished");
  SLUICE_TRY(const auto blob, content.draft->close());
  std::string hex;
  if (expected.algorithm() == HashAlgorithm::sha256) {
    hex = content.hasher.finish_hex();
  } else {
    SLUICE_TRY(hex, hash_again(*blob, expected.algorithm()));
  }
  if (hex != expected.hex()) return other_digest(expected);
  SLUICE_CHECK(keep(std::move(content.draft), expected.text(), blob->size()));
  link(Link::blob, upload.repository(), expected.text());
  return {};
}

BlobStore::Totals BlobStore::totals() const {
  return shelf_.with([](const Shelf& shelf) {
    Totals totals{shelf.sizes.size(), 0, shelf.uploads.size()};
    for (const auto& [digest, size] : shelf.sizes) totals.bytes += size;
    return totals;
  });
}

}  // namespace sluice::sandbox
