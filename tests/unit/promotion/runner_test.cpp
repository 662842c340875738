#include "promotion/runner.hpp"

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
  EXPECT_EQ(outcome->promotion.release, 1);
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
  const auto before = std::find_if(entries->begin(), entries->end(), [](const auto& e) { return e.step == "before"; });
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
  EXPECT_THAT(prod().call_texts({Verb::write_blob, Verb::mount_blob}), IsEmpty());
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

TEST_F(RunnerTest, IsPartialWhenTheSecondTargetFails) {
  two_targets();
  build(1);
  place(prod(), 0);
  place(backup(), 0);
  backup().script({.verb = Verb::put_manifest, .kind = ErrorKind::busy, .repository = "shop/web", .name = "latest"});
  const auto outcome = promote();
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "partial");
  EXPECT_EQ(outcome->error->kind(), ErrorKind::busy);
  EXPECT_TRUE(stands_at(prod(), 1)) << "what is verified stays";
  EXPECT_TRUE(stands_at(backup(), 0)) << "what is not is put back";
  EXPECT_EQ(to_string(outcome->targets[0].state), "succeeded");
  EXPECT_EQ(to_string(outcome->targets[1].state), "failed");
  EXPECT_EQ(journal(outcome->promotion.id).back(), "partial");
}

TEST_F(RunnerTest, ResumesWhatIsPartial) {
  two_targets();
  build(1);
  place(prod(), 0);
  place(backup(), 0);
  backup().script({.verb = Verb::put_manifest, .kind = ErrorKind::busy, .repository = "shop/web", .name = "latest"});
  const auto partial = promote();
  ASSERT_TRUE(partial.ok()) << why(partial);
  const auto id = partial->promotion.id;
  reopen_store();
  const auto outcome = runner().resume(id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "succeeded");
  EXPECT_EQ(outcome->promotion.id, id);
  EXPECT_EQ(outcome->promotion.failure, "");
  EXPECT_TRUE(stands_at(prod(), 1));
  EXPECT_TRUE(stands_at(backup(), 1));
  EXPECT_EQ(journal(id).back(), "succeeded");
  EXPECT_THAT(journal(id), ::testing::Contains("resume"));
  EXPECT_TRUE(failed_with(runner().resume(id), ErrorKind::usage, "has succeeded"));
}

TEST_F(RunnerTest, UndoesWhatIsPartial) {
  two_targets();
  build(1);
  place(prod(), 0);
  place(backup(), 0);
  backup().script({.verb = Verb::put_manifest, .kind = ErrorKind::busy, .repository = "shop/web", .name = "latest"});
  const auto partial = promote();
  ASSERT_TRUE(partial.ok()) << why(partial);
  const auto id = partial->promotion.id;
  const auto outcome = runner().undo(id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "rolled-back");
  EXPECT_FALSE(outcome->error);
  EXPECT_TRUE(stands_at(prod(), 0));
  EXPECT_TRUE(stands_at(backup(), 0));
  EXPECT_TRUE(failed_with(runner().resume(id), ErrorKind::usage, "was undone"));
  EXPECT_TRUE(failed_with(runner().undo(id), ErrorKind::usage, "was undone"));
}

TEST_F(RunnerTest, UndoesWhatSucceeded) {
  build(1);
  place(prod(), 0);
  const auto done = promote();
  ASSERT_TRUE(done.ok()) << why(done);
  const auto outcome = runner().undo(done->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "rolled-back");
  EXPECT_TRUE(stands_at(prod(), 0));
}

TEST_F(RunnerTest, CannotUndoWhereNothingWasBefore) {
  build(1);
  prod().hold_image("shop/web", image_of("web", 0), "latest");
  const auto done = promote();
  ASSERT_TRUE(done.ok()) << why(done);
  const auto outcome = runner().undo(done->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "partial");
  EXPECT_EQ(outcome->error->kind(), ErrorKind::conflict);
  ASSERT_EQ(outcome->findings.size(), 1U);
  EXPECT_EQ(outcome->findings[0].code, "undo-nothing-before");
  EXPECT_EQ(outcome->findings[0].subject, "prod.example.com/shop/api:latest");
  EXPECT_EQ(prod().tag_of("shop/web", "latest"), digest_of("web", 0));
  EXPECT_EQ(prod().tag_of("shop/api", "latest"), digest_of("api", 1));
  EXPECT_EQ(to_string(outcome->targets[0].state), "partial");
}

TEST_F(RunnerTest, TellsWhatAnUndoCouldNotDo) {
  build(1);
  place(prod(), 0);
  const auto done = promote();
  ASSERT_TRUE(done.ok()) << why(done);
  prod().script({.verb = Verb::put_manifest, .kind = ErrorKind::denied, .repository = "shop/web"});
  prod().script({.verb = Verb::digest_of, .kind = ErrorKind::unreachable, .repository = "shop/api"});
  auto outcome = runner().undo(done->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "partial");
  ASSERT_EQ(outcome->findings.size(), 2U);
  EXPECT_EQ(outcome->findings[0].code, "undo-failed");
  EXPECT_EQ(outcome->findings[1].code, "undo-unknown");
  outcome = runner().undo(done->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "rolled-back") << "the second try finds a registry that works";
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
  ASSERT_TRUE(undone.ok()) << why(undone);
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
  const auto other = store->acquire("prod.example.com/shop", "ci-7/boot/pid:812:99", std::chrono::seconds(60));
  ASSERT_TRUE(other.ok()) << why(other);
  EXPECT_TRUE(failed_with(runner().run(std::move(*planned)), ErrorKind::conflict, "process 812 on ci-7"));
  const auto promotions = store->promotions("shop", "", 10);
  ASSERT_TRUE(promotions.ok());
  EXPECT_THAT(*promotions, IsEmpty()) << "no promotion came about";
  EXPECT_EQ(prod().tag_of("shop/web", "latest"), std::nullopt);
}

