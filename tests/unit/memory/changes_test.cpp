#include "memory/changes.hpp"

#include "unit/memory/memory_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::memory {
namespace {

using testing::beginning;
using testing::digest;
using ::testing::ElementsAre;
using testing::id;
using ::testing::IsEmpty;
using testing::kept;
using testing::play;
using testing::shown;

/// Promotions 1 to `count`, each over the one before; the letters go from 'a'.
TagMemory after(int count) {
  TagMemory out;
  for (int i = 0; i < count; ++i) {
    const auto letter = static_cast<char>('a' + i);
    play(out, {.number = i + 1, .letter = letter, .before = i == 0 ? "" : digest(static_cast<char>(letter - 1))},
         "succeeded", Stood::verified);
  }
  return out;
}

TEST(MemoryChanges, APromotionThatBeganIsOpenWithAllThatOthersNeed) {
  TagMemory memory;
  auto begun = beginning({.number = 1, .letter = 'a', .before = digest('9')});
  begun.fence = 7;
  begin(memory, begun);
  EXPECT_EQ(memory.app, "shop");
  EXPECT_EQ(memory.environment, "prod");
  EXPECT_EQ(memory.fence, 7);
  ASSERT_TRUE(memory.open.has_value());
  EXPECT_EQ(*memory.open, begun.open);
  EXPECT_THAT(memory.promotions, IsEmpty());
  EXPECT_THAT(memory.releases, IsEmpty());
}

TEST(MemoryChanges, TheFenceNeverGoesBack) {
  TagMemory memory;
  memory.fence = 9;
  begin(memory, beginning({.number = 1, .letter = 'a'}));
  EXPECT_EQ(memory.fence, 9);
  end(memory, {.promotion = "pa", .state = "failed", .ended = 1, .fence = 3});
  EXPECT_EQ(memory.fence, 9);
}

TEST(MemoryChanges, WhatStoodThereBeforeTheFirstPromotionIsAdoptedOnce) {
  TagMemory memory;
  auto begun = beginning({.number = 1, .letter = 'a', .before = digest('9')});
  begun.stands = kept(0, '9', Stood::adopted);
  begin(memory, begun);
  begin(memory, begun);
  EXPECT_THAT(shown(memory.releases), ElementsAre("0 adopted"));
  end(memory, {.promotion = "pa", .state = "succeeded", .ended = 1, .stood = Stood::verified});
  auto next = beginning({.number = 2, .letter = 'b', .before = digest('a')});
  next.stands = kept(0, 'a', Stood::adopted);
  begin(memory, next);
  EXPECT_THAT(shown(memory.releases), ElementsAre("1 verified", "0 adopted")) << "something is remembered already";
}

TEST(MemoryChanges, EachOutcomeSaysHowTheReleaseStood) {
  struct Row {
    const char* state;
    std::optional<Stood> stood;
    std::vector<std::string> releases;
  };
  const std::vector<Row> rows{
      {"succeeded", Stood::verified, {"2 verified", "1 verified"}},
      {"failed", Stood::failed, {"2 failed", "1 verified"}},
      {"rolled-back", Stood::undone, {"2 undone", "1 verified"}},
      {"failed", std::nullopt, {"1 verified"}},
      {"cancelled", std::nullopt, {"1 verified"}},
  };
  for (const auto& row : rows) {
    auto memory = after(1);
    play(memory, {.number = 2, .letter = 'b', .before = digest('a')}, row.state, row.stood, "it broke");
    EXPECT_EQ(shown(memory.releases), row.releases) << row.state;
    EXPECT_FALSE(memory.open.has_value()) << row.state;
    ASSERT_EQ(memory.promotions.size(), 2U) << row.state;
    const auto& past = memory.promotions.front();
    EXPECT_EQ(past.promotion, "pb") << row.state;
    EXPECT_EQ(past.state, row.state);
    EXPECT_EQ(past.before, digest('a')) << row.state;
    EXPECT_EQ(past.after, digest('b')) << row.state;
    EXPECT_EQ(past.failure, "it broke") << row.state;
    EXPECT_EQ(past.release, id('b')) << row.state;
    EXPECT_EQ(past.ended, 112) << row.state;
  }
}

TEST(MemoryChanges, NothingEndsThatIsNotOpen) {
  auto memory = after(1);
  const auto before = memory;
  end(memory, {.promotion = "pa", .state = "failed", .ended = 1, .stood = Stood::failed});
  EXPECT_EQ(memory, before) << "it ended already";
  begin(memory, beginning({.number = 2, .letter = 'b'}));
  const auto open = memory;
  end(memory, {.promotion = "px", .state = "failed", .ended = 1, .stood = Stood::failed});
  EXPECT_EQ(memory, open) << "another one is open";
}

TEST(MemoryChanges, ANumberThatWasClaimedMeanwhileIsTheReleases) {
  TagMemory memory;
  begin(memory, beginning({.letter = 'a'}));
  end(memory, {.promotion = "pa", .state = "succeeded", .ended = 1, .number = 7, .stood = Stood::verified});
  EXPECT_EQ(memory.releases.front().number, 7);
  EXPECT_EQ(memory.promotions.front().number, 7);
}

TEST(MemoryChanges, ADigestThatTheWayChangedIsKeptBesideTheReleases) {
  TagMemory memory;
  auto begun = beginning({.number = 1, .letter = 'a'});
  begun.open.after = digest('f');
  begin(memory, begun);
  end(memory, {.promotion = "pa", .state = "succeeded", .ended = 1, .stood = Stood::verified});
  EXPECT_EQ(memory.releases.front().digest, digest('a'));
  EXPECT_EQ(memory.releases.front().arrived_as, digest('f'));
  EXPECT_EQ(memory.releases.front().here(), digest('f'));
}

TEST(MemoryChanges, ARollbackLeavesWhatStoodAndHolds) {
  auto memory = after(3);
  begin(memory, beginning({.number = 2, .letter = 'b', .before = digest('c'), .kind = "rollback", .promotion = "pr"}));
  Ending ending{.promotion = "pr", .state = "succeeded", .ended = 200, .stood = Stood::verified};
  ending.hold = Hold{.reason = "rolled back", .since = 200};
  end(memory, ending);
  EXPECT_THAT(shown(memory.releases), ElementsAre("2 verified", "3 left", "1 verified"));
  EXPECT_EQ(memory.releases.front().promotion, "pr");
  ASSERT_TRUE(memory.hold.has_value());
  EXPECT_EQ(memory.hold->reason, "rolled back");
  EXPECT_EQ(standing(memory)->number, 2);
}

TEST(MemoryChanges, ARollbackThatFailedLeavesNothing) {
  auto memory = after(3);
  play(memory, {.number = 2, .letter = 'b', .before = digest('c'), .kind = "rollback", .promotion = "pr"}, "failed",
       Stood::failed);
  EXPECT_THAT(shown(memory.releases), ElementsAre("2 failed", "3 verified", "1 verified"));
}

TEST(MemoryChanges, UndoingARollbackRestoresWhatItHadLeft) {
  auto memory = after(3);
  const testing::Play back{.number = 2, .letter = 'b', .before = digest('c'), .kind = "rollback", .promotion = "pr"};
  play(memory, back, "succeeded", Stood::verified);
  play(memory, back, "rolled-back", Stood::undone);
  EXPECT_THAT(shown(memory.releases), ElementsAre("2 undone", "3 verified", "1 verified"));
  EXPECT_EQ(standing(memory)->number, 3);
}

// Releases that differ in another image only have one digest in this repository.
TEST(MemoryChanges, ARollbackLeavesTheReleaseThatStoodAndNoOtherOfTheSameDigest) {
  TagMemory memory;
  for (int i = 1; i <= 4; ++i) {
    play(memory,
         {.number = i,
          .letter = static_cast<char>('a' + i),
          .before = i == 1 ? "" : digest('1'),
          .digest_here = digest('1')},
         "succeeded", Stood::verified);
  }
  play(memory,
       {.number = 3,
        .letter = 'd',
        .before = digest('1'),
        .kind = "rollback",
        .promotion = "pr",
        .digest_here = digest('1')},
       "succeeded", Stood::verified);
  EXPECT_THAT(shown(memory.releases), ElementsAre("3 verified", "4 left", "2 verified", "1 verified"));
}

TEST(MemoryChanges, UndoingAPromotionRestoresNothingThatARollbackLeft) {
  TagMemory memory;
  const auto same = digest('1');
  play(memory, {.number = 1, .letter = 'a', .digest_here = same}, "succeeded", Stood::verified);
  play(memory, {.number = 2, .letter = 'b', .before = same, .digest_here = same}, "succeeded", Stood::verified);
  play(memory, {.number = 1, .letter = 'a', .before = same, .kind = "rollback", .promotion = "pr", .digest_here = same},
       "succeeded", Stood::verified);
  ASSERT_THAT(shown(memory.releases), ElementsAre("1 verified", "2 left"));
  play(memory, {.number = 3, .letter = 'c', .before = same}, "rolled-back", Stood::undone);
  EXPECT_THAT(shown(memory.releases), ElementsAre("3 undone", "1 verified", "2 left"));
}

TEST(MemoryChanges, ARollbackFromAFailedReleaseLeavesTheGoodOnesOfTheSameDigest) {
  TagMemory memory;
  const auto same = digest('1');
  play(memory, {.number = 1, .letter = 'a', .digest_here = same}, "succeeded", Stood::verified);
  play(memory, {.number = 2, .letter = 'b', .before = same, .digest_here = same}, "succeeded", Stood::verified);
  play(memory, {.number = 3, .letter = 'c', .before = same, .digest_here = same}, "failed", Stood::failed);
  play(memory, {.number = 2, .letter = 'b', .before = same, .kind = "rollback", .promotion = "pr", .digest_here = same},
       "succeeded", Stood::verified);
  EXPECT_THAT(shown(memory.releases), ElementsAre("2 verified", "3 failed", "1 verified"));
}

TEST(MemoryChanges, HistoryKeepsTheFailureOfOneThatWasUndone) {
  auto memory = after(1);
  const testing::Play bad{.number = 2, .letter = 'b', .before = digest('a')};
  play(memory, bad, "failed", Stood::failed, "the pods crashed");
  play(memory, bad, "rolled-back", Stood::undone);
  ASSERT_EQ(memory.promotions.size(), 2U) << "one promotion, once";
  EXPECT_EQ(memory.promotions.front().state, "rolled-back");
  EXPECT_EQ(memory.promotions.front().failure, "the pods crashed");
}

TEST(MemoryChanges, HistoryHasTheNewestTwenty) {
  TagMemory memory;
  for (int i = 1; i <= 25; ++i) {
    play(memory, {.number = i, .letter = 'a', .promotion = "p" + std::to_string(i)}, "succeeded", Stood::verified);
  }
  ASSERT_EQ(memory.promotions.size(), kKeptPromotions);
  EXPECT_EQ(memory.promotions.front().promotion, "p25");
  EXPECT_EQ(memory.promotions.back().promotion, "p6");
}

TEST(MemoryChanges, KeepsEachReleaseOnceAndTheNewestFirst) {
  TagMemory memory;
  for (int i = 1; i <= 4; ++i) keep(memory, kept(i, static_cast<char>('a' + i)));
  keep(memory, kept(2, 'c', Stood::failed));
  EXPECT_THAT(shown(memory.releases), ElementsAre("2 failed", "4 verified", "3 verified", "1 verified"));
}

TEST(MemoryChanges, KnowsAReleaseOfAnOlderVersionByNumberAndDigest) {
  TagMemory memory;
  auto old = kept(1, 'a');
  old.release.clear();
  keep(memory, old);
  keep(memory, kept(1, 'b'));
  EXPECT_EQ(memory.releases.size(), 2U) << "one number, two contents";
  keep(memory, kept(1, 'a'));
  ASSERT_EQ(memory.releases.size(), 2U);
  EXPECT_EQ(memory.releases.front().release, id('a'));
}

TEST(MemoryChanges, TooManyReleasesLoseTheBadOnesFirst) {
  TagMemory memory;
  keep(memory, kept(1, 'a'));
  keep(memory, kept(2, 'b', Stood::undone));
  keep(memory, kept(3, 'c'));
  keep(memory, kept(4, 'd', Stood::left));
  keep(memory, kept(5, 'e'));
  keep(memory, kept(6, 'f'));
  EXPECT_THAT(shown(memory.releases), ElementsAre("6 verified", "5 verified", "4 left", "3 verified", "1 verified"));
  keep(memory, kept(7, '1', Stood::failed));
  EXPECT_THAT(shown(memory.releases), ElementsAre("7 failed", "6 verified", "5 verified", "3 verified", "1 verified"))
      << "never the one that was tried last";
  keep(memory, kept(8, '2'));
  keep(memory, kept(9, '3'));
  EXPECT_THAT(shown(memory.releases),
              ElementsAre("9 verified", "8 verified", "6 verified", "5 verified", "3 verified"));
}

TEST(MemoryChanges, WhatStandsIsTheLastThatNobodyWentAwayFrom) {
  TagMemory memory;
  EXPECT_EQ(standing(memory), nullptr);
  keep(memory, kept(1, 'a'));
  keep(memory, kept(2, 'b', Stood::undone));
  keep(memory, kept(3, 'c', Stood::left));
  EXPECT_EQ(standing(memory)->number, 1);
  keep(memory, kept(4, 'd', Stood::failed));
  EXPECT_EQ(standing(memory)->number, 4) << "its tag stands, for somebody to look";
}

}  // namespace
}  // namespace sluice::memory
