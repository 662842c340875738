#include "promotion/run/runner.hpp"

#include "promotion/memory/place_keys.hpp"
#include "unit/promotion/promotion_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace sluice::promotion {
namespace {

using support::failed_with;
using support::FakeFault;
using support::Verb;
using support::why;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using RunnerTest = World;

/// The two "switched" entries of a target are written side by side: they come in any order.
std::vector<std::string> sorted_pairs(std::vector<std::string> lines) {
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i - 1].starts_with("switched ") && lines[i].starts_with("switched ") && lines[i] < lines[i - 1])
      std::swap(lines[i - 1], lines[i]);
  }
  return lines;
}

TEST_F(RunnerTest, BringsAReleaseToItsTarget) {
  build(1);
  place(prod(), 0);
  const auto outcome = promote();
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "succeeded");
  EXPECT_FALSE(outcome->error) << outcome->error->sentence();
  EXPECT_TRUE(stands_at(prod(), 1));
  EXPECT_EQ(outcome->promotion.number, 1);
  EXPECT_EQ(outcome->promotion.plan_hash, outcome->plan.hash());
  ASSERT_EQ(outcome->targets.size(), 1U);
  EXPECT_EQ(to_string(outcome->targets[0].state), "succeeded");
  EXPECT_GT(outcome->promotion.ended_at, 0);
  EXPECT_GT(outcome->plan.bytes().moved, 0U);
  EXPECT_THAT(sorted_pairs(journal(outcome->promotion.id)),
              ElementsAre("copying", "content", "before prod.example.com/shop", "switch prod.example.com/shop",
                          "switched prod.example.com/shop api", "switched prod.example.com/shop web",
                          "verified prod.example.com/shop", "succeeded"));
}

TEST_F(RunnerTest, BringsAReleaseToOneTargetAfterTheOther) {
  two_targets();
  build(1);
  const auto outcome = promote();
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "succeeded");
  EXPECT_TRUE(stands_at(prod(), 1));
  EXPECT_TRUE(stands_at(backup(), 1));
  EXPECT_THAT(sorted_pairs(journal(outcome->promotion.id)),
              ElementsAre("copying", "content", "before prod.example.com/shop", "switch prod.example.com/shop",
                          "switched prod.example.com/shop api", "switched prod.example.com/shop web",
                          "verified prod.example.com/shop", "before backup.example.com/shop",
                          "switch backup.example.com/shop", "switched backup.example.com/shop api",
                          "switched backup.example.com/shop web", "verified backup.example.com/shop", "succeeded"));
}

TEST_F(RunnerTest, WritesDownWhatWasThereBeforeTheFirstSwitch) {
  build(1);
  prod().hold_image("shop/web", image_of("web", 0), "latest");
  const auto outcome = promote();
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  const auto entries = store->journal(outcome->promotion.id);
  ASSERT_TRUE(entries.ok());
  const auto before =
      std::find_if(entries->begin(), entries->end(), [](const auto& e) { return e.step == records::Step::before; });
  ASSERT_NE(before, entries->end());
  const auto& list = before->detail.items();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].string_at("before"), digest_of("web", 0).text());
  EXPECT_TRUE(list[1].find("before")->is_null());
}

TEST_F(RunnerTest, WritesAPinAndTheMovingTag) {
  pattern("v*");
  build(3, "v1.4.2");
  const auto outcome = promote();
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_TRUE(stands_at(prod(), 3, "v1.4.2"));
  EXPECT_TRUE(stands_at(prod(), 3, "live"));
}

TEST_F(RunnerTest, MovesNothingWhenTheContentIsThere) {
  build(1);
  place(prod(), 1, "older");
  place(prod(), 0);
  prod().forget_calls();
  const auto outcome = promote();
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "succeeded");
  EXPECT_THAT(prod().call_texts({Verb::write_blob, Verb::mount_blob}),
              ::testing::Each(::testing::HasSubstr(oci::Digest::of("{}").text())))
      << "nothing but the empty blob of the memory";
  EXPECT_EQ(outcome->plan.bytes().moved, 0U);
}

