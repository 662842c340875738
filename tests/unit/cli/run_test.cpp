// The whole program as a function, in a child process of its own: exit codes, and what goes to stderr.

#include "cli/run.hpp"

#include "support/checks.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace sluice::cli {
namespace {

/// Runs one command as the program would, and ends the process with its exit code.
[[noreturn]] void run_and_exit(const support::TempFolder& folder, const std::vector<std::string>& words) {
  for (const auto* name : {"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"}) ::setenv(name, folder.path().c_str(), 1);
  std::vector<std::string> all{"sluice"};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (auto& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  if (std::freopen("/dev/null", "w", stdout) == nullptr) std::abort();
  const int code = run(static_cast<int>(all.size()), argv.data());
  // The child has a folder of its own, and nobody else to take it away.
  std::filesystem::remove_all(folder.path());
  std::exit(code);
}

class RunDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  std::string pipeline() {
    const auto file = folder / "sluice.yaml";
    // Nothing listens on port 1 of the loopback interface.
    std::ofstream(file) << "app: shop\nimages: [web]\nenvironments:\n"
                           "  - {name: dev, registry: \"127.0.0.1:1\", project: dev}\n"
                           "  - {name: prod, registry: \"127.0.0.1:1\", project: shop}\n";
    return file.string();
  }
  support::TempFolder folder;
};

TEST_F(RunDeathTest, EndsWithTheExitCodeOfTheErrorsKind) {
  const auto file = pipeline();
  struct Row {
    const char* name;
    std::vector<std::string> words;
    int code;
    const char* part;
  };
  const std::vector<Row> rows{
      {"help", {"--help"}, 0, ""},
      {"a misspelt command", {"promte"}, 2, "did you mean promote"},
      {"no pipeline file", {"status", "-f", (folder / "none.yaml").string()}, 1, "no pipeline file"},
      {"an unknown environment", {"plan", "--to", "prd", "-f", file}, 2, "did you mean 'prod'"},
      {"a promotion that only a place may know", {"resume", "p0123456789ab"}, 1, "there is no pipeline file"},
      {"a place that nobody can ask what is unfinished", {"resume", "-f", file}, 7, "cannot connect to 127.0.0.1:1"},
      {"a reference that is none", {"digest", "UPPER"}, 2, "sluice: "},
      {"nobody answers", {"digest", "127.0.0.1:1/shop/web", "--retry-times", "0"}, 7, "127.0.0.1:1"},
      {"a hold that the place was not told of", {"hold", "prod", "-f", file}, 7, "was not told"},
      {"a history that lacks a place", {"history", "-f", file}, 0, "no promotions of shop"},
      {"login without a name", {"login", "127.0.0.1:1"}, 2, "-u USER"},
  };
  for (const auto& row : rows)
    EXPECT_EXIT(run_and_exit(folder, row.words), ::testing::ExitedWithCode(row.code), row.part) << row.name;
}

}  // namespace
}  // namespace sluice::cli
