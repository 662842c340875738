// Promotions that did not come to their end at once: partial ones, resumed ones, undone ones.

#include "promotion/run/runner.hpp"
#include "unit/promotion/promotion_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

using support::failed_with;
using support::FakeFault;
using support::Verb;
using support::why;

using ResumeTest = World;

TEST_F(ResumeTest, IsPartialWhenTheSecondTargetFails) {
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

TEST_F(ResumeTest, ResumesWhatIsPartial) {
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

TEST_F(ResumeTest, UndoesWhatIsPartial) {
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

TEST_F(ResumeTest, UndoesWhatSucceeded) {
  build(1);
  place(prod(), 0);
  const auto done = promote();
  ASSERT_TRUE(done.ok()) << why(done);
  const auto outcome = runner().undo(done->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "rolled-back");
  EXPECT_TRUE(stands_at(prod(), 0));
}

TEST_F(ResumeTest, CannotUndoWhereNothingWasBefore) {
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

// A registry cannot take the version tag away; what workloads follow went back, and that is what was asked for.
TEST_F(ResumeTest, AVersionTagThatStaysDoesNotKeepAnUndoFromItsEnd) {
  pattern("v*");
  build(1, "v1.0.0");
  place(prod(), 0, "live");
  const auto done = promote();
  ASSERT_TRUE(done.ok()) << why(done);
  ASSERT_TRUE(stands_at(prod(), 1, "live"));
  const auto outcome = runner().undo(done->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "rolled-back");
  EXPECT_EQ(outcome->findings.size(), 2U) << "both version tags are named";
  EXPECT_TRUE(stands_at(prod(), 0, "live"));
  EXPECT_TRUE(stands_at(prod(), 1, "v1.0.0"));
  build(2, "v2.0.0");
  EXPECT_TRUE(promote().ok()) << "nothing is left in the way";
}

TEST_F(ResumeTest, AnUndoOfWhatSomebodyPutBackOnlyNotesThat) {
  build(1);
  place(prod(), 0);
  const auto done = promote();
  ASSERT_TRUE(done.ok()) << why(done);
  place(prod(), 0);
  const auto outcome = runner().undo(done->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "rolled-back");
  ASSERT_EQ(outcome->findings.size(), 1U);
  EXPECT_EQ(outcome->findings[0].code, "undo-back-already");
}

TEST_F(ResumeTest, AnUndoOfWhichSomeIsForeignAndNothingStandsIsRefused) {
  build(1);
  place(prod(), 0);
  const auto done = promote();
  ASSERT_TRUE(done.ok()) << why(done);
  place(prod(), 0);
  prod().hold_image("shop/api", image_of("api", 7), "latest");
  const auto outcome = runner().undo(done->promotion.id);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind(), ErrorKind::conflict);
  EXPECT_EQ(to_string(recorded_state(done->promotion.id)), "succeeded");
}

TEST_F(ResumeTest, TellsWhatAnUndoCouldNotDo) {
  build(1);
  place(prod(), 0);
  const auto done = promote();
  ASSERT_TRUE(done.ok()) << why(done);
  prod().script({.verb = Verb::put_manifest, .kind = ErrorKind::denied, .repository = "shop/web", .name = "latest"});
  auto outcome = runner().undo(done->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "partial");
  ASSERT_EQ(outcome->findings.size(), 1U);
  EXPECT_EQ(outcome->findings[0].code, "undo-failed");
  outcome = runner().undo(done->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "rolled-back") << "the second try finds a registry that works";
  EXPECT_TRUE(stands_at(prod(), 0));
}

TEST_F(ResumeTest, AnUndoThatCannotSeeATagWritesNothing) {
  build(1);
  place(prod(), 0);
  const auto done = promote();
  ASSERT_TRUE(done.ok()) << why(done);
  prod().script(
      {.verb = Verb::find_manifest, .kind = ErrorKind::unreachable, .repository = "shop/api", .name = "latest"});
  EXPECT_TRUE(failed_with(runner().undo(done->promotion.id), ErrorKind::unreachable));
  EXPECT_TRUE(stands_at(prod(), 1));
  EXPECT_EQ(to_string(recorded_state(done->promotion.id)), "succeeded");
  const auto outcome = runner().undo(done->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  EXPECT_EQ(to_string(outcome->promotion.state), "rolled-back");
}

TEST_F(ResumeTest, StaysPartialWhenAResumeFailsWhileCopying) {
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
      {.verb = Verb::find_manifest, .effect = FakeFault::Effect::deny_there, .name = digest_of("web", 1).text()});
  backup().script({.verb = Verb::put_manifest,
                   .kind = ErrorKind::unreachable,
                   .repository = "shop/web",
                   .name = digest_of("web", 1).text()});
  const auto outcome = runner().resume(partial->promotion.id);
  ASSERT_TRUE(outcome.ok()) << why(outcome);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->kind(), ErrorKind::unreachable);
  EXPECT_TRUE(stands_at(prod(), 1));
  EXPECT_EQ(to_string(outcome->promotion.state), "partial") << "the first target still has the new release";
}

TEST_F(ResumeTest, StaysPartialWhenAResumeIsBlockedAtTheFirstTarget) {
  two_targets();
  app.environments[1].targets.push_back(target("third.example.com", "shop"));
  auto& third = places.at("third.example.com");
  build(1);
  for (auto* at : {&prod(), &backup(), &third}) place(*at, 0);
  third.script({.verb = Verb::put_manifest, .kind = ErrorKind::busy, .repository = "shop/web", .name = "latest"});
  const auto partial = promote();
  ASSERT_TRUE(partial.ok()) << why(partial);
  place(prod(), 5);  // somebody changed the first target meanwhile
  const auto journal_before = journal(partial->promotion.id);
  const auto outcome = runner().resume(partial->promotion.id);
  ASSERT_FALSE(outcome.ok()) << "who is refused writes nothing";
  EXPECT_EQ(outcome.error().kind(), ErrorKind::blocked);
  EXPECT_THAT(outcome.error().sentence(), ::testing::HasSubstr("changed since the plan"));
  EXPECT_TRUE(stands_at(prod(), 5));
  EXPECT_TRUE(stands_at(backup(), 1));
  EXPECT_EQ(to_string(recorded_state(partial->promotion.id)), "partial");
  EXPECT_EQ(journal(partial->promotion.id), journal_before);
}

TEST_F(ResumeTest, FailsPlainlyWhenAResumeFindsNothingSwitched) {
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

TEST_F(ResumeTest, ResumesOnlyTheLastPromotionOfAnEnvironment) {
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

}  // namespace
}  // namespace sluice::promotion
