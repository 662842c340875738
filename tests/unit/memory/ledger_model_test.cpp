// Every order in which machines may claim numbers in the two ledgers of a line. A ledger is changed by resourceVersion,
// so each reading and each change is one step. At every step readers look at both ledgers, and whoever got a number
// tells it: no number may ever be told as two contents, whoever is killed wherever.

#include "memory/ledger_claim.hpp"
#include "support/sanitized.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace sluice::memory {
namespace {

// Short, since a search copies many of them.
std::string release(char letter) { return {letter}; }

enum class Rights : std::uint8_t { both, target_only };

struct Machine {
  std::string release;
  Rights rights;
  LedgerSteps steps;
  bool killed = false;
  bool done() const { return std::holds_alternative<Numbered>(steps.next()); }
  std::int64_t number() const { return std::get<Numbered>(steps.next()).number; }
};

Machine machine(char letter, Rights rights, std::int64_t at_least = 0) {
  return {release(letter), rights, LedgerSteps(release(letter), at_least, 2)};
}

/// The ledgers of the place of birth and of the target, and what anybody was told. A value: a search copies it.
struct World {
  std::array<Ledger, 2> ledgers{};
  std::map<std::int64_t, std::string> told{};
  std::string broken{};

  void tell(std::int64_t number, const std::string& content) {
    const auto& before = told.emplace(number, content).first->second;
    if (before == content || !broken.empty()) return;
    broken = std::to_string(number) + " was " + before + " and became " + content;
  }

  // Readers may have read one ledger long ago, and the other one now: what was ever seen counts.
  void look() {
    for (const auto& ledger : ledgers) {
      for (const auto& claim : ledger.claims) {
        if (!claim.pending) tell(claim.number, claim.release);
      }
    }
  }

  void step(Machine& machine) {
    const auto next = machine.steps.next();
    if (const auto* read = std::get_if<ReadLedger>(&next)) {
      machine.steps.read(ledgers.at(read->place));
    } else {
      const auto place = std::get<ChangeLedger>(next).place;
      const bool may = machine.rights == Rights::both || place == 1;
      auto changed = ledgers.at(place);
      const auto done = machine.steps.change(changed);
      if (!done) broken = done.error().sentence();
      if (may) ledgers.at(place) = std::move(changed);
      machine.steps.changed(may);
    }
    look();
    if (machine.done() && machine.number() != 0) tell(machine.number(), machine.release);
  }

  // So many others got numbers at one place, each alone: the ledger drops what is older.
  void crowd(std::size_t place) {
    auto& ledger = ledgers.at(place);
    for (std::size_t i = 0; i <= kKeptPromotions; ++i) {
      const auto seen = std::max(ledgers[0].last, ledgers[1].last);
      const auto content = "z" + std::to_string(seen);
      const auto number = claim(ledger, content, seen);
      if (number) confirm(ledger, content, *number);
      look();
    }
  }

  std::string key() const {
    std::string out;
    for (const auto& ledger : ledgers) {
      out += std::to_string(ledger.last) + "/" + std::to_string(ledger.dropped) + ":";
      for (const auto& claim : ledger.claims)
        out += std::to_string(claim.number) + claim.release + (claim.pending ? "?," : ",");
      out += "|";
    }
    for (const auto& [number, content] : told) out += std::to_string(number) + content + ";";
    return out;
  }
};

struct Found {
  std::uint64_t ends = 0;
  std::uint64_t without_number = 0;
  std::string broken{};
  std::vector<std::string> way{};  // that led there
};

struct Budget {
  unsigned kills = 0;
  unsigned crowds = 0;
};

void judge_end(const std::vector<Machine>& machines, Found& found) {
  ++found.ends;
  for (const auto& machine : machines) {
    if (!machine.killed && machine.number() == 0) ++found.without_number;
  }
}

void search(const World& world, const std::vector<Machine>& machines, Budget budget, Found& found) {
  const auto go = [&](const World& next, const std::vector<Machine>& others, Budget left, const char* what) {
    if (!found.broken.empty()) return;
    found.way.push_back(what);
    if (!next.broken.empty()) {
      found.broken = next.broken;
      found.way.push_back(next.key());
      return;
    }
    search(next, others, left, found);
    if (found.broken.empty()) found.way.pop_back();
  };
  bool moved = false;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    if (machines[i].killed || machines[i].done()) continue;
    moved = true;
    auto next = world;
    auto others = machines;
    next.step(others[i]);
    go(next, others, budget, i == 0 ? "a step of the first" : "a step of the second");
    if (budget.kills == 0) continue;
    others = machines;
    others[i].killed = true;
    go(world, others, {budget.kills - 1, budget.crowds}, i == 0 ? "the first is killed" : "the second is killed");
  }
  if (!moved) {
    judge_end(machines, found);
    return;
  }
  for (std::size_t place = 0; budget.crowds > 0 && place < 2; ++place) {
    auto next = world;
    next.crowd(place);
    go(next, machines, {budget.kills, budget.crowds - 1},
       place == 0 ? "a crowd at the birth" : "a crowd at the target");
  }
}

