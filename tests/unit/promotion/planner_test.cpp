#include "promotion/plan/planner.hpp"

#include "unit/promotion/promotion_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

using support::failed_with;
using support::Verb;
using support::why;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using PlannerTest = World;

std::vector<std::string> codes(const std::vector<Finding>& findings) {
  std::vector<std::string> out;
  for (const auto& finding : findings) out.push_back(finding.code);
  return out;
}

// The place of the first image in prod, as records know it.
std::string place_of_web() { return "prod.example.com/shop/web:latest"; }

std::vector<std::string> tags(const PlannedImage& image) {
  std::vector<std::string> out;
  for (const auto& tag : image.tags) out.push_back(tag.tag);
  return out;
}

TEST_F(PlannerTest, PlansWhatTheSourceTagIsNow) {
  build(1);
  place(prod(), 0);
  const auto planned = plan();
  ASSERT_TRUE(planned.ok()) << why(planned);
  const auto& p = planned->plan;
  EXPECT_EQ(p.app, "shop");
  EXPECT_EQ(p.environment, "prod");
  EXPECT_EQ(p.release, std::nullopt) << "the release is not made yet";
  ASSERT_EQ(p.targets.size(), 1U);
  ASSERT_EQ(p.targets[0].images.size(), 2U);
  const auto& web = p.targets[0].images[0];
  EXPECT_EQ(web.after, digest_of("web", 1));
  EXPECT_EQ(web.before(), digest_of("web", 0));
  EXPECT_THAT(tags(web), ElementsAre("latest"));
  EXPECT_EQ(to_string(web.road), "stream");
  EXPECT_EQ(web.origins.front().id(), "dev.example.com/dev");
  EXPECT_TRUE(p.changes());
  EXPECT_FALSE(p.blocked());
}

TEST_F(PlannerTest, WritesNothingAnywhere) {
  build(1);
  const auto planned = planner().plan({.environment = "prod"}, false);
  ASSERT_TRUE(planned.ok()) << why(planned);
  const std::set<Verb> writing{Verb::put_manifest, Verb::mount_blob, Verb::begin_upload, Verb::write_blob};
  EXPECT_THAT(prod().call_texts(writing), IsEmpty());
  EXPECT_THAT(dev().call_texts(writing), IsEmpty());
  const auto releases = store->releases("shop", 10);
  ASSERT_TRUE(releases.ok());
  EXPECT_THAT(*releases, IsEmpty());
  for (const auto& call : prod().calls_of(Verb::expect)) EXPECT_EQ(call.name, "pull") << call.text();
}

TEST_F(PlannerTest, HasTheSameHashBeforeAndAfterTheReleaseIsMade) {
  build(1);
  const auto before = plan();
  ASSERT_TRUE(before.ok()) << why(before);
  ASSERT_TRUE(release_made().ok());
  const auto after = plan();
  ASSERT_TRUE(after.ok()) << why(after);
  EXPECT_EQ(after->plan.release, 1);
  EXPECT_EQ(before->plan.hash(), after->plan.hash());
}

TEST_F(PlannerTest, MakesAReleaseOnceForTheSameDigests) {
  build(1);
  const auto first = release_made();
  const auto again = release_made();
  build(2);
  const auto second = release_made();
  ASSERT_TRUE(first.ok() && again.ok() && second.ok());
  EXPECT_EQ(first->number, 1);
  EXPECT_EQ(again->number, 1);
  EXPECT_EQ(second->number, 2);
  EXPECT_EQ(second->origin, "dev");
  EXPECT_FALSE(second->adopted);
}

TEST_F(PlannerTest, TakesTheNewestTagThatAllImagesCarry) {
  pattern("v*");
  build(1, "v1.9.0");
  build(2, "v1.10.0");
  dev().hold_image("dev/web", image_of("web", 3), "v2.0.0");
  const auto planned = plan();
  ASSERT_TRUE(planned.ok()) << why(planned);
  const auto& web = planned->plan.targets[0].images[0];
  EXPECT_EQ(web.after, digest_of("web", 2));
  EXPECT_THAT(tags(web), ElementsAre("v1.10.0", "live"));
  EXPECT_TRUE(planned->release.pattern_tag);
}

TEST_F(PlannerTest, SaysWhichImageIsMissingAtTheSource) {
  dev().hold_image("dev/web", image_of("web", 1), "latest");
  EXPECT_TRUE(failed_with(plan(), ErrorKind::not_found, "dev.example.com/dev/api:latest"));
}

