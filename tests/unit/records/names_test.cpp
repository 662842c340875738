#include "records/promotion_id.hpp"
#include "records/records.hpp"

#include <gtest/gtest.h>

#include <set>

namespace sluice::records {
namespace {

struct StateRow {
  PromotionState state;
  std::string_view text;
  bool end;
  int exit;
};

constexpr StateRow kStates[] = {
    {PromotionState::planned, "planned", false, 3},         {PromotionState::waiting, "waiting", false, 3},
    {PromotionState::copying, "copying", false, 1},         {PromotionState::switching, "switching", false, 1},
    {PromotionState::rolling_out, "rolling-out", false, 1}, {PromotionState::verifying, "verifying", false, 1},
    {PromotionState::succeeded, "succeeded", true, 0},      {PromotionState::failed, "failed", true, 1},
    {PromotionState::rolled_back, "rolled-back", true, 5},  {PromotionState::rejected, "rejected", true, 3},
    {PromotionState::expired, "expired", true, 3},          {PromotionState::cancelled, "cancelled", true, 130},
    {PromotionState::partial, "partial", true, 4},
};

TEST(PromotionState, HasAStableTextAnEndAndAnExitCode) {
  for (const auto& row : kStates) {
    SCOPED_TRACE(row.text);
    EXPECT_EQ(to_string(row.state), row.text);
    EXPECT_EQ(parse_promotion_state(row.text), row.state);
    EXPECT_EQ(is_end(row.state), row.end);
    EXPECT_EQ(exit_code(row.state), row.exit);
  }
}

TEST(PromotionState, RefusesWordsThatAreNoState) {
  for (const auto* word : {"", "Planned", "rolling_out", "done", "succeeded "}) {
    EXPECT_FALSE(parse_promotion_state(word).has_value()) << "'" << word << "'";
  }
}

TEST(PromotionKind, HasAText) {
  EXPECT_EQ(to_string(PromotionKind::promote), "promote");
  EXPECT_EQ(to_string(PromotionKind::rollback), "rollback");
}

TEST(PromotionId, IsPAndTwelveCharactersOfCrockfordBase32) {
  EXPECT_EQ(promotion_id(0, 0), "p000000000000");
  EXPECT_EQ(promotion_id(0, 31), "p00000000000z");
  EXPECT_EQ(promotion_id(0, 32), "p000000000010");
  EXPECT_EQ(promotion_id((std::uint64_t{1} << 42U) - 1, 0xffffffffU), "pzzzzzzzzzzzz");
  const auto id = new_promotion_id();
  EXPECT_EQ(id.size(), 13U) << id;
  EXPECT_EQ(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz", 1), std::string::npos) << id;
}

TEST(PromotionId, SortsByTimeBeforeItSortsByChance) {
  const std::uint64_t year_2026 = 1'767'225'600'000;
  EXPECT_LT(promotion_id(year_2026, 0xffffffffU), promotion_id(year_2026 + 1, 0));
  const std::uint64_t year_2100 = 4'102'444'800'000;
  EXPECT_LT(promotion_id(year_2026, 0xffffffffU), promotion_id(year_2100, 0));
}

TEST(PromotionId, GrowsStrictlyWithinOneProcess) {
  std::string last;
  for (int i = 0; i < 10'000; ++i) {
    auto next = new_promotion_id();
    ASSERT_LT(last, next) << "at " << i;
    last = std::move(next);
  }
}

}  // namespace
}  // namespace sluice::records
