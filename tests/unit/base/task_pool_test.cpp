#include "base/task_pool.hpp"

#include "support/checks.hpp"
#include "support/fake_place.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <new>

namespace sluice {
namespace {

using support::failed_with;
using support::FakePlace;
using support::why;
using ::testing::ElementsAre;

Slots slots(unsigned blobs, unsigned calls) { return {.blobs = blobs, .calls = calls}; }

/// Counts what is under way at once, and lets it go on when the test says so.
class Turnstile {
 public:
  /// Enters, waits until the gate is open (or stop), leaves.
  Status pass(const std::stop_token& stop) {
    state_.update([](State& s) {
      ++s.inside;
      s.most = std::max(s.most, s.inside);
    });
    state_.when([](const State& s) { return s.open; }, stop, [](const State&) {});
    state_.update([](State& s) {
      --s.inside;
      ++s.passed;
    });
    if (stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped in the turnstile");
    return {};
  }
  void wait_for(unsigned inside) {
    state_.when([&](const State& s) { return s.inside >= inside; }, {}, [](const State&) {});
  }
  void open() {
    state_.update([](State& s) { s.open = true; });
  }
  unsigned most() const {
    return state_.with([](const State& s) { return s.most; });
  }
  unsigned passed() const {
    return state_.with([](const State& s) { return s.passed; });
  }

 private:
  struct State {
    unsigned inside = 0;
    unsigned most = 0;
    unsigned passed = 0;
    bool open = false;
  };
  Watched<State> state_;
};

Task task_on(std::vector<TaskHost*> hosts, std::function<Status(const std::stop_token&)> run, bool moves_bytes = false,
             Priority priority = {}) {
  return {.hosts = std::move(hosts), .moves_bytes = moves_bytes, .priority = priority, .run = std::move(run)};
}

TEST(Priority, PutsCallsFirstAndThenLargeBlobsByFallingSize) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
  struct Row {
    const char* name;
    Priority a;
    Priority b;
    bool a_before_b;
  };
  const std::vector<Row> rows{
      {"a call before a large blob", Priority::call(), Priority::blob(2 * kMiB), true},
      {"a large blob not before a call", Priority::blob(2 * kMiB), Priority::call(), false},
      {"the larger of two large blobs", Priority::blob(3 * kMiB), Priority::blob(2 * kMiB), true},
      {"the smaller of two large blobs", Priority::blob(2 * kMiB), Priority::blob(3 * kMiB), false},
      {"a small blob before a large one", Priority::blob(kMiB), Priority::blob(kMiB + 1), true},
      {"small blobs keep their order", Priority::blob(10), Priority::blob(20), false},
      {"small blobs keep their order, the other way", Priority::blob(20), Priority::blob(10), false},
      {"equal ones keep their order", Priority::blob(2 * kMiB), Priority::blob(2 * kMiB), false},
  };
  for (const auto& row : rows) EXPECT_EQ(row.a.before(row.b), row.a_before_b) << row.name;
}

TEST(TaskPool, FinishesAtOnceWithoutTasks) {
  TaskPool pool({});
  EXPECT_TRUE(pool.finish().ok());
}

TEST(TaskPool, RunsEveryTaskOfManyMoreThanItHasThreads) {
  FakePlace place("r.example.com");
  TaskPool pool({}, 3);
  std::atomic<int> ran{0};
  for (int i = 0; i < 500; ++i) {
    pool.add(task_on({&place}, [&](const std::stop_token&) -> Status {
      ++ran;
      return {};
    }));
  }
  const auto done = pool.finish();
  EXPECT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(ran, 500);
}

TEST(TaskPool, NeverExceedsTheSlotsOfAHost) {
  struct Row {
    const char* name;
    bool moves_bytes;
    Slots slots;
    unsigned expected;
  };
  const std::vector<Row> rows{
      {"calls", false, slots(2, 5), 5},
      {"blobs", true, slots(2, 5), 2},
      {"blobs take a call slot too", true, slots(9, 3), 3},
  };
  for (const auto& row : rows) {
    FakePlace place("r.example.com", FakePlace::kRegistryTraits, row.slots);
    Turnstile turnstile;
    TaskPool pool({}, 16);
    for (int i = 0; i < 20; ++i) {
      pool.add(task_on({&place}, [&](const std::stop_token& stop) { return turnstile.pass(stop); }, row.moves_bytes));
    }
    turnstile.wait_for(row.expected);
    turnstile.open();
    EXPECT_TRUE(pool.finish().ok()) << row.name;
    EXPECT_EQ(turnstile.most(), row.expected) << row.name;
    EXPECT_EQ(turnstile.passed(), 20U) << row.name;
  }
}

TEST(TaskPool, SharesTheSlotsOfOneHostAmongPlacesOfThatName) {
  FakePlace source_side("r.example.com", FakePlace::kRegistryTraits, slots(2, 2));
  FakePlace dest_side("r.example.com", FakePlace::kRegistryTraits, slots(2, 2));
  Turnstile turnstile;
  TaskPool pool({}, 16);
  for (int i = 0; i < 10; ++i) {
    pool.add(task_on({i % 2 == 0 ? &source_side : &dest_side},
                     [&](const std::stop_token& stop) { return turnstile.pass(stop); }));
  }
  turnstile.wait_for(2);
  turnstile.open();
  EXPECT_TRUE(pool.finish().ok());
  EXPECT_EQ(turnstile.most(), 2U);
}

TEST(TaskPool, KeepsABusyHostFromHoldingUpAnother) {
  FakePlace busy("busy.example.com", FakePlace::kRegistryTraits, slots(1, 1));
  FakePlace idle("idle.example.com");
  Turnstile turnstile;
  TaskPool pool({}, 8);
  for (int i = 0; i < 5; ++i) {
    pool.add(task_on({&busy}, [&](const std::stop_token& stop) { return turnstile.pass(stop); }));
  }
  turnstile.wait_for(1);
  // Queued behind four that have to wait, this one goes on, and lets the others go.
  pool.add(task_on({&idle}, [&](const std::stop_token&) -> Status {
    turnstile.open();
    return {};
  }));
  EXPECT_TRUE(pool.finish().ok());
  EXPECT_EQ(turnstile.most(), 1U);
  EXPECT_EQ(turnstile.passed(), 5U);
}

TEST(TaskPool, TakesSlotsOnBothHostsOfATransfer) {
  FakePlace source("a.example.com", FakePlace::kRegistryTraits, slots(1, 12));
  FakePlace dest("b.example.com", FakePlace::kRegistryTraits, slots(6, 12));
  Turnstile turnstile;
  TaskPool pool({}, 8);
  for (int i = 0; i < 4; ++i) {
    pool.add(task_on({&dest, &source}, [&](const std::stop_token& stop) { return turnstile.pass(stop); }, true));
  }
  turnstile.wait_for(1);
  turnstile.open();
  EXPECT_TRUE(pool.finish().ok());
  EXPECT_EQ(turnstile.most(), 1U) << "the source allows one body at a time";
}

TEST(TaskPool, BeginsTasksInTheOrderOfTheirRank) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
  FakePlace place("r.example.com");
  Turnstile turnstile;
  Guarded<std::vector<std::string>> order;
  TaskPool pool({}, 1);
  pool.add(task_on({&place}, [&](const std::stop_token& stop) { return turnstile.pass(stop); }));
  turnstile.wait_for(1);
  const auto add = [&](const std::string& name, Priority rank) {
    pool.add(task_on(
        {&place},
        [&order, name](const std::stop_token&) -> Status {
          order.with([&](auto& list) { list.push_back(name); });
          return {};
        },
        true, rank));
  };
  add("2 MiB", Priority::blob(2 * kMiB));
  add("small one", Priority::blob(100));
  add("8 MiB", Priority::blob(8 * kMiB));
  add("call", Priority::call());
  add("small two", Priority::blob(10));
  add("4 MiB", Priority::blob(4 * kMiB));
  turnstile.open();
  EXPECT_TRUE(pool.finish().ok());
  order.with([](const auto& list) {
    EXPECT_THAT(list, ElementsAre("small one", "call", "small two", "8 MiB", "4 MiB", "2 MiB"));
  });
}

TEST(TaskPool, RunsTasksThatTasksAdd) {
  struct Row {
    const char* name;
    unsigned threads;
  };
  for (const auto& row : {Row{"one thread", 1}, Row{"many threads", 16}}) {
    FakePlace place("r.example.com", FakePlace::kRegistryTraits, slots(1, 1));
    TaskPool pool({}, row.threads);
    std::atomic<int> ran{0};
    std::function<void(int)> grow = [&](int depth) {
      pool.add(task_on({&place}, [&, depth](const std::stop_token&) -> Status {
        ++ran;
        if (depth > 0) {
          grow(depth - 1);
          grow(depth - 1);
        }
        return {};
      }));
    };
    grow(6);
    EXPECT_TRUE(pool.finish().ok()) << row.name;
    EXPECT_EQ(ran, 127) << row.name;
  }
}

TEST(TaskPool, CanBeFinishedAndGivenMore) {
  FakePlace place("r.example.com");
  TaskPool pool({}, 4);
  std::atomic<int> ran{0};
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 10; ++i) {
      pool.add(task_on({&place}, [&](const std::stop_token&) -> Status {
        ++ran;
        return {};
      }));
    }
    EXPECT_TRUE(pool.finish().ok());
    EXPECT_EQ(ran, 10 * round);
  }
}

