#include "base/guarded.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace sluice {
namespace {

TEST(Guarded, LetsOneThreadInAtATime) {
  Guarded<int> count(0);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 1000; ++j) count.with([](int& value) { ++value; });
      });
    }
  }
  EXPECT_EQ(count.with([](int value) { return value; }), 4000);
}

TEST(Guarded, IsReadableWhenConst) {
  const Guarded<std::vector<int>> list(std::vector<int>{1, 2});
  EXPECT_EQ(list.with([](const std::vector<int>& value) { return value.size(); }), 2U);
}

TEST(Guarded, HoldsMoveOnlyValues) {
  Guarded<std::unique_ptr<int>> box(std::make_unique<int>(7));
  const auto taken = box.with([](std::unique_ptr<int>& value) { return std::move(value); });
  EXPECT_EQ(*taken, 7);
}

TEST(Watched, WakesWhoeverWaitsForTheChange) {
  Watched<int> stage(0);
  std::jthread other([&] {
    stage.when([](int value) { return value == 1; }, {}, [](int&) {});
    stage.update([](int& value) { value = 2; });
  });
  stage.update([](int& value) { value = 1; });
  EXPECT_EQ(stage.when([](int value) { return value == 2; }, {}, [](int value) { return value; }), 2);
}

TEST(Watched, DoesNotWaitForWhatIsAlreadyTrue) {
  Watched<int> stage(5);
  EXPECT_EQ(stage.when([](int value) { return value == 5; }, {}, [](int value) { return value; }), 5);
}

TEST(Watched, StopsWaitingWhenAsked) {
  Watched<bool> ready(false);
  std::stop_source stop;
  bool seen = true;
  {
    std::jthread waiter([&] {
      seen = ready.when([](bool value) { return value; }, stop.get_token(), [](bool value) { return value; });
    });
    stop.request_stop();
  }
  EXPECT_FALSE(seen);
}

TEST(Watched, LooksAtTheValueWhenTheDeadlineHasCome) {
  Watched<int> number(7);
  const auto never = [](int) { return false; };
  EXPECT_EQ(number.when_until(never, Deadline::after(std::chrono::milliseconds(1)), {}, [](int n) { return n; }), 7);
  const auto seven = [](int n) { return n == 7; };
  EXPECT_EQ(number.when_until(seven, Deadline::never(), {}, [](int n) { return n; }), 7);
}

TEST(Watched, WakesEveryWaiter) {
  Watched<bool> go(false);
  Guarded<int> through(0);
  {
    std::vector<std::jthread> waiters;
    for (int i = 0; i < 3; ++i) {
      waiters.emplace_back([&] {
        go.when([](bool value) { return value; }, {}, [](bool) {});
        through.with([](int& value) { ++value; });
      });
    }
    go.update([](bool& value) { value = true; });
  }
  EXPECT_EQ(through.with([](int value) { return value; }), 3);
}

}  // namespace
}  // namespace sluice
