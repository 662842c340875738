#include "base/lease_held.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;  // 2027-01-15, 08:00 UTC

LeaseHeld held() {
  LeaseHeld out;
  out.holder = "process 812 on ci-7";
  out.left = 58;
  return out;
}

TEST(LeaseHeld, TellsWhoWhereAndSinceWhen) {
  auto all = held();
  all.promotion = "p0123456789ab";
  all.who = "ann";
  all.since = kNow - 130;
  const auto error = lease_error("production", all, kNow);
  EXPECT_EQ(error.message(),
            "production is being worked on: promotion p0123456789ab by ann, process 812 on ci-7, since 07:57 UTC "
            "(2 min ago), holds it for another 58 s unless it renews it");
  EXPECT_EQ(error.hint(), "wait for it with --wait, or see: sluice status");
  EXPECT_EQ(exit_code(error.kind()), 7);
  EXPECT_EQ(shown(all), "promotion p0123456789ab of ann (process 812 on ci-7)");
}

TEST(LeaseHeld, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(lease_error("prod", held(), kNow).message(),
            "prod is being worked on: process 812 on ci-7 holds it for another 58 s unless it renews it");
  EXPECT_EQ(shown(held()), "process 812 on ci-7");
}

TEST(LeaseHeld, TellsTimesOfOtherDaysAndOtherClocks) {
  auto late = held();
  late.since = kNow - 3 * 86'400;
  EXPECT_NE(lease_error("prod", late, kNow).message().find("since 2027-01-12 08:00 UTC (3 days ago),"),
            std::string::npos);
  late.since = kNow + 600;
  EXPECT_NE(lease_error("prod", late, kNow).message().find("since 08:10 UTC, holds"), std::string::npos);
  late.since = INT64_MAX;
  EXPECT_EQ(lease_error("prod", late, kNow).message().find("since"), std::string::npos);
}

TEST(LeaseHeld, IsKnownOfItsErrorsOnly) {
  EXPECT_EQ(lease_held(Error(ErrorKind::busy, "429")), nullptr);
  const auto error = lease_error("prod", held(), kNow);
  ASSERT_NE(lease_held(error), nullptr);
  EXPECT_FALSE(lease_held(error)->free_again);
  EXPECT_FALSE(error.to_be_retried());
  EXPECT_TRUE(lease_held(lease_is_free_again("prod"))->free_again);
}

}  // namespace
}  // namespace sluice
