// Numbers of releases: the ledger, and the tags of claims.

#include "memory/numbers.hpp"

#include "memory/registry_numbers.hpp"
#include "support/checks.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::memory {
namespace {

using support::failed_with;
using support::why;

std::string id(int i) {
  auto out = std::to_string(i);
  return out + std::string(64 - out.size(), 'e');
}

TEST(Ledger, NumbersGoUpByOneAndStay) {
  Ledger ledger;
  EXPECT_EQ(*claim(ledger, id(1), 0), 1);
  EXPECT_EQ(*claim(ledger, id(2), 0), 2);
  EXPECT_EQ(*claim(ledger, id(1), 0), 1) << "a release keeps its number";
  EXPECT_EQ(ledger.last, 2);
  EXPECT_EQ(number_of(ledger, id(2)), std::nullopt) << "nobody has looked at the other places yet";
  EXPECT_TRUE(releases_of(ledger, 2).empty());
  confirm(ledger, id(1), 1);
  confirm(ledger, id(2), 2);
  EXPECT_EQ(number_of(ledger, id(2)), 2);
  EXPECT_EQ(number_of(ledger, id(3)), std::nullopt);
  EXPECT_EQ(releases_of(ledger, 1), std::vector<std::string>{id(1)});
  EXPECT_TRUE(releases_of(ledger, 9).empty());
}

TEST(Ledger, AClaimThatIsTakenBackLeavesItsNumber) {
  Ledger ledger;
  EXPECT_EQ(*claim(ledger, id(1), 0), 1);
  EXPECT_TRUE(is_taken(ledger, 1, id(2))) << "pending or not";
  EXPECT_FALSE(is_taken(ledger, 1, id(1)));
  withdraw(ledger, id(1), 1);
  EXPECT_FALSE(is_taken(ledger, 1, id(2)));
  EXPECT_EQ(*claim(ledger, id(2), 0), 2);
  confirm(ledger, id(2), 2);
  withdraw(ledger, id(2), 2);
  EXPECT_EQ(number_of(ledger, id(2)), 2) << "what was told stays";
}

TEST(Ledger, WhatWasSeenElsewhereIsNotGivenAgain) {
  Ledger ledger;
  EXPECT_EQ(*claim(ledger, id(1), 41), 42);
  EXPECT_EQ(*claim(ledger, id(2), 7), 43);
}

TEST(Ledger, ForgottenClaimsLeaveTheLastNumber) {
  Ledger ledger;
  for (int i = 1; i <= 30; ++i) ASSERT_EQ(*claim(ledger, id(i), 0), i);
  EXPECT_EQ(ledger.claims.size(), kKeptPromotions);
  EXPECT_EQ(ledger.claims.front().number, 30);
  EXPECT_EQ(ledger.dropped, 10) << "so far nobody can say any more who has a number";
  EXPECT_EQ(*claim(ledger, id(1), 0), 31) << "its old number is forgotten, and not given to another";
}

TEST(Ledger, TheLastNumberOfAllIsTheEnd) {
  Ledger ledger;
  EXPECT_EQ(*claim(ledger, id(1), kMaxNumber - 1), kMaxNumber);
  const auto before = ledger;
  EXPECT_TRUE(failed_with(claim(ledger, id(2), 0), ErrorKind::unsupported, "no numbers left"));
  EXPECT_EQ(ledger, before);
  EXPECT_EQ(*claim(ledger, id(1), 0), kMaxNumber);
  Ledger other;
  EXPECT_TRUE(failed_with(claim(other, id(2), std::int64_t{9'223'372'036'854'775'807}), ErrorKind::unsupported));
}

TEST(ClaimTags, ReadBack) {
  const auto tag = claim_tag(42, "9f3c1b2a40d7" + std::string(52, '0'));
  EXPECT_EQ(tag, "sluice-number-42-9f3c1b2a40d7");
  EXPECT_EQ(parse_claim_tag(tag), (ClaimTag{42, "9f3c1b2a40d7"}));
  EXPECT_EQ(parse_claim_tag("sluice-number-9999999-9f3c1b2a40d7"), (ClaimTag{kMaxNumber, "9f3c1b2a40d7"}));
}

TEST(ClaimTags, OnlyOneSpellingCounts) {
  for (const auto* tag : {"",
                          "sluice-number-",
                          "sluice-number--",
                          "sluice-number-42",
                          "sluice-number-42-",
                          "sluice-number--9f3c1b2a40d7",
                          "sluice-number-0-9f3c1b2a40d7",
                          "sluice-number-042-9f3c1b2a40d7",
                          "sluice-number--1-9f3c1b2a40d7",
                          "sluice-number-+1-9f3c1b2a40d7",
                          "sluice-number- 1-9f3c1b2a40d7",
                          "sluice-number-1e3-9f3c1b2a40d7",
                          "sluice-number-0x1-9f3c1b2a40d7",
                          "sluice-number-10000000-9f3c1b2a40d7",
                          "sluice-number-9223372036854775807-9f3c1b2a40d7",
                          "sluice-number-99999999999999999999999-9f3c1b2a40d7",
                          "sluice-number-42-9F3C1B2A40D7",
                          "sluice-number-42-9f3c1b2a40d",
                          "sluice-number-42-9f3c1b2a40d78",
                          "sluice-number-42-9f3c1b2a40dg",
                          "sluice-number-42-9f3c1b2a40d7-",
                          "sluice-number-42_9f3c1b2a40d7",
                          "Sluice-number-42-9f3c1b2a40d7",
                          " sluice-number-42-9f3c1b2a40d7",
                          "sluice-number-4\n2-9f3c1b2a40d7"})
    EXPECT_EQ(parse_claim_tag(tag), std::nullopt) << tag;
}

TEST(ClaimTags, OurOwnTagsAreToldFromOthers) {
  for (const auto* tag : {"sluice-memory", "sluice-docker", "sluice-docker-0123456789ab", "sluice-9f3c1b2a40d7",
                          "sluice-number-42-9f3c1b2a40d7"})
    EXPECT_TRUE(is_own_tag(tag)) << tag;
  for (const auto* tag :
       {"", "sluice", "sluice-", "sluice-1.2.3", "sluice-memory2", "sluice-docker2", "sluice-docker-",
        "sluice-9f3c1b2a40d7a", "sluice-9F3C1B2A40D7", "sluice-number-0-9f3c1b2a40d7", "v1", "my-sluice-memory"})
    EXPECT_FALSE(is_own_tag(tag)) << tag;
}

TEST(Numbers, ANumberWithOneClaimStandsForIt) {
  const auto numbers = Numbers::of({"v1", "sluice-number-7-9f3c1b2a40d7", "sluice-memory", "sluice-docker",
                                    "sluice-docker-0123456789ab", "sluice-number-07-aaaaaaaaaaaa"});
  EXPECT_EQ(numbers.last(), 7);
  EXPECT_EQ(numbers.meaning(7), "9f3c1b2a40d7");
  EXPECT_EQ(numbers.meaning(8), std::nullopt);
  EXPECT_EQ(numbers.number_of("9f3c1b2a40d7" + std::string(52, '0')), 7);
  EXPECT_EQ(numbers.number_of(id(1)), std::nullopt);
}

TEST(Numbers, ANumberWithSeveralClaimsStandsForTheConfirmedOneOnly) {
  auto numbers = Numbers::of({"sluice-number-7-9f3c1b2a40d7", "sluice-number-7-aaaaaaaaaaaa"});
  EXPECT_EQ(numbers.meaning(7), std::nullopt);
  EXPECT_EQ(numbers.number_of("aaaaaaaaaaaa"), std::nullopt);
  numbers.confirmed[7] = "aaaaaaaaaaaa";
  EXPECT_EQ(numbers.meaning(7), "aaaaaaaaaaaa");
  EXPECT_EQ(numbers.number_of("aaaaaaaaaaaa"), 7);
  EXPECT_EQ(numbers.number_of("9f3c1b2a40d7"), std::nullopt);
}

TEST(Numbers, NoTagsAreNoNumbers) { EXPECT_EQ(Numbers::of({}).last(), 0); }

}  // namespace
}  // namespace sluice::memory
