// --explain-auth: where credentials were looked for and why each place did not win, who one is, what the registry asks.

#include "auth/explain.hpp"

#include "auth/authorizer.hpp"
#include "unit/auth/authorizer_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using testing::AuthorizerTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::install_helper;
using testing::install_script;
using ::testing::IsEmpty;
using testing::login;
using ::testing::Not;
using testing::only;
using testing::pull;
using testing::push;
using testing::told;
using testing::write_text;

std::string entry(const std::string& text) { return R"({"auth": ")" + encoding::base64(text) + R"("})"; }

/// "where|key|helper|won|why", one line for each place.
std::vector<std::string> lines(const std::vector<LookedAt>& steps) {
  std::vector<std::string> out;
  for (const auto& step : steps) {
    out.push_back(step.where + "|" + step.key + "|" + step.helper + "|" + (step.won ? "won" : "no") + "|" + step.why);
  }
  return out;
}

class LookedAtTest : public ::testing::Test {
 protected:
  /// What find() gave, and then what it noted.
  std::vector<std::string> looked(const std::string& path = "shop/web") {
    CredentialLookup lookup(sources, "host");
    found = told(lookup.find(path, {}));
    return lines(lookup.looked_at(path));
  }
  testing::TempFolder folder;
  std::filesystem::path file = folder / "auth.json";
  CredentialSources sources = only(file, folder.path());
  std::string found;
};

TEST_F(LookedAtTest, NamesAFileThatIsMissingAndOneThatSaysNothing) {
  EXPECT_THAT(looked(), ElementsAre("~/auth.json|||no|no such file"));
  write_text(file, R"({"auths": {"other": {}}})");
  EXPECT_THAT(looked(), ElementsAre("~/auth.json|||no|no entry for host/shop/web or host/shop or host"));
  EXPECT_EQ(found, "nobody");
}

TEST_F(LookedAtTest, TellsEveryEntryUpToTheOneThatWins) {
  install_helper(folder.path(), "named");
  write_text(file, R"({"auths": {"host/shop/web": {}, "host/shop": )" + entry("ann:p4ss") + R"(, "host": )" +
                       entry("bob:w0rd") + R"(}, "credHelpers": {"host/shop": "named"}, "credsStore": "named"})");
  EXPECT_THAT(looked(), ElementsAre("~/auth.json|host/shop/web||no|the entry is empty",
                                    "~/auth.json|host/shop|docker-credential-named|no|the helper knows nobody for it",
                                    "~/auth.json|host/shop||won|"));
  EXPECT_EQ(found, "ann:p4ss");
}