std::string shown(const Found& found) {
  std::string out = found.broken;
  if (!out.empty()) {
    for (const auto& step : found.way) out += "\n  " + step;
  }
  return out;
}

Found search_all(const std::vector<Machine>& machines, Budget budget, const World& world = {}) {
  Found found;
  search(world, machines, budget, found);
  return found;
}

void run(World& world, Machine& machine, unsigned& steps) {
  for (steps = 0; !machine.done(); ++steps) world.step(machine);
}

TEST(LedgerModel, AMachineAloneGetsTheNextNumberInFiveSteps) {
  World world;
  ASSERT_TRUE(claim(world.ledgers[1], release('f'), 40));
  auto one = machine('a', Rights::both);
  unsigned steps = 0;
  run(world, one, steps);
  EXPECT_EQ(one.number(), 42);
  EXPECT_EQ(steps, 5U) << "both are read, one is written, the other is read, and the mark goes";
  EXPECT_EQ(number_of(world.ledgers[0], release('a')), 42);
  EXPECT_EQ(world.ledgers[1].last, 41);
}

TEST(LedgerModel, AReleaseKeepsItsNumberAndNothingIsWritten) {
  World world;
  ASSERT_TRUE(claim(world.ledgers[1], release('a'), 40));
  confirm(world.ledgers[1], release('a'), 41);
  const auto before = world.ledgers;
  auto one = machine('a', Rights::both, 1000);
  unsigned steps = 0;
  run(world, one, steps);
  EXPECT_EQ(one.number(), 41);
  EXPECT_EQ(steps, 2U);
  EXPECT_EQ(world.ledgers, before);
}

TEST(LedgerModel, WhoMayNotWriteAtTheBirthClaimsAtTheTarget) {
  World world;
  ASSERT_TRUE(claim(world.ledgers[0], release('f'), 40));
  auto one = machine('a', Rights::target_only);
  unsigned steps = 0;
  run(world, one, steps);
  EXPECT_EQ(one.number(), 42);
  EXPECT_EQ(world.ledgers[0].last, 41);
  EXPECT_EQ(number_of(world.ledgers[1], release('a')), 42);
}

TEST(LedgerModel, WhoMayWriteNowhereGetsNoNumber) {
  LedgerSteps steps(release('a'), 0, 2);
  steps.read({});
  steps.read({});
  Ledger ledger;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(std::holds_alternative<ChangeLedger>(steps.next()));
    ASSERT_TRUE(steps.change(ledger));
    steps.changed(false);
  }
  ASSERT_TRUE(std::holds_alternative<Numbered>(steps.next()));
  EXPECT_EQ(std::get<Numbered>(steps.next()).number, 0);
}

TEST(LedgerModel, AClaimThatOthersPushedOutOfTheLedgerIsNoNumber) {
  World world;
  auto one = machine('a', Rights::both);
  while (world.ledgers[0].claims.empty()) world.step(one);
  world.crowd(0);
  ASSERT_FALSE(is_taken(world.ledgers[0], 1, release('f')));
  while (!one.done()) world.step(one);
  EXPECT_GT(one.number(), 20);
  EXPECT_EQ(number_of(world.ledgers[0], release('a')), one.number());
  EXPECT_EQ(world.broken, "");
}

TEST(LedgerModel, ThereIsALastNumber) {
  LedgerSteps steps(release('a'), 0, 1);
  Ledger full{.last = kMaxNumber};
  steps.read(full);
  const auto refused = steps.change(full);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::unsupported);
}