TEST(TaskPool, DropsWhatWasNotBegunWhenATaskFails) {
  FakePlace place("r.example.com");
  Turnstile turnstile;
  std::atomic<int> ran{0};
  TaskPool pool({}, 1);
  pool.add(task_on({&place}, [&](const std::stop_token& stop) -> Status {
    SLUICE_CHECK(turnstile.pass(stop));
    return Error(ErrorKind::denied, "no");
  }));
  turnstile.wait_for(1);
  for (int i = 0; i < 10; ++i) {
    pool.add(task_on({&place}, [&](const std::stop_token&) -> Status {
      ++ran;
      return {};
    }));
  }
  turnstile.open();
  EXPECT_TRUE(failed_with(pool.finish(), ErrorKind::denied, "no"));
  pool.add(task_on({&place}, [&](const std::stop_token&) -> Status {
    ++ran;
    return {};
  }));
  EXPECT_TRUE(failed_with(pool.finish(), ErrorKind::denied, "no")) << "a failed pool stays failed";
  EXPECT_EQ(ran, 0);
}

TEST(TaskPool, ReportsTheCauseAndNotWhatWasStoppedBecauseOfIt) {
  FakePlace place("r.example.com");
  Turnstile held;
  Turnstile failing;
  TaskPool pool({}, 8);
  for (int i = 0; i < 4; ++i) pool.add(task_on({&place}, [&](const std::stop_token& stop) { return held.pass(stop); }));
  pool.add(task_on({&place}, [&](const std::stop_token& stop) -> Status {
    SLUICE_CHECK(failing.pass(stop));
    return Error(ErrorKind::integrity, "wrong bytes");
  }));
  held.wait_for(4);
  failing.open();
  EXPECT_TRUE(failed_with(pool.finish(), ErrorKind::integrity, "wrong bytes"));
}