TEST_F(LookedAtTest, TellsUnderWhichNamesTheStoreWasAsked) {
  install_helper(folder.path(), "all");
  write_text(file, R"({"auths": {"https://host/v1/": {}}, "credsStore": "all"})");
  write_text(folder / "kept.host", R"({"ServerURL":"x","Username":"ann","Secret":"p4ss"})");
  EXPECT_THAT(looked(),
              ElementsAre("~/auth.json|https://host/v1/||no|the entry is empty",
                          "~/auth.json|https://host/v1/|docker-credential-all|no|the helper knows nobody for it",
                          "~/auth.json|host|docker-credential-all|won|"));
}

TEST_F(LookedAtTest, TellsWhatFailed) {
  install_script(folder.path(), "bad", "exit 3");
  write_text(file, R"({"credHelpers": {"host": "bad"}})");
  EXPECT_THAT(looked(), ElementsAre("~/auth.json|host|docker-credential-bad|no|the helper failed"));
  EXPECT_THAT(found, HasSubstr("exit code 3"));
  write_text(file, R"({"auths": {"host": {"auth": "no base64!"}}})");
  EXPECT_THAT(looked(), ElementsAre("~/auth.json|host||no|it cannot be read"));
}

TEST_F(LookedAtTest, TellsEntriesBehindTheWinnerWithoutAskingThem) {
  sources = {.authfile = {},
             .environment = testing::environment(
                 {{"HOME", folder.path().string()}, {"XDG_RUNTIME_DIR", (folder / "run").string()}}),
             .helper_folder = folder.path()};
  install_helper(folder.path(), "all");
  write_text(folder / "run/containers/auth.json", R"({"auths": {"host": )" + entry("podman:1") + "}}");
  write_text(folder / ".docker/config.json",
             R"({"auths": {"host/shop": )" + entry("docker:2") + R"(}, "credHelpers": {"host": "all"}})");
  EXPECT_THAT(looked(),
              ElementsAre("~/run/containers/auth.json|host||won|",
                          "~/.docker/config.json|host/shop||no|not asked: what stands before it won",
                          "~/.docker/config.json|host|docker-credential-all|no|not asked: what stands before it won"));
  EXPECT_FALSE(std::filesystem::exists(folder / "calls")) << "a helper was run for an entry that could not win";
}

TEST_F(LookedAtTest, IsEmptyForWhatNobodyLookedUp) {
  CredentialLookup lookup(sources, "host");
  EXPECT_THAT(lookup.looked_at("shop/web"), IsEmpty());
}

class ExplanationTest : public AuthorizerTest {};

TEST_F(ExplanationTest, SaysThatNobodyAskedForALogin) {
  EXPECT_EQ(header(), "none");
  const auto said = authorizer().explanation();
  EXPECT_EQ(said.scheme, "");
  EXPECT_THAT(said.logins, IsEmpty());
  EXPECT_EQ(explain_text(said), "login at r.example.com: it asked for no login\n  no credentials were looked for\n");
  EXPECT_EQ(explain_json(said).dump(), R"({"registry":"r.example.com","scheme":null,"realm":null,"service":null,)"
                                       R"("preemptive":false,"logins":[]})");
}

TEST_F(ExplanationTest, TellsBasic) {
  answer(kBasic, {pull("shop/web")});
  const auto said = authorizer().explanation();
  EXPECT_EQ(said.scheme, "basic");
  EXPECT_EQ(said.realm, "");
  ASSERT_EQ(said.logins.size(), 1U);
  EXPECT_EQ(said.logins[0].repository, "shop/web");
  EXPECT_EQ(said.logins[0].user, "ann");
  EXPECT_EQ(said.logins[0].kind, "password");
  EXPECT_EQ(said.logins[0].source, "auth.json");
}

TEST_F(ExplanationTest, TellsBearerWithRealmAndServiceAndNoQueryOfTheRealm) {
  give_tokens();
  answer(R"(Bearer realm="https://auth.example.com/token?key=c4p4bility",service="r.example.com")");
  const auto said = authorizer().explanation();
  EXPECT_EQ(said.scheme, "bearer");
  EXPECT_THAT(said.realm, ::testing::StartsWith("https://auth.example.com/token"));
  EXPECT_EQ(said.service, "r.example.com");
  EXPECT_THAT(explain_text(said) + explain_json(said).dump(), Not(HasSubstr("c4p4bility")));
}

TEST_F(ExplanationTest, TellsEachRepositoryByItself) {
  find_ = [](std::string_view path) -> Result<std::optional<Credentials>> {
    if (path == "dev/web") return std::optional(login("reader", "r", "one.json"));
    return std::optional<Credentials>();
  };
  give_tokens();
  answer(kBearer, {pull("dev/web")});
  answer(kBearer, {push("shop/web")});
  const auto said = authorizer().explanation();
  ASSERT_EQ(said.logins.size(), 2U);
  EXPECT_EQ(said.logins[0].user, "reader");
  EXPECT_EQ(said.logins[1].repository, "shop/web");
  EXPECT_EQ(said.logins[1].kind, "anonymous");
  EXPECT_THAT(explain_text(said), HasSubstr("  shop/web: nobody: without credentials\n"));
}

TEST_F(ExplanationTest, NeverShowsASecretOfAnyKind) {
  Credentials all = login("ann", "p4ssw0rd", "auth.json");
  all.identity_token = Secret("1dent1ty");
  for (const bool with_registry_token : {false, true}) {
    if (with_registry_token) all.registry_token = Secret("reg1stry");
    Authorizer asked(exchanger_, {.registry = "r.example.com",
                                  .endpoint = endpoint_,
                                  .find_credentials = [&](auto) { return Result<std::optional<Credentials>>(all); },
                                  .now = {}});
    give_tokens();
    static_cast<void>(asked.answer(registry_, {kBearer}, {pull("a")}, {}, context()));
    const auto said = asked.explanation();
    ASSERT_EQ(said.logins.size(), 1U);
    EXPECT_EQ(said.logins[0].kind, with_registry_token ? "registry-token" : "identity-token");
    EXPECT_EQ(said.logins[0].user, "") << "a token stands for whom it stands for, whatever name is beside it";
    const auto shown = explain_text(said) + explain_json(said).dump();
    for (const auto* secret : {"p4ssw0rd", "1dent1ty", "reg1stry", "t1"}) EXPECT_THAT(shown, Not(HasSubstr(secret)));
  }
}

TEST_F(ExplanationTest, TellsATokenThatWentOutUnasked) {
  Credentials token;
  token.source = "the API token of prod";
  token.registry_token = Secret("t0k3n");
  Authorizer::Options options;
  options.registry = "r.example.com";
  options.endpoint = endpoint_;
  options.find_credentials = [&](auto) { return Result<std::optional<Credentials>>(token); };
  options.preemptive_bearer = true;
  options.looked_at = [](auto) { return std::vector<LookedAt>{{"the API token of prod", {}, {}, true, {}}}; };
  Authorizer asked(exchanger_, std::move(options));
  EXPECT_FALSE(asked.explanation().preemptive) << "nothing was sent yet";
  net::HttpRequest request;
  request.url = registry_;
  request.endpoint = endpoint_;
  ASSERT_TRUE(asked.header_for({pull("a/b")}, context(), &request).ok());
  const auto said = asked.explanation();
  EXPECT_TRUE(said.preemptive);
  EXPECT_EQ(explain_text(said),
            "login at r.example.com: it took a token that was sent unasked\n"
            "  a/b: whoever the token stands for, with a registry token from the API token of "
            "prod\n    the API token of prod: won\n");
}

TEST(ExplainText, MakesForeignWordsHarmless) {
  const auto shown = explain_text({.registry = "r",
                                   .scheme = "bearer",
                                   .realm = "https://a/token",
                                   .service = "\x1b[31mred",
                                   .preemptive = false,
                                   .logins = {{.repository = "a/b",
                                               .source = "f\nsecond line",
                                               .user = "ann\x07",
                                               .kind = "password",
                                               .looked_at = {{"f", "k\x1b", "h\n", false, "w\x07"}}}}});
  EXPECT_EQ(shown.find_first_of("\x1b\x07"), std::string::npos) << shown;
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 3) << shown;
}

}  // namespace
}  // namespace sluice::auth
