#include "promotion/cluster_memory.hpp"

#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

std::string digest(const std::string& content) { return oci::Digest::of(content).text(); }

cluster::TagState state(const std::string& image, std::int64_t stands, const std::vector<std::int64_t>& kept) {
  cluster::TagState out;
  out.app = "shop";
  out.environment = "prod";
  out.release = stands;
  out.promotion = "p" + std::to_string(stands);
  for (const auto number : kept) {
    out.releases.push_back({.number = number,
                            .digest = digest(image + std::to_string(number)),
                            .tag = "v" + std::to_string(number),
                            .pattern_tag = true,
                            .promotion = "p" + std::to_string(number),
                            .at = 100 + number});
  }
  return out;
}

TEST(ClusterMemory, HasTheReleasesThatEveryStreamRemembers) {
  const auto memory = memory_of("shop", {"web", "api"}, {state("web", 7, {7, 6, 5}), state("api", 7, {7, 5, 4})});
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->release, 7);
  EXPECT_EQ(memory->promotion, "p7");
  ASSERT_EQ(memory->releases.size(), 2U) << "6 and 4 are known of one image only";
  EXPECT_EQ(memory->releases[0].number, 7);
  EXPECT_EQ(memory->releases[1].number, 5);
  const auto& release = memory->releases[1];
  EXPECT_EQ(release.app, "shop");
  EXPECT_TRUE(release.pattern_tag);
  ASSERT_EQ(release.images.size(), 2U);
  EXPECT_EQ(release.images[0].digest.text(), digest("web5"));
  EXPECT_EQ(release.images[1].name, "api");
  EXPECT_EQ(release.images[1].tag, "v5");
  EXPECT_EQ(memory->promotions, (std::vector<std::string>{"p7", "p5"}));
}

TEST(ClusterMemory, NamesNoReleaseWhereTheStreamsDisagree) {
  const auto memory = memory_of("shop", {"web", "api"}, {state("web", 7, {7}), state("api", 6, {6})});
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->release, 0);
  EXPECT_TRUE(memory->releases.empty());
}

TEST(ClusterMemory, IsNothingForAnotherAppOrADigestThatIsNone) {
  EXPECT_FALSE(memory_of("blog", {"web"}, {state("web", 7, {7})}));
  EXPECT_FALSE(memory_of("shop", {"web", "api"}, {state("web", 7, {7})})) << "one stream has no state";
  auto damaged = state("web", 7, {7, 6});
  damaged.releases[0].digest = "sha256:zz";
  const auto memory = memory_of("shop", {"web"}, {damaged});
  ASSERT_TRUE(memory);
  ASSERT_EQ(memory->releases.size(), 1U);
  EXPECT_EQ(memory->releases[0].number, 6);
}

}  // namespace
}  // namespace sluice::promotion
