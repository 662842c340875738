// The tables of findings, and docs/findings.md, which is held to it: SLUICE_REWRITE_DOCS=1 writes the document's part
// anew.

#include "findings/catalogue.hpp"

#include "base/file.hpp"
#include "findings/acceptance.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::findings {
namespace {

std::filesystem::path root() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
}
std::filesystem::path document() { return root() / "docs" / "findings.md"; }

std::string worded(std::span<const FindingText> table) {
  std::string out;
  for (const auto& finding : table) {
    const auto otherwise = finding.otherwise.empty() ? "" : fmt::format(" ({})", finding.otherwise);
    out += fmt::format("\n### {}\n\n**{}**{}: {}.\n", finding.code, to_string(finding.severity), otherwise,
                       finding.sentence);
    if (!finding.fix.empty()) out += fmt::format("\n```\n{}\n```\n", finding.fix);
  }
  return out + "\n";
}

std::string described(std::span<const DescribedFinding> table) {
  std::string out = "\n| Code | Severity | Means | Fix |\n|---|---|---|---|\n";
  for (const auto& one : table) {
    out += fmt::format("| `{}` | {} | {} |{}{} |\n", one.code, one.severity, one.means, one.fix.empty() ? "" : " ",
                       one.fix);
  }
  return out + "\n";
}

std::string accepted_list() {
  std::string out = "\n";
  for (const auto code : acceptable()) out += fmt::format("{}`{}`", out == "\n" ? "" : ", ", code);
  return out + ".\n\n";
}

/// One part of the document, and what stands there.
struct Part {
  std::string name;
  std::string text;
  std::string begin() const { return "<!-- " + name + ": begin -->\n"; }
  std::string end() const { return "<!-- " + name + ": end -->\n"; }
};
std::vector<Part> parts() {
  return {
      {"acceptable", accepted_list()},        {"preflight", worded(preflight())}, {"workloads", worded(workloads())},
      {"signatures", worded(signatures())},   {"host", described(host())},        {"runs", described(runs())},
      {"first-days", described(first_days())}};
}

TEST(FindingCatalogue, HasEveryCodeOnceAndInKebabCase) {
  const std::regex kebab("[a-z]+(-[a-z]+)*");
  std::set<std::string_view> seen;
  const auto check = [&](std::string_view code, bool blocks, std::string_view fix) {
    EXPECT_TRUE(seen.insert(code).second) << code << " stands there twice";
    EXPECT_TRUE(std::regex_match(std::string(code), kebab)) << code;
    if (blocks) {
      EXPECT_FALSE(fix.empty()) << code << " blocks and says no way out";
    }
  };
  for (const auto table : {preflight(), workloads(), signatures()}) {
    for (const auto& one : table) {
      check(one.code, one.severity == Severity::blocker, one.fix);
      EXPECT_FALSE(one.sentence.ends_with('.')) << one.code << ": " << one.sentence;
    }
  }
  for (const auto table : {host(), runs(), first_days()}) {
    for (const auto& one : table) check(one.code, one.severity == "blocker", one.fix);
  }
  EXPECT_EQ(seen.size(), codes().size());
}

TEST(FindingCatalogue, IsWhatTheDocumentSays) {
  for (const auto& part : parts()) {
    SCOPED_TRACE(part.name);
    const auto text = read_file(document(), std::size_t{1024} * 1024);
    ASSERT_TRUE(text.ok()) << text.error().sentence();
    const auto begin = text->find(part.begin());
    const auto end = text->find(part.end());
    ASSERT_TRUE(begin != std::string::npos && end != std::string::npos && begin < end)
        << document() << " lost the marks around this part";
    const auto from = begin + part.begin().size();
    if (std::getenv("SLUICE_REWRITE_DOCS") != nullptr) {
      std::ofstream(document()) << text->substr(0, from) << part.text << text->substr(end);
      continue;
    }
    EXPECT_EQ(text->substr(from, end - from), part.text)
        << "run this test with SLUICE_REWRITE_DOCS=1 and read what changed";
  }
}

// Wherever a finding is made by hand, its code stands beside `.code`, `Finding{`, or an add of the room: all of them
// are looked up. A code that is computed is not seen here; the end-to-end tests hold documents to codes() for those.
TEST(FindingCatalogue, KnowsEveryCodeInTheSource) {
  const auto known = codes();
  const std::regex made(
      "(?:\\.code = |\\.code=|Finding\\{|push_back\\(\\{|make_finding\\(|info\\(|warning\\()\"([a-z]+(?:-[a-z]+)+)\"");
  std::size_t seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root() / "src")) {
    const auto path = entry.path().generic_string();
    if (entry.path().extension() != ".cpp" || path.find("/sandbox/") != std::string::npos) continue;
    const auto text = read_file(entry.path(), std::size_t{1024} * 1024);
    ASSERT_TRUE(text.ok()) << path;
    if (text->find("inding") == std::string::npos) continue;
    for (std::sregex_iterator at(text->begin(), text->end(), made), end; at != end; ++at) {
      const auto code = at->str(1);
      ++seen;
      EXPECT_TRUE(std::binary_search(known.begin(), known.end(), code)) << path << " has " << code;
    }
  }
  EXPECT_GT(seen, 40U) << "the codes are written in another way by now: mend this test";
}

