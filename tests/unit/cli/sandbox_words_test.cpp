// sandbox: which program is started, and how it is called.

#include "cli/sandbox_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using ::testing::ElementsAre;

TEST(SandboxCandidates, AreBesideItselfThenInLibexecThenOnThePath) {
  EXPECT_THAT(sandbox_candidates("/opt/sluice/bin", "/usr/bin::/bin"),
              ElementsAre("/opt/sluice/bin/sluice-sandbox", "/opt/sluice/libexec/sluice/sluice-sandbox",
                          "/usr/bin/sluice-sandbox", "/bin/sluice-sandbox"));
  EXPECT_THAT(sandbox_candidates("", ""), ElementsAre());
}

// What one program prints the other one reads: both use parse().
TEST(SandboxWords, AreReadBackAsTheSameOptions) {
  SandboxRun run;
  run.profile = "4.x";
  run.scenario = "a file.yaml";
  run.storage = "/var/blobs";
  run.api_port = 8443;
  run.registry_port = 5000;
  run.tls = "none";
  run.nodes = "manual";
  run.write_dir = "/tmp/x";
  Common common;
  common.format = Format::json;
  common.verbosity = 2;
  auto words = sandbox_words(run, common);
  words.insert(words.begin() + 1, "sandbox");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const auto parsed = parse(static_cast<int>(words.size()), argv.data());
  ASSERT_TRUE(parsed.ok() && parsed->invocation) << (parsed.ok() ? "" : parsed.error().sentence());
  const auto* read = std::get_if<SandboxRun>(&parsed->invocation->command);
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->profile, run.profile);
  EXPECT_EQ(read->scenario, run.scenario);
  EXPECT_FALSE(read->demo);
  EXPECT_EQ(read->storage, run.storage);
  EXPECT_EQ(read->api_port, run.api_port);
  EXPECT_EQ(read->registry_port, run.registry_port);
  EXPECT_EQ(read->tls, run.tls);
  EXPECT_EQ(read->nodes, run.nodes);
  EXPECT_EQ(read->write_dir, run.write_dir);
  EXPECT_EQ(parsed->invocation->common.format, Format::json);
  EXPECT_EQ(parsed->invocation->common.verbosity, 2);
}

}  // namespace
}  // namespace sluice::cli
