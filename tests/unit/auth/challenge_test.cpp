#include "auth/challenge.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::auth {
namespace {

// "bearer{realm=x,service=y} basic{}"
std::string told(const std::vector<Challenge>& challenges) {
  std::string out;
  for (const auto& challenge : challenges) {
    if (!out.empty()) out += ' ';
    out += challenge.scheme + '{';
    for (const auto& [name, value] : challenge.parameters) {
      if (out.back() != '{') out += ',';
      out += name + '=' + value;
    }
    out += '}';
  }
  return out;
}

struct Row {
  const char* name;
  std::string header;
  std::string expected;
};

TEST(Challenges, AreReadAsServersWriteThem) {
  const Row rows[] = {
      {"docker hub",
       R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push")",
       "bearer{realm=https://auth.docker.io/token,service=registry.docker.io,scope=repository:a/b:pull,push}"},
      {"openshift", R"(Bearer realm="https://registry.example.com/openshift/token")",
       "bearer{realm=https://registry.example.com/openshift/token}"},
      {"openshift denial", R"(Basic realm=openshift,error="access denied")",
       "basic{realm=openshift,error=access denied}"},
      {"upper case", R"(BEARER Realm="x")", "bearer{realm=x}"},
      {"no parameters", "Basic", "basic{}"},
      {"blanks around equals", R"(Bearer realm = "x" , service= y)", "bearer{realm=x,service=y}"},
      {"tabs", "Bearer\trealm=\"x\",\tservice=\"y\"", "bearer{realm=x,service=y}"},
      {"escapes", R"(Basic realm="a \"b\" \\c")", R"(basic{realm=a "b" \c})"},
      {"two challenges", R"(Bearer realm="x", Basic realm="y")", "bearer{realm=x} basic{realm=y}"},
      {"bare scheme first", R"(Negotiate, Basic realm="y")", "negotiate{} basic{realm=y}"},
      {"token68", R"(Negotiate YII/a+b==, Basic realm="y")", "negotiate{} basic{realm=y}"},
      {"token68 without slash", R"(Negotiate YIIab==, Basic realm="y")", "negotiate{} basic{realm=y}"},
      {"token68 without padding", R"(Negotiate YIIab, Basic realm="y")", "negotiate{} basic{realm=y}"},
      {"unquoted URL", "Bearer realm=https://h/token,service=h", "bearer{realm=https://h/token,service=h}"},
      {"empty quoted value", R"(Bearer realm="",service="h")", "bearer{realm=,service=h}"},
      {"comma in quotes", R"(Bearer scope="a:b:pull,push",realm="x")", "bearer{scope=a:b:pull,push,realm=x}"},
      {"spare commas", R"(,, Bearer realm="x",, service="y",)", "bearer{realm=x,service=y}"},
  };
  for (const auto& row : rows) EXPECT_EQ(told(parse_challenges(row.header)), row.expected) << row.name;
}

TEST(Challenges, LeaveOutWhatMakesNoSense) {
  const Row rows[] = {
      {"empty", "", ""},
      {"only commas", " , ,", ""},
      {"quote that never ends", R"(Bearer realm="x)", "bearer{}"},
      {"escape at the end", R"(Bearer realm="x\)", "bearer{}"},
      {"missing value", "Bearer realm=,service=y", "bearer{service=y}"},
      {"parameter without scheme", R"(realm="x", Basic realm="y")", "basic{realm=y}"},
      {"strange character", R"(@@@, Basic realm="y")", "basic{realm=y}"},
      {"the second of two realms", R"(Bearer realm="x",realm="evil")", "bearer{realm=x}"},
  };
  for (const auto& row : rows) EXPECT_EQ(told(parse_challenges(row.header)), row.expected) << row.name;
}

TEST(Challenges, AreBounded) {
  EXPECT_TRUE(parse_challenges("Bearer realm=\"" + std::string(20'000, 'x') + "\"").empty());
  std::string many;
  for (int i = 0; i < 100; ++i) many += "Basic realm=x, ";
  EXPECT_EQ(parse_challenges(many).size(), 16u);
  std::string wide = "Bearer a=1";
  for (int i = 0; i < 100; ++i) wide += ",p" + std::to_string(i) + "=1";
  ASSERT_EQ(parse_challenges(wide).size(), 1u);
  EXPECT_EQ(parse_challenges(wide).front().parameters.size(), 32u);
}

TEST(Challenge, GivesNothingForAParameterThatIsAbsent) {
  const auto challenges = parse_challenges(R"(Bearer realm="x")");
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_EQ(challenges.front().get("realm"), "x");
  EXPECT_EQ(challenges.front().get("scope"), "");
}

}  // namespace
}  // namespace sluice::auth
