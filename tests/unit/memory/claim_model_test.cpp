// Every order in which machines may claim numbers, against a registry in memory whose list of tags is never behind.
// At every step a reader looks, and readers that looked at the tags earlier read the artifacts now. No number may ever
// be told as two contents, whoever is killed wherever.

#include "memory/registry_numbers.hpp"
#include "support/sanitized.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace sluice::memory {
namespace {

std::string release(char letter) { return std::string(64, letter); }

struct Machine {
  std::string release;
  ClaimSteps steps;
  bool killed = false;
  bool done() const { return std::holds_alternative<Claimed>(steps.next()); }
  const Claimed& end() const { return std::get<Claimed>(steps.next()); }
};

// What readers were told, and what the registry holds. A value: a search copies it.
struct World {
  std::map<std::string, ClaimArtifact> tags;
  std::vector<std::vector<std::string>> lists;  // every list that a reader may have seen
  std::map<std::int64_t, std::string> told;
  std::string broken;

  std::vector<std::string> list() const {
    std::vector<std::string> out;
    for (const auto& [tag, artifact] : tags) out.push_back(tag);
    return out;
  }

  // A reader whose list is this one, and who reads artifacts now: as read_numbers() does.
  void read_with(const std::vector<std::string>& listed) {
    auto numbers = Numbers::of(listed);
    for (const auto& [number, ids] : numbers.claims) {
      std::vector<std::string> confirmed;
      for (const auto& id12 : ids) {
        if (ids.size() > 1 && tags.at(claim_tag(number, id12)).confirmed) confirmed.push_back(id12);
      }
      if (confirmed.size() == 1) numbers.confirmed[number] = confirmed.front();
      const auto meaning = numbers.meaning(number);
      if (!meaning) continue;
      const auto& before = told.emplace(number, *meaning).first->second;
      if (before != *meaning) broken = std::to_string(number) + " was " + before + " and became " + *meaning;
    }
  }

  void look() {
    auto now = list();
    if (lists.empty() || lists.back() != now) lists.push_back(std::move(now));
    for (const auto& one : lists) read_with(one);
  }

  void step(Machine& machine) {
    const auto next = machine.steps.next();
    if (const auto* push = std::get_if<PushClaim>(&next)) {
      tags[claim_tag(push->number, machine.release)] = {machine.release, push->confirmed};
      machine.steps.pushed(true);
    } else if (const auto* read = std::get_if<ReadClaim>(&next)) {
      const auto found = tags.find(claim_tag(read->number, machine.release));
      machine.steps.read(found == tags.end() ? std::nullopt : std::optional(found->second));
    } else {
      machine.steps.listed(list());
    }
    look();
  }

  std::optional<std::string> means(std::int64_t number) {
    told.clear();
    read_with(list());
    const auto found = told.find(number);
    return found == told.end() ? std::nullopt : std::optional(found->second);
  }
};

struct Found {
  std::uint64_t ends = 0;
  std::string broken;
};

// At the end each machine that lived has a number that means its release, and no other has it.
std::string judge_end(World world, const std::vector<Machine>& machines, bool must_mean) {
  std::map<std::int64_t, std::string> owners;
  for (const auto& machine : machines) {
    if (machine.killed) continue;
    const auto& end = machine.end();
    if (end.error) return end.error->sentence();
    if (!end.number) return "a machine got no number";
    const auto id12 = machine.release.substr(0, 12);
    if (owners.emplace(*end.number, id12).first->second != id12) return "two releases got one number";
    const auto meaning = world.means(*end.number);
    if (meaning && *meaning != id12) return "a number means another release than the one that got it";
    if (must_mean && !meaning) return "the number " + std::to_string(*end.number) + " of a release means nothing";
  }
  return "";
}

// `kills`: how many machines may still be killed.
void search(const World& world, const std::vector<Machine>& machines, unsigned kills, bool must_mean, Found& found) {
  if (!found.broken.empty()) return;
  bool moved = false;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    if (machines[i].killed || machines[i].done()) continue;
    moved = true;
    auto next = world;
    auto others = machines;
    next.step(others[i]);
    if (!next.broken.empty()) found.broken = next.broken;
    search(next, others, kills, must_mean, found);
    if (kills == 0) continue;
    others = machines;
    others[i].killed = true;
    search(world, others, kills - 1, must_mean, found);
  }
  if (moved) return;
  ++found.ends;
  if (auto broken = judge_end(world, machines, must_mean); !broken.empty()) found.broken = std::move(broken);
}