TEST_F(PlannerTest, RefusesWhatCannotBePromotedTo) {
  build(1);
  struct Row {
    const char* name;
    Request request;
    ErrorKind kind;
    const char* part;
  };
  const std::vector<Row> rows{
      {"where images are born", {.environment = "dev"}, ErrorKind::usage, "promote to prod"},
      {"an unknown environment", {.environment = "prd"}, ErrorKind::config, "did you mean 'prod'"},
      {"an unknown release", {.environment = "prod", .release = "7"}, ErrorKind::not_found, "no release shop 7"},
      {"a rollback without a past",
       {.environment = "prod", .kind = records::PromotionKind::rollback},
       ErrorKind::not_found,
       "no earlier release"},
  };
  for (const auto& row : rows) EXPECT_TRUE(failed_with(plan(row.request), row.kind, row.part)) << row.name;
}

TEST_F(PlannerTest, PassesOnWhatARegistrySays) {
  build(1);
  for (const auto kind : {ErrorKind::unauthenticated, ErrorKind::unreachable, ErrorKind::denied}) {
    dev().script({.verb = Verb::find_manifest, .kind = kind, .times = 100});
    EXPECT_TRUE(failed_with(plan(), kind)) << to_string(kind);
    dev().clear_faults();
  }
}

class ThreeSteps : public World {
 protected:
  void SetUp() override {
    World::SetUp();
    app.environments.insert(app.environments.begin() + 1, environment("test", {target("test.example.com", "shop")}));
  }
  support::FakePlace& test() { return places.at("test.example.com"); }

 private:
  support::FakePlace& test_ = places.at("test.example.com");
};

TEST_F(ThreeSteps, TakesWhatTheEnvironmentBeforeHolds) {
  build(1);
  ASSERT_TRUE(promote({.environment = "test"}).ok());
  build(2);
  const auto planned = plan();
  ASSERT_TRUE(planned.ok()) << why(planned);
  EXPECT_EQ(planned->release.number, 1) << "not what dev is now";
  EXPECT_EQ(planned->plan.targets[0].images[0].after, digest_of("web", 1));
  EXPECT_EQ(planned->survey.items[0].origin.place->name(), "test.example.com");
}

TEST_F(ThreeSteps, ReadsFromFurtherBackWhenTheEnvironmentBeforeLostTheImage) {
  build(1);
  ASSERT_TRUE(release_made().ok());
  const auto planned = plan({.environment = "prod", .release = "1"});
  ASSERT_TRUE(planned.ok()) << why(planned);
  EXPECT_EQ(planned->survey.items[0].origin.place->name(), "dev.example.com");
}

TEST_F(ThreeSteps, AdoptsWhatWasThereBeforeTheRecordsBegan) {
  place(test(), 7);
  const auto planned = plan();
  ASSERT_TRUE(planned.ok()) << why(planned);
  EXPECT_TRUE(planned->release.adopted);
  EXPECT_EQ(planned->release.origin, "test");
  EXPECT_EQ(planned->plan.targets[0].images[0].after, digest_of("web", 7));
  const auto kept = planner().keep(planned->release);
  ASSERT_TRUE(kept.ok()) << why(kept);
  EXPECT_EQ(kept->number, 0) << "nobody gave it a number";
  EXPECT_EQ(kept->id, records::release_id(planned->release.images));
  EXPECT_TRUE(kept->adopted);
}

TEST_F(ThreeSteps, StopsWhenTheEnvironmentBeforeHoldsNoRelease) {
  EXPECT_TRUE(failed_with(plan(), ErrorKind::not_found, "test holds nothing"));
  test().hold_image("shop/web", image_of("web", 1), "latest");
  EXPECT_TRUE(failed_with(plan(), ErrorKind::blocked, "only 1 of 2 images"));
}

TEST_F(ThreeSteps, StopsWhenTheEnvironmentBeforeDrifted) {
  build(1);
  ASSERT_TRUE(promote({.environment = "test"}).ok());
  place(test(), 9);
  EXPECT_TRUE(failed_with(plan(), ErrorKind::blocked, "drifted"));
  test().hold_image("shop/web", image_of("web", 1), "latest");
  EXPECT_TRUE(failed_with(plan(), ErrorKind::blocked, "its images belong to different releases"));
}

TEST_F(PlannerTest, GoesBackwardsOnlyWhenItIsSaid) {
  build(1);
  ASSERT_TRUE(promote().ok());
  build(2);
  ASSERT_TRUE(promote().ok());
  build(1);
  EXPECT_TRUE(failed_with(plan(), ErrorKind::usage, "this would bring the older shop 1 there"));
  const auto said = plan({.environment = "prod", .release = "1"});
  ASSERT_TRUE(said.ok()) << why(said);
  EXPECT_EQ(said->plan.targets[0].images[0].after, digest_of("web", 1));
}