TEST_F(RunnerTest, SucceedsWhenEverythingIsRightAlready) {
  build(1);
  place(prod(), 1);
  prod().forget_calls();
  const auto outcome = promote();
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "succeeded");
  EXPECT_THAT(prod().call_texts({Verb::put_manifest, Verb::write_blob, Verb::mount_blob}), IsEmpty());
}

TEST_F(RunnerTest, SwitchesNothingWhenTheCopyFails) {
  build(1);
  place(prod(), 0);
  for (const auto kind : {ErrorKind::unreachable, ErrorKind::denied, ErrorKind::integrity}) {
    dev().script({.verb = Verb::read_blob, .kind = kind, .times = 100});
    const auto outcome = promote();
    ASSERT_TRUE(outcome.ok()) << why(outcome);
    EXPECT_EQ(to_string(outcome->promotion.state), "failed");
    ASSERT_TRUE(outcome->error);
    EXPECT_EQ(outcome->error->kind(), kind);
    EXPECT_EQ(outcome->promotion.failure, outcome->error->sentence());
    EXPECT_TRUE(stands_at(prod(), 0));
    EXPECT_THAT(journal(outcome->promotion.id), ElementsAre("copying", "failed"));
    dev().clear_faults();
  }
}

TEST_F(RunnerTest, PutsTheFirstTargetBackWhenItsSwitchFails) {
  build(1);
  place(prod(), 0);
  prod().script({.verb = Verb::put_manifest, .kind = ErrorKind::denied, .repository = "shop/api", .name = "latest"});
  const auto outcome = promote();
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "failed");
  EXPECT_EQ(outcome->error->kind(), ErrorKind::denied);
  EXPECT_TRUE(stands_at(prod(), 0));
  EXPECT_EQ(to_string(outcome->targets[0].state), "failed");
  EXPECT_THAT(outcome->findings, IsEmpty());
}

TEST_F(RunnerTest, PutsBackWhatDoesNotReadBack) {
  build(1);
  place(prod(), 0);
  auto planned = ready();
  ASSERT_TRUE(planned.ok()) << why(planned);
  prod().script(
      {.verb = Verb::put_manifest, .effect = FakeFault::Effect::forget, .repository = "shop/api", .name = "latest"});
  const auto outcome = runner().run(std::move(*planned));
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "failed");
  EXPECT_EQ(outcome->error->kind(), ErrorKind::integrity);
  EXPECT_TRUE(stands_at(prod(), 0));
}

TEST_F(RunnerTest, StopsWhenTheTargetChangedSinceThePlan) {
  build(1);
  place(prod(), 0);
  auto planned = ready();
  ASSERT_TRUE(planned.ok()) << why(planned);
  place(prod(), 5);
  const auto outcome = runner().run(std::move(*planned));
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "failed");
  EXPECT_EQ(outcome->error->kind(), ErrorKind::blocked);
  EXPECT_THAT(outcome->error->sentence(), ::testing::HasSubstr("changed since the plan"));
  EXPECT_TRUE(stands_at(prod(), 5));
  EXPECT_THAT(prod().call_texts({Verb::put_manifest}),
              ::testing::Not(::testing::Contains(::testing::EndsWith(" latest"))));
}

// The other one brought the very release that was planned; taking that back would be wrong, too.
TEST_F(RunnerTest, LeavesAloneWhatSomebodyElseBrought) {
  build(1);
  place(prod(), 0);
  auto planned = ready();
  ASSERT_TRUE(planned.ok()) << why(planned);
  place(prod(), 1);
  const auto outcome = runner().run(std::move(*planned));
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(outcome->error->kind(), ErrorKind::blocked);
  EXPECT_TRUE(stands_at(prod(), 1)) << "we never switched it";
  const auto undone = runner().undo(outcome->promotion.id);
  ASSERT_FALSE(undone.ok()) << "it ended, and there is nothing of it to put back";
  EXPECT_EQ(undone.error().kind(), ErrorKind::usage);
  EXPECT_THAT(undone.error().sentence(), ::testing::HasSubstr("moved nothing: it ended as failed"));
  EXPECT_TRUE(stands_at(prod(), 1)) << "undo puts back only what this promotion switched";
}

