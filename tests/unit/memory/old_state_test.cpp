#include "memory/old_state.hpp"

#include "unit/memory/memory_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::memory {
namespace {

using testing::digest;
using ::testing::ElementsAre;
using testing::id;
using ::testing::IsEmpty;
using testing::kept;
using testing::play;
using testing::shown;

/// What version 0.1 does with its annotation.
struct OldVersion {
  static openshift::KeptRelease release(std::int64_t number, char letter, const std::string& promotion) {
    return {.number = number,
            .digest = digest(letter),
            .tag = "latest",
            .pattern_tag = false,
            .promotion = promotion,
            .at = 500};
  }
  static void switch_to(openshift::TagState& state, std::int64_t number, char letter, const std::string& promotion) {
    state.app = "shop";
    state.environment = "prod";
    state.release = number;
    state.previous = state.digest;
    state.digest = digest(letter);
    state.promotion = promotion;
  }
  static void promote(openshift::TagState& state, std::int64_t number, char letter, const std::string& promotion) {
    switch_to(state, number, letter, promotion);
    std::erase_if(state.releases, [&](const auto& one) { return one.number == number; });
    state.releases.insert(state.releases.begin(), release(number, letter, promotion));
    if (state.releases.size() > kKeptReleases) state.releases.resize(kKeptReleases);
  }
  static void roll_back(openshift::TagState& state, std::int64_t number, char letter, const std::string& promotion) {
    promote(state, number, letter, promotion);
    state.hold = "rolled back to shop " + std::to_string(number) + " by " + promotion;
  }
  /// `release` and `digest` name what stood before; the list of releases stays.
  static void undo(openshift::TagState& state) {
    const auto before = std::find_if(state.releases.begin(), state.releases.end(),
                                     [&](const auto& one) { return one.digest == state.previous; });
    std::swap(state.digest, state.previous);
    state.release = before == state.releases.end() ? 0 : before->number;
    if (before != state.releases.end()) state.promotion = before->promotion;
  }
};

/// Promotions 1 to 3 of ours.
TagMemory three() {
  TagMemory out;
  for (int i = 0; i < 3; ++i) {
    const auto letter = static_cast<char>('a' + i);
    play(out, {.number = i + 1, .letter = letter, .before = i == 0 ? "" : digest(static_cast<char>(letter - 1))},
         "succeeded", Stood::verified);
  }
  return out;
}

TEST(OldState, OlderVersionsSeeWhatStandsAndWhatOneMayGoBackTo) {
  auto memory = three();
  memory.hold = Hold{.reason = "year end", .since = 1};
  const auto state = old_state_of(memory);
  EXPECT_EQ(state.app, "shop");
  EXPECT_EQ(state.environment, "prod");
  EXPECT_EQ(state.release, 3);
  EXPECT_EQ(state.promotion, "pc");
  EXPECT_EQ(state.digest, digest('c'));
  EXPECT_EQ(state.previous, digest('b'));
  EXPECT_EQ(state.hold, "year end");
  ASSERT_EQ(state.releases.size(), 3U);
  EXPECT_EQ(state.releases.front().digest, digest('c'));
}

TEST(OldState, OlderVersionsSeeNeitherWhatIsBadNorWhatHasNoNumber) {
  auto memory = three();
  play(memory, {.number = 4, .letter = 'd', .before = digest('c')}, "rolled-back", Stood::undone);
  keep(memory, kept(0, 'e', Stood::adopted));
  memory.releases.front().stood = Stood::left;
  const auto state = old_state_of(memory);
  EXPECT_EQ(state.release, 3);
  ASSERT_EQ(state.releases.size(), 3U);
  EXPECT_EQ(state.releases.front().number, 3);
}

TEST(OldState, WhatWasDerivedChangesNothing) {
  std::vector<TagMemory> memories{{}, three()};
  memories.push_back(three());
  memories.back().hold = Hold{.reason = std::string(5000, 'x') + "\n\x1b", .since = 7};
  memories.push_back(three());
  play(memories.back(), {.number = 4, .letter = 'd', .before = digest('c')}, "failed", Stood::failed);
  memories.push_back(three());
  play(memories.back(), {.number = 2, .letter = 'b', .before = digest('c'), .kind = "rollback", .promotion = "pr"},
       "succeeded", Stood::verified);
  memories.push_back(three());
  begin(memories.back(), testing::beginning({.number = 4, .letter = 'd', .before = digest('c')}));
  memories.push_back({});
  keep(memories.back(), kept(0, 'e', Stood::adopted));
  for (std::size_t i = 0; i < memories.size(); ++i) {
    auto memory = memories[i];
    take_over(old_state_of(memory), memory);
    EXPECT_EQ(memory, memories[i]) << i;
  }
}

TEST(OldState, APromotionOfAnOlderVersionIsTakenOver) {
  auto memory = three();
  auto state = old_state_of(memory);
  OldVersion::promote(state, 4, 'd', "p-old");
  take_over(state, memory);
  EXPECT_THAT(shown(memory.releases), ElementsAre("4 verified", "3 verified", "2 verified", "1 verified"));
  EXPECT_EQ(memory.releases.front().release, "") << "older versions have numbers alone";
  EXPECT_EQ(memory.releases.front().promotion, "p-old");
  EXPECT_EQ(memory.releases[1].release, id('c'));
  // Once written, it is what was derived.
  const auto after = memory;
  take_over(old_state_of(memory), memory);
  EXPECT_EQ(memory, after);
}

TEST(OldState, WhoeverPromotedSinceKnowsNothingOfWhatWasOpen) {
  auto memory = three();
  begin(memory, testing::beginning({.number = 4, .letter = 'd', .before = digest('c')}));
  auto state = old_state_of(memory);
  OldVersion::promote(state, 5, 'e', "p-old");
  take_over(state, memory);
  EXPECT_FALSE(memory.open.has_value());
  EXPECT_EQ(memory.releases.front().number, 5);
}

TEST(OldState, APromotionThatAnOlderVersionNeverSawRunFailed) {
  auto memory = three();
  auto state = old_state_of(memory);
  OldVersion::switch_to(state, 4, 'd', "p-old");
  take_over(state, memory);
  EXPECT_THAT(shown(memory.releases), ElementsAre("4 failed", "3 verified", "2 verified", "1 verified"));
}

TEST(OldState, WhatAnOlderVersionUndidIsUndone) {
  auto memory = three();
  auto state = old_state_of(memory);
  OldVersion::undo(state);
  take_over(state, memory);
  EXPECT_THAT(shown(memory.releases), ElementsAre("3 undone", "2 verified", "1 verified"));
  EXPECT_EQ(standing(memory)->number, 2);
}

TEST(OldState, WhatAnOlderVersionBroughtAndUndidIsUndone) {
  auto memory = three();
  auto state = old_state_of(memory);
  OldVersion::promote(state, 4, 'd', "p-old");
  OldVersion::undo(state);
  take_over(state, memory);
  EXPECT_THAT(shown(memory.releases), ElementsAre("4 undone", "3 verified", "2 verified", "1 verified"));
}

TEST(OldState, WhatARollbackOfAnOlderVersionWentAwayFromIsLeft) {
  auto memory = three();
  auto state = old_state_of(memory);
  OldVersion::roll_back(state, 2, 'b', "p-old");
  take_over(state, memory);
  EXPECT_THAT(shown(memory.releases), ElementsAre("2 verified", "3 left", "1 verified"));
  ASSERT_TRUE(memory.hold.has_value());
  EXPECT_EQ(memory.hold->reason, "rolled back to shop 2 by p-old");
  EXPECT_EQ(memory.releases.front().release, id('b')) << "it is known here";
}

TEST(OldState, AllThatAnOlderVersionKnowsIsReadWhereThereIsNoMemory) {
  openshift::TagState state;
  OldVersion::promote(state, 1, 'a', "p1");
  OldVersion::promote(state, 2, 'b', "p2");
  OldVersion::promote(state, 3, 'c', "p3");
  OldVersion::roll_back(state, 1, 'a', "p4");
  TagMemory memory;
  take_over(state, memory);
  EXPECT_EQ(memory.app, "shop");
  EXPECT_EQ(memory.environment, "prod");
  EXPECT_THAT(shown(memory.releases), ElementsAre("1 verified", "3 left", "2 verified"));
  EXPECT_TRUE(memory.hold.has_value());
  EXPECT_THAT(memory.promotions, IsEmpty()) << "older versions keep no history";
}

TEST(OldState, AReleaseThatFailedHereDoesNotBecomeGoodByAPromotionOfAnOlderVersion) {
  auto memory = three();
  play(memory, {.number = 4, .letter = 'd', .before = digest('c')}, "failed", Stood::failed);
  auto state = old_state_of(memory);
  OldVersion::promote(state, 5, 'e', "p-old");
  take_over(state, memory);
  EXPECT_THAT(shown(memory.releases), ElementsAre("5 verified", "4 failed", "3 verified", "2 verified", "1 verified"));
}

TEST(OldState, AReleaseThatWasLeftHereIsGoodWhereAnOlderVersionPromotedItAgain) {
  auto memory = three();
  play(memory, {.number = 2, .letter = 'b', .before = digest('c'), .kind = "rollback", .promotion = "pr"}, "succeeded",
       Stood::verified);
  auto state = old_state_of(memory);
  OldVersion::promote(state, 3, 'c', "p-old");
  take_over(state, memory);
  EXPECT_THAT(shown(memory.releases), ElementsAre("3 verified", "2 verified", "1 verified"));
}

TEST(OldState, AHoldThatAnOlderVersionSetHoldsAndOneThatItLiftedDoesNot) {
  auto memory = three();
  auto state = old_state_of(memory);
  state.hold = "year end";
  take_over(state, memory);
  ASSERT_TRUE(memory.hold.has_value());
  EXPECT_EQ(memory.hold->reason, "year end");
  EXPECT_THAT(shown(memory.releases), ElementsAre("3 verified", "2 verified", "1 verified"));
  state = old_state_of(memory);
  state.hold.clear();
  take_over(state, memory);
  EXPECT_FALSE(memory.hold.has_value());
}

TEST(OldState, AHoldKeepsWhoAndSinceWhereNobodyChangedIt) {
  auto memory = three();
  memory.hold = Hold{.reason = "year end", .since = 7, .who = {.user = "ann", .host = {}, .identity = {}, .job = {}}};
  auto state = old_state_of(memory);
  OldVersion::promote(state, 4, 'd', "p-old");
  take_over(state, memory);
  ASSERT_TRUE(memory.hold.has_value());
  EXPECT_EQ(memory.hold->who.user, "ann");
}

TEST(OldState, NumbersBeyondTheLastAreNotTakenOver) {
  openshift::TagState state;
  OldVersion::promote(state, 1, 'a', "p1");
  OldVersion::promote(state, 9'223'372'036'854'775'807, 'b', "p2");
  TagMemory memory;
  take_over(state, memory);
  EXPECT_THAT(shown(memory.releases), ElementsAre("1 verified"));
}

}  // namespace
}  // namespace sluice::memory