TEST_F(PlannerTest, RollsBackToTheReleaseBefore) {
  build(1);
  ASSERT_TRUE(promote().ok());
  build(2);
  ASSERT_TRUE(promote().ok());
  const auto planned = plan({.environment = "prod", .kind = records::PromotionKind::rollback});
  ASSERT_TRUE(planned.ok()) << why(planned);
  EXPECT_EQ(planned->release.number, 1);
  EXPECT_EQ(to_string(planned->plan.kind), "rollback");
  const auto& web = planned->plan.targets[0].images[0];
  EXPECT_EQ(web.origins.front().id(), "prod.example.com/shop") << "it was there before";
  EXPECT_EQ(to_string(web.road), "present");
}

TEST_F(PlannerTest, FindsWhatStandsInTheWay) {
  build(1);
  ASSERT_TRUE(store->set_hold({.place = place_of_web(), .reason = "year-end close", .since = 0, .who = {}}).ok());
  auto planned = plan();
  ASSERT_TRUE(planned.ok()) << why(planned);
  EXPECT_THAT(codes(planned->plan.findings), ElementsAre("environment-held"));
  EXPECT_TRUE(planned->plan.blocked());
  ASSERT_TRUE(store->clear_holds({place_of_web()}).ok());
  planned = plan();
  ASSERT_TRUE(planned.ok()) << why(planned);
  EXPECT_FALSE(planned->plan.blocked());
}

TEST_F(PlannerTest, LetsARollbackPassAHold) {
  build(1);
  ASSERT_TRUE(promote().ok());
  build(2);
  ASSERT_TRUE(promote().ok());
  ASSERT_TRUE(store->set_hold({.place = place_of_web(), .reason = "held", .since = 0, .who = {}}).ok());
  const auto planned = plan({.environment = "prod", .kind = records::PromotionKind::rollback});
  ASSERT_TRUE(planned.ok()) << why(planned);
  EXPECT_FALSE(planned->plan.blocked());
}

TEST_F(PlannerTest, NeverMovesAVersionTag) {
  pattern("v*");
  build(2, "v1.0.0");
  place(prod(), 1, "v1.0.0");
  const auto planned = plan();
  ASSERT_TRUE(planned.ok()) << why(planned);
  EXPECT_THAT(codes(planned->plan.findings), ElementsAre("pin-taken", "pin-taken"));
  EXPECT_EQ(planned->plan.findings[0].subject, "prod.example.com/shop/web:v1.0.0");
}

TEST_F(PlannerTest, FindsThatTheLastPromotionIsUnfinished) {
  build(1);
  auto planned = ready();
  ASSERT_TRUE(planned.ok()) << why(planned);
  records::Promotion open;
  open.app = "shop";
  open.environment = "prod";
  open.release = planned->release.id;
  open.places = {place_of_web()};
  open.plan_hash = planned->plan.hash();
  open.plan = to_record(planned->plan);
  const auto added = store->add_promotion(open);
  ASSERT_TRUE(added.ok()) << why(added);
  struct Row {
    records::PromotionState state;
    bool blocks;
  };
  for (const auto& row :
       {Row{records::PromotionState::copying, true}, Row{records::PromotionState::switching, true},
        Row{records::PromotionState::partial, true}, Row{records::PromotionState::failed, false},
        Row{records::PromotionState::cancelled, false}, Row{records::PromotionState::rolled_back, false}}) {
    ASSERT_TRUE(store->advance(added->id, row.state, "", {.step = records::Step::left}, {}).ok());
    planned = plan();
    ASSERT_TRUE(planned.ok()) << why(planned);
    EXPECT_EQ(planned->plan.blocked(), row.blocks) << to_string(row.state);
    const std::vector<std::string> expected(row.blocks ? 1 : 0, "promotion-unfinished");
    EXPECT_EQ(codes(planned->plan.findings), expected) << to_string(row.state);
  }
}

TEST_F(PlannerTest, RefusesAReleaseOfAnotherListOfImages) {
  build(1);
  ASSERT_TRUE(release_made().ok());
  app.images.push_back("worker");
  EXPECT_TRUE(failed_with(plan({.environment = "prod", .release = "1"}), ErrorKind::conflict, "has no image worker"));
}

TEST_F(PlannerTest, SeesTheReleaseThatAnEnvironmentHolds) {
  build(1);
  ASSERT_TRUE(promote().ok());
  const auto holding = planner().observe(app.environments[1]);
  ASSERT_TRUE(holding.ok()) << why(holding);
  ASSERT_EQ(holding->kind, Holding::Kind::release);
  EXPECT_EQ(holding->release->number, 1);
}

TEST_F(PlannerTest, StopsWhenAsked) {
  build(1);
  stop.request_stop();
  EXPECT_TRUE(failed_with(plan(), ErrorKind::cancelled));
}

}  // namespace
}  // namespace sluice::promotion
