#include "oci/semver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::oci {
namespace {

using testing::ElementsAre;

TEST(Semver, ReadsWhatTagsCarry) {
  struct Row {
    const char* tag;
    std::uint64_t major, minor, patch;
    std::vector<std::string> prerelease;
  };
  const Row rows[] = {
      {"1.4.2", 1, 4, 2, {}},
      {"v1.4.2", 1, 4, 2, {}},
      {"v1.4", 1, 4, 0, {}},
      {"1", 1, 0, 0, {}},
      {"0.0.0", 0, 0, 0, {}},
      {"1.4.2-rc.1+build.007", 1, 4, 2, {"rc", "1"}},
      {"1.4.2+build-7", 1, 4, 2, {}},
      {"1.0.0-alpha-a.b-c", 1, 0, 0, {"alpha-a", "b-c"}},
      {"3.9-alpine", 3, 9, 0, {"alpine"}},
      {"1.0.0--", 1, 0, 0, {"-"}},
      {"1.0.0-0A", 1, 0, 0, {"0A"}},
      {"18446744073709551615.0.0", 18446744073709551615U, 0, 0, {}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.tag);
    const auto version = Semver::parse(row.tag);
    ASSERT_TRUE(version);
    EXPECT_EQ(version->major, row.major);
    EXPECT_EQ(version->minor, row.minor);
    EXPECT_EQ(version->patch, row.patch);
    EXPECT_EQ(version->prerelease, row.prerelease);
  }
}

TEST(Semver, LeavesOtherTagsAlone) {
  for (const auto* tag : {"",
                          "v",
                          "latest",
                          "V1.0.0",
                          "vv1",
                          "1.",
                          ".1",
                          "1..2",
                          "1.2.3.4",
                          "01.2.3",
                          "1.02",
                          "1.2.3-",
                          "1.2.3-a..b",
                          "1.2.3-01",
                          "1.2.3+",
                          "1.2.3-a+b+c",
                          "1.2.3-a_b",
                          "1.2.x",
                          "-1",
                          "+1",
                          " 1",
                          "1.2.3 ",
                          "18446744073709551616.0.0"}) {
    EXPECT_FALSE(Semver::parse(tag)) << tag;
  }
}

TEST(Semver, OrdersAsTheSpecificationDoes) {
  // semver.org, item 11, with numbers longer than 64 bits added.
  const std::vector<const char*> ascending{
      "0.9.9",      "1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta",
      "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-beta.99999999999999999999999",
      "1.0.0-rc.1", "1.0.0",        "1.0.1",         "1.2.0",
      "1.10.0",     "2.0.0"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      const auto a = Semver::parse(ascending[i]);
      const auto b = Semver::parse(ascending[j]);
      ASSERT_TRUE(a && b);
      EXPECT_EQ(*a <=> *b, std::weak_ordering(i <=> j)) << ascending[i] << " and " << ascending[j];
    }
  }
}

TEST(Semver, IgnoresBuildMetadataAndThePrefix) { EXPECT_EQ(*Semver::parse("v1.0.0+a"), *Semver::parse("1.0+b")); }

TEST(Tags, SortNewestFirst) {
  std::vector<std::string> tags{"latest", "build-9", "v1.2.0", "1.10.0", "2.0.0-rc.1", "build-10", "2.0.0", "dev"};
  std::sort(tags.begin(), tags.end(), [](const auto& a, const auto& b) { return compare_tags(a, b) < 0; });
  EXPECT_THAT(tags, ElementsAre("2.0.0", "2.0.0-rc.1", "1.10.0", "v1.2.0", "latest", "dev", "build-10", "build-9"));
}

TEST(Tags, CompareRunsOfDigitsAsNumbers) {
  struct Row {
    const char* newer;
    const char* older;
  };
  const Row rows[] = {
      {"build-10", "build-9"},
      {"2024.01.10-b", "2024.01.9-b"},
      {"main-100000000000000000000000", "main-99999999999999999999999"},
      {"b", "a"},
      {"a1", "a"},
      {"r10a2", "r10a1"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.newer);
    EXPECT_EQ(compare_tags(row.newer, row.older), std::weak_ordering::less);
    EXPECT_EQ(compare_tags(row.older, row.newer), std::weak_ordering::greater);
  }
  EXPECT_EQ(compare_tags("build-007", "build-7"), std::weak_ordering::equivalent);
}

TEST(Glob, MatchesStarsAndQuestionMarks) {
  struct Row {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const Row rows[] = {
      {"", "", true},          {"", "a", false},        {"*", "", true},          {"*", "anything", true},
      {"?", "", false},        {"?", "a", true},        {"??", "a", false},       {"v*", "v1.4.2", true},
      {"v*", "1.4.2", false},  {"*-rc", "1-rc", true},  {"*-rc", "1-rc2", false}, {"a*b*c", "aXbYc", true},
      {"a*b*c", "abcc", true}, {"a*b*c", "acb", false}, {"a**b", "ab", true},     {"*ab", "aab", true},
      {"*a?b", "aacb", true},  {"v?.*", "v1.x", true},  {"[ab]", "a", false},     {"[ab]", "[ab]", true},
      {"a.c", "abc", false},   {"A*", "abc", false},    {"*a", "aaab", false},    {"a\\*", "a\\b", true},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(glob_match(row.pattern, row.text), row.matches) << row.pattern << " on " << row.text;
  }
}

TEST(Glob, DoesNotBlowUpOnManyStars) {
  // A matcher that tries every split of these needs longer than the test may run.
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(2000, 'a')));
  EXPECT_TRUE(glob_match(pattern, std::string(2000, 'a')));
}

}  // namespace
}  // namespace sluice::oci