TEST_F(RunnerTest, DoesNotMindThatTheSourceTagMovedOn) {
  build(1);
  auto planned = ready();
  ASSERT_TRUE(planned.ok()) << why(planned);
  build(2);
  const auto outcome = runner().run(std::move(*planned));
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_TRUE(stands_at(prod(), 1));
}

TEST_F(RunnerTest, WaitsForNobodyWhoHoldsTheTarget) {
  build(1);
  auto planned = ready();
  ASSERT_TRUE(planned.ok()) << why(planned);
  const auto other =
      store->acquire("prod.example.com/shop/web:latest", "ci-7/boot/pid:812:99", std::chrono::seconds(60));
  ASSERT_TRUE(other.ok()) << why(other);
  EXPECT_TRUE(
      failed_with(runner().run(std::move(*planned)), ErrorKind::busy, "prod is being worked on: process 812 on ci-7"));
  const auto promotions = store->promotions(10);
  ASSERT_TRUE(promotions.ok());
  EXPECT_THAT(*promotions, IsEmpty()) << "no promotion came about";
  EXPECT_EQ(prod().tag_of("shop/web", "latest"), std::nullopt);
}

TEST_F(RunnerTest, GivesItsLeasesBack) {
  two_targets();
  build(1);
  ASSERT_TRUE(promote().ok());
  for (const auto* id : {"prod.example.com/shop/web:latest", "backup.example.com/shop/api:latest"})
    EXPECT_TRUE(store->acquire(id, "ci-7/boot/pid:812:99", std::chrono::seconds(60)).ok()) << id;
}

TEST_F(RunnerTest, WritesNoTagAfterItLostItsLease) {
  build(1);
  place(prod(), 0);
  auto planned = ready();
  ASSERT_TRUE(planned.ok()) << why(planned);
  dev().script({.verb = Verb::read_blob, .effect = FakeFault::Effect::hold});
  std::jthread other([&] {
    dev().wait_until_held();
    const auto mine =
        store->acquire("prod.example.com/shop/web:latest", records::this_process(), std::chrono::seconds(0));
    EXPECT_TRUE(mine.ok()) << why(mine);
    const auto theirs =
        store->acquire("prod.example.com/shop/web:latest", "ci-7/boot/pid:812:99", std::chrono::seconds(60));
    EXPECT_TRUE(theirs.ok()) << why(theirs);
    dev().release();
  });
  const auto outcome = runner().run(std::move(*planned));
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->kind(), ErrorKind::conflict);
  EXPECT_TRUE(stands_at(prod(), 0));
  EXPECT_EQ(to_string(recorded_state(outcome->promotion.id)), "copying") << "who has no lease writes no records";
}

TEST_F(RunnerTest, PutsNothingBackAfterItLostItsLease) {
  app.images = {"web"};
  build(1);
  place(prod(), 0);
  auto planned = ready();
  ASSERT_TRUE(planned.ok()) << why(planned);
  prod().script(
      {.verb = Verb::put_manifest, .effect = FakeFault::Effect::hold, .repository = "shop/web", .name = "latest"});
  std::jthread other([&] {
    prod().wait_until_held();
    EXPECT_TRUE(
        store->acquire("prod.example.com/shop/web:latest", records::this_process(), std::chrono::seconds(0)).ok());
    EXPECT_TRUE(
        store->acquire("prod.example.com/shop/web:latest", "ci-7/boot/pid:812:99", std::chrono::seconds(60)).ok());
    prod().release();
  });
  const auto outcome = runner().run(std::move(*planned));
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->kind(), ErrorKind::conflict);
  EXPECT_EQ(prod().tag_of("shop/web", "latest"), digest_of("web", 1)) << "the target belongs to somebody else now";
  ASSERT_EQ(outcome->findings.size(), 1U);
  EXPECT_EQ(outcome->findings[0].code, "undo-not-ours");
}

TEST_F(RunnerTest, IsCancelledWhenTheUserStopsWhileCopying) {
  build(1);
  place(prod(), 0);
  auto planned = ready();
  ASSERT_TRUE(planned.ok()) << why(planned);
  dev().script({.verb = Verb::read_blob, .effect = FakeFault::Effect::hold});
  std::jthread user([&] {
    dev().wait_until_held();
    stop.request_stop();
  });
  const auto outcome = runner().run(std::move(*planned));
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "cancelled");
  EXPECT_TRUE(stands_at(prod(), 0));
}

