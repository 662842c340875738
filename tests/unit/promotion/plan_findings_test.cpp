#include "promotion/plan/findings.hpp"
#include "unit/promotion/promotion_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace sluice::promotion {
namespace {

using support::why;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kNever = std::numeric_limits<std::int32_t>::max();
constexpr const char* kSomebody = "ci-7/boot/pid:812:99";

/// What prod remembers is made by hand; the records are real.
class PlanFindings : public World {
 protected:
  void SetUp() override {
    World::SetUp();
    remembers.targets.push_back({.target = prod_target()});
    plan_.app = "shop";
    plan_.environment = "prod";
  }
  const pipeline::Target& prod_target() const { return app.environments[1].targets.front(); }
  TargetRemembers& there() { return remembers.targets.front(); }

  std::vector<Finding> findings(bool take_over = false) {
    auto out = findings_for(*store, app, app.environments[1], remembers, take_over, plan_);
    EXPECT_TRUE(out.ok()) << why(out);
    return out.ok() ? *out : std::vector<Finding>{};
  }
  std::vector<std::string> lines(bool take_over = false) {
    std::vector<std::string> out;
    for (const auto& one : findings(take_over))
      out.push_back(one.code + (one.severity == Severity::blocker ? " blocks" : " warns"));
    return out;
  }
  void open_there(std::int64_t until, const std::string& holder = kSomebody) {
    there().at_place = true;
    memory::OpenPromotion open{.promotion = "p1", .kind = "promote", .release = std::string(64, 'a')};
    open.who.user = "ann";
    open.began = 100;
    open.holder = holder;
    open.until = until;
    there().memory.open = open;
  }

  EnvironmentMemory remembers;
  Plan plan_;
};

TEST_F(PlanFindings, NothingStandsInTheWayOfNothing) { EXPECT_THAT(lines(), IsEmpty()); }

TEST_F(PlanFindings, AHoldOfThePlaceBlocksAndSaysWho) {
  there().at_place = true;
  there().memory.hold = memory::Hold{.reason = "year end\n", .since = 1, .who = {"ann", "ci-7", "", ""}};
  const auto found = findings();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].code, "environment-held");
  EXPECT_THAT(found[0].sentence, HasSubstr("prod is on hold by ann"));
  EXPECT_THAT(found[0].sentence, HasSubstr("year end"));
  EXPECT_EQ(found[0].fix, "sluice unhold prod");
}

TEST_F(PlanFindings, AHoldOfTheRecordsCountsWhereThePlaceRemembersNothing) {
  ASSERT_TRUE(store->set_hold({"prod.example.com/shop/web:latest", "mine", 1, {}}).ok());
  EXPECT_THAT(lines(), ElementsAre("environment-held blocks"));
  there().at_place = true;
  EXPECT_THAT(lines(), IsEmpty()) << "the place says that there is none";
}

TEST_F(PlanFindings, GoingBackPassesAHold) {
  there().at_place = true;
  there().memory.hold = memory::Hold{.reason = "rolled back"};
  plan_.kind = records::PromotionKind::rollback;
  EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(PlanFindings, AMemoryThatCannotBeReadBlocksGoingBackAsWell) {
  there().at_place = true;
  there().memory.problem = "the memory of web cannot be read: it is no JSON object";
  for (const auto kind : {records::PromotionKind::promote, records::PromotionKind::rollback}) {
    plan_.kind = kind;
    const auto found = findings();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].code, "memory-unreadable");
    EXPECT_EQ(found[0].severity, Severity::blocker);
    EXPECT_THAT(found[0].sentence, HasSubstr("a hold may stand there"));
    EXPECT_THAT(found[0].fix, HasSubstr("sluice unhold prod"));
  }
}

TEST_F(PlanFindings, OneThatRunsIsNotCalledInterrupted) {
  open_there(kNever);
  const auto found = findings();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].code, "promotion-running");
  EXPECT_EQ(found[0].severity, Severity::blocker);
  EXPECT_THAT(found[0].sentence, HasSubstr("promotion p1 to prod is running"));
  EXPECT_THAT(found[0].sentence, HasSubstr("ann"));
  EXPECT_THAT(lines(true), ElementsAre("promotion-running warns")) << "it is to be taken over";
}

TEST_F(PlanFindings, ALeaseOnAStreamTellsWhoIsAtWork) {
  open_there(0, "");
  there().lease = openshift::StreamLease{"shop", "web", kSomebody, "p1", 3, kNever, "ann", 100};
  EXPECT_THAT(lines(), ElementsAre("promotion-running blocks"));
}

TEST_F(PlanFindings, OneThatWasInterruptedBlocksAPromotionAndNotARollback) {
  open_there(1);
  const auto found = findings();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].code, "promotion-unfinished");
  EXPECT_THAT(found[0].sentence, HasSubstr("was interrupted; ann began it"));
  EXPECT_EQ(found[0].fix, "sluice resume p1, or sluice undo p1");
  EXPECT_EQ(found[0].severity, Severity::blocker);
  plan_.kind = records::PromotionKind::rollback;
  EXPECT_THAT(lines(), ElementsAre("promotion-unfinished warns"));
}

TEST_F(PlanFindings, AVersionTagOfAnotherImageIsTaken) {
  PlannedTarget planned{.target = prod_target(), .images = {}, .findings = {}};
  PlannedImage image{.name = "web", .after = digest_of("web", 2), .tags = {}, .origins = {}};
  image.tags = {{"v1", digest_of("web", 1)}, {"latest", digest_of("web", 1)}};
  planned.images.push_back(image);
  plan_.targets.push_back(planned);
  EXPECT_THAT(lines(), ElementsAre("pin-taken blocks"));
  EXPECT_EQ(findings()[0].subject, "prod.example.com/shop/web:v1");
  plan_.targets[0].images[0].tags[0].before = digest_of("web", 2);
  EXPECT_THAT(lines(), IsEmpty());
}

}  // namespace
}  // namespace sluice::promotion
