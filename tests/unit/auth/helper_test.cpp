#include "auth/helper.hpp"

#include "unit/auth/auth_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using ::testing::HasSubstr;
using testing::install_helper;
using testing::install_script;
using ::testing::Not;
using testing::told;
using testing::why;

class HelperTest : public ::testing::Test {
 protected:
  CredentialHelper helper(const std::string& name = "test") {
    auto opened = CredentialHelper::open(name, "~/.docker/config.json", folder_.path());
    EXPECT_TRUE(opened.ok()) << why(opened);
    return std::move(*opened);
  }

  testing::TempFolder folder_;
};

TEST_F(HelperTest, KeepsGivesAndForgets) {
  install_helper(folder_.path(), "test");
  EXPECT_EQ(told(helper().get("host", {})), "nobody");
  ASSERT_EQ(why(helper().store("host", testing::login("ann", "S3cret"), {})), "");
  EXPECT_EQ(told(helper().get("host", {})), "ann:S3cret");
  EXPECT_EQ(helper().get("host", {})->value().source, "~/.docker/config.json (docker-credential-test)");
  ASSERT_EQ(why(helper().erase("host", {})), "");
  EXPECT_EQ(told(helper().get("host", {})), "nobody");
  EXPECT_EQ(why(helper().erase("host", {})), "") << "nothing to erase is fine";
}

TEST_F(HelperTest, KeepsAnIdentityTokenUnderDockersName) {
  install_helper(folder_.path(), "test");
  Credentials token;
  token.identity_token = Secret("refresh");
  ASSERT_EQ(why(helper().store("host", token, {})), "");
  EXPECT_THAT(testing::read_text(folder_ / "kept.host"), HasSubstr(R"("Username":"<token>")"));
  EXPECT_EQ(told(helper().get("host", {})), "token:refresh");
}

TEST_F(HelperTest, GetsTheServerOnStandardInputOnly) {
  install_script(folder_.path(), "test", "echo \"$# $1\"; exit 1");
  EXPECT_THAT(told(helper().get("host", {})), HasSubstr(": 1 get;"));
}

TEST_F(HelperTest, SaysWhatItPrintedFirstWhenItFails) {
  const struct {
    const char* name;
    const char* script;
    const char* expected;
  } rows[] = {
      {"standard output", "echo; echo 'the keychain is locked'; exit 2", "exit code 2: the keychain is locked;"},
      {"standard error", "echo 'no display' >&2; exit 1", "exit code 1: no display;"},
      {"nothing", "exit 7", "exit code 7;"},
      {"JSON", "echo '{\"Secret\":\"S3cret\"}'; exit 1", "exit code 1;"},
      {"killed", "kill -9 $$", "exit code 137;"},
  };
  for (const auto& row : rows) {
    install_script(folder_.path(), "test", row.script);
    const auto said = told(helper().get("host", {}));
    EXPECT_THAT(said, HasSubstr("config: the credential helper docker-credential-test named in ~/.docker/config.json"))
        << row.name;
    EXPECT_THAT(said, HasSubstr(row.expected)) << row.name;
    EXPECT_THAT(said, Not(HasSubstr("S3cret"))) << row.name;
  }
}

TEST_F(HelperTest, DoesNotRepeatTheSecretThatItWasGiven) {
  install_script(folder_.path(), "test", "echo 'cannot store S3cret'; exit 1");
  const auto said = why(helper().store("host", testing::login("ann", "S3cret"), {}));
  EXPECT_THAT(said, HasSubstr("failed to store with exit code 1;"));
  EXPECT_THAT(said, Not(HasSubstr("S3cret")));
}

TEST_F(HelperTest, RefusesAnAnswerThatIsNone) {
  for (const auto* output : {"hello", "[]", "{}", R"({"Username":"ann"})", R"({"Username":"ann","Secret":3})"}) {
    install_script(folder_.path(), "test", std::string("echo '") + output + "'");
    EXPECT_THAT(told(helper().get("host", {})), HasSubstr("with something else than a user name and a secret"))
        << output;
  }
  install_script(folder_.path(), "test", R"(echo '{"ServerURL":"","Username":"","Secret":""}')");
  EXPECT_EQ(told(helper().get("host", {})), "nobody");
}

TEST_F(HelperTest, RefusesEndlessOutput) {
  install_script(folder_.path(), "test",
                 "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
  EXPECT_THAT(told(helper().get("host", {})), HasSubstr("could not be run for 'get'"));
}

TEST_F(HelperTest, StopsWhenAskedTo) {
  install_script(folder_.path(), "test", "exec sleep 60");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(told(helper().get("host", stop.get_token())), HasSubstr("cancelled: "));
}

TEST(HelperName, IsLettersDigitsDotsUnderscoresAndDashes) {
  for (const auto* name : {"pass", "ecr-login", "osxkeychain", "a.b_c-1"}) {
    EXPECT_EQ(why(CredentialHelper::open(name, "f", "/nowhere")), "") << name;
  }
  for (const auto* name : {"", "../x", "a b", "a;b", "a/b", "a$b", "a\nb"}) {
    const auto helper = CredentialHelper::open(name, "f", "/nowhere");
    ASSERT_FALSE(helper.ok()) << name;
    EXPECT_EQ(helper.error().kind(), ErrorKind::config) << name;
  }
}

}  // namespace
}  // namespace sluice::auth
