#include "base/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::text {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(split("a,b", ','), ElementsAre("a", "b"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split(",a,,", ','), ElementsAre("", "a", "", ""));
}

TEST(Cut, SplitsAtTheFirstSeparator) {
  EXPECT_THAT(cut("a:b:c", ':'), Pair("a", "b:c"));
  EXPECT_THAT(cut("abc", ':'), Pair("abc", ""));
  EXPECT_THAT(cut(":", ':'), Pair("", ""));
}

TEST(Trim, TakesBlanksFromBothEnds) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Lower, ChangesAsciiOnly) { EXPECT_EQ(lower("AbZ9-\xc3\x89"), "abz9-\xc3\x89"); }

TEST(Iequals, IgnoresAsciiCase) {
  EXPECT_TRUE(iequals("Content-Type", "content-type"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("k", "\xe2\x84\xaa")) << "the Kelvin sign is no k";
}

TEST(Join, IsTheInverseOfSplit) {
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join({"a"}, ", "), "a");
  EXPECT_EQ(join({"a", "", "a"}, ", "), "a, , a");
}

TEST(Nearest, FindsWhatWasMeant) {
  const std::vector<std::string> words{"release", "environments", "verify", "freeze"};
  struct Row {
    const char* word;
    const char* expected;
  };
  const Row rows[] = {
      {"relase", "release"},
      {"releaes", "release"},
      {"Release", "release"},
      {"enviroments", "environments"},
      {"veryfi", "verify"},
      {"frezee", "freeze"},
      {"banana", ""},
      {"", ""},
      {"environmentsenvironmentsenvironmentsenvironmentsenvironmentsenvironments", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(nearest(row.word, words), row.expected) << row.word;
  EXPECT_EQ(nearest("anything", {}), "");
}

TEST(Printable, DisarmsControlCharacters) {
  EXPECT_EQ(printable("a\x1b[31mb\x7f"), "a?[31mb?");
  EXPECT_EQ(printable("one\ntwo\tthree\r"), "one two three ");
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a?b");
  EXPECT_EQ(printable("caf\xc3\xa9"), "caf\xc3\xa9");
}

TEST(Printable, CutsWhatIsLong) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
}

TEST(HumanBytes, UsesBinaryUnits) {
  struct Row {
    unsigned long long bytes;
    const char* expected;
  };
  const Row rows[] = {
      {0, "0 B"},
      {1023, "1023 B"},
      {1024, "1.0 KiB"},
      {1536, "1.5 KiB"},
      {236ULL * 1024 * 1024, "236.0 MiB"},
      {5ULL << 40U, "5.0 TiB"},
      {~0ULL, "16384.0 PiB"},
  };
  for (const auto& row : rows) EXPECT_EQ(human_bytes(row.bytes), row.expected);
}

TEST(HumanSeconds, GrowsCoarserWithTime) {
  struct Row {
    double seconds;
    const char* expected;
  };
  const Row rows[] = {{0, "0.00 s"}, {0.25, "0.25 s"}, {12.34, "12.3 s"},
                      {75, "1m15s"}, {3600, "1h00m"},  {7384, "2h03m"}};
  for (const auto& row : rows) EXPECT_EQ(human_seconds(row.seconds), row.expected);
}

}  // namespace
}  // namespace sluice::text
