// The words of the memory.

#include "memory/memory.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::memory {
namespace {

TEST(MemoryWords, EveryWayOfStandingReadsBack) {
  for (const auto stood : {Stood::verified, Stood::adopted, Stood::failed, Stood::undone, Stood::left})
    EXPECT_EQ(parse_stood(to_string(stood)), stood);
  EXPECT_EQ(parse_stood(""), std::nullopt);
  EXPECT_EQ(parse_stood("Verified"), std::nullopt);
}

TEST(MemoryWords, OneGoesBackByItselfOnlyToWhatRan) {
  EXPECT_TRUE(is_good(Stood::verified));
  EXPECT_TRUE(is_good(Stood::adopted));
  EXPECT_FALSE(is_good(Stood::failed));
  EXPECT_FALSE(is_good(Stood::undone));
  EXPECT_FALSE(is_good(Stood::left));
}

TEST(MemoryWords, WhoIsShownAsFarAsItIsKnown) {
  EXPECT_EQ(memory::shown({}), "");
  EXPECT_EQ(memory::shown({.user = "root", .host = "ci-7", .identity = "ann", .job = {}}), "ann (root@ci-7)");
  EXPECT_EQ(memory::shown({.user = "root", .host = "ci-7", .identity = {}, .job = "https://ci/1"}), "root@ci-7");
  EXPECT_EQ(memory::shown({.user = {}, .host = "ci-7", .identity = {}, .job = {}}), "ci-7");
  EXPECT_EQ(memory::shown({.user = {}, .host = {}, .identity = "ann", .job = {}}), "ann");
  EXPECT_EQ(memory::shown({.user = {}, .host = {}, .identity = {}, .job = "https://ci/1"}), "https://ci/1");
}

TEST(MemoryWords, WhoReadsBackAndIsNullWhenNothingIsKnown) {
  EXPECT_TRUE(to_json(Who{}).is_null());
  const Who who{.user = "root", .host = "ci-7", .identity = "ann", .job = "https://ci/1"};
  EXPECT_EQ(who_from(to_json(who)), who);
  EXPECT_TRUE(who_from(Json(3)).empty());
  EXPECT_TRUE(who_from(Json::object().set("user", 3)).empty());
}

TEST(MemoryWords, WhatSomebodyElseWroteAsANameIsBoundedAndPrintable) {
  const auto who = who_from(Json::object().set("user", std::string(10'000, 'x')).set("host", "a\x1b[31m\nb"));
  EXPECT_LE(who.user.size(), 300U);
  EXPECT_EQ(who.host.find('\x1b'), std::string::npos);
  EXPECT_EQ(who.host.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace sluice::memory
