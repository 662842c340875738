#include "auth/credentials.hpp"
#include "unit/auth/auth_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <unistd.h>

namespace sluice::auth {
namespace {

using testing::environment;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::why;

std::string parse(const std::string& text, const Environment& variables = environment({})) {
  const auto parsed = parse_credentials(text, "--src-creds", variables);
  if (!parsed.ok()) return why(parsed);
  EXPECT_EQ(parsed->source, "--src-creds");
  return parsed->username + "|" + parsed->password.reveal();
}

// Standard input that holds a text, for the life of the object.
class Input {
 public:
  explicit Input(const std::string& text) : before_(::dup(STDIN_FILENO)), file_(std::tmpfile()) {
    std::fwrite(text.data(), 1, text.size(), file_);
    std::rewind(file_);
    EXPECT_EQ(::dup2(::fileno(file_), STDIN_FILENO), STDIN_FILENO);
  }
  ~Input() {
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
    std::fclose(file_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

 private:
  int before_;
  std::FILE* file_;
};

TEST(FlagCredentials, AreSplitAtTheFirstColon) {
  EXPECT_EQ(parse("ann:pw"), "ann|pw");
  EXPECT_EQ(parse("ann:p:w:"), "ann|p:w:");
}

TEST(FlagCredentials, ComeFromWhereTheyAreKept) {
  const testing::TempFolder folder;
  testing::write_text(folder / "creds", "ann:from file\n");
  EXPECT_EQ(parse("env:CREDS", environment({{"CREDS", "ann:from env"}})), "ann|from env");
  EXPECT_EQ(parse("file:" + (folder / "creds").string()), "ann|from file");
  const Input input("ann:from input\r\nnext line\n");
  EXPECT_EQ(parse("-"), "ann|from input");
  EXPECT_THAT(parse("-"), HasSubstr("no ':'")) << "only one line is taken, so that the next one is next";
}

TEST(FlagCredentials, AreUsageErrorsThatQuoteNoSecret) {
  const struct {
    const char* name;
    const char* text;
    const char* words;
  } rows[] = {
      {"no colon", "S3cret", "no ':'"},
      {"no user", ":S3cret", "user name"},
      {"no password", "S3cret:", "password"},
      {"empty", "", "no ':'"},
      {"variable without colon", "env:BAD", "no ':'"},
      {"variable not set", "env:NONE", "NONE is not set"},
      {"file missing", "file:/nonexistent/creds", "/nonexistent/creds"},
  };
  for (const auto& row : rows) {
    const auto said = parse(row.text, environment({{"BAD", "S3cret"}}));
    EXPECT_THAT(said, HasSubstr("usage: cannot use the credentials of --src-creds: ")) << row.name;
    EXPECT_THAT(said, HasSubstr(row.words)) << row.name;
    EXPECT_THAT(said, Not(HasSubstr("S3cret"))) << row.name;
  }
}

TEST(FlagCredentials, AreBounded) {
  const Input input("ann:" + std::string(100'000, 'x') + "\n");
  EXPECT_THAT(parse("-"), HasSubstr("too long"));
}

}  // namespace
}  // namespace sluice::auth