Machine machine(char letter, std::int64_t at_least = 0) {
  return {release(letter), ClaimSteps(release(letter), at_least)};
}

Found search_all(const std::vector<Machine>& machines, unsigned kills, bool must_mean) {
  World world;
  world.tags["v1"] = {};
  Found found;
  search(world, machines, kills, must_mean, found);
  return found;
}

TEST(ClaimModel, AMachineAloneGetsTheNextNumberInFourExchanges) {
  World world;
  world.tags[claim_tag(41, release('f'))] = {release('f'), true};
  auto one = machine('a');
  unsigned exchanges = 0;
  for (; !one.done(); ++exchanges) world.step(one);
  EXPECT_EQ(one.end().number, 42);
  EXPECT_EQ(exchanges, 4U);
  EXPECT_TRUE(world.tags.at(claim_tag(42, release('a'))).confirmed);
}

TEST(ClaimModel, AReleaseKeepsItsNumberInTwoExchanges) {
  World world;
  world.tags[claim_tag(42, release('a'))] = {release('a'), true};
  world.tags[claim_tag(43, release('b'))] = {release('b'), true};
  auto one = machine('a', 1000);
  unsigned exchanges = 0;
  for (; !one.done(); ++exchanges) world.step(one);
  EXPECT_EQ(one.end().number, 42);
  EXPECT_EQ(exchanges, 2U);
}

TEST(ClaimModel, AClaimThatSomebodyLeftHalfWayIsCompleted) {
  World world;
  world.tags[claim_tag(42, release('a'))] = {release('a'), false};
  auto one = machine('a');
  while (!one.done()) world.step(one);
  EXPECT_EQ(one.end().number, 42);
  EXPECT_TRUE(world.tags.at(claim_tag(42, release('a'))).confirmed);
}

TEST(ClaimModel, AContestedClaimThatWasConfirmedIsKept) {
  World world;
  world.tags[claim_tag(42, release('a'))] = {release('a'), true};
  world.tags[claim_tag(42, release('b'))] = {release('b'), false};
  auto a = machine('a');
  auto b = machine('b');
  while (!a.done()) world.step(a);
  while (!b.done()) world.step(b);
  EXPECT_EQ(a.end().number, 42);
  EXPECT_EQ(b.end().number, 43);
  EXPECT_EQ(world.broken, "");
}

TEST(ClaimModel, AClaimOfAnotherReleaseWithTheSameDigitsIsNotOurs) {
  World world;
  auto other = release('a');
  other.back() = 'b';
  world.tags[claim_tag(42, other)] = {other, true};
  auto one = machine('a');
  while (!one.done()) world.step(one);
  EXPECT_EQ(one.end().number, 43);
}

TEST(ClaimModel, WhatWasSeenElsewhereIsNotGivenAgain) {
  World world;
  auto one = machine('a', 1000);
  while (!one.done()) world.step(one);
  EXPECT_EQ(one.end().number, 1001);
}

TEST(ClaimModel, ThereIsALastNumber) {
  World world;
  world.tags[claim_tag(kMaxNumber, release('f'))] = {release('f'), true};
  auto one = machine('a');
  while (!one.done()) world.step(one);
  EXPECT_FALSE(one.end().number.has_value());
  ASSERT_TRUE(one.end().error.has_value());
  EXPECT_EQ(one.end().error->kind(), ErrorKind::unsupported);
  EXPECT_EQ(world.tags.size(), 1U);
}