TEST(TaskPool, PrefersARealErrorToACancellationThatCameFirst) {
  FakePlace place("r.example.com");
  Turnstile turnstile;
  TaskPool pool({}, 2);
  pool.add(task_on({&place}, [&](const std::stop_token& stop) -> Status {
    static_cast<void>(turnstile.pass(stop));  // until the other one failed
    return Error(ErrorKind::unreachable, "the cause");
  }));
  turnstile.wait_for(1);
  pool.add(
      task_on({&place}, [&](const std::stop_token&) -> Status { return Error(ErrorKind::cancelled, "given up"); }));
  EXPECT_TRUE(failed_with(pool.finish(), ErrorKind::unreachable, "the cause"));
}

TEST(TaskPool, StopsWhenItsOwnerDoes) {
  FakePlace place("r.example.com", FakePlace::kRegistryTraits, slots(2, 2));
  std::stop_source owner;
  Turnstile turnstile;
  TaskPool pool(owner.get_token(), 8);
  for (int i = 0; i < 10; ++i) {
    pool.add(task_on({&place}, [&](const std::stop_token& stop) { return turnstile.pass(stop); }));
  }
  turnstile.wait_for(2);
  owner.request_stop();
  EXPECT_TRUE(failed_with(pool.finish(), ErrorKind::cancelled));
  EXPECT_EQ(turnstile.most(), 2U);
  EXPECT_EQ(turnstile.passed(), 2U) << "what was not begun is not begun any more";
}

// In memory that is not zero by chance, so that a callback which comes before its members are built shows itself.
TEST(TaskPool, MayBeMadeWithAnOwnerThatHasStopped) {
  std::stop_source owner;
  owner.request_stop();
  alignas(TaskPool) std::array<std::byte, sizeof(TaskPool)> memory;
  memory.fill(std::byte{0xA5});
  auto* pool = new (memory.data()) TaskPool(owner.get_token());
  FakePlace place("r.example.com");
  std::atomic<int> ran{0};
  pool->add(task_on({&place}, [&](const std::stop_token&) -> Status {
    ++ran;
    return {};
  }));
  EXPECT_TRUE(failed_with(pool->finish(), ErrorKind::cancelled));
  EXPECT_EQ(ran, 0);
  pool->~TaskPool();
}

TEST(TaskPool, LetsGoOfEverythingWhenItIsDestroyedEarly) {
  FakePlace place("r.example.com", FakePlace::kRegistryTraits, slots(1, 1));
  const auto held = std::make_shared<int>(1);
  {
    Turnstile turnstile;
    TaskPool pool({}, 4);
    for (int i = 0; i < 5; ++i) {
      pool.add(task_on({&place}, [&turnstile, held](const std::stop_token& stop) { return turnstile.pass(stop); }));
    }
    turnstile.wait_for(1);
  }
  EXPECT_EQ(held.use_count(), 1) << "a task outlived its pool";
}

}  // namespace
}  // namespace sluice
