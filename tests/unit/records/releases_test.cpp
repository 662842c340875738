#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

namespace sluice::records {
namespace {

using testing::failed_with;
using testing::image;
using testing::release_of;
using testing::why;

class Releases : public ::testing::Test {
 protected:
  std::int64_t number_of(Release wanted) {
    auto got = store_->find_or_create_release(std::move(wanted));
    EXPECT_TRUE(got.ok()) << why(got);
    return got.ok() ? got->number : -1;
  }

  testing::TempFolder folder_;
  std::unique_ptr<Store> store_ = testing::open(folder_ / "records.db");
};

TEST_F(Releases, AreNumberedFromOneWithinTheirApp) {
  EXPECT_EQ(number_of(release_of("shop", {image("web", "a")})), 1);
  EXPECT_EQ(number_of(release_of("shop", {image("web", "b")})), 2);
  EXPECT_EQ(number_of(release_of("cart", {image("web", "a")})), 1);
  EXPECT_EQ(number_of(release_of("shop", {image("web", "c")})), 3);
}

TEST_F(Releases, ComeBackAsTheyWere) {
  auto wanted = release_of("shop", {image("web", "a", "v1"), image("api", "b", "v1")}, true);
  wanted.adopted = true;
  wanted.created_at = 1'700'000'000;
  ASSERT_EQ(number_of(wanted), 1);
  store_ = testing::open(folder_ / "records.db");
  auto got = store_->release("shop", 1);
  ASSERT_TRUE(got.ok()) << why(got);
  ASSERT_TRUE(got->has_value());
  const Release& release = **got;
  EXPECT_EQ(release.app, "shop");
  EXPECT_EQ(release.number, 1);
  EXPECT_EQ(release.images, wanted.images) << "in the order of the pipeline";
  EXPECT_TRUE(release.pattern_tag);
  EXPECT_TRUE(release.adopted);
  EXPECT_EQ(release.origin, "dev");
  EXPECT_EQ(release.created_at, 1'700'000'000);
}

TEST_F(Releases, GetATimeWhenTheyHaveNone) {
  auto got = store_->find_or_create_release(release_of("shop", {image("web", "a")}));
  ASSERT_TRUE(got.ok()) << why(got);
  EXPECT_GT(got->created_at, 1'700'000'000);
}

TEST_F(Releases, AreEqualByNameAndDigestAndByTagForPatterns) {
  ASSERT_EQ(number_of(release_of("shop", {image("web", "a", "latest"), image("api", "b", "latest")})), 1);
  ASSERT_EQ(number_of(release_of("shop", {image("web", "c", "v1"), image("api", "d", "v1")}, true)), 2);
  const struct {
    const char* name;
    Release wanted;
    std::int64_t number;
  } rows[] = {
      {"the same", release_of("shop", {image("web", "a"), image("api", "b")}), 1},
      {"in another order", release_of("shop", {image("api", "b"), image("web", "a")}), 1},
      {"under another exact tag", release_of("shop", {image("web", "a", "stable"), image("api", "b", "stable")}), 1},
      {"a pattern with the same tag", release_of("shop", {image("api", "d", "v1"), image("web", "c", "v1")}, true), 2},
      {"digests swapped", release_of("shop", {image("web", "b"), image("api", "a")}), 3},
      {"one image less", release_of("shop", {image("web", "a")}), 4},
      {"one image more", release_of("shop", {image("web", "a"), image("api", "b"), image("db", "b")}), 5},
      {"a pattern with another tag", release_of("shop", {image("web", "c", "v2"), image("api", "d", "v2")}, true), 6},
      {"a pattern with one other tag", release_of("shop", {image("web", "c", "v1"), image("api", "d", "v2")}, true), 7},
      {"names that look like digests", release_of("shop", {image("web\",\"x", "a")}), 8},
  };
  for (const auto& row : rows) EXPECT_EQ(number_of(row.wanted), row.number) << row.name;
}

TEST_F(Releases, ThatWereAdoptedStayTheSameWhenMadeFromTheSource) {
  auto seen = release_of("shop", {image("web", "a", "live")});
  seen.adopted = true;
  seen.origin = "prod";
  ASSERT_EQ(number_of(seen), 1);
  auto made = store_->find_or_create_release(release_of("shop", {image("web", "a", "latest")}));
  ASSERT_TRUE(made.ok()) << why(made);
  EXPECT_EQ(made->number, 1);
  EXPECT_TRUE(made->adopted);
  EXPECT_EQ(made->origin, "prod");
  EXPECT_EQ(made->images[0].tag, "live");
}

TEST_F(Releases, AreFoundByTheirDigestsNewestFirst) {
  ASSERT_EQ(number_of(release_of("shop", {image("web", "a", "v1")}, true)), 1);
  ASSERT_EQ(number_of(release_of("shop", {image("web", "a", "v2")}, true)), 2);
  auto found = store_->release_with("shop", {image("web", "a", "anything")});
  ASSERT_TRUE(found.ok()) << why(found);
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->number, 2);
  const struct {
    const char* name;
    std::string app;
    std::vector<ReleaseImage> images;
  } absent[] = {
      {"another app", "cart", {image("web", "a")}},
      {"one image more", "shop", {image("web", "a"), image("api", "b")}},
      {"one name twice", "shop", {image("web", "a"), image("web", "b")}},
      {"nothing", "shop", {}},
  };
  for (const auto& row : absent) {
    auto got = store_->release_with(row.app, row.images);
    ASSERT_TRUE(got.ok()) << row.name << ": " << why(got);
    EXPECT_FALSE(got->has_value()) << row.name;
  }
}

TEST_F(Releases, AreListedNewestFirstUpToTheLimit) {
  for (const auto* content : {"a", "b", "c"}) {
    number_of(release_of("shop", {image("web", content), image("api", content)}));
  }
  number_of(release_of("cart", {image("web", "z")}));
  const struct {
    std::size_t limit;
    std::vector<std::int64_t> numbers;
  } rows[] = {{0, {}}, {2, {3, 2}}, {3, {3, 2, 1}}, {SIZE_MAX, {3, 2, 1}}};
  for (const auto& row : rows) {
    auto got = store_->releases("shop", row.limit);
    ASSERT_TRUE(got.ok()) << why(got);
    std::vector<std::int64_t> numbers;
    for (const auto& each : *got) {
      numbers.push_back(each.number);
      EXPECT_EQ(each.images.size(), 2U) << "release " << each.number;
    }
    EXPECT_EQ(numbers, row.numbers) << "limit " << row.limit;
  }
}

TEST_F(Releases, ThatDoNotExistAreAbsentAndNoError) {
  for (const std::int64_t number : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{7}, INT64_MAX}) {
    auto got = store_->release("shop", number);
    ASSERT_TRUE(got.ok()) << why(got);
    EXPECT_FALSE(got->has_value()) << number;
  }
}

TEST_F(Releases, WithoutSenseAreRefused) {
  const struct {
    const char* part;
    Release wanted;
  } rows[] = {
      {"the app has no name", release_of("", {image("web", "a")})},
      {"it has no images", release_of("shop", {})},
      {"an image has no name", release_of("shop", {image("", "a")})},
      {"image web is there twice", release_of("shop", {image("web", "a"), image("web", "b")})},
  };
  for (const auto& row : rows) {
    EXPECT_TRUE(failed_with(store_->find_or_create_release(row.wanted), ErrorKind::usage, row.part));
  }
  EXPECT_EQ(number_of(release_of("shop", {image("web", "a")})), 1) << "nothing of the refused ones is left";
}

}  // namespace
}  // namespace sluice::records
