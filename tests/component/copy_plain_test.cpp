// Whole copies between two registries that do nothing out of the ordinary.

#include "component/copy_testing.hpp"

namespace sluice {

namespace {

using support::failed_with;
using support::why;
using testing::Copied;
using testing::holds;
using testing::image_of;

using CopyPlainTest = testing::CopyTest;

TEST_F(CopyPlainTest, AnImageArrivesByteByByteAndTheReportSaysSo) {
  const auto image = image_of("web", {0, 1, 70'000, 300'000});
  testing::store(source_, kFrom, image, "1");
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image));
  EXPECT_EQ(copied.item().road, copy::Road::stream);
  EXPECT_EQ(copied.item().blobs.moved, image.blobs.size());
  EXPECT_EQ(copied.item().bytes.moved, image.blob_bytes());
  EXPECT_EQ(copied.item().retries, 0U);
  for (const auto& [digest, bytes] : image.blobs)
    EXPECT_EQ(copied.done(digest.text()), std::vector<std::string>{"moved"}) << digest.text();
  EXPECT_EQ(dest_.open_uploads(), 0U);
}

TEST_F(CopyPlainTest, AnIndexArrivesWithAllItsChildren) {
  const auto index = support::fake_index({image_of("a", {1000, 2000}), image_of("b", {3000})});
  testing::store(source_, kFrom, index, "1");
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", index));
  EXPECT_EQ(dest_.manifests(kTo).size(), 3U);
}

TEST_F(CopyPlainTest, WhatIsThereAlreadyIsNotWrittenAgain) {
  const auto image = image_of("web", {1000});
  testing::store(source_, kFrom, image, "1");
  testing::store(dest_, kTo, image, "1");
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(copied.item().all_equal);
  EXPECT_EQ(dest_.count("P*"), 0U);
}

TEST_F(CopyPlainTest, AnImageThatIsNotThereIsNotFound) {
  const auto copied = copy("none");
  EXPECT_TRUE(failed_with(copied.status, ErrorKind::not_found));
  EXPECT_EQ(dest_.count("P*"), 0U);
}

}  // namespace

}  // namespace sluice
