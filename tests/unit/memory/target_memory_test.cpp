#include "memory/target_memory.hpp"

#include "memory/changes.hpp"
#include "oci/content_id.hpp"
#include "unit/memory/memory_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>

namespace sluice::memory {
namespace {

using testing::digest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string> kImages{"web", "api"};

/// Release `number` of both images: web has digest letter, api has digest other.
struct Content {
  std::int64_t number = 0;
  char web = 'a';
  char api = 'a';
  std::string id() const { return oci::content_id({{"web", digest(web)}, {"api", digest(api)}}); }
};

KeptRelease part(const Content& content, std::size_t image, Stood stood = Stood::verified) {
  KeptRelease out{.release = content.id(), .number = content.number, .digest = {}};
  out.digest = digest(image == 0 ? content.web : content.api);
  out.tag = "latest";
  out.stood = stood;
  out.promotion = "p" + std::to_string(content.number);
  out.at = content.number;
  return out;
}

/// Both repositories of a target, as promotions change them.
class Shop {
 public:
  Shop() : memories_(kImages.size()) {}
  TagMemory& tag(std::size_t image) { return memories_[image].tags["latest"]; }
  RepositoryMemory& repository(std::size_t image) { return memories_[image]; }
  TargetMemory joined() const { return join(kImages, "latest", memories_); }

  void play(const Content& content, const std::string& state, std::optional<Stood> stood,
            const std::string& kind = "promote", const std::string& promotion = {}) {
    for (std::size_t image = 0; image < kImages.size(); ++image) {
      const auto kept = part(content, image);
      Beginning begun{.app = "shop", .environment = "prod", .fence = 0, .open = {}};
      begun.open.promotion = promotion.empty() ? kept.promotion : promotion;
      begun.open.kind = kind;
      begun.open.release = kept.release;
      begun.open.number = content.number;
      begun.open.label = "latest";
      begun.open.digest = begun.open.after = kept.digest;
      begun.open.tags = {{"latest", before_[image]}};
      const auto known = befores_.emplace(begun.open.promotion, before_).first->second[image];
      begun.open.tags.back().before = known;
      begun.stands = adopted_.empty() ? std::nullopt : std::optional(adopted_[image]);
      begin(tag(image), begun);
      Ending ending{.promotion = begun.open.promotion, .state = state, .ended = content.number};
      ending.stood = stood;
      end(tag(image), ending);
      if (stood) after_[image] = *stood == Stood::undone ? known : kept.digest;
    }
    before_ = after_;
  }
  void promote(const Content& content) { play(content, "succeeded", Stood::verified); }
  void undo(const Content& content) { play(content, "rolled-back", Stood::undone); }
  void roll_back(const Content& content) {
    play(content, "succeeded", Stood::verified, "rollback", "r" + std::to_string(++rollbacks_));
  }
  /// What stands there before anybody promotes.
  void hold(const Content& content) {
    for (std::size_t image = 0; image < kImages.size(); ++image) {
      adopted_.push_back(part(content, image, Stood::adopted));
      before_[image] = after_[image] = adopted_.back().digest;
    }
  }

