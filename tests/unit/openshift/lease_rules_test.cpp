#include "openshift/streams/lease_rules.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::openshift {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

StreamLease ending(std::int64_t at) {
  StreamLease out;
  out.holder = "a";
  out.fence = 1;
  out.expires_at = at;
  return out;
}

TEST(LeaseRules, ALeaseShutsOthersOutForMinutesAtMost) {
  struct Row {
    const char* name;
    std::int64_t ends;
    std::int64_t left;
  };
  const Row rows[] = {
      {"just taken", kNow + 60, 240},
      {"renewal is due", kNow + 40, 220},
      {"ended by our clock, and its holder's may be behind", kNow - 179, 1},
      {"ended by any clock", kNow - 180, 0},
      {"long ago", 1, 0},
      {"no time", 0, 0},
      {"before all time", std::numeric_limits<std::int64_t>::min(), 0},
      {"by a clock that is 4 minutes ahead", kNow + 300, 300},
      {"in an hour", kNow + 3600, 300},
      {"in a day", kNow + 86'400, 300},
      {"damage", kNow + 86'401, 0},
      {"never", std::numeric_limits<std::int64_t>::max(), 0},
  };
  for (const auto& row : rows) EXPECT_EQ(seconds_left(ending(row.ends), kNow), row.left) << row.name;
  auto free = ending(kNow + 60);
  free.holder.clear();
  EXPECT_EQ(seconds_left(free, kNow), 0) << "given back";
}

TEST(LeaseRules, AnHonestHolderWithAClockOfItsOwnIsNotShutOut) {
  for (std::int64_t skew = -kClockSkew.count(); skew <= (kLongest - kLeaseSpan).count(); ++skew) {
    const auto renewed = ending(kNow + skew + kLeaseSpan.count());
    // It renews after a third; two more may fail.
    for (std::int64_t later = 0; later < kLeaseSpan.count(); ++later)
      EXPECT_GT(seconds_left(renewed, kNow + later), 0) << "skew " << skew << ", after " << later;
    EXPECT_FALSE(cut_end(renewed, kNow).has_value()) << skew;
  }
}

TEST(LeaseRules, AnEndFarAwayIsCutSoThatItCountsForTheLongestSpan) {
  EXPECT_FALSE(cut_end(ending(kNow + kLongest.count()), kNow).has_value());
  const auto cut = cut_end(ending(kNow + kLongest.count() + 1), kNow);
  ASSERT_TRUE(cut.has_value());
  EXPECT_EQ(seconds_left(ending(*cut), kNow), kLongest.count());
  EXPECT_EQ(seconds_left(ending(*cut), kNow + kLongest.count()), 0);
  EXPECT_FALSE(cut_end(ending(kNow + kNoEnd.count() + 1), kNow).has_value()) << "damage is free already";
}

TEST(LeaseRules, AFenceIsReadFromDamageToo) {
  EXPECT_EQ(read_fence(R"({"fence" : 41})"), 41);
  EXPECT_EQ(read_fence(R"({"holder":"a","fence":41,)"), 41);
  EXPECT_EQ(read_fence(R"({"fence":18446744073709551616})"), kMaxFence);
  EXPECT_EQ(read_fence(R"({"fence":-1e400})"), 0);
  EXPECT_EQ(read_fence(R"({"fence":1e400})"), kMaxFence);
  for (const auto* text : {"", "{oops", R"({"fence")", R"({"fence":)", R"({"fence":-3})", R"({"fence":"41"})"})
    EXPECT_EQ(read_fence(text), 0) << text;
}

TEST(LeaseRules, FencesGrowUpToTheLast) {
  EXPECT_EQ(next_fence(0), 1);
  EXPECT_EQ(next_fence(kMaxFence - 1), kMaxFence);
  EXPECT_EQ(next_fence(kMaxFence), kMaxFence);
}

}  // namespace
}  // namespace sluice::openshift
