// Registries behind something that limits the size of a request: 413, then chunks.

#include "component/copy_testing.hpp"

#include <gtest/gtest.h>

namespace sluice {

namespace {

using support::failed_with;
using support::why;
using testing::holds;
using testing::image_of;
using testing::layer;

class CopyChunksTest : public testing::CopyTest {
 protected:
  CopyChunksTest() { testing::store(source_, kFrom, image_, "1"); }
  void limit(std::uint64_t bytes, bool page = false) {
    dest_.turn([&](support::FakeKnobs& knobs) {
      knobs.max_body = bytes;
      knobs.max_body_page = page;
    });
  }
  std::size_t refused() const {
    std::size_t count = 0;
    for (const auto& request : dest_.log()) count += request.status == 413 ? 1U : 0U;
    return count;
  }

  const support::FakeImage image_ = image_of("web", {3'000'000, 1'000});
};

TEST_F(CopyChunksTest, ALayerThatIsTooLargeForOneRequestGoesInSmallerOnes) {
  for (const bool page : {false, true}) {
    SCOPED_TRACE(page ? "a page of nginx" : "an error of the registry");
    open();
    limit(1'000'000, page);
    const auto tag = std::to_string(page);
    const auto copied = copy("1", tag);
    ASSERT_TRUE(copied.ok()) << why(copied.status);
    EXPECT_TRUE(holds(dest_, kTo, tag, image_));
    EXPECT_EQ(copied.item().bytes.moved, image_.blob_bytes());
    EXPECT_EQ(dest_.open_uploads(), 0U);
    for (const auto& blob : dest_.blobs(kTo)) dest_.remove_blob(kTo, blob);
  }
}

TEST_F(CopyChunksTest, ALimitFarBelowTheLayerIsFoundHoweverManyStepsThatTakes) {
  limit(300'000);
  const auto large = image_of("large", {8'000'000});
  testing::store(source_, kFrom, large, "large");
  const auto copied = copy("large", "large", {.retry_times = 1});
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "large", large));
  EXPECT_GE(refused(), 5U);
}

TEST_F(CopyChunksTest, TheLimitIsRememberedForTheNextLayer) {
  limit(1'000'000);
  ASSERT_TRUE(copy().ok());
  const auto before = refused();
  EXPECT_GE(before, 1U);
  const auto more = image_of("more", {2'500'000});
  testing::store(source_, kFrom, more, "2");
  const auto copied = copy("2", "2");
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "2", more));
  EXPECT_EQ(refused(), before) << "nothing too large is sent again";
}

TEST_F(CopyChunksTest, TheNextRunKnowsTheLimit) {
  limit(1'000'000);
  ASSERT_TRUE(copy().ok());
  const auto known = to_->profile();
  ASSERT_TRUE(known.max_body_bytes.has_value());
  open([&](places::RegistryOptions& options) { options.profile = known; });
  const auto before = refused();
  dest_.remove_blob(kTo, layer(image_, 0));
  const auto copied = copy("1", "again");
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "again", image_));
  EXPECT_EQ(refused(), before);
}

TEST_F(CopyChunksTest, ALimitThatIsTooSmallForAnythingIsToldAsThat) {
  limit(100'000);
  const auto copied = copy();
  EXPECT_TRUE(failed_with(copied.status, ErrorKind::unsupported, "413"));
  EXPECT_EQ(dest_.open_uploads(), 0U);
  EXPECT_TRUE(dest_.tags(kTo).empty());
}

TEST_F(CopyChunksTest, ARegistryThatLosesChunksIsFoundOut) {
  limit(1'000'000);
  dest_.turn([](support::FakeKnobs& knobs) { knobs.loses_chunks = true; });
  const auto copied = copy();
  EXPECT_FALSE(copied.ok());
  EXPECT_TRUE(dest_.tags(kTo).empty()) << "nothing that is not whole is tagged";
}

}  // namespace

}  // namespace sluice
