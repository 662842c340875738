#include "auth/auth_file.hpp"

#include "base/encoding.hpp"
#include "unit/auth/auth_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::told;
using testing::why;

Result<AuthFile> parse(const std::string& text) {
  return parse_auth_file(text, "/home/ann/.docker/config.json", "/home/ann");
}

// What the entry "host" of a file with this entry gives.
std::string entry(const std::string& json) {
  const auto file = parse(R"({"auths": {"host": )" + json + "}}");
  return file.ok() ? told(file->credentials_at("host")) : why(file);
}

TEST(AuthFileKeys, StandForAHostOrAPathBelowIt) {
  const struct {
    const char* key;
    const char* expected;
  } rows[] = {
      {"host", "host"},
      {"Host.Example.com:5000", "host.example.com:5000"},
      {"host/project/Name", "host/project/Name"},
      {"host/project/", "host/project"},
      {"https://host", "host"},
      {"https://host/v1/", "host"},
      {"https://host/v2/", "host"},
      {"http://host:5000/v2", "host:5000"},
      {"host/v1/", "host"},
      {"host/v2/", "host"},
      {"https://index.docker.io/v1/", "docker.io"},
      {"index.docker.io/v1/", "docker.io"},
      {"registry-1.docker.io", "docker.io"},
      {"registry.hub.docker.com", "docker.io"},
      {"https://registry.hub.docker.com/v2/", "docker.io"},
      {"docker.io/library", "docker.io/library"},
      {"", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(normalised_key(row.key), row.expected) << "key " << row.key;
}

TEST(AuthFileKeys, AreTriedFromTheLongestToTheHost) {
  EXPECT_THAT(candidate_keys("Host:5000", "a/b/c"),
              ElementsAre("host:5000/a/b/c", "host:5000/a/b", "host:5000/a", "host:5000"));
  EXPECT_THAT(candidate_keys("registry-1.docker.io", ""), ElementsAre("docker.io"));
}

TEST(AuthFile, ReadsTheOldFormAndKeepsIt) {
  const auto file = parse(R"({"r.example.com": {"auth": "YTpi", "email": "a@example.org"}, "other:5000": {}})");
  ASSERT_TRUE(file.ok()) << why(file);
  EXPECT_TRUE(file->old_form);
  EXPECT_THAT(file->entry_keys("r.example.com"), ElementsAre("r.example.com"));
  EXPECT_EQ(told(file->credentials_at("r.example.com")), "a:b");
  EXPECT_EQ(parse_json(file->text())->dump(),
            R"({"r.example.com":{"auth":"YTpi","email":"a@example.org"},"other:5000":{}})");
}

TEST(AuthFile, TakesNoOtherFileForTheOldForm) {
  for (const char* text :
       {"{}", R"({"auths": {}, "r.example.com": {"auth": "YTpi"}})", R"({"HttpHeaders": {"auth": "x"}})",
        R"({"proxies": {"default": {"httpProxy": "http://p:1"}}})", R"({"r.example.com": {"note": "no login"}})"}) {
    const auto file = parse(text);
    ASSERT_TRUE(file.ok()) << text << ": " << why(file);
    EXPECT_FALSE(file->old_form) << text;
  }
}

TEST(AuthFile, RefusesLoginsBesideSettings) {
  for (const char* text : {R"({"r.example.com": {"auth": "YTpi"}, "credsStore": "x"})",
                           R"({"r.example.com": {"auth": "YTpi"}, "credHelpers": {"a.b": "x"}})"}) {
    const auto file = parse(text);
    ASSERT_FALSE(file.ok()) << text;
    EXPECT_THAT(file.error().sentence(), HasSubstr("logins stand in it outside of \"auths\"")) << text;
    EXPECT_THAT(file.error().sentence(), Not(HasSubstr("YTpi"))) << text;
  }
}

TEST(AuthFile, IsReadWithAByteOrderMarkAndNamesOtherEncodings) {
  const auto marked = parse("\xEF\xBB\xBF{\"auths\": {\"host\": {\"auth\": \"YTpi\"}}}\r\n");
  ASSERT_TRUE(marked.ok()) << why(marked);
  EXPECT_EQ(told(marked->credentials_at("host")), "a:b");
  EXPECT_TRUE(parse("\xEF\xBB\xBF").ok()) << "an empty file";
  const auto wide = parse(std::string("\xFF\xFE{\0}\0", 6));
  ASSERT_FALSE(wide.ok());
  EXPECT_THAT(wide.error().sentence(), HasSubstr("/home/ann/.docker/config.json: not valid JSON: the text is UTF-16"));
  EXPECT_THAT(wide.error().hint(), HasSubstr("save it as UTF-8"));
}

TEST(AuthFile, ReadsEveryFormOfAnEntry) {
  const struct {
    const char* name;
    std::string entry;
    const char* expected;
  } rows[] = {
      {"auth", R"({"auth": ")" + encoding::base64("ann:pa:ss") + R"("})", "ann:pa:ss"},
      {"auth with NULs", R"({"auth": ")" + encoding::base64(std::string("ann:pw\0\0", 8)) + R"("})", "ann:pw"},
      {"auth wins over fields",
       R"({"auth": ")" + encoding::base64("ann:new") + R"(", "username": "bob", "password": "old"})", "ann:new"},
      {"fields", R"({"username": "ann", "password": "pw"})", "ann:pw"},
      {"identity token", R"({"auth": ")" + encoding::base64("ann:") + R"(", "identitytoken": "it"})", "token:it"},
      {"registry token", R"({"registrytoken": "rt"})", "bearer:rt"},
      {"unknown keys", R"({"username": "ann", "password": "pw", "email": "a@b", "x": {"y": [1]}})", "ann:pw"},
      {"nulls", R"({"auth": null, "username": "ann", "password": "pw"})", "ann:pw"},
      {"empty", "{}", "nobody"},
      {"user without password", R"({"username": "ann"})", "nobody"},
  };
  for (const auto& row : rows) EXPECT_EQ(entry(row.entry), row.expected) << row.name;
}

TEST(AuthFile, RefusesABrokenEntryWithoutQuotingIt) {
  const struct {
    const char* name;
    std::string entry;
    const char* words;
  } rows[] = {
      {"no base64", R"({"auth": "S3cret!!"})", "no base64"},
      {"no colon", R"({"auth": ")" + encoding::base64("S3cret") + R"("})", "no ':'"},
      {"auth is a number", R"({"auth": 3})", "\"auth\" is no text"},
      {"password is a list", R"({"username": "ann", "password": ["S3cret"]})", "\"password\" is no text"},
  };
  for (const auto& row : rows) {
    const auto said = entry(row.entry);
    EXPECT_THAT(said, HasSubstr("config: ")) << row.name;
    EXPECT_THAT(said, HasSubstr("/home/ann/.docker/config.json")) << row.name;
    EXPECT_THAT(said, HasSubstr(row.words)) << row.name;
    EXPECT_THAT(said, Not(HasSubstr("S3cret"))) << row.name;
    EXPECT_THAT(said, Not(HasSubstr(encoding::base64("S3cret")))) << row.name;
  }
}

TEST(AuthFile, RefusesAFileOfAnotherShape) {
  const struct {
    const char* name;
    const char* text;
  } rows[] = {
      {"no JSON", "auths: {}"},
      {"a list", "[]"},
      {"auths is a list", R"({"auths": []})"},
      {"entry is text", R"({"auths": {"host": "x"}})"},
      {"helpers is text", R"({"credHelpers": "x"})"},
      {"helper is a number", R"({"credHelpers": {"host": 1}})"},
      {"store is an object", R"({"credsStore": {}})"},
      {"the same key twice", R"({"auths": {}, "auths": {}})"},
      {"too deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"},
  };
  for (const auto& row : rows) {
    const auto file = parse(row.text);
    ASSERT_FALSE(file.ok()) << row.name;
    EXPECT_EQ(file.error().kind(), ErrorKind::config) << row.name;
    EXPECT_THAT(file.error().sentence(), HasSubstr("/home/ann/.docker/config.json")) << row.name;
  }
}

TEST(AuthFile, TakesBlankTextAndNullsAsNothing) {
  for (const auto* text : {"", " \n", "{}", R"({"auths": null, "credHelpers": null, "credsStore": null})"}) {
    const auto file = parse(text);
    ASSERT_TRUE(file.ok()) << '"' << text << "\": " << why(file);
    EXPECT_TRUE(file->entry_keys("host").empty()) << text;
    EXPECT_FALSE(file->helper_for("host")) << text;
    EXPECT_EQ(file->store(), "") << text;
  }
}

TEST(AuthFile, NamesThePlainSpellingOfAHostFirst) {
  const auto file = parse(R"({"auths": {"https://host/v1/": {}, "host": {}, "other": {}, "HOST": {}}})");
  ASSERT_TRUE(file.ok()) << why(file);
  EXPECT_THAT(file->entry_keys("host"), ElementsAre("host", "https://host/v1/", "HOST"));
}

TEST(AuthFile, IsShownBelowTheHomeFolder) {
  EXPECT_EQ(parse("{}")->shown_path, "~/.docker/config.json");
  EXPECT_EQ(parse_auth_file("{}", "/run/auth.json", "/home/ann")->shown_path, "/run/auth.json");
  EXPECT_EQ(parse_auth_file("{}", "/home/anna/auth.json", "/home/ann")->shown_path, "/home/anna/auth.json");
  EXPECT_EQ(parse_auth_file("{}", "/run/auth.json", "/")->shown_path, "/run/auth.json");
}

TEST(AuthFile, IsEmptyWhenItDoesNotExist) {
  const testing::TempFolder folder;
  EXPECT_TRUE(read_auth_file(folder / "none.json", {}).ok());
  EXPECT_TRUE(read_auth_file(folder / "none/none.json", {}).ok());
  EXPECT_TRUE(read_auth_file("/dev/null/config.json", {}).ok()) << "below something that is no folder";
}

TEST(AuthFile, IsAConfigErrorWhenItCannotBeRead) {
  const testing::TempFolder folder;
  std::filesystem::create_directory(folder / "folder.json");
  testing::write_text(folder / "large.json", std::string(1024 * 1024 + 1, ' '));
  for (const auto* name : {"folder.json", "large.json"}) {
    const auto file = read_auth_file(folder / name, {});
    ASSERT_FALSE(file.ok()) << name;
    EXPECT_EQ(file.error().kind(), ErrorKind::config) << name;
    EXPECT_THAT(file.error().sentence(), HasSubstr((folder / name).string()));
  }
}

}  // namespace
}  // namespace sluice::auth
