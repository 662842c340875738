#include "auth/credentials.hpp"

#include "base/encoding.hpp"
#include "unit/auth/auth_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using testing::environment;
using ::testing::HasSubstr;
using testing::install_helper;
using testing::only;
using testing::read_text;
using testing::told;
using testing::write_text;

// {"auth": base64(text)}
std::string entry(const std::string& text) { return R"({"auth": ")" + encoding::base64(text) + R"("})"; }

std::string kept(const std::string& user, const std::string& secret) {
  return R"({"ServerURL":"x","Username":")" + user + R"(","Secret":")" + secret + R"("})";
}

class CredentialsTest : public ::testing::Test {
 protected:
  std::string find(const std::string& registry, const std::string& path = "shop/web") {
    return told(find_credentials(only(file_, folder_.path()), registry, path, {}));
  }
  std::string source(const std::string& registry) {
    const auto found = find_credentials(only(file_, folder_.path()), registry, "shop/web", {});
    return found.ok() && found->has_value() ? (*found)->source : told(found);
  }

  testing::TempFolder folder_;
  std::filesystem::path file_ = folder_ / "auth.json";
};

TEST(CredentialFiles, AreNamedInTheOrderOfPodmanThenDocker) {
  const CredentialSources sources{
      .authfile = {},
      .environment =
          environment({{"HOME", "/home/ann"}, {"XDG_RUNTIME_DIR", "/run/user/1"}, {"XDG_CONFIG_HOME", "/xdg"}})};
  EXPECT_THAT(credential_files(sources), ElementsAre("/run/user/1/containers/auth.json", "/xdg/containers/auth.json",
                                                     "/home/ann/.docker/config.json", "/home/ann/.dockercfg"));
}

TEST(CredentialFiles, FollowDockersVariableAndPodmansFallBack) {
  const CredentialSources sources{.authfile = {},
                                  .environment = environment({{"HOME", "/home/ann"}, {"DOCKER_CONFIG", "/d"}})};
  EXPECT_THAT(credential_files(sources),
              ElementsAre("/run/containers/" + std::to_string(::getuid()) + "/auth.json",
                          "/home/ann/.config/containers/auth.json", "/d/config.json", "/home/ann/.dockercfg"));
}

TEST(CredentialFiles, AreOneWhenOneIsNamed) {
  const auto named = environment({{"HOME", "/home/ann"}, {"REGISTRY_AUTH_FILE", "/env.json"}});
  EXPECT_THAT(credential_files({.authfile = {}, .environment = named}), ElementsAre("/env.json"));
  EXPECT_THAT(credential_files({.authfile = "/flag.json", .environment = named}), ElementsAre("/flag.json"));
}

TEST_F(CredentialsTest, ComeFromTheOldFormToo) {
  write_text(file_,
             R"({"registry.svc:5000": {"username": "serviceaccount", "password": "eyJ.a.b", "email": "s@example.org",
                        "auth": ")" +
                 encoding::base64("serviceaccount:eyJ.a.b") + R"("}, "https://index.docker.io/v1/": )" +
                 entry("hub:2") + "}");
  EXPECT_EQ(find("registry.svc:5000"), "serviceaccount:eyJ.a.b");
  EXPECT_EQ(find("docker.io"), "hub:2");
  EXPECT_EQ(find("other.svc"), "nobody");
}

TEST(CredentialFiles, EndWithTheOldestOne) {
  testing::TempFolder folder;
  const CredentialSources sources{
      .authfile = {},
      .environment = environment({{"HOME", folder.path().string()}, {"XDG_RUNTIME_DIR", (folder / "run").string()}})};
  write_text(folder / ".dockercfg", R"({"host.example.com": )" + entry("old:1") + "}");
  EXPECT_EQ(told(find_credentials(sources, "host.example.com", "a/b", {})), "old:1");
  EXPECT_EQ(new_login_file(sources), folder / ".docker/config.json") << "nothing new is written there";
}

TEST_F(CredentialsTest, ComeFromTheLongestMatchingPath) {
  write_text(file_, R"({"auths": {"host": )" + entry("host:1") + R"(, "host/shop": )" + entry("shop:2") +
                        R"(, "host/shop/web": )" + entry("web:3") + R"(, "host/shopping": )" + entry("no:4") + "}}");
  EXPECT_EQ(find("host", "shop/web"), "web:3");
  EXPECT_EQ(find("host", "shop/api"), "shop:2");
  EXPECT_EQ(find("host", "shop"), "shop:2");
  EXPECT_EQ(find("host", "cart/web"), "host:1");
  EXPECT_EQ(find("host", ""), "host:1");
  EXPECT_EQ(find("other", "shop/web"), "nobody");
  EXPECT_EQ(find("host:5000", "shop/web"), "nobody") << "another port is another registry";
}

TEST_F(CredentialsTest, ComeFromEntriesWrittenAsUrls) {
  write_text(file_, R"({"auths": {"https://host/v1/": )" + entry("ann:1") + R"(, "https://index.docker.io/v1/": )" +
                        entry("hub:2") + "}}");
  EXPECT_EQ(find("host"), "ann:1");
  EXPECT_EQ(find("docker.io", "library/nginx"), "hub:2");
  EXPECT_EQ(find("registry-1.docker.io", "library/nginx"), "hub:2");
}

