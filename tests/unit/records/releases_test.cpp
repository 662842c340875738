#include "records/sqlite.hpp"
#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

namespace sluice::records {
namespace {

using testing::failed_with;
using testing::image;
using testing::kept;
using testing::release_of;
using testing::why;

// sha256sum of {"api":"sha256:3e23...","web":"sha256:ca97..."}, the digests of "b" and "a".
constexpr std::string_view kKnownId = "010c8c5c1c5827b38bf5a626d5d75caf22f16095b8f779c91dc4067d7aad7c03";

TEST(ReleaseId, IsTheHashOfCanonicalJsonOfNamesAndDigests) {
  EXPECT_EQ(release_id({image("web", "a"), image("api", "b")}), kKnownId);
}

TEST(ReleaseId, IsOfNamesAndDigestsAndOfNothingElse) {
  const struct {
    const char* name;
    std::vector<ReleaseImage> images;
    bool same;
  } rows[] = {
      {"in another order", {image("api", "b"), image("web", "a")}, true},
      {"under other tags", {image("web", "a", "v1"), image("api", "b", "v2")}, true},
      {"digests swapped", {image("web", "b"), image("api", "a")}, false},
      {"one image less", {image("web", "a")}, false},
      {"one image more", {image("web", "a"), image("api", "b"), image("db", "b")}, false},
      {"a name that looks like JSON", {image(R"(api":"x","web)", "a")}, false},
      {"nothing", {}, false},
  };
  for (const auto& row : rows) EXPECT_EQ(release_id(row.images) == kKnownId, row.same) << row.name;
}

class Releases : public ::testing::Test {
 protected:
  std::optional<Release> stored(std::string_view id) {
    auto got = store_->release("shop", id);
    EXPECT_TRUE(got.ok()) << why(got);
    return got.ok() ? *got : std::nullopt;
  }
  std::vector<std::string> numbered(std::int64_t number) {
    auto got = store_->numbered("shop", number);
    EXPECT_TRUE(got.ok()) << why(got);
    std::vector<std::string> ids;
    if (!got.ok()) return ids;
    for (const auto& each : *got) {
      EXPECT_EQ(each.number, number) << "the label that was asked for";
      ids.push_back(each.id);
    }
    return ids;
  }