TEST(ClaimModel, AListThatDoesNotShowTheClaimProvesNothing) {
  auto one = machine('a');
  one.steps.listed({});
  one.steps.pushed(true);
  unsigned lists = 0;
  for (; !one.done(); ++lists) {
    ASSERT_TRUE(std::holds_alternative<ListTags>(one.steps.next()));
    one.steps.listed({});
  }
  EXPECT_GT(lists, 3U);
  EXPECT_FALSE(one.end().number.has_value());
  EXPECT_FALSE(one.end().error.has_value());
}

TEST(ClaimModel, ARefusalIsNoNumber) {
  auto one = machine('a');
  one.steps.listed({});
  one.steps.pushed(false);
  ASSERT_TRUE(one.done());
  EXPECT_FALSE(one.end().number.has_value());
  EXPECT_FALSE(one.end().error.has_value());
}

TEST(ClaimModel, AnImmutableTagKeepsItsNumberUnconfirmed) {
  auto one = machine('a');
  one.steps.listed({});
  one.steps.pushed(true);
  one.steps.listed({claim_tag(1, release('a'))});
  one.steps.pushed(false);
  ASSERT_TRUE(one.done());
  EXPECT_EQ(one.end().number, 1);
}

TEST(ClaimModel, TwoMachinesNeverMakeANumberMeanTwoContents) {
  const auto found = search_all({machine('a'), machine('b')}, 1, true);
  EXPECT_EQ(found.broken, "");
  EXPECT_GT(found.ends, 100U);
}

TEST(ClaimModel, TwoMachinesWithOneReleaseAgree) {
  const auto found = search_all({machine('a'), machine('a')}, 1, true);
  EXPECT_EQ(found.broken, "");
  EXPECT_GT(found.ends, 50U);
}

TEST(ClaimModel, TwoMachinesAndOneThatWasKilledBeforeNeverMakeANumberMeanTwoContents) {
  // What a third machine may have left behind: each of its steps, on the number that both try first.
  for (const bool contested : {false, true}) {
    for (const bool confirmed : {false, true}) {
      World world;
      world.tags[claim_tag(1, release('c'))] = {release('c'), confirmed};
      if (contested) world.tags[claim_tag(1, release('d'))] = {release('d'), false};
      world.look();
      Found found;
      search(world, {machine('a'), machine('b')}, 1, true, found);
      EXPECT_EQ(found.broken, "") << contested << confirmed;
    }
  }
}

// Runs machines in a random order, and kills one at a random moment in every second run.
std::string run_sample(std::vector<Machine> machines, bool must_mean, std::mt19937& random) {
  World world;
  const auto pick = [&](std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random); };
  bool may_kill = pick(2) == 0;
  for (;;) {
    std::vector<std::size_t> live;
    for (std::size_t i = 0; i < machines.size(); ++i) {
      if (!machines[i].killed && !machines[i].done()) live.push_back(i);
    }
    if (live.empty()) break;
    auto& one = machines[live[pick(live.size())]];
    if (may_kill && pick(8) == 0) {
      one.killed = true;
      may_kill = false;
      continue;
    }
    world.step(one);
    if (!world.broken.empty()) return world.broken;
  }
  return judge_end(world, machines, must_mean);
}

TEST(ClaimModel, ThreeMachinesInSampledOrders) {
  std::mt19937 random(7);
  for (int i = 0; i < support::repeats(20'000); ++i)
    ASSERT_EQ(run_sample({machine('a'), machine('b'), machine('c')}, true, random), "") << i;
}

TEST(ClaimModel, ThreeMachinesOfWhichTwoHaveOneRelease) {
  // Here a push without its mark may follow the mark of the other machine: a number may come to mean nothing.
  std::mt19937 random(7);
  for (int i = 0; i < support::repeats(20'000); ++i)
    ASSERT_EQ(run_sample({machine('a'), machine('a'), machine('b')}, false, random), "") << i;
}

TEST(ClaimModel, ManyMachinesAllGetANumber) {
  std::mt19937 random(7);
  for (int i = 0; i < support::repeats(500); ++i) {
    ASSERT_EQ(
        run_sample({machine('a'), machine('b'), machine('c'), machine('d'), machine('e'), machine('f')}, true, random),
        "")
        << i;
  }
}

}  // namespace
}  // namespace sluice::memory
