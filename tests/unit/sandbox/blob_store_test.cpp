// BlobStore over both of its media.

#include "sandbox/registry/blob_store.hpp"

#include "support/checks.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace sluice::sandbox {
namespace {

using support::failed_with;
using support::TempFolder;
using support::why;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>((i * 131 + i / 251) % 256);
  return out;
}

class BlobStores : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { open(); }
  void open() {
    if (!GetParam()) {
      store_ = std::make_unique<BlobStore>(memory_medium());
      return;
    }
    auto medium = folder_medium(folder_.path());
    ASSERT_TRUE(medium.ok()) << why(medium);
    store_ = std::make_unique<BlobStore>(*std::move(medium));
  }
  std::string text(const std::string& digest) {
    const auto blob = store_->open(digest);
    if (!blob) return "none";
    const auto read = text_of(*blob, 100'000'000);
    return read.ok() ? *read : why(read);
  }
  UploadPtr begin() {
    auto upload = store_->start_upload("dev/web", "now");
    EXPECT_TRUE(upload.ok()) << why(upload);
    return upload.ok() ? *upload : nullptr;
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      if (entry.is_regular_file()) ++count;
    }
    return count;
  }

  TempFolder folder_;
  std::unique_ptr<BlobStore> store_;
};

TEST_P(BlobStores, KeepWhatWasUploadedInPieces) {
  const auto content = pattern(1'000'003);
  const auto digest = oci::Digest::of(content);
  const auto upload = begin();
  for (std::size_t at = 0; at < content.size(); at += 70'001) {
    ASSERT_TRUE(upload->append(bytes_of(std::string_view(content).substr(at, 70'001))).ok());
  }
  EXPECT_EQ(upload->size(), content.size());
  const auto done = store_->finish_upload(*upload, digest);
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(store_->size_of(digest.text()), content.size());
  EXPECT_TRUE(text(digest.text()) == content);
  EXPECT_TRUE(store_->linked(Link::blob, "dev/web", digest.text()));
  EXPECT_FALSE(store_->linked(Link::blob, "dev/other", digest.text()));
  const auto blob = store_->open(digest.text());
  std::string part(300'000, '\0');
  const auto count = blob->read(900'000, std::as_writable_bytes(std::span(part)));
  ASSERT_TRUE(count.ok()) << why(count);
  EXPECT_EQ(*count, 100'003U);
  EXPECT_EQ(part.substr(0, *count), content.substr(900'000));
}

TEST_P(BlobStores, RefuseContentOfAnotherDigest) {
  const auto upload = begin();
  ASSERT_TRUE(upload->append(bytes_of("abc")).ok());
  EXPECT_TRUE(failed_with(store_->finish_upload(*upload, oci::Digest::of("abd")), ErrorKind::integrity));
  EXPECT_EQ(store_->find_upload(upload->id()), nullptr);
  EXPECT_EQ(store_->totals().blobs, 0U);
  EXPECT_TRUE(failed_with(store_->put("abc", oci::Digest::of("abd")), ErrorKind::integrity));
}

TEST_P(BlobStores, KnowSha512) {
  const auto digest = oci::Digest::of("abc", HashAlgorithm::sha512);
  const auto upload = begin();
  ASSERT_TRUE(upload->append(bytes_of("abc")).ok());
  const auto done = store_->finish_upload(*upload, digest);
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(text(digest.text()), "abc");
}

TEST_P(BlobStores, KeepEachBlobOnce) {
  const auto digest = oci::Digest::of("abc").text();
  for (int i = 0; i < 2; ++i) {
    const auto upload = begin();
    ASSERT_TRUE(upload->append(bytes_of("abc")).ok());
    ASSERT_TRUE(store_->finish_upload(*upload, oci::Digest::of("abc")).ok());
    ASSERT_TRUE(store_->put("abc").ok());
  }
  EXPECT_EQ(store_->totals().blobs, 1U);
  EXPECT_EQ(store_->totals().bytes, 3U);
  EXPECT_EQ(files(), GetParam() ? 1U : 0U);
  const auto held = store_->open(digest);
  store_->remove(digest);
  EXPECT_EQ(store_->open(digest), nullptr);
  EXPECT_EQ(*text_of(*held, 10), "abc") << "who reads it reads it to the end";
  EXPECT_EQ(files(), GetParam() ? 0U : 0U);
}

TEST_P(BlobStores, ForgetUploadsThatAreCancelled) {
  const auto upload = begin();
  ASSERT_TRUE(upload->append(bytes_of("abc")).ok());
  EXPECT_EQ(store_->find_upload(upload->id()), upload);
  store_->cancel_upload(upload->id());
  EXPECT_EQ(store_->find_upload(upload->id()), nullptr);
  const auto held = begin();
  store_->cancel_upload(held->id());
  EXPECT_TRUE(held->append(bytes_of("abc")).ok()) << "who writes to it is not disturbed";
}

TEST_P(BlobStores, GiveUpTheOldestUploadWhenThereAreTooMany) {
  const auto oldest = begin();
  ASSERT_TRUE(oldest->claim()) << "it has a writer";
  const auto next = begin();
  for (int i = 0; i < 1100; ++i) ASSERT_NE(begin(), nullptr);
  EXPECT_EQ(store_->totals().uploads, 1024U);
  EXPECT_NE(store_->find_upload(oldest->id()), nullptr);
  EXPECT_EQ(store_->find_upload(next->id()), nullptr);
}

TEST_P(BlobStores, LinkAndUnlink) {
  store_->link(Link::manifest, "a/b", "sha256:1");
  EXPECT_TRUE(store_->linked(Link::manifest, "a/b", "sha256:1"));
  EXPECT_FALSE(store_->linked(Link::blob, "a/b", "sha256:1"));
  EXPECT_TRUE(store_->unlink(Link::manifest, "a/b", "sha256:1"));
  EXPECT_FALSE(store_->unlink(Link::manifest, "a/b", "sha256:1"));
}

INSTANTIATE_TEST_SUITE_P(Media, BlobStores, ::testing::Bool(),
                         [](const auto& row) { return row.param ? "Folder" : "Memory"; });

TEST(BlobFolder, FindsWhatAFormerRunHasKeptAndDropsItsUploads) {
  const TempFolder folder;
  const auto digest = oci::Digest::of("abc").text();
  {
    BlobStore store(*folder_medium(folder.path()));
    ASSERT_TRUE(store.put("abc").ok());
  }
  std::ofstream(folder / "uploads/7") << "half";
  std::ofstream(folder / "blobs/sha256/README") << "not a blob";
  BlobStore store(*folder_medium(folder.path()));
  EXPECT_EQ(store.size_of(digest), 3U);
  EXPECT_EQ(store.totals().blobs, 1U);
  EXPECT_FALSE(std::filesystem::exists(folder / "uploads/7"));
}

TEST(BlobFolder, SaysWhichFolderItCannotUse) {
  const TempFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_TRUE(failed_with(folder_medium(folder / "file"), ErrorKind::storage, (folder / "file").string()));
}

}  // namespace
}  // namespace sluice::sandbox