  testing::TempFolder folder_;
  std::unique_ptr<Store> store_ = testing::open(folder_ / "records.db");
};

TEST_F(Releases, ComeBackAsTheyWere) {
  auto wanted = release_of("shop", {image("web", "a", "v1"), image("api", "b", "v1")}, true);
  wanted.adopted = true;
  wanted.created_at = 1'700'000'000;
  auto first = store_->keep_release(wanted);
  ASSERT_TRUE(first.ok()) << why(first);
  EXPECT_EQ(first->id, kKnownId);
  store_ = testing::open(folder_ / "records.db");
  const auto got = stored(kKnownId);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->id, kKnownId);
  EXPECT_EQ(got->app, "shop");
  EXPECT_EQ(got->images, wanted.images) << "in the order of the pipeline";
  EXPECT_TRUE(got->pattern_tag);
  EXPECT_TRUE(got->adopted);
  EXPECT_EQ(got->origin, "dev");
  EXPECT_EQ(got->created_at, 1'700'000'000);
  EXPECT_EQ(got->number, 0) << "nobody gave it a number";
  EXPECT_EQ(got->line, "");
}

TEST_F(Releases, GetATimeWhenTheyHaveNone) { EXPECT_GT(kept(*store_, "a").created_at, 1'700'000'000); }

TEST_F(Releases, AreKeptOnceAndGivenBackWithTheTagsThatWereWanted) {
  auto seen = release_of("shop", {image("web", "a", "live")});
  seen.adopted = true;
  seen.created_at = 17;
  seen.number = 3;
  seen.id = "not looked at";
  auto first = store_->keep_release(seen);
  ASSERT_TRUE(first.ok()) << why(first);
  auto again = store_->keep_release(release_of("shop", {image("web", "a", "v2")}, true));
  ASSERT_TRUE(again.ok()) << why(again);
  EXPECT_EQ(again->id, first->id);
  EXPECT_EQ(again->images[0].tag, "v2");
  EXPECT_TRUE(again->pattern_tag);
  EXPECT_FALSE(again->adopted);
  EXPECT_EQ(again->created_at, 17) << "when it was kept first";
  EXPECT_EQ(again->number, 3) << "the newest label";
  EXPECT_EQ(stored(first->id)->images[0].tag, "live");
  auto all = store_->releases("shop", 10);
  ASSERT_TRUE(all.ok()) << why(all);
  EXPECT_EQ(all->size(), 1U);
}

TEST_F(Releases, AreFoundByTheBeginningOfTheirId) {
  const auto id = kept(*store_, "a").id;
  EXPECT_EQ(stored(id.substr(0, 12))->id, id);
  EXPECT_EQ(stored(id.substr(0, 63))->id, id);
  EXPECT_FALSE(stored(std::string(12, '0')).has_value());
  EXPECT_FALSE(stored(std::string(64, 'f')).has_value());
  auto elsewhere = store_->release("cart", id);
  ASSERT_TRUE(elsewhere.ok()) << why(elsewhere);
  EXPECT_FALSE(elsewhere->has_value());
  for (const auto& bad : {std::string(), id.substr(0, 11), id + "0", std::string("ABCDEFABCDEF"),
                          std::string("sha256:01234567"), std::string("%%%%%%%%%%%%")}) {
    EXPECT_TRUE(failed_with(store_->release("shop", bad), ErrorKind::usage, "names no release")) << bad;
  }
}

TEST_F(Releases, WhoseIdsBeginAlikeNeedMoreDigits) {
  auto database = Database::open(folder_ / "records.db", std::chrono::milliseconds(100));
  ASSERT_TRUE(database.ok()) << why(database);
  const std::string begin = "0123456789abcdef";
  for (const auto* serial : {"1", "2"}) {
    const auto content = begin + std::string(47, '0') + serial;
    ASSERT_TRUE(
        (*database)
            ->run("INSERT INTO releases VALUES ('shop', " + std::string(serial) + ", '" + content + "', 0, 0, '', 1)")
            .ok());
    ASSERT_TRUE((*database)
                    ->run("INSERT INTO release_images VALUES ('shop', " + std::string(serial) + ", 0, 'web', '" +
                          oci::Digest::of(serial).text() + "', '')")
                    .ok());
  }
  EXPECT_TRUE(failed_with(store_->release("shop", begin), ErrorKind::conflict, "have ids that begin with " + begin));
  EXPECT_TRUE(failed_with(store_->label_release("shop", begin, "", 1), ErrorKind::conflict, "have ids that begin"));
  EXPECT_TRUE(stored(begin + std::string(47, '0') + "2").has_value());
}

TEST_F(Releases, HaveLabelsOfWhichTheNewestIsShown) {
  const auto id = kept(*store_, "a", 7).id;
  ASSERT_TRUE(store_->label_release("shop", id, "uid:1", 12).ok());
  ASSERT_TRUE(store_->label_release("shop", id.substr(0, 12), "uid:1", 9).ok());
  ASSERT_TRUE(store_->label_release("shop", id, "", 7).ok()) << "the same again is fine";
  EXPECT_EQ(stored(id)->number, 9);
  EXPECT_EQ(stored(id)->line, "uid:1");
  EXPECT_EQ(kept(*store_, "a").number, 9);
  EXPECT_EQ(kept(*store_, "a", 7).number, 7) << "the label that was asked for";
  for (const std::int64_t number : {7, 9, 12}) EXPECT_EQ(numbered(number), std::vector<std::string>{id}) << number;
  EXPECT_TRUE(numbered(8).empty());
}

TEST_F(Releases, ShareANumberOfDifferentLines) {
  const auto a = kept(*store_, "a", 7).id;
  const auto b = kept(*store_, "b").id;
  ASSERT_TRUE(store_->label_release("shop", b, "uid:1", 7).ok());
  ASSERT_TRUE(store_->label_release("shop", a, "uid:2", 7).ok());
  EXPECT_EQ(numbered(7), (std::vector<std::string>{a, b})) << "each once, the newest label first";
  auto elsewhere = store_->numbered("cart", 7);
  ASSERT_TRUE(elsewhere.ok()) << why(elsewhere);
  EXPECT_TRUE(elsewhere->empty());
}

TEST_F(Releases, DoNotTakeTheNumberOfAnother) {
  const auto a = kept(*store_, "a", 7).id;
  const auto b = kept(*store_, "b").id;
  const auto sentence =
      "cannot call release " + b.substr(0, 12) + " of shop number 7: this number stands for release " + a.substr(0, 12);
  EXPECT_TRUE(failed_with(store_->label_release("shop", b, "", 7), ErrorKind::conflict, sentence));
  auto wanted = release_of("shop", {image("web", "c")});
  wanted.number = 7;
  EXPECT_TRUE(failed_with(store_->keep_release(wanted), ErrorKind::conflict, "this number stands for release"));
  EXPECT_FALSE(stored(release_id(wanted.images)).has_value()) << "it is not kept without its number";
  EXPECT_TRUE(failed_with(store_->label_release("shop", std::string(64, '0'), "", 1), ErrorKind::not_found,
                          "it is not in the records"));
}

TEST_F(Releases, HaveNumbersFromOneToSevenDigits) {
  const auto id = kept(*store_, "a").id;
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{10'000'000}, INT64_MAX, INT64_MIN}) {
    const auto sentence = "there is no release number " + std::to_string(number) + ": numbers go from 1 to 9999999";
    EXPECT_TRUE(failed_with(store_->label_release("shop", id, "", number), ErrorKind::usage, sentence));
    EXPECT_TRUE(failed_with(store_->numbered("shop", number), ErrorKind::usage, sentence));
    if (number == 0) continue;
    auto wanted = release_of("shop", {image("web", "a")});
    wanted.number = number;
    EXPECT_TRUE(failed_with(store_->keep_release(wanted), ErrorKind::usage, sentence));
  }
  EXPECT_TRUE(store_->label_release("shop", id, "", 1).ok());
  EXPECT_TRUE(store_->label_release("shop", id, "", kMaxNumber).ok());
}

TEST_F(Releases, AreListedNewestFirstUpToTheLimit) {
  std::vector<std::string> made;
  for (const auto* content : {"a", "b", "c"}) {
    auto release = store_->keep_release(release_of("shop", {image("web", content), image("api", content)}));
    ASSERT_TRUE(release.ok()) << why(release);
    made.push_back(release->id);
  }
  kept(*store_, "z", 0, "cart");
  const struct {
    std::size_t limit;
    std::vector<std::string> ids;
  } rows[] = {{0, {}}, {2, {made[2], made[1]}}, {SIZE_MAX, {made[2], made[1], made[0]}}};
  for (const auto& row : rows) {
    auto got = store_->releases("shop", row.limit);
    ASSERT_TRUE(got.ok()) << why(got);
    std::vector<std::string> ids;
    for (const auto& each : *got) {
      ids.push_back(each.id);
      EXPECT_EQ(each.images.size(), 2U) << "release " << each.id;
    }
    EXPECT_EQ(ids, row.ids) << "limit " << row.limit;
  }
}

TEST_F(Releases, WithoutSenseAreRefused) {
  const std::string huge(17U * 1024 * 1024, 'x');
  const struct {
    const char* part;
    Release wanted;
  } rows[] = {
      {"the app has no name", release_of("", {image("web", "a")})},
      {"it has no images", release_of("shop", {})},
      {"an image has no name", release_of("shop", {image("", "a")})},
      {"image web is there twice", release_of("shop", {image("web", "a"), image("web", "b")})},
      {"more than 10000 images", release_of("shop", std::vector(10'001, image("web", "a")))},
      {"the app is longer than 16384 bytes", release_of(huge, {image("web", "a")})},
      {"the name of an image is longer", release_of("shop", {image(huge, "a")})},
      {"a tag is longer", release_of("shop", {image("web", "a", huge)})},
  };
  for (const auto& row : rows) {
    EXPECT_TRUE(failed_with(store_->keep_release(row.wanted), ErrorKind::usage, row.part));
  }
  EXPECT_TRUE(failed_with(store_->releases(huge, 1), ErrorKind::usage, "the app is longer"));
  auto all = store_->releases("shop", 10);
  ASSERT_TRUE(all.ok()) << why(all);
  EXPECT_TRUE(all->empty()) << "nothing of the refused ones is left";
}

}  // namespace
}  // namespace sluice::records