 private:
  std::vector<RepositoryMemory> memories_;
  std::vector<KeptRelease> adopted_;
  std::array<std::string, 2> before_{};
  std::array<std::string, 2> after_{};
  std::map<std::string, std::array<std::string, 2>> befores_;
  int rollbacks_ = 0;
};

std::int64_t before(const TargetMemory& memory, const Content& present) {
  const auto* release = release_before(memory.releases, present.id());
  return release == nullptr ? 0 : release->number;
}

const Content kOne{1, '1', '5'};
const Content kTwo{2, '2', '5'};
const Content kThree{3, '3', '5'};
const Content kFour{4, '4', '5'};

TEST(TargetMemory, OfRepositoriesThatRememberNothingIsEmpty) {
  EXPECT_TRUE(Shop().joined().empty());
  EXPECT_TRUE(join({}, "latest", {}).empty());
}

TEST(TargetMemory, PutsTheImagesOfAReleaseTogetherInTheOrderAskedFor) {
  Shop shop;
  shop.promote(kOne);
  shop.tag(1).releases.front().arrived_as = digest('9');
  const auto memory = shop.joined();
  ASSERT_EQ(memory.releases.size(), 1U);
  const auto& release = memory.releases.front();
  EXPECT_EQ(release.id, kOne.id());
  EXPECT_EQ(release.number, 1);
  EXPECT_THAT(release.images, ElementsAre(StoodImage{"web", digest('1'), "", "latest"},
                                          StoodImage{"api", digest('5'), digest('9'), "latest"}));
  ASSERT_EQ(memory.promotions.size(), 1U);
}

TEST(TargetMemory, TheRepositoryWithTheHighestFenceSaysHowThingsWent) {
  Shop shop;
  shop.promote(kOne);
  shop.promote(kTwo);
  shop.tag(1).fence = 5;
  shop.tag(1).releases.erase(shop.tag(1).releases.begin());
  shop.tag(1).promotions.clear();
  const auto memory = shop.joined();
  EXPECT_EQ(memory.fence, 5);
  ASSERT_EQ(memory.releases.size(), 1U);
  EXPECT_EQ(memory.releases.front().number, 1);
  EXPECT_THAT(memory.promotions, IsEmpty());
}

TEST(TargetMemory, AReleaseThatLacksAnImageIsNotWhole) {
  Shop shop;
  shop.promote(kOne);
  shop.promote(kTwo);
  shop.tag(1).releases.erase(shop.tag(1).releases.begin());
  auto memory = shop.joined();
  ASSERT_EQ(memory.releases.size(), 1U);
  EXPECT_EQ(memory.releases.front().number, 1);
  // One whose digest was changed does not give its id.
  shop.tag(1).releases.front().digest = digest('9');
  EXPECT_THAT(shop.joined().releases, IsEmpty());
}

TEST(TargetMemory, AnAdoptedReleaseHoldsTheImagesThatWereThere) {
  Shop shop;
  auto there = part(kOne, 0, Stood::adopted);
  there.release = oci::content_id({{"web", there.digest}});
  keep(shop.tag(0), there);
  const auto memory = shop.joined();
  ASSERT_EQ(memory.releases.size(), 1U);
  ASSERT_EQ(memory.releases.front().images.size(), 1U);
  EXPECT_EQ(memory.releases.front().images.front().name, "web");
}

TEST(TargetMemory, NumbersOfAnOlderVersionAreReleasesWhereEveryImageHasThem) {
  Shop shop;
  for (std::size_t image = 0; image < 2; ++image) {
    auto old = part(kOne, image);
    old.release.clear();
    keep(shop.tag(image), old);
  }
  auto lonely = part(kTwo, 0);
  lonely.release.clear();
  keep(shop.tag(0), lonely);
  const auto memory = shop.joined();
  ASSERT_EQ(memory.releases.size(), 1U);
  EXPECT_EQ(memory.releases.front().number, 1);
  EXPECT_EQ(memory.releases.front().id, kOne.id()) << "its content gives its id";
}

TEST(TargetMemory, OneNumberOfTwoContentsIsToldByItsPromotion) {
  Shop shop;
  for (std::size_t image = 0; image < 2; ++image) {
    for (const auto& content : {Content{3, '3', '5'}, Content{3, '4', '6'}}) {
      auto old = part(content, image);
      old.release.clear();
      old.promotion = std::string("p") + content.web;
      keep(shop.tag(image), old);
    }
  }
  std::swap(shop.tag(1).releases[0], shop.tag(1).releases[1]);
  const auto memory = shop.joined();
  ASSERT_EQ(memory.releases.size(), 2U);
  EXPECT_EQ(memory.releases[0].id, (Content{3, '4', '6'}).id());
  EXPECT_EQ(memory.releases[1].id, (Content{3, '3', '5'}).id());
}

TEST(TargetMemory, AHoldOfAnyRepositoryHolds) {
  Shop shop;
  shop.tag(0).fence = 9;
  shop.tag(1).hold = Hold{.reason = "year end"};
  ASSERT_TRUE(shop.joined().hold.has_value());
  EXPECT_EQ(shop.joined().hold->reason, "year end");
}

TEST(TargetMemory, WhatIsOpenComesWithThePlanOfItsHead) {
  Shop shop;
  OpenPromotion open{.promotion = "p1", .kind = "promote", .release = kOne.id()};
  open.after = digest('1');
  open.tags = {{"latest", ""}};
  open.head = "api";
  shop.tag(0).open = open;
  EXPECT_TRUE(shop.joined().open->plan->is_null());
  open.plan = Json::object().set("version", 1);
  shop.tag(1).open = open;
  ASSERT_TRUE(shop.joined().open.has_value());
  EXPECT_TRUE(shop.joined().open->plan->is_object());
  // A later promotion of the repository that leads counts.
  open.promotion = "p2";
  open.plan = {};
  shop.tag(0).open = open;
  shop.tag(0).fence = 3;
  EXPECT_EQ(shop.joined().open->promotion, "p2");
}

TEST(TargetMemory, ARepositoryThatCannotBeReadIsAProblem) {
  Shop shop;
  shop.promote(kOne);
  shop.repository(1) = {};
  shop.repository(1).problem = "is no JSON object";
  const auto memory = shop.joined();
  EXPECT_THAT(memory.problem, HasSubstr("the memory of api cannot be read: it is no JSON object"));
  EXPECT_THAT(memory.releases, IsEmpty());
  EXPECT_FALSE(memory.empty());
}

// --- Going back -----------------------------------------------------------------------------------------------------

TEST(ReleaseBefore, IsTheOneThatStoodBefore) {
  Shop shop;
  shop.promote(kOne);
  EXPECT_EQ(before(shop.joined(), kOne), 0);
  shop.promote(kTwo);
  EXPECT_EQ(before(shop.joined(), kTwo), 1);
  EXPECT_EQ(standing(shop.joined())->number, 2);
}

TEST(ReleaseBefore, IsNeverOneThatWasUndone) {
  Shop shop;
  for (const auto& content : {kOne, kTwo, kThree}) shop.promote(content);
  shop.undo(kThree);
  EXPECT_EQ(standing(shop.joined())->number, 2);
  EXPECT_EQ(before(shop.joined(), kTwo), 1);
}

TEST(ReleaseBefore, IsNeverOneThatFailed) {
  Shop shop;
  shop.promote(kOne);
  shop.promote(kTwo);
  shop.play(kThree, "failed", Stood::failed);
  EXPECT_EQ(before(shop.joined(), kThree), 2);
  shop.promote(kFour);
  EXPECT_EQ(before(shop.joined(), kFour), 2);
}

TEST(ReleaseBefore, IsNeverTheOneThatIsThere) {
  Shop shop;
  shop.promote(kOne);
  shop.promote(kTwo);
  EXPECT_EQ(before(shop.joined(), kOne), 2) << "somebody set the tags by hand";
  EXPECT_EQ(release_before(shop.joined().releases, "")->number, 2) << "images of no release stand there";
}

TEST(ReleaseBefore, ASecondRollbackGoesFurtherBack) {
  Shop shop;
  for (const auto& content : {kOne, kTwo, kThree}) shop.promote(content);
  shop.undo(kThree);
  shop.promote(kFour);
  EXPECT_EQ(before(shop.joined(), kFour), 2);
  shop.roll_back(kTwo);
  EXPECT_EQ(before(shop.joined(), kTwo), 1) << "never back to the one just left, nor to the one undone";
  shop.roll_back(kOne);
  EXPECT_EQ(before(shop.joined(), kOne), 0);
}

TEST(ReleaseBefore, IsWhatWasThereBeforeTheFirstPromotion) {
  Shop shop;
  shop.hold({0, '9', '8'});
  shop.promote(kOne);
  const auto memory = shop.joined();
  const auto* release = release_before(memory.releases, kOne.id());
  ASSERT_NE(release, nullptr);
  EXPECT_EQ(release->stood, Stood::adopted);
  EXPECT_EQ(release->images.front().digest, digest('9'));
}

TEST(ReleaseBefore, AnUndoneFirstPromotionIsNotWhatStoodThere) {
  Shop shop;
  shop.hold({0, '9', '8'});
  shop.promote(kOne);
  shop.undo(kOne);
  const Content there{0, '9', '8'};
  EXPECT_EQ(release_before(shop.joined().releases, there.id()), nullptr);
  EXPECT_EQ(standing(shop.joined())->stood, Stood::adopted);
}

TEST(ReleaseBefore, OfReleasesWithOneDigestOfAnImageIsTheOneThatNobodyLeft) {
  Shop shop;  // api never changes, and web leads
  const Content first{1, '1', '5'};
  const Content second{2, '1', '6'};
  const Content third{3, '1', '7'};
  for (const auto& content : {first, second, third}) shop.promote(content);
  shop.roll_back(second);
  EXPECT_EQ(before(shop.joined(), second), 1);
}

TEST(RememberEarlier, AMemoryThatNeverWasBeginsWithWhatRecordsTell) {
  Shop records;
  for (const auto& content : {kOne, kTwo}) records.promote(content);
  Shop place;
  for (std::size_t image = 0; image < kImages.size(); ++image)
    remember_earlier(place.tag(image), kImages[image], records.joined().releases, part(kTwo, image, Stood::adopted));
  const auto joined = place.joined();
  EXPECT_EQ(joined.releases, records.joined().releases);
  EXPECT_EQ(before(joined, kTwo), 1);
}

TEST(RememberEarlier, WhatSomebodyElseBroughtSinceStandsFirst) {
  Shop records;
  for (const auto& content : {kOne, kTwo}) records.promote(content);
  const Content there{0, '9', '8'};
  Shop place;
  for (std::size_t image = 0; image < kImages.size(); ++image)
    remember_earlier(place.tag(image), kImages[image], records.joined().releases, part(there, image, Stood::adopted));
  const auto joined = place.joined();
  ASSERT_NE(standing(joined), nullptr);
  EXPECT_EQ(standing(joined)->id, there.id());
  EXPECT_EQ(before(joined, there), 2);
}

}  // namespace
}  // namespace sluice::memory