TEST_F(RunnerTest, PutsBackWhenTheUserStopsWhileSwitching) {
  build(1);
  place(prod(), 0);
  auto planned = ready();
  ASSERT_TRUE(planned.ok()) << why(planned);
  prod().script(
      {.verb = Verb::put_manifest, .effect = FakeFault::Effect::hold, .repository = "shop/api", .name = "latest"});
  std::jthread user([&] {
    prod().wait_until_held();
    stop.request_stop();
  });
  const auto outcome = runner().run(std::move(*planned));
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "cancelled");
  EXPECT_TRUE(stands_at(prod(), 0));
}

TEST_F(RunnerTest, TellsEachStateOnceItIsRecorded) {
  build(1);
  ASSERT_TRUE(promote().ok());
  std::vector<std::string> seen;
  for (const auto& step : events.steps()) {
    if (step.state) seen.push_back(std::string(to_string(*step.state)) + " " + step.target);
  }
  EXPECT_THAT(seen, ElementsAre("copying ", "switching prod.example.com/shop", "verifying prod.example.com/shop",
                                "succeeded "));
}

/// Looks at the leases when the end is told.
class EndListener final : public PromotionEvents {
 public:
  EndListener(records::Store& store, std::string place) : store_(store), place_(std::move(place)) {}
  void emit(const copy::Event& event) override { add(std::string(to_string(event.kind))); }
  void recorded(const RecordedStep& step) override {
    add(std::string(to_string(step.entry.step)));
    if (!step.state || !records::is_end(*step.state)) return;
    const auto again = store_.acquire(place_, "somebody else", std::chrono::seconds(60), records::Taking::if_free);
    free_ = again.ok();
  }
  std::vector<std::string> told() const {
    return told_.with([](const auto& list) { return list; });
  }
  bool was_free() const { return free_; }

 private:
  void add(std::string what) {
    told_.with([&](auto& list) { list.push_back(std::move(what)); });
  }
  records::Store& store_;
  std::string place_;
  Guarded<std::vector<std::string>> told_;
  bool free_ = false;
};

TEST_F(RunnerTest, TellsItsEndLastAndWithItsLeasesGivenBack) {
  build(1);
  auto planned = ready();
  ASSERT_TRUE(planned.ok()) << why(planned);
  const auto keys = place_keys(planned->plan.targets.front().target, {app.images.front()},
                               planned->plan.targets.front().images.front().tags.back().tag);
  EndListener listener(*store, keys.front());
  Runner runner(places, *store, listener,
                {.carry = {.retry_times = 0, .stage_roots = true}, .pauses = {std::chrono::milliseconds(0)}},
                stop.get_token());
  const auto outcome = runner.run(std::move(*planned));
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_TRUE(listener.was_free());
  EXPECT_EQ(listener.told().back(), "succeeded");
}

TEST_F(RunnerTest, TellsTheStepsThatTheJournalHasWithItsNumbersAndTheirPromotion) {
  build(1);
  const auto outcome = promote();
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  const auto journal = store->journal(outcome->promotion.id);
  ASSERT_TRUE(journal.ok()) << why(journal);
  const auto told = events.steps();
  ASSERT_EQ(told.size(), journal->size());
  for (std::size_t i = 0; i < told.size(); ++i) {
    const auto& entry = (*journal)[i];
    EXPECT_EQ(told[i].entry.sequence, entry.sequence) << i;
    EXPECT_EQ(told[i].entry.at, entry.at) << i;
    EXPECT_EQ(to_string(told[i].entry.step), to_string(entry.step)) << i;
    EXPECT_EQ(told[i].entry.image, entry.image) << i;
    EXPECT_EQ(told[i].scope->promotion, outcome->promotion.id) << i;
    EXPECT_EQ(told[i].scope->app, outcome->promotion.app) << i;
    EXPECT_EQ(told[i].scope->environment, outcome->promotion.environment) << i;
  }
  for (const auto& event : events.of(copy::EventKind::tag)) {
    ASSERT_TRUE(event.scope);
    EXPECT_EQ(event.scope->promotion, outcome->promotion.id);
  }
}

}  // namespace
}  // namespace sluice::promotion
