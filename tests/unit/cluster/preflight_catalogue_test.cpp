// The table of findings, and docs/findings.md, which is held to it: SLUICE_REWRITE_DOCS=1 writes the document's part
// anew.

#include "cluster/preflight_catalogue.hpp"

#include "base/file.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace sluice::cluster {
namespace {

/// One table, and its part of the document.
struct Table {
  std::string name;
  std::span<const FindingText> findings;
  std::string begin() const { return "<!-- " + name + ": begin -->\n"; }
  std::string end() const { return "<!-- " + name + ": end -->\n"; }
};
std::vector<Table> tables() {
  return {{"preflight", preflight_findings()}, {"workloads", use_findings()}, {"signatures", signature_findings()}};
}

std::filesystem::path document() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path() / "docs" /
         "findings.md";
}

std::string as_document(const Table& table) {
  std::string out;
  for (const auto& finding : table.findings) {
    out += fmt::format("\n### {}\n\n**{}**: {}.\n", finding.code, to_string(finding.severity), finding.sentence);
    if (!finding.fix.empty()) out += fmt::format("\n```\n{}\n```\n", finding.fix);
  }
  return out + "\n";
}

TEST(PreflightCatalogue, HasEveryCodeOnceAndInKebabCase) {
  const std::regex kebab("[a-z]+(-[a-z]+)*");
  std::set<std::string_view> seen;
  for (const auto& table : tables()) {
    for (const auto& finding : table.findings) {
      EXPECT_TRUE(seen.insert(finding.code).second) << finding.code << " stands there twice";
      EXPECT_TRUE(std::regex_match(std::string(finding.code), kebab)) << finding.code;
      EXPECT_FALSE(finding.sentence.ends_with('.')) << finding.code << ": " << finding.sentence;
      if (finding.severity == Severity::blocker) {
        EXPECT_FALSE(finding.fix.empty()) << finding.code << " blocks and says no way out";
      }
    }
  }
}

TEST(PreflightCatalogue, IsWhatTheDocumentSays) {
  for (const auto& table : tables()) {
    SCOPED_TRACE(table.name);
    const auto text = read_file(document(), std::size_t{1024} * 1024);
    ASSERT_TRUE(text.ok()) << text.error().sentence();
    const auto begin = text->find(table.begin());
    const auto end = text->find(table.end());
    ASSERT_TRUE(begin != std::string::npos && end != std::string::npos && begin < end)
        << document() << " lost the marks around this part";
    const auto from = begin + table.begin().size();
    if (std::getenv("SLUICE_REWRITE_DOCS") != nullptr) {
      std::ofstream(document()) << text->substr(0, from) << as_document(table) << text->substr(end);
      continue;
    }
    EXPECT_EQ(text->substr(from, end - from), as_document(table))
        << "run this test with SLUICE_REWRITE_DOCS=1 and read what changed";
  }
}

TEST(PreflightCatalogue, FillsValuesInOnceAndQuotesThemForTheShell) {
  const auto finding = make_finding("may-not-pull", "dev",
                                    {{"user", "{project}; rm -rf ~"}, {"rights", "get x\ny"}, {"project", "dev"}});
  EXPECT_EQ(finding.code, "may-not-pull");
  EXPECT_EQ(finding.severity, Severity::blocker);
  EXPECT_EQ(finding.subject, "dev");
  EXPECT_EQ(finding.sentence,
            "{project}; rm -rf ~ may not get x y: the image cannot be read, nor be the source of a tag");
  EXPECT_EQ(finding.fix, "oc policy add-role-to-user system:image-puller '{project}; rm -rf ~' -n dev");
}

TEST(PreflightCatalogue, KeepsBracesThatAreNoPlaceholders) {
  const auto finding = make_finding(
      "stream-quota-used-up", "prod",
      {{"quota", "q"}, {"project", "prod"}, {"resource", "openshift.io/imagestreams"}, {"after", "5"}, {"max", "4"}});
  EXPECT_EQ(finding.fix,
            "oc patch resourcequota q -n prod --type=merge -p "
            "'{\"spec\":{\"hard\":{\"openshift.io/imagestreams\":\"5\"}}}'");
}

TEST(PreflightCatalogue, MakesOneWordForAShell) {
  struct Row {
    const char* text;
    const char* word;
  };
  for (const auto& row :
       {Row{"ann", "ann"}, Row{"system:serviceaccount:ci:bot", "system:serviceaccount:ci:bot"}, Row{"", "''"},
        Row{"two words", "'two words'"}, Row{"it's", "'it'\\''s'"}, Row{"$(id)", "'$(id)'"}}) {
    EXPECT_EQ(shell_word(row.text), row.word) << row.text;
  }
}

}  // namespace
}  // namespace sluice::cluster
