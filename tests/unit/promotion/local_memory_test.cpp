#include "promotion/memory/local.hpp"
#include "promotion/memory/place_keys.hpp"
#include "unit/promotion/promotion_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

using records::PromotionState;
using support::why;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Records alone: promotions as they were written, of a place that remembers nothing.
class LocalMemory : public World {
 protected:
  const pipeline::Target& there() const { return app.environments[1].targets.front(); }

  Plan plan_of(int version, int before, records::PromotionKind kind) const {
    Plan out;
    out.app = "shop";
    out.environment = "prod";
    out.kind = kind;
    PlannedTarget planned{.target = there(), .images = {}, .findings = {}};
    for (const auto& name : app.images) {
      PlannedImage image{
          .name = name, .after = digest_of(name, version), .tags = {}, .origins = {target("dev.example.com", "dev")}};
      image.tags.push_back({"latest", before == 0 ? std::nullopt : std::optional(digest_of(name, before))});
      planned.images.push_back(std::move(image));
    }
    out.targets.push_back(std::move(planned));
    return out;
  }

  /// A promotion of a version over another one (0: nothing was there) that came to `state`.
  std::string record(int version, int before, PromotionState state, bool switched = true,
                     records::PromotionKind kind = records::PromotionKind::promote) {
    records::Release release;
    release.app = "shop";
    release.origin = "dev";
    for (const auto& name : app.images) release.images.push_back({name, digest_of(name, version), "latest"});
    const auto kept = store->keep_release(release);
    EXPECT_TRUE(kept.ok()) << why(kept);
    const auto plan = plan_of(version, before, kind);
    records::Promotion promotion;
    promotion.app = "shop";
    promotion.environment = "prod";
    promotion.kind = kind;
    promotion.release = kept->id;
    promotion.plan_hash = plan.hash();
    promotion.plan = to_record(plan);
    promotion.places = place_keys(there(), app.images, "latest");
    const auto added = store->add_promotion(promotion);
    EXPECT_TRUE(added.ok()) << why(added);
    if (switched) note(added->id, PromotionState::switching, records::Step::begin_switch);
    if (state != PromotionState::planned)
      note(added->id, state, records::Step::left, state == PromotionState::failed ? "it broke" : "");
    return added->id;
  }
  void note(const std::string& id, PromotionState state, records::Step step, const std::string& failure = {}) {
    const auto noted =
        store->advance(id, state, failure,
                       {.sequence = 0, .at = 0, .step = step, .target = there().id(), .image = {}, .detail = {}}, {});
    EXPECT_TRUE(noted.ok()) << why(noted);
  }
  memory::TargetMemory played() {
    auto memory = local_memory(*store, there(), app.images, "latest");
    EXPECT_TRUE(memory.ok()) << why(memory);
    return memory.ok() ? *memory : memory::TargetMemory{};
  }
  /// "2 verified": the version of web, and how it stood.
  std::vector<std::string> stood() {
    std::vector<std::string> out;
    for (const auto& release : played().releases) {
      for (int version = 1; version < 10; ++version) {
        if (release.images.front().digest == digest_of("web", version).text())
          out.push_back(std::to_string(version) + " " + std::string(to_string(release.stood)));
      }
    }
    return out;
  }
};

TEST_F(LocalMemory, OfNoPromotionsIsEmpty) { EXPECT_TRUE(played().empty()); }

TEST_F(LocalMemory, PromotionsArePlayedAgainInTheirOrder) {
  record(1, 0, PromotionState::succeeded);
  record(2, 1, PromotionState::succeeded);
  EXPECT_THAT(stood(), ElementsAre("2 verified", "1 verified"));
  EXPECT_EQ(played().promotions.size(), 2U);
  EXPECT_FALSE(played().open.has_value());
}

TEST_F(LocalMemory, TheFirstPromotionAdoptsWhatWasThere) {
  record(2, 1, PromotionState::succeeded);
  EXPECT_THAT(stood(), ElementsAre("2 verified", "1 adopted"));
}

TEST_F(LocalMemory, AFailureWhoseTagsStandIsAReleaseThatFailed) {
  record(1, 0, PromotionState::succeeded);
  record(2, 1, PromotionState::failed);
  EXPECT_THAT(stood(), ElementsAre("2 failed", "1 verified"));
  ASSERT_EQ(played().promotions.size(), 2U);
  EXPECT_EQ(played().promotions.front().failure, "it broke");
}

TEST_F(LocalMemory, AFailureThatMovedNoTagIsNoRelease) {
  record(1, 0, PromotionState::succeeded);
  record(2, 1, PromotionState::failed, false);
  EXPECT_THAT(stood(), ElementsAre("1 verified"));
  EXPECT_EQ(played().promotions.size(), 2U);
}

TEST_F(LocalMemory, AFailureWhoseTagsWerePutBackIsNoRelease) {
  record(1, 0, PromotionState::succeeded);
  const auto id = record(2, 1, PromotionState::planned);
  note(id, PromotionState::switching, records::Step::put_back_done);
  note(id, PromotionState::failed, records::Step::left, "it broke");
  EXPECT_THAT(stood(), ElementsAre("1 verified"));
}

TEST_F(LocalMemory, OneThatWasRolledBackIsUndone) {
  record(1, 0, PromotionState::succeeded);
  record(2, 1, PromotionState::rolled_back);
  EXPECT_THAT(stood(), ElementsAre("2 undone", "1 verified"));
}

TEST_F(LocalMemory, ARollbackLeavesWhatStood) {
  record(1, 0, PromotionState::succeeded);
  record(2, 1, PromotionState::succeeded);
  record(1, 2, PromotionState::succeeded, true, records::PromotionKind::rollback);
  EXPECT_THAT(stood(), ElementsAre("1 verified", "2 left"));
}

TEST_F(LocalMemory, OneThatDidNotEndIsOpen) {
  record(1, 0, PromotionState::succeeded);
  const auto id = record(2, 1, PromotionState::switching);
  ASSERT_TRUE(played().open.has_value());
  EXPECT_EQ(played().open->promotion, id);
  EXPECT_THAT(stood(), ElementsAre("1 verified"));
}

TEST_F(LocalMemory, OneThatIsHalfThereStaysOpen) {
  const auto id = record(2, 1, PromotionState::partial);
  ASSERT_TRUE(played().open.has_value());
  EXPECT_EQ(played().open->promotion, id);
}

TEST_F(LocalMemory, PromotionsOfAnotherPlaceAreNoneOfIts) {
  record(1, 0, PromotionState::succeeded);
  const auto other = local_memory(*store, target("eu.example.com", "shop"), app.images, "latest");
  ASSERT_TRUE(other.ok()) << why(other);
  EXPECT_TRUE(other->empty());
  const auto tag = local_memory(*store, there(), app.images, "next");
  ASSERT_TRUE(tag.ok()) << why(tag);
  EXPECT_THAT(tag->releases, IsEmpty());
}

}  // namespace
}  // namespace sluice::promotion
