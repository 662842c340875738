#include "auth/login.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "unit/auth/auth_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using testing::environment;
using ::testing::HasSubstr;
using testing::install_helper;
using ::testing::IsEmpty;
using testing::login;
using testing::only;
using testing::read_text;
using testing::told;
using testing::why;
using testing::write_text;

unsigned mode_of(const std::filesystem::path& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 0777U : 0U;
}

class LoginTest : public ::testing::Test {
 protected:
  CredentialSources one() const { return only(file_, folder_.path()); }
  CredentialSources all() const {
    return {.authfile = {},
            .environment =
                environment({{"HOME", folder_.path().string()}, {"XDG_RUNTIME_DIR", (folder_ / "run").string()}}),
            .helper_folder = folder_.path()};
  }
  std::string store(const CredentialSources& sources, const std::string& host, const Credentials& credentials) {
    const auto where = store_credentials(sources, host, credentials);
    return where.ok() ? where->place : why(where);
  }
  std::vector<std::string> erase(const CredentialSources& sources, const std::string& host) {
    auto places = erase_credentials(sources, host);
    EXPECT_TRUE(places.ok()) << why(places);
    return places.ok() ? places->places : std::vector<std::string>();
  }
  std::string found(const CredentialSources& sources, const std::string& host) {
    return told(find_credentials(sources, host, "shop/web", {}));
  }

  testing::TempFolder folder_;
  std::filesystem::path file_ = folder_ / "auth.json";
};

TEST_F(LoginTest, MakesAFileForItsOwnerOnly) {
  EXPECT_EQ(store(one(), "host:5000", login("ann", "pw")), "~/auth.json");
  EXPECT_EQ(mode_of(file_), 0600u);
  EXPECT_EQ(found(one(), "host:5000"), "ann:pw");
  EXPECT_EQ(parse_json(read_text(file_))->dump(),
            R"({"auths":{"host:5000":{"auth":")" + encoding::base64("ann:pw") + R"("}}})");
}

TEST_F(LoginTest, KeepsEverythingElseInTheFile) {
  write_text(
      file_,
      R"({"HttpHeaders": {"X": "y"}, "auths": {"b": {"auth": "YTpi"}, "host": {"email": "a@b", "auth": "b2xkOm9sZA=="},
    "a": {}}, "plugins": {"n": [1, 2.5, null, true]}, "detachKeys": "ctrl-e,é"})");
  const auto before = *parse_json(read_text(file_));
  ASSERT_EQ(store(one(), "host", login("ann", "pw")), "~/auth.json");
  auto expected = before;
  auto auths = *expected.find("auths");
  auths.set("host", Json::object().set("email", "a@b").set("auth", encoding::base64("ann:pw")));
  expected.set("auths", auths);
  EXPECT_EQ(parse_json(read_text(file_))->dump(), expected.dump()) << "same members in the same order";
}

TEST_F(LoginTest, ClosesAFileThatOthersMayReadAndSaysWhich) {
  write_text(file_, "{}");
  std::filesystem::permissions(file_, std::filesystem::perms(0640));
  ASSERT_EQ(store(one(), "host", login("ann", "pw")), "~/auth.json");
  EXPECT_EQ(mode_of(file_), 0600u);
}

