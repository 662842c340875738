// The memory as text: what is damaged, what is too much, and what stays.

#include "memory/memory.hpp"
#include "support/checks.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::memory {
namespace {

using support::failed_with;
using support::why;

const std::string kRelease(64, 'a');
const std::string kOther(64, 'b');
const std::string kDigest = "sha256:" + std::string(64, '1');

RepositoryMemory with_one_release() {
  RepositoryMemory out;
  out.tags["prod"].app = "shop";
  out.tags["prod"].releases.push_back({.release = kRelease, .number = 42, .digest = kDigest, .tag = "v1"});
  return out;
}

Json json_of(const RepositoryMemory& memory) {
  const auto text = write_memory(memory);
  EXPECT_TRUE(text.ok()) << why(text);
  return parse_json(*text).value();
}

// `change` gets the entry of the tag "prod".
std::string problem_with(const std::function<void(Json&)>& change) {
  auto json = json_of(with_one_release());
  change(*json.find("tags")->find("prod"));
  return read_memory(json.dump()).problem;
}
std::string problem_with_release(const std::string& key, Json value) {
  return problem_with([&](Json& tag) { tag.find("releases")->elements()->front().set(key, std::move(value)); });
}
std::string problem_of(const std::string& text) { return read_memory(text).problem; }

TEST(MemoryText, NothingIsAnEmptyMemory) {
  EXPECT_EQ(read_memory(""), RepositoryMemory{});
  EXPECT_EQ(problem_of("{}"), "");
}

TEST(MemoryText, WhatIsNoJsonObjectIsAProblem) {
  for (const auto* text : {"x", "null", "[]", "3", "\"text\"", "{", "{\"version\":1,\"version\":1}", "\xff"})
    EXPECT_NE(problem_of(text), "") << text;
}

TEST(MemoryText, MembersOfTheWrongTypeAreAProblem) {
  for (const auto* text :
       {R"({"tags":[]})", R"({"tags":3})", R"({"tags":"prod"})", R"({"numbers":[]})", R"({"numbers":true})",
        R"({"id":7})", R"({"version":"1"})", R"({"version":-1})", R"({"version":1.5})", R"({"tags":{"prod":[]}})",
        R"({"tags":{"prod":null}})", R"({"tags":{"":{}}})", R"({"numbers":{"shop":{"claims":{}}}})",
        R"({"numbers":{"shop":[]}})"})
    EXPECT_NE(problem_of(text), "") << text;
}

TEST(MemoryText, ANewerVersionIsNotGuessedAt) {
  EXPECT_NE(problem_of(R"({"version":2})").find("newer version"), std::string::npos);
  EXPECT_EQ(problem_of(R"({"version":1})"), "");
}

TEST(MemoryText, AReleaseIsReadStrictly) {
  EXPECT_EQ(problem_with_release("number", 9'999'999), "");
  EXPECT_NE(problem_with_release("number", 10'000'000), "");
  EXPECT_NE(problem_with_release("number", std::int64_t{9'223'372'036'854'775'807}), "");
  EXPECT_NE(problem_with_release("number", -1), "");
  EXPECT_NE(problem_with_release("number", "42"), "");
  EXPECT_NE(problem_with_release("number", 4.5), "");
  EXPECT_NE(problem_with_release("release", std::string(63, 'a')), "");
  EXPECT_NE(problem_with_release("release", std::string(64, 'A')), "");
  EXPECT_EQ(problem_with_release("release", ""), "") << "versions before 0.2 knew no ids";
  EXPECT_NE(problem_with_release("digest", "latest"), "");
  EXPECT_NE(problem_with_release("digest", ""), "");
  EXPECT_NE(problem_with_release("arrived_as", "sha256:1"), "");
  EXPECT_NE(problem_with_release("tag", std::string(254, 'v')), "");
  EXPECT_NE(problem_with_release("tag", "a\nb"), "");
  EXPECT_NE(problem_with_release("pattern_tag", 1), "");
  EXPECT_NE(problem_with_release("stood", "well"), "");
  EXPECT_NE(problem_with_release("at", std::int64_t{253'402'300'800}), "");
}

TEST(MemoryText, ANumberOver64BitsIsAProblem) {
  EXPECT_NE(problem_of(R"({"tags":{"prod":{"fence":9223372036854775808}}})"), "");
}

TEST(MemoryText, FencesAreWhatEveryReaderOfJsonCanCountTo) {
  const auto fence = [](std::int64_t value) { return problem_with([&](Json& tag) { tag.set("fence", value); }); };
  EXPECT_EQ(fence(std::int64_t{1} << 53), "");
  EXPECT_NE(fence((std::int64_t{1} << 53) + 1), "");
  EXPECT_NE(fence(std::int64_t{9'223'372'036'854'775'807}), "");
  EXPECT_NE(fence(-1), "");
}

TEST(MemoryText, AReleaseThatIsThereTwiceIsAProblem) {
  EXPECT_NE(problem_with([](Json& tag) {
              auto& list = *tag.find("releases");
              auto copy = list.items().front();
              list.push(std::move(copy));
            }),
            "");
}

TEST(MemoryText, SeveralReleasesMayLackTheirIds) {
  auto memory = with_one_release();
  auto& releases = memory.tags["prod"].releases;
  releases.front().release.clear();
  releases.push_back(releases.front());
  releases.back().digest = "sha256:" + std::string(64, '2');
  const auto text = write_memory(memory);
  ASSERT_TRUE(text.ok()) << why(text);
  EXPECT_EQ(read_memory(*text).tags.at("prod").releases, releases);
}

TEST(MemoryText, ANumberThatIsThereTwiceIsAProblem) {
  const auto ledger = [](const std::string& claims) {
    return problem_of(R"({"numbers":{"shop":{"last":7,"claims":[)" + claims + "]}}}");
  };
  const auto claim = [](int number, const std::string& release) {
    return R"({"number":)" + std::to_string(number) + R"(,"release":")" + release + R"("})";
  };
  EXPECT_EQ(ledger(claim(7, kRelease) + "," + claim(6, kOther)), "");
  EXPECT_NE(ledger(claim(7, kRelease) + "," + claim(7, kOther)), "");
  EXPECT_NE(ledger(claim(0, kRelease)), "");
  EXPECT_NE(ledger(claim(7, "")), "");
}

TEST(MemoryText, TheLastNumberIsNeverBelowAClaim) {
  const auto memory =
      read_memory(R"({"numbers":{"shop":{"last":3,"claims":[{"number":7,"release":")" + kRelease + R"("}]}}})");
  ASSERT_EQ(memory.problem, "");
  EXPECT_EQ(memory.numbers.at("shop").last, 7);
}

TEST(MemoryText, ListsAreBounded) {
  EXPECT_NE(problem_with([](Json& tag) {
              auto list = Json::array();
              for (int i = 0; i < 201; ++i) list.push(Json::object().set("promotion", std::to_string(i)));
              tag.set("promotions", std::move(list));
            }),
            "");
  auto tags = Json::object();
  for (int i = 0; i < 51; ++i) tags.set("t" + std::to_string(i), Json::object());
  EXPECT_NE(problem_of(Json::object().set("tags", std::move(tags)).dump()), "");
}

TEST(MemoryText, WhatIsTooLongOrTooDeepIsAProblem) {
  EXPECT_NE(problem_of(R"({"future":")" + std::string(4 * kMaxBytes, 'x') + "\"}"), "");
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += R"({"a":)";
  EXPECT_NE(problem_of(deep + "1" + std::string(40, '}')), "");
}

TEST(MemoryText, AProblemLeavesNothingElse) {
  const auto memory = read_memory(R"({"id":"0123","numbers":{"shop":{"last":3}},"tags":{"prod":{"fence":-1}}})");
  RepositoryMemory expected;
  expected.problem = memory.problem;
  EXPECT_NE(memory.problem, "");
  EXPECT_EQ(memory, expected);
}

TEST(MemoryText, AnOpenPromotionIsReadStrictly) {
  const auto open = [](const std::string& members) {
    return problem_of(R"({"tags":{"prod":{"open":{)" + members + "}}}}");
  };
  const std::string whole = R"("promotion":"p1","release":")" + kRelease + R"(","after":")" + kDigest + R"(",)";
  EXPECT_EQ(open(whole + R"("tags":[{"tag":"prod"}])"), "");
  EXPECT_NE(open(whole + R"("tags":[])"), "");
  EXPECT_NE(open(whole + R"("tags":[{"tag":""}])"), "");
  EXPECT_NE(open(whole + R"("tags":[{"tag":"prod","before":"x"}])"), "");
  EXPECT_NE(open(R"("promotion":"p1","tags":[{"tag":"prod"}])"), "");
  EXPECT_NE(open(whole + R"("tags":["prod"])"), "");
}

TEST(MemoryText, AHoldNeedsItsReason) {
  EXPECT_NE(problem_with([](Json& tag) { tag.set("hold", Json::object().set("since", 3)); }), "");
  EXPECT_NE(problem_with([](Json& tag) { tag.set("hold", "frozen"); }), "");
  EXPECT_EQ(problem_with([](Json& tag) { tag.set("hold", Json::object().set("reason", "frozen")); }), "");
}

TEST(MemoryText, MembersThatThisVersionDoesNotKnowStay) {
  auto json = json_of(with_one_release());
  json.set("future", Json::object().set("x", 1));
  json.find("tags")->find("prod")->set("later", "y");
  auto memory = read_memory(json.dump());
  ASSERT_EQ(memory.problem, "");
  memory.tags["prod"].hold = Hold{.reason = "frozen", .since = 1};
  const auto again = json_of(memory);
  EXPECT_EQ(again.find("future")->integer_at("x"), 1);
  EXPECT_EQ(again.find("tags")->find("prod")->string_at("later"), "y");
  EXPECT_EQ(again.find("tags")->find("prod")->find("hold")->string_at("reason"), "frozen");
}

TEST(MemoryText, ATagThatIsForgottenTakesItsUnknownMembersAlong) {
  auto json = json_of(with_one_release());
  json.find("tags")->find("prod")->set("later", "y");
  auto memory = read_memory(json.dump());
  memory.tags.clear();
  EXPECT_EQ(json_of(memory).find("tags")->members().size(), 0U);
}

RepositoryMemory with_promotions(std::size_t count, std::size_t failure_bytes) {
  auto out = with_one_release();
  for (std::size_t i = 0; i < count; ++i) {
    PastPromotion one;
    one.promotion = "p" + std::to_string(i);
    one.kind = "promote";
    one.failure = std::string(failure_bytes, 'x');
    out.tags["prod"].promotions.push_back(std::move(one));
  }
  return out;
}

TEST(MemoryText, KeepsTheNewestPromotions) {
  const auto memory = read_memory(*write_memory(with_promotions(kKeptPromotions + 3, 10)));
  ASSERT_EQ(memory.problem, "");
  const auto& kept = memory.tags.at("prod").promotions;
  ASSERT_EQ(kept.size(), kKeptPromotions);
  EXPECT_EQ(kept.front().promotion, "p0");
  EXPECT_EQ(kept.back().promotion, "p19");
}

TEST(MemoryText, OldPromotionsGoWhereTheTextGrowsTooLong) {
  RepositoryMemory big;
  for (int i = 0; i < 6; ++i) {
    auto one = with_promotions(kKeptPromotions, 300);
    big.tags["tag" + std::to_string(i)] = one.tags["prod"];
  }
  const auto text = write_memory(big);
  ASSERT_TRUE(text.ok()) << why(text);
  EXPECT_LE(text->size(), kMaxBytes);
  EXPECT_GT(text->size(), kMaxBytes * 3 / 4) << "no more went than had to";
  const auto memory = read_memory(*text);
  ASSERT_EQ(memory.problem, "");
  for (const auto& [name, tag] : memory.tags) {
    ASSERT_FALSE(tag.promotions.empty());
    EXPECT_EQ(tag.promotions.front().promotion, "p0") << "the newest stays";
    EXPECT_EQ(tag.releases.size(), 1U) << "releases stay";
  }
}

TEST(MemoryText, WhatFitsInNoWayIsRefused) {
  RepositoryMemory big;
  for (int i = 0; i < 40; ++i) {
    for (int r = 0; r < 5; ++r) {
      auto release = std::string(60, 'a') + std::to_string(1000 + r);
      big.tags["tag" + std::to_string(i)].releases.push_back(
          {.release = release, .digest = kDigest, .tag = std::string(200, 'v')});
    }
  }
  EXPECT_TRUE(failed_with(write_memory(big), ErrorKind::unsupported, "fewer tags"));
}

TEST(MemoryText, WhatCouldNotBeReadBackIsNotWritten) {
  auto bad_name = with_one_release();
  bad_name.tags["prod"].releases.front().tag = "a\nb";
  EXPECT_TRUE(failed_with(write_memory(bad_name), ErrorKind::unsupported));
  auto twice = with_one_release();
  twice.tags["prod"].releases.push_back(twice.tags["prod"].releases.front());
  EXPECT_TRUE(failed_with(write_memory(twice), ErrorKind::unsupported));
  auto no_digest = with_one_release();
  no_digest.tags["prod"].releases.front().digest.clear();
  EXPECT_TRUE(failed_with(write_memory(no_digest), ErrorKind::unsupported));
  auto many = with_one_release();
  many.tags["prod"].fence = (std::int64_t{1} << 53) + 1;
  EXPECT_TRUE(failed_with(write_memory(many), ErrorKind::unsupported));
}

TEST(MemoryText, TextForPeopleIsCutAndMadePrintable) {
  auto memory = with_promotions(1, 5000);
  memory.tags["prod"].promotions.front().failure += "\x1b[31m";
  memory.tags["prod"].hold = Hold{.reason = "a\nb" + std::string(3000, 'x'), .since = 1};
  const auto after = read_memory(*write_memory(memory));
  ASSERT_EQ(after.problem, "");
  EXPECT_LE(after.tags.at("prod").promotions.front().failure.size(), 310U);
  EXPECT_LE(after.tags.at("prod").hold->reason.size(), kMaxHoldReason + 10);
  EXPECT_TRUE(after.tags.at("prod").hold->reason.starts_with("a b"));
  EXPECT_EQ(*write_memory(after), *write_memory(memory)) << "what was cut once is not cut again";
}

// The plan is most of a memory: it is held once, and not a second time among what this version does not know.
TEST(MemoryText, WhatIsOpenIsHeldOnceAndStaysWhereItStoodWhenItIsWritten) {
  auto memory = with_one_release();
  OpenPromotion open;
  open.promotion = "p1";
  open.release = kRelease;
  open.digest = open.after = kDigest;
  open.tags.push_back({"prod", ""});
  open.plan = Json::object().set("app", "shop");
  memory.tags["prod"].open = std::move(open);
  const auto text = write_memory(memory);
  ASSERT_TRUE(text.ok()) << why(text);
  const auto read = read_memory(*text);
  EXPECT_EQ(read.problem, "");
  EXPECT_EQ(read.tags.at("prod").open->plan->string_at("app"), "shop");
  EXPECT_EQ(read.unknown.dump().find("shop\"}"), std::string::npos);
  EXPECT_EQ(write_memory(read).value(), *text);
}

TEST(MemoryText, APlanThatNoMemoryTakesIsRefusedAsTheWholeMemoryWouldBe) {
  EXPECT_TRUE(fits_memory(Json::object().set("app", std::string(kMaxBytes / 2, 'a'))).ok());
  EXPECT_TRUE(failed_with(fits_memory(Json::object().set("app", std::string(kMaxBytes, 'a'))), ErrorKind::unsupported,
                          "what is to be remembered grew to 32.0 KiB"));
}

}  // namespace
}  // namespace sluice::memory
