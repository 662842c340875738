// The least rate of a transfer: who gives a byte now and then does not keep it for ever.

#include "net/transfer.hpp"

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

using std::chrono::seconds;

class NoSink final : public BodySink {
 public:
  Flow take(std::span<const std::byte>) override { return Flow::moved; }
  Status end() override { return {}; }
  void fail(const Error&) override {}
  void on_room(std::function<void()>) override {}
};

class LeastRateTest : public ::testing::Test {
 protected:
  LeastRateTest() {
    options_.stall = seconds(30);
    options_.least_rate = 1000;
    transfer_.sink = &sink_;
    transfer_.head_final = true;
    transfer_.rate_since = begin_;
  }
  bool too_slow_after(seconds span) { return transfer_.too_slow(begin_ + span, options_); }

  const Transfer::Clock::time_point begin_ = Transfer::Clock::now();
  LoopOptions options_;
  NoSink sink_;
  Transfer transfer_{HttpRequest{}};
};

TEST_F(LeastRateTest, EndsATransferThatCreepsOverAWholeSpan) {
  transfer_.received_bytes = 20;  // a byte each 1.5 s: never a stall
  EXPECT_FALSE(too_slow_after(seconds(29))) << "the span is not over";
  EXPECT_TRUE(too_slow_after(seconds(30)));
}

TEST_F(LeastRateTest, CountsEachSpanAnew) {
  transfer_.received_bytes = 30'000;
  EXPECT_FALSE(too_slow_after(seconds(30)));
  transfer_.received_bytes += 100;
  EXPECT_FALSE(too_slow_after(seconds(59)));
  EXPECT_TRUE(too_slow_after(seconds(60))) << "what the first span brought does not count for the second";
}

TEST_F(LeastRateTest, DoesNotBlameALegThatWaitsForTheOtherOne) {
  transfer_.receive_paused = true;
  EXPECT_FALSE(too_slow_after(seconds(100)));
  transfer_.receive_paused = false;
  EXPECT_FALSE(too_slow_after(seconds(129))) << "its span begins when it may move again";
  EXPECT_TRUE(too_slow_after(seconds(130)));
}

TEST_F(LeastRateTest, LeavesWaitingForAnAnswerToTheStallClock) {
  transfer_.head_final = false;
  EXPECT_FALSE(too_slow_after(seconds(100)));
}

TEST_F(LeastRateTest, CanBeSwitchedOff) {
  options_.least_rate = 0;
  EXPECT_FALSE(too_slow_after(seconds(100)));
}

}  // namespace
}  // namespace sluice::net