TEST(Acceptance, IsForFindingsThatAreKnownAndCanBeGoneOver) {
  const auto known = codes();
  for (const auto code : acceptable()) {
    EXPECT_TRUE(std::binary_search(known.begin(), known.end(), code)) << code;
    EXPECT_TRUE(check_acceptance(code).ok()) << code;
  }
  const auto misspelt = check_acceptance("waits-for-delte");
  ASSERT_FALSE(misspelt.ok());
  EXPECT_EQ(misspelt.error().kind(), ErrorKind::usage);
  EXPECT_EQ(misspelt.error().hint(), "did you mean waits-for-delete?");
  const auto right = check_acceptance("may-not-tag");
  ASSERT_FALSE(right.ok());
  EXPECT_NE(right.error().message().find("cannot be accepted"), std::string::npos);
}

TEST(Acceptance, MakesAWarningOfABlockerAndMarksIt) {
  std::vector<Finding> findings{{"trigger-missing", Severity::blocker, "DeploymentConfig web"},
                                {"nothing-uses-tag", Severity::warning, "prod/web:live"},
                                {"may-not-tag", Severity::blocker, "prod"}};
  accept(findings, {"trigger-missing", "nothing-uses-tag", "may-not-tag"});
  EXPECT_EQ(findings[0].severity, Severity::warning);
  EXPECT_TRUE(findings[0].accepted);
  EXPECT_EQ(findings[1].severity, Severity::warning);
  EXPECT_TRUE(findings[1].accepted);
  EXPECT_EQ(findings[2].severity, Severity::blocker) << "no word of ours gives a right";
  EXPECT_FALSE(findings[2].accepted);
}

TEST(FindingCatalogue, FillsValuesInOnceAndQuotesThemForTheShell) {
  const auto finding = findings::make_finding(
      "may-not-pull", "dev", {{"user", "{project}; rm -rf ~"}, {"rights", "get x\ny"}, {"project", "dev"}});
  EXPECT_EQ(finding.code, "may-not-pull");
  EXPECT_EQ(finding.severity, Severity::blocker);
  EXPECT_EQ(finding.subject, "dev");
  EXPECT_EQ(finding.sentence,
            "{project}; rm -rf ~ may not get x y: the image cannot be read, nor be the source of a tag");
  EXPECT_EQ(finding.fix, "oc policy add-role-to-user system:image-puller '{project}; rm -rf ~' -n dev");
}

TEST(FindingCatalogue, KeepsBracesThatAreNoPlaceholders) {
  const auto finding = findings::make_finding(
      "stream-quota-used-up", "prod",
      {{"quota", "q"}, {"project", "prod"}, {"resource", "openshift.io/imagestreams"}, {"after", "5"}, {"max", "4"}});
  EXPECT_EQ(finding.fix,
            "oc patch resourcequota q -n prod --type=merge -p "
            "'{\"spec\":{\"hard\":{\"openshift.io/imagestreams\":\"5\"}}}'");
}

// What a shell makes of a command: words, and whether quotes were closed; nothing but quotes is looked at.
bool is_closed(std::string_view command) {
  bool quoted = false;
  for (std::size_t i = 0; i < command.size(); ++i) {
    if (!quoted && command[i] == '\\') {
      ++i;
    } else if (command[i] == '\'') {
      quoted = !quoted;
    } else if (!quoted && std::string_view("`$;&|<>\n").find(command[i]) != std::string_view::npos &&
               command.substr(i, 2) != "&&" && command.substr(i, 2) != "||" && command[i - 1] != '&' &&
               command[i - 1] != '|' && command.substr(i, 7) != "\"$TOKEN" && command.substr(i, 6) != "$TOKEN") {
      return false;
    }
  }
  return !quoted;
}

// Names come from clusters, and commands are pasted: whatever a value holds, it stays a value.
TEST(FindingCatalogue, NoValueGetsOutOfItsPlaceInACommand) {
  const std::string hostile = "a'; touch pwned; b\"`id`$(id)\\";
  for (const auto table : {preflight(), workloads(), signatures()}) {
    for (const auto& one : table) {
      const auto command = one.fix.substr(0, one.fix.find("  #"));
      if (!command.starts_with("oc ") && !command.starts_with("kubectl ")) continue;
      const auto finding = make_finding(one.code, "x",
                                        {{"user", hostile},
                                         {"project", hostile},
                                         {"stream", hostile},
                                         {"tag", hostile},
                                         {"name", hostile},
                                         {"key", hostile},
                                         {"object", hostile},
                                         {"member", hostile},
                                         {"path", hostile},
                                         {"size", hostile},
                                         {"after", hostile},
                                         {"resource", hostile},
                                         {"quota", hostile},
                                         {"target", hostile},
                                         {"role", hostile},
                                         {"limit_range", hostile},
                                         {"registry", hostile},
                                         {"platform", hostile}});
      EXPECT_TRUE(is_closed(finding.fix.substr(0, finding.fix.find("  #")))) << finding.fix;
    }
  }
}

TEST(FindingCatalogue, AValueWithinQuotedJsonStaysATextOfIt) {
  const auto finding = make_finding(
      "missing-key", "x", {{"object", "configmap/c"}, {"project", "p"}, {"member", "data"}, {"key", "a'\"b"}});
  EXPECT_EQ(finding.fix, R"x(oc patch configmap/c -n p -p '{"data":{"a'\''\"b":"VALUE"}}')x");
}

TEST(FindingCatalogue, MakesOneWordForAShell) {
  struct Row {
    const char* text;
    const char* word;
  };
  for (const auto& row :
       {Row{"ann", "ann"}, Row{"system:serviceaccount:ci:bot", "system:serviceaccount:ci:bot"}, Row{"", "''"},
        Row{"two words", "'two words'"}, Row{"it's", "'it'\\''s'"}, Row{"$(id)", "'$(id)'"}}) {
    EXPECT_EQ(findings::shell_word(row.text), row.word) << row.text;
  }
}

}  // namespace
}  // namespace sluice::findings
