// Some platforms of an index, and layers that are kept as references.

#include "copy/tags.hpp"
#include "unit/copy/copy_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::copy {
namespace {

using places::ManifestName;
using support::fake_image;
using support::fake_index;
using support::FakePlace;
using support::Verb;
using support::why;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PlatformsTest : public CopyBench {
 protected:
  // fake_index() calls them linux/arm64/v0, v1, v2.
  std::vector<support::FakeImage> images{fake_image("zero", {"0"}), fake_image("one", {"1"}), fake_image("two", {"2"})};
  support::FakeImage index = fake_index(images);

  Item only(std::vector<std::string> platforms) {
    dev.hold_image("dev/web", index, "latest");
    auto item = web();
    item.platforms = std::move(platforms);
    return item;
  }
};

TEST_F(PlatformsTest, OnlyThoseThatWereAskedForAreReadAndBrought) {
  auto found = look({only({"linux/arm64/v2", "linux/arm64/v0"})});
  ASSERT_TRUE(found.ok()) << why(found);
  const auto& item = found->items.front();
  EXPECT_TRUE(item.sparse);
  EXPECT_EQ(item.root().digest, index.digest());
  EXPECT_THAT(platforms_of(item), ElementsAre("linux/arm64/v0", "linux/arm64/v2"));
  options.stage_roots = false;
  ASSERT_TRUE(carry(*found, options, events, stop.get_token()).ok());
  EXPECT_TRUE(holds(prod, "shop/web", images[0]) && holds(prod, "shop/web", images[2]));
  EXPECT_FALSE(prod.has("shop/web", images[1].digest()));
}

TEST_F(PlatformsTest, AnIndexOfThoseAloneIsWrittenWhereMissingOnesAreRefused) {
  auto found = look({only({"linux/arm64/v1"})});
  ASSERT_TRUE(found.ok()) << why(found);
  options.stage_roots = false;
  ASSERT_TRUE(carry(*found, options, events, stop.get_token()).ok());
  const auto refused = publish(*found, {0}, {}, kAtOnce, events, stop.get_token());
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(is_refusal(refused.error())) << why(refused);
  ASSERT_TRUE(leave_out_missing(found->items.front()).ok());
  const auto done = publish(*found, {0}, {}, kAtOnce, events, stop.get_token());
  ASSERT_TRUE(done.ok()) << why(done);
  const auto there = prod.manifest("shop/web", ManifestName::tag("latest"), {});
  ASSERT_TRUE(there.ok()) << why(there);
  ASSERT_EQ(there->children.size(), 1U);
  EXPECT_EQ(there->children[0].digest, images[1].digest());
  EXPECT_EQ(there->children[0].platform->text(), "linux/arm64/v1");
  EXPECT_NE(there->digest, index.digest());
}

TEST_F(PlatformsTest, AnArchitectureAloneAsksForAllItsVariants) {
  const auto found = look({only({"linux/arm64"})});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_FALSE(found->items.front().sparse);
  EXPECT_EQ(found->items.front().manifests.size(), 4U);
}

TEST_F(PlatformsTest, AnIndexWithoutAnyOfThemSaysWhatItHas) {
  const auto found = look({only({"linux/s390x"})});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind(), ErrorKind::not_found);
  EXPECT_THAT(found.error().sentence(), HasSubstr("linux/arm64/v0, linux/arm64/v1, linux/arm64/v2"));
}

TEST_F(PlatformsTest, AnIndexBelowWithoutThemIsLeftOut) {
  const auto nested = fake_index({fake_index({images[0]}), fake_index({images[1], images[2]})});
  dev.hold_image("dev/web", nested, "latest");
  auto item = web();
  item.platforms = {"linux/arm64/v1"};
  const auto found = look({item});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_TRUE(found->items.front().sparse);
  item.platforms = {"linux/s390x"};
  const auto none = look({item});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind(), ErrorKind::not_found);
}

TEST_F(PlatformsTest, TheSameImageWithAllPlatformsIsAnotherQuestion) {
  auto all = only({"linux/arm64/v1"});
  all.platforms.clear();
  all.dest_repository = "shop/all";
  const auto found = look({only({"linux/arm64/v1"}), all});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_EQ(found->items[0].manifests.size(), 2U);
  EXPECT_EQ(found->items[1].manifests.size(), 4U);
}

}  // namespace
}  // namespace sluice::copy