TEST_F(CredentialsTest, PreferTheHelperOfTheHostThenTheEntryThenTheStore) {
  install_helper(folder_.path(), "named");
  install_helper(folder_.path(), "all");
  write_text(file_, R"({"auths": {"entry": )" + entry("entry:1") + R"(, "helped": )" + entry("old:2") +
                        R"(, "stored": {}}, "credHelpers": {"helped": "named"}, "credsStore": "all"})");
  write_text(folder_ / "kept.helped", kept("helped", "3"));
  write_text(folder_ / "kept.stored", kept("stored", "4"));
  write_text(folder_ / "kept.entry", kept("never", "5"));
  EXPECT_EQ(find("entry"), "entry:1");
  EXPECT_EQ(find("helped"), "helped:3");
  EXPECT_EQ(find("stored"), "stored:4");
  EXPECT_EQ(find("nowhere"), "nobody");
  EXPECT_EQ(source("entry"), "~/auth.json (auths)");
  EXPECT_EQ(source("helped"), "~/auth.json (docker-credential-named)");
  EXPECT_EQ(source("stored"), "~/auth.json (docker-credential-all)");
}

TEST_F(CredentialsTest, GoOnToTheEntryWhenTheHelperKnowsNobody) {
  install_helper(folder_.path(), "named");
  write_text(file_, R"({"auths": {"host": )" + entry("ann:1") + R"(}, "credHelpers": {"host": "named"}})");
  EXPECT_EQ(find("host"), "ann:1");
}

TEST_F(CredentialsTest, AskTheStoreUnderTheNameThatIsWritten) {
  install_helper(folder_.path(), "all");
  write_text(file_, R"({"auths": {"https://host/v1/": {}}, "credsStore": "all"})");
  write_text(folder_ / "kept.https___host_v1_", kept("ann", "1"));
  EXPECT_EQ(find("host"), "ann:1");
  write_text(folder_ / "kept.https___index.docker.io_v1_", kept("hub", "2"));
  EXPECT_EQ(find("docker.io"), "hub:2") << "docker keeps Docker Hub under its old address, with or without an entry";
}

TEST_F(CredentialsTest, TakeATokenOfAHelperAsIdentityToken) {
  install_helper(folder_.path(), "all");
  write_text(file_, R"({"credsStore": "all"})");
  write_text(folder_ / "kept.host", kept("<token>", "refresh"));
  EXPECT_EQ(find("host"), "token:refresh");
}

TEST_F(CredentialsTest, FailWhenAHelperIsMissingOrBadlyNamed) {
  write_text(file_, R"({"credHelpers": {"gone": "not-installed", "bad": "../evil"}})");
  EXPECT_THAT(
      find("gone"),
      HasSubstr("config: the credential helper docker-credential-not-installed named in ~/auth.json is not installed"));
  EXPECT_THAT(find("bad"), HasSubstr("config: ~/auth.json names the credential helper \"../evil\""));
  EXPECT_EQ(find("other"), "nobody") << "a bad name elsewhere harms nobody";
}

TEST_F(CredentialsTest, FailWhenTheFileIsBroken) {
  write_text(file_, "{");
  EXPECT_THAT(find("host"), HasSubstr("config: "));
  EXPECT_THAT(find("host"), HasSubstr(file_.string()));
}

TEST_F(CredentialsTest, ComeFromTheFirstFileThatKnowsTheRepository) {
  const CredentialSources sources{
      .authfile = {},
      .environment = environment({{"HOME", folder_.path().string()}, {"XDG_RUNTIME_DIR", (folder_ / "run").string()}})};
  write_text(folder_ / "run/containers/auth.json", R"({"auths": {"host": )" + entry("podman:1") + "}}");
  write_text(folder_ / ".docker/config.json",
             R"({"auths": {"host/shop": )" + entry("docker:2") + R"(, "other": )" + entry("docker:3") + "}}");
  EXPECT_EQ(told(find_credentials(sources, "host", "shop/web", {})), "podman:1");
  EXPECT_EQ(told(find_credentials(sources, "other", "shop/web", {})), "docker:3");
}

TEST_F(CredentialsTest, AskAHelperOncePerServerHoweverManyRepositories) {
  install_helper(folder_.path(), "all");
  write_text(file_, R"({"credsStore": "all"})");
  write_text(folder_ / "kept.host", kept("ann", "1"));
  CredentialLookup lookup(only(file_, folder_.path()), "host");
  for (const auto* path : {"shop/web", "shop/api", "cart/web"}) EXPECT_EQ(told(lookup.find(path, {})), "ann:1") << path;
  EXPECT_EQ(read_text(folder_ / "calls"), "get host\n");
}

TEST_F(CredentialsTest, AskAFailedHelperAgain) {
  testing::install_script(folder_.path(), "all", "exit 3");
  write_text(file_, R"({"credsStore": "all"})");
  CredentialLookup lookup(only(file_, folder_.path()), "host");
  EXPECT_THAT(told(lookup.find("shop/web", {})), HasSubstr("exit code 3"));
  install_helper(folder_.path(), "all");
  write_text(folder_ / "kept.host", kept("ann", "1"));
  EXPECT_EQ(told(lookup.find("shop/web", {})), "ann:1");
}

}  // namespace
}  // namespace sluice::auth
