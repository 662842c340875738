#include "base/sent_secrets.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Secret basic(const std::string& pair) { return Secret("Basic " + encoding::base64(pair)); }

TEST(SentSecrets, HidesWhatABasicHeaderHoldsInEveryForm) {
  SentSecrets secrets;
  secrets.add_authorization(basic("bob:S3/cret+?\"x"));
  const auto encoded = encoding::base64("bob:S3/cret+?\"x");
  EXPECT_EQ(secrets.hide("you sent Basic " + encoded), "you sent Basic ***");
  EXPECT_EQ(secrets.hide("pw bob:S3/cret+?\"x."), "pw bob:***.");
  EXPECT_EQ(secrets.hide("in S3%2Fcret%2B%3F%22x"), "in ***");
  EXPECT_EQ(secrets.hide("in S3%2fcret%2b%3f%22x"), "in ***");
  EXPECT_EQ(secrets.hide(R"({"pw":"S3/cret+?\"x"})"), R"({"pw":"***"})");
  EXPECT_EQ(secrets.hide(encoding::base64("S3/cret+?\"x")), "***");
}

TEST(SentSecrets, HidesABearerTokenAlsoWhenItWasCut) {
  SentSecrets secrets;
  const std::string token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl";
  secrets.add_authorization(Secret("Bearer " + token));
  EXPECT_EQ(secrets.hide("bad " + token + "!"), "bad ***!");
  EXPECT_EQ(secrets.hide("bad " + token.substr(0, 30) + "..."), "bad ***...");
}

TEST(SentSecrets, LeavesShortTextsAndUserNamesAlone) {
  SentSecrets secrets;
  secrets.add(Secret("short"));
  secrets.add(Secret("developer"), "developer");
  secrets.add_authorization(basic("developer:developer"));
  EXPECT_EQ(secrets.hide("short developer"), "short developer");
  EXPECT_EQ(secrets.hide(encoding::base64("developer:developer")), "***") << "the header is hidden all the same";
}

TEST(SentSecrets, HidesALongerSecretWholeWhenItHoldsAShorterOne) {
  SentSecrets secrets;
  secrets.add(Secret("abcdef"));
  secrets.add(Secret("xxabcdefxx"));
  EXPECT_EQ(secrets.hide("xxabcdefxx abcdef"), "*** ***");
}

TEST(SentSecrets, KeepsTheNewestOnes) {
  SentSecrets secrets;
  for (std::size_t i = 0; i <= SentSecrets::kMostSecrets; ++i)
    secrets.add(Secret("secret-" + std::to_string(1000 + i)));
  EXPECT_EQ(secrets.hide("secret-1256"), "***");
  EXPECT_EQ(secrets.hide("secret-1000"), "secret-1000") << "the oldest made room";
}

TEST(SentSecrets, AreTakenOutBeforeATextIsCut) {
  const std::string token = "fixed-token-that-is-longer-than-the-limit-of-the-line";
  SentSecrets::process().add(Secret(token));
  EXPECT_EQ(text::printable("refused: " + token + " is bad", 30), "refused: *** is bad");
  EXPECT_EQ(text::printable("ab " + token, 10), "ab ***");
}

TEST(Shown, LetsNothingThroughThatATerminalObeys) {
  const struct {
    const char* name;
    std::string text;
    std::string expected;
  } rows[] = {
      {"ESC", "a\x1b[2Jb", "a?[2Jb"},
      {"C1 as UTF-8",
       "a\xc2\x9b"
       "2Jb",
       "a?2Jb"},
      {"C1 as a byte",
       "a\x9b"
       "2Jb",
       "a?2Jb"},
      {"right-to-left override",
       "a\xe2\x80\xae"
       "b",
       "a?b"},
      {"isolate",
       "a\xe2\x81\xa6"
       "b",
       "a?b"},
      {"marks", "\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", "???"},
      {"line separator", "a\xe2\x80\xa8::b", "a?::b"},
      {"bad UTF-8", "caf\xe9", "caf?"},
      {"good UTF-8", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82"},
      {"lines stay", "one\ntwo\n", "one\ntwo\n"},
      {"carriage return", "one\rtwo", "one two"},
  };
  for (const auto& row : rows) EXPECT_EQ(text::shown(row.text, true), row.expected) << row.name;
}

TEST(Shown, BreaksCommandsToCiSystems) {
  const struct {
    const char* text;
    const char* expected;
  } rows[] = {
      {"##vso[task.setvariable variable=a]b", "#?vso[task.setvariable variable=a]b"},
      {"x ###vso[a]", "x ##?vso[a]"},
      {"##[error]a", "#?[error]a"},
      {"##teamcity[a]", "#?teamcity[a]"},
      {"## a heading", "## a heading"},
      {"::add-mask::a", "?:add-mask::a"},
      {"a\n  ::error::b", "a\n  ?:error::b"},
      {"\t::error::b", " ?:error::b"},
      {"\xc2\xa0::error::b", "\xc2\xa0?:error::b"},
      {"a::b", "a::b"},
  };
  for (const auto& row : rows) EXPECT_EQ(text::shown(row.text, false), row.expected) << row.text;
}

TEST(Shown, PassesOurColoursOnlyWhereTheyAreWantedAndSwitchesThemOff) {
  EXPECT_EQ(text::shown("\033[31msluice:\033[0m a", true), "\033[31msluice:\033[0m a");
  EXPECT_EQ(text::shown("\033[31msluice:\033[0m a", false), "?[31msluice:?[0m a");
  EXPECT_EQ(text::shown("\033[31mforeign", true), "\033[31mforeign\033[0m");
  EXPECT_EQ(text::shown("\033[8mhidden\033[1;31m", true), "?[8mhidden?[1;31m");
  EXPECT_EQ(text::shown("\033[1m::error::a", true), "\033[1m?:error::a\033[0m");
}

TEST(ShownJson, KeepsValuesAndHidesSecrets) {
  const std::string odd = "a\x1b[2J\xc2\x9b\xe2\x80\xae##vso[x] ##[y]\n";
  SentSecrets::process().add(Secret("json-\"password\""));
  const auto document = Json::object().set("odd", odd).set("said", "pw json-\"password\" is bad");
  const auto shown = document.dump_shown();
  EXPECT_THAT(shown, Not(HasSubstr("##")));
  EXPECT_THAT(shown, Not(HasSubstr("\xc2\x9b")));
  EXPECT_THAT(shown, Not(HasSubstr("\xe2\x80\xae")));
  const auto read = parse_json(shown);
  ASSERT_TRUE(read.ok()) << shown;
  EXPECT_EQ(read->string_at("odd"), odd) << "escaped, not changed";
  EXPECT_EQ(read->string_at("said"), "pw *** is bad");
}

}  // namespace
}  // namespace sluice