TEST(LedgerModel, TwoMachinesOfWhichOneMayWriteTheTargetAlone) {
  const auto found = search_all({machine('a', Rights::both), machine('b', Rights::target_only)}, {.kills = 1});
  EXPECT_EQ(shown(found), "");
  EXPECT_GT(found.ends, 100U);
  EXPECT_EQ(found.without_number, 0U);
}

TEST(LedgerModel, TwoMachinesOfEqualRights) {
  for (const auto rights : {Rights::both, Rights::target_only}) {
    const auto found = search_all({machine('a', rights), machine('b', rights)}, {.kills = 1});
    EXPECT_EQ(shown(found), "");
    EXPECT_EQ(found.without_number, 0U);
  }
}

TEST(LedgerModel, TwoMachinesWithOneReleaseAndAnyRights) {
  for (const auto rights : {Rights::both, Rights::target_only}) {
    const auto found = search_all({machine('a', Rights::both), machine('a', rights)}, {.kills = 1});
    EXPECT_EQ(shown(found), "");
    EXPECT_EQ(found.without_number, 0U);
  }
}

TEST(LedgerModel, WhileACrowdPushesOldClaimsOutOfEitherLedger) {
  if (support::kSanitized)
    GTEST_SKIP() << "every order of every step: minutes under sanitizers; the samples below send crowds too";
  const auto found =
      search_all({machine('a', Rights::both), machine('b', Rights::target_only)}, {.kills = 0, .crowds = 1});
  EXPECT_EQ(shown(found), "");
  EXPECT_GT(found.ends, 1000U) << found.ends;
}

TEST(LedgerModel, AfterAMachineThatWasKilledAnywhere) {
  // What a third machine may have left, at either ledger, for the release that one of the two has or for another one.
  for (const std::size_t place : {0U, 1U}) {
    for (const char left : {'a', 'b', 'c'}) {
      for (const bool pending : {true, false}) {
        World world;
        ASSERT_TRUE(claim(world.ledgers.at(place), release(left), 0));
        if (!pending) confirm(world.ledgers.at(place), release(left), 1);
        world.look();
        const auto found =
            search_all({machine('a', Rights::both), machine('b', Rights::target_only)}, {.kills = 1}, world);
        EXPECT_EQ(shown(found), "") << place << left << pending;
        EXPECT_EQ(found.without_number, 0U) << place << left << pending;
      }
    }
  }
}

// Runs machines in a random order; kills one and sends crowds at random moments.
std::string run_sample(std::vector<Machine> machines, std::mt19937& random) {
  World world;
  const auto pick = [&](std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random); };
  bool may_kill = pick(2) == 0;
  auto crowds = pick(3);
  for (;;) {
    std::vector<std::size_t> live;
    for (std::size_t i = 0; i < machines.size(); ++i) {
      if (!machines[i].killed && !machines[i].done()) live.push_back(i);
    }
    if (live.empty()) return {};
    auto& one = machines[live[pick(live.size())]];
    if (may_kill && pick(8) == 0) {
      one.killed = true;
      may_kill = false;
    } else if (crowds > 0 && pick(12) == 0) {
      --crowds;
      world.crowd(pick(2));
    } else {
      world.step(one);
    }
    if (!world.broken.empty()) return world.broken;
  }
}

TEST(LedgerModel, FourMachinesInSampledOrders) {
  std::mt19937 random(7);
  for (int i = 0; i < support::repeats(20'000); ++i) {
    ASSERT_EQ(run_sample({machine('a', Rights::both), machine('b', Rights::target_only),
                          machine('c', Rights::target_only), machine('d', Rights::both)},
                         random),
              "")
        << i;
  }
}

TEST(LedgerModel, FourMachinesWithTwoReleasesInSampledOrders) {
  std::mt19937 random(7);
  for (int i = 0; i < support::repeats(20'000); ++i) {
    ASSERT_EQ(run_sample({machine('a', Rights::both), machine('b', Rights::target_only),
                          machine('a', Rights::target_only), machine('b', Rights::both)},
                         random),
              "")
        << i;
  }
}

}  // namespace
}  // namespace sluice::memory