TEST_F(LoginTest, ReplacesEveryFormOfAnOldEntry) {
  write_text(
      file_,
      R"({"auths": {"https://host/v1/": {"username": "old", "password": "old", "identitytoken": "old", "registrytoken": "old"}}})");
  ASSERT_EQ(store(one(), "host", login("ann", "pw")), "~/auth.json");
  EXPECT_EQ(parse_json(read_text(file_))->dump(),
            R"({"auths":{"https://host/v1/":{"auth":")" + encoding::base64("ann:pw") + R"("}}})");
}

TEST_F(LoginTest, StoresAnIdentityTokenAsDockerDoes) {
  Credentials token;
  token.username = "ann";
  token.identity_token = Secret("refresh");
  ASSERT_EQ(store(one(), "host", token), "~/auth.json");
  EXPECT_EQ(found(one(), "host"), "token:refresh");
  EXPECT_EQ(parse_json(read_text(file_))->find("auths")->find("host")->string_at("auth"), encoding::base64("ann:"));
}

TEST_F(LoginTest, WritesDockerHubWhereDockerLooksForIt) {
  ASSERT_EQ(store(one(), "docker.io", login("ann", "pw")), "~/auth.json");
  EXPECT_NE(parse_json(read_text(file_))->find("auths")->find("https://index.docker.io/v1/"), nullptr)
      << read_text(file_);
  EXPECT_EQ(found(one(), "docker.io"), "ann:pw");
}

TEST_F(LoginTest, KeepsTheOldFormOfAFile) {
  write_text(file_, R"({"r.example.com": {"auth": "YTpi", "email": "a@example.org"}})");
  ASSERT_EQ(store(one(), "r.example.com", login("ann", "pw")), "~/auth.json");
  EXPECT_EQ(found(one(), "r.example.com"), "ann:pw");
  EXPECT_EQ(parse_json(read_text(file_))->dump(),
            R"({"r.example.com":{"email":"a@example.org","auth":")" + encoding::base64("ann:pw") + R"("}})");
  EXPECT_THAT(erase(one(), "r.example.com"), ElementsAre("~/auth.json"));
  EXPECT_EQ(parse_json(read_text(file_))->dump(), "{}");
}

TEST_F(LoginTest, WritesIntoTheFileThatNamesTheHostElseDockers) {
  write_text(folder_ / "run/containers/auth.json", R"({"auths": {"known": {"auth": "YTpi"}}})");
  EXPECT_EQ(store(all(), "known", login("ann", "1")), "~/run/containers/auth.json");
  EXPECT_EQ(store(all(), "new", login("ann", "2")), "~/.docker/config.json");
  EXPECT_EQ(found(all(), "known"), "ann:1");
  EXPECT_EQ(found(all(), "new"), "ann:2");
}

TEST_F(LoginTest, GivesTheSecretToTheHelperAndLeavesNoneInTheFile) {
  install_helper(folder_.path(), "named");
  install_helper(folder_.path(), "all");
  write_text(file_,
             R"({"credHelpers": {"helped": "named"}, "credsStore": "all", "auths": {"stored": {"auth": "YTpi"}}})");
  EXPECT_EQ(store(one(), "helped", login("ann", "S3cret")), "~/auth.json (docker-credential-named)");
  EXPECT_EQ(store(one(), "stored", login("ann", "S3cret")), "~/auth.json (docker-credential-all)");
  EXPECT_EQ(found(one(), "helped"), "ann:S3cret");
  EXPECT_EQ(found(one(), "stored"), "ann:S3cret");
  EXPECT_EQ(parse_json(read_text(file_))->find("auths")->dump(), R"({"stored":{},"helped":{}})");
}

TEST_F(LoginTest, LeavesTheFileAloneWhenTheHelperFails) {
  testing::install_script(folder_.path(), "all", "echo 'the keychain is locked'; exit 1");
  write_text(file_, R"({"credsStore": "all"})");
  EXPECT_THAT(store(one(), "host", login("ann", "S3cret")), HasSubstr("the keychain is locked"));
  EXPECT_EQ(read_text(file_), R"({"credsStore": "all"})");
}

TEST_F(LoginTest, RefusesWhatCannotBeSent) {
  EXPECT_THAT(store(one(), "host", login("kube:admin", "S3cret")),
              HasSubstr("usage: cannot store credentials for host"));
  EXPECT_THAT(store(one(), "host", login("ann", "")), HasSubstr("usage: there is no password to store"));
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(LoginTest, DoesNotTouchABrokenFile) {
  write_text(file_, "{broken");
  EXPECT_THAT(store(one(), "host", login("ann", "pw")), HasSubstr("config: "));
  EXPECT_THAT(why(erase_credentials(one(), "host")), HasSubstr("config: "));
  EXPECT_EQ(read_text(file_), "{broken");
}

TEST_F(LoginTest, ErasesEverySpellingFromEveryFile) {
  write_text(folder_ / "run/containers/auth.json",
             R"({"auths": {"host": {"auth": "YTpi"}, "host/shop": {"auth": "YTpi"}}})");
  write_text(
      folder_ / ".docker/config.json",
      R"({"auths": {"https://host/v1/": {"auth": "YTpi"}, "host": {"auth": "YTpi"}, "other": {"auth": "YTpi"}}})");
  EXPECT_THAT(erase(all(), "host"), ElementsAre("~/run/containers/auth.json", "~/.docker/config.json"));
  EXPECT_EQ(parse_json(read_text(folder_ / "run/containers/auth.json"))->dump(),
            R"({"auths":{"host/shop":{"auth":"YTpi"}}})")
      << "an entry of one project is another login";
  EXPECT_EQ(parse_json(read_text(folder_ / ".docker/config.json"))->dump(), R"({"auths":{"other":{"auth":"YTpi"}}})");
  EXPECT_THAT(erase(all(), "host"), IsEmpty());
}

TEST_F(LoginTest, ErasesFromTheHelperThatKnowsTheHost) {
  install_helper(folder_.path(), "all");
  write_text(file_, R"({"credsStore": "all"})");
  ASSERT_EQ(store(one(), "host", login("ann", "pw")), "~/auth.json (docker-credential-all)");
  EXPECT_THAT(erase(one(), "host"), ElementsAre("~/auth.json (docker-credential-all)"));
  EXPECT_EQ(found(one(), "host"), "nobody");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "kept.host"));
  EXPECT_THAT(erase(one(), "host"), IsEmpty());
  EXPECT_EQ(parse_json(read_text(file_))->string_at("credsStore"), "all");
}

TEST_F(LoginTest, MakesNoFileOnlyToEraseFromIt) {
  EXPECT_THAT(erase(one(), "host"), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(file_));
}

}  // namespace
}  // namespace sluice::auth