TEST_F(RunnerTest, GivesItsLeasesBack) {
  two_targets();
  build(1);
  ASSERT_TRUE(promote().ok());
  for (const auto* id : {"prod.example.com/shop", "backup.example.com/shop"})
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
    const auto mine = store->acquire("prod.example.com/shop", records::this_process(), std::chrono::seconds(0));
    EXPECT_TRUE(mine.ok()) << why(mine);
    const auto theirs = store->acquire("prod.example.com/shop", "ci-7/boot/pid:812:99", std::chrono::seconds(60));
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
    EXPECT_TRUE(store->acquire("prod.example.com/shop", records::this_process(), std::chrono::seconds(0)).ok());
    EXPECT_TRUE(store->acquire("prod.example.com/shop", "ci-7/boot/pid:812:99", std::chrono::seconds(60)).ok());
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

TEST_F(RunnerTest, StaysPartialWhenAResumeFailsWhileCopying) {
  two_targets();
  build(1);
  place(prod(), 0);
  place(backup(), 0);
  // The second target loses its content between the attempts, and the source cannot be read.
  backup().script({.verb = Verb::put_manifest, .kind = ErrorKind::busy, .repository = "shop/web", .name = "latest"});
  const auto partial = promote();
  ASSERT_TRUE(partial.ok()) << why(partial);
  ASSERT_EQ(to_string(partial->promotion.state), "partial");
  backup().script(
      {.verb = Verb::digest_of, .effect = FakeFault::Effect::deny_there, .name = digest_of("web", 1).text()});
  backup().script({.verb = Verb::put_manifest, .kind = ErrorKind::unreachable, .repository = "shop/web"});
  const auto outcome = runner().resume(partial->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->kind(), ErrorKind::unreachable);
  EXPECT_TRUE(stands_at(prod(), 1));
  EXPECT_EQ(to_string(outcome->promotion.state), "partial") << "the first target still has the new release";
}

TEST_F(RunnerTest, StaysPartialWhenAResumeIsBlockedAtTheFirstTarget) {
  two_targets();
  app.environments[1].targets.push_back(target("third.example.com", "shop"));
  auto& third = places.at("third.example.com");
  build(1);
  for (auto* at : {&prod(), &backup(), &third}) place(*at, 0);
  third.script({.verb = Verb::put_manifest, .kind = ErrorKind::busy, .repository = "shop/web", .name = "latest"});
  const auto partial = promote();
  ASSERT_TRUE(partial.ok()) << why(partial);
  place(prod(), 5);  // somebody changed the first target meanwhile
  const auto outcome = runner().resume(partial->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(outcome->error->kind(), ErrorKind::blocked);
  EXPECT_TRUE(stands_at(prod(), 5));
  EXPECT_TRUE(stands_at(backup(), 1));
  EXPECT_EQ(to_string(outcome->promotion.state), "partial") << "the second target still has the new release";
}

TEST_F(RunnerTest, FailsPlainlyWhenAResumeFindsNothingSwitched) {
  build(1);
  place(prod(), 0);
  dev().script({.verb = Verb::read_blob, .kind = ErrorKind::unreachable, .times = 2});
  const auto failed = promote();
  ASSERT_TRUE(failed.ok()) << why(failed);
  dev().clear_faults();
  dev().script({.verb = Verb::read_blob, .kind = ErrorKind::denied, .times = 2});
  auto outcome = runner().resume(failed->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "failed");
  dev().clear_faults();
  outcome = runner().resume(failed->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "succeeded");
  EXPECT_TRUE(stands_at(prod(), 1));
}

TEST_F(RunnerTest, ResumesOnlyTheLastPromotionOfAnEnvironment) {
  build(1);
  dev().script({.verb = Verb::read_blob, .kind = ErrorKind::denied, .times = 100});
  const auto first = promote();
  ASSERT_TRUE(first.ok()) << why(first);
  dev().clear_faults();
  ASSERT_TRUE(promote().ok());
  EXPECT_TRUE(failed_with(runner().resume(first->promotion.id), ErrorKind::usage, "came after"));
  EXPECT_TRUE(failed_with(runner().undo(first->promotion.id), ErrorKind::usage, "came after"));
  EXPECT_TRUE(failed_with(runner().resume("p0123456789ab"), ErrorKind::not_found, "p0123456789ab"));
}

TEST_F(RunnerTest, TellsEachStateAsAnEvent) {
  build(1);
  ASSERT_TRUE(promote().ok());
  std::vector<std::string> seen;
  for (const auto& event : events.of(copy::EventKind::state)) seen.push_back(event.detail + " " + event.target);
  EXPECT_THAT(seen, ElementsAre("copying ", "switching prod.example.com/shop", "verifying prod.example.com/shop",
                                "succeeded "));
}

}  // namespace
}  // namespace sluice::promotion
