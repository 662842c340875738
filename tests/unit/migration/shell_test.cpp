#include "migration/from_script.hpp"
#include "migration/shell_expand.hpp"
#include "migration/shell_words.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::migration {
namespace {

std::vector<std::string> words(std::string_view text, const Variables& variables = Variables()) {
  std::vector<std::string> out;
  for (const auto& token : shell_tokens(text, 1)) {
    if (!token.op.empty()) {
      out.push_back(token.op);
      continue;
    }
    for (auto& field : expanded_fields(token.word, variables)) out.push_back(std::move(field));
  }
  return out;
}

// "dev/web:1 -> prod/web:1" for each move.
std::vector<std::string> moves(std::string_view script, const ScriptWish& wish = {}) {
  std::vector<std::string> out;
  const auto notebook = read_script(script, "script.sh", wish);
  for (const auto& move : notebook.moves()) {
    const auto name = [](const Picture& one) { return one.spot.project + "/" + one.image + ":" + as_pattern(one.tag); };
    out.push_back(name(move.from) + " -> " + name(move.to));
  }
  return out;
}

using Texts = std::vector<std::string>;

TEST(ShellWords, QuotesContinuationsAndCommentsAreResolved) {
  EXPECT_EQ(words("a 'b c' \"d\" e\\ f # no\ng \\\n h"), (Texts{"a", "b c", "d", "e f", "\n", "g", "h"}));
  EXPECT_EQ(words("a#b"), Texts{"a#b"});
  EXPECT_EQ(words("a 2>&1 >x|b"), (Texts{"a", ">", "1", ">", "x", "|", "b"}));
}

TEST(ShellWords, AnUnclosedQuoteEndsWithTheText) {
  EXPECT_EQ(words("a 'b"), (Texts{"a", "b"}));
  EXPECT_EQ(words("a \"b"), (Texts{"a", "b"}));
}

TEST(ShellExpand, VariablesInTheirUsualFormsAreResolved) {
  Variables variables;
  variables.set("F", {"reg.example.com/dev/web:1"});
  variables.set("L", {"a", "b"});
  EXPECT_EQ(words("${F##*/} ${F%:*} ${F#*/} ${F/dev/prod} ${F%%/*}", variables),
            (Texts{"web:1", "reg.example.com/dev/web", "dev/web:1", "reg.example.com/prod/web:1", "reg.example.com"}));
  EXPECT_EQ(words("\"${L[@]}\" ${L[1]} $L", variables), (Texts{"a", "b", "b", "a"}));
  EXPECT_EQ(words("${N:-x} $(basename \"$F\") $(echo $F)", variables),
            (Texts{"x", "web:1", "reg.example.com/dev/web:1"}));
}

TEST(ShellExpand, WhatIsNotSetIsUnknownAndNamed) {
  const auto word = words("v$TAG").front();
  EXPECT_FALSE(is_known(word));
  EXPECT_EQ(as_pattern(word), "v*");
  EXPECT_EQ(why_unknown(word), "the value of $TAG cannot be known from the script");
}

TEST(ShellExpand, AVariableThatIsCalledLikeAPasswordIsNeverLookedAt) {
  Variables variables;
  variables.set("DB_PASSWORD", {"hunter2"});
  EXPECT_FALSE(is_known(words("$DB_PASSWORD", variables).front()));
  EXPECT_FALSE(is_known(words("${API_TOKEN:-hunter2}", variables).front()));
}

TEST(ShellExpand, AScriptCannotForgeAnUnknownPart) {
  EXPECT_EQ(readable("a\x01"
                     "b\x02"),
            "a b ");
}

TEST(ShellRun, LoopsFunctionsAndConditionsAreFollowed) {
  EXPECT_EQ(moves("f() { oc tag $1/web:1 $2/web:1; }\nf dev qa\nfor x in p q; do oc tag qa/web:1 $x/web:1; done"),
            (Texts{"dev/web:1 -> qa/web:1", "qa/web:1 -> p/web:1", "qa/web:1 -> q/web:1"}));
  EXPECT_EQ(moves("E=a\nif [ $E = a ]; then P=x; else P=y; fi\noc tag dev/web:1 $P/web:1"),
            Texts{"dev/web:1 -> x/web:1"});
  EXPECT_EQ(moves("[ -z \"$T\" ] && T=latest\noc tag dev/web:$T qa/web:$T"), Texts{"dev/web:latest -> qa/web:latest"});
}

TEST(ShellRun, WhereAConditionDecidesAValueItIsUnknown) {
  const auto notebook =
      read_script("if [ $1 = a ]; then P=x; else P=y; fi\noc tag dev/web:1 $P/web:1", "script.sh", ScriptWish());
  EXPECT_TRUE(notebook.moves().empty());
  ASSERT_EQ(notebook.remarks().size(), 1U);
  EXPECT_EQ(notebook.remarks()[0].sentence, "oc tag, the destination: the value of $P cannot be known from the script");
  ScriptWish wish;
  wish.values["P"] = "x";
  EXPECT_EQ(moves("if [ $1 = a ]; then P=x; else P=y; fi\noc tag dev/web:1 $P/web:1", wish),
            Texts{"dev/web:1 -> x/web:1"});
}

TEST(ShellRun, DefaultsAndArgumentsOfTheScriptAreFollowed) {
  EXPECT_EQ(moves(": ${P:=qa}\nset -- web api\nfor i; do oc tag dev/$i:1 $P/$i:1; done"),
            (Texts{"dev/web:1 -> qa/web:1", "dev/api:1 -> qa/api:1"}));
}

TEST(ShellRun, AFileOfFunctionsAloneIsReadAsIfTheyWereCalled) {
  EXPECT_EQ(moves("f() { oc tag dev/web:1 qa/web:1; }"), Texts{"dev/web:1 -> qa/web:1"});
  EXPECT_EQ(moves("f() { oc tag dev/web:1 qa/web:1; }\noc tag dev/web:2 qa/web:2"), Texts{"dev/web:2 -> qa/web:2"});
}

TEST(ShellRun, EndlessAndDeepScriptsEnd) {
  EXPECT_TRUE(moves("f() { f; f; }\nf").empty());
  std::string nested;
  for (int i = 0; i < 5000; ++i) nested += "if true; then ";
  EXPECT_TRUE(moves(nested).empty());
  EXPECT_TRUE(moves(std::string(5000, '(')).empty());
  std::string loops;
  for (int i = 0; i < 20; ++i) loops += "for a in 1 2 3 4 5 6 7 8 9; do ";
  EXPECT_TRUE(moves(loops + "x").empty());
}

TEST(Tools, EveryToolThatCopiesIsUnderstood) {
  for (const auto* line :
       {"skopeo copy docker://r.io/dev/web:1 docker://r.io/qa/web:1", "crane cp r.io/dev/web:1 r.io/qa/web:1",
        "regctl image copy r.io/dev/web:1 r.io/qa/web:1", "oc image mirror r.io/dev/web:1 r.io/qa/web:1",
        "docker buildx imagetools create -t r.io/qa/web:1 r.io/dev/web:1",
        "podman pull r.io/dev/web:1; podman push r.io/dev/web:1 docker://r.io/qa/web:1",
        "docker image pull r.io/dev/web:1; docker image tag r.io/dev/web:1 r.io/qa/web:1; "
        "docker -H unix:///x image push r.io/qa/web:1",
        "bash -c 'oc tag dev/web:1 qa/web:1'", "sudo oc -n dev tag web:1 qa/web:1"}) {
    EXPECT_EQ(moves(line), Texts{"dev/web:1 -> qa/web:1"}) << line;
  }
}

}  // namespace
}  // namespace sluice::migration
