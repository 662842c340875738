#include "promotion/leases/wait.hpp"
#include "support/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

using std::chrono::seconds;
using support::failed_with;
using support::why;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kNow = 1'800'000'000;

Error held() {
  LeaseHeld out;
  out.holder = "ci-7/boot/pid:812:99";
  out.promotion = "p1";
  out.who = "ann";
  out.left = 58;
  return lease_error("b/shop", out, kNow);
}

/// Answers `refusals` times that somebody else is at work.
class LeaseWait : public ::testing::Test {
 protected:
  Status ask(const LeaseWish& wish) {
    return take_in_turn(
        wish, "prod",
        [&]() -> Status {
          ++asked;
          if (asked <= refusals) return held();
          return {};
        },
        [&](std::string line) { said.push_back(std::move(line)); }, stop.get_token());
  }
  static LeaseWish waiting(seconds span) {
    LeaseWish wish;
    wish.wait_until = Deadline::after(span);
    return wish;
  }

  int refusals = 0;
  int asked = 0;
  std::vector<std::string> said;
  std::stop_source stop;
};

TEST_F(LeaseWait, SaysNothingWhenNobodyIsInTheWay) {
  const auto taken = ask(waiting(seconds(600)));
  EXPECT_TRUE(taken.ok()) << why(taken);
  EXPECT_EQ(asked, 1);
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(LeaseWait, GivesUpAtOnceWithoutAWishAndNamesTheEnvironment) {
  refusals = 100;
  EXPECT_TRUE(
      failed_with(ask({}), ErrorKind::busy,
                  "prod is being worked on: promotion p1 by ann, process 812 on ci-7 holds it for another 58 s"));
  EXPECT_EQ(asked, 1);
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(LeaseWait, EndsWithWhoIsInTheWayWhenTheTimeIsUp) {
  refusals = 100;
  const auto taken = ask(waiting(seconds(0)));
  EXPECT_TRUE(failed_with(taken, ErrorKind::busy, "process 812 on ci-7"));
  EXPECT_FALSE(lease_held(taken.error())->free_again);
  EXPECT_EQ(said.size(), 1U) << "also when the time went into planning";
}

TEST_F(LeaseWait, BeginsAnewAfterItWaited) {
  refusals = 1;
  const auto taken = ask(waiting(seconds(600)));
  EXPECT_TRUE(failed_with(taken, ErrorKind::busy, "has to be looked at anew"));
  EXPECT_TRUE(lease_held(taken.error())->free_again);
  EXPECT_EQ(asked, 2);
  EXPECT_THAT(said, ElementsAre("waiting for promotion p1 of ann (process 812 on ci-7)"));
}

TEST_F(LeaseWait, EndsWhenSomebodyStopsIt) {
  refusals = 100;
  stop.request_stop();
  EXPECT_TRUE(failed_with(ask(waiting(seconds(600))), ErrorKind::cancelled, "waiting for promotion p1"));
}

TEST_F(LeaseWait, PassesOtherErrorsOn) {
  const auto taken = take_in_turn(
      waiting(seconds(600)), "prod", []() -> Status { return Error(ErrorKind::busy, "answered 429"); },
      [](const std::string&) {}, {});
  EXPECT_TRUE(failed_with(taken, ErrorKind::busy, "answered 429"));
}

}  // namespace
}  // namespace sluice::promotion
