#include "auth/authorizer.hpp"

#include "unit/auth/authorizer_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using testing::AuthorizerTest;
using ::testing::HasSubstr;
using testing::login;
using ::testing::Not;
using testing::pull;
using testing::push;
using testing::reply;
using ::testing::StartsWith;
using testing::token_json;
using testing::url;
using testing::why;

const std::string kAnn = "Basic " + encoding::base64("ann:S3cret");

TEST_F(AuthorizerTest, SendsNothingBeforeTheFirstChallenge) {
  authorizer().expect({pull("a")});
  EXPECT_EQ(header(), "none");
  EXPECT_EQ(requests(), 0u);
  EXPECT_EQ(authorizer().explain(), "anonymous");
}

TEST_F(AuthorizerTest, AnswersBasicAndRemembersIt) {
  EXPECT_EQ(answer(kBasic), kAnn);
  EXPECT_EQ(header({push("b")}), kAnn);
  EXPECT_EQ(requests(), 0u);
  EXPECT_EQ(authorizer().explain(), "auth.json");
}

TEST_F(AuthorizerTest, AsksForALoginWhenBasicHasNoCredentials) {
  log_in({});
  EXPECT_EQ(
      answer(kBasic),
      "unauthenticated: r.example.com wants a login and there are no credentials for it; log in with: sluice login "
      "r.example.com (or --src-creds / --dest-creds)");
  EXPECT_EQ(header(), "none");
}

TEST_F(AuthorizerTest, SaysWhichCredentialsBasicRefused) {
  EXPECT_EQ(
      answer(kBasic, {pull("a")}, kAnn),
      "unauthenticated: the user name or password for r.example.com was refused (from auth.json); log in with: sluice "
      "login r.example.com (or --src-creds / --dest-creds)");
}

TEST_F(AuthorizerTest, FetchesATokenForABearerChallenge) {
  give_tokens();
  EXPECT_EQ(answer(kBearer, {push("a")}), "Bearer t1");
  ASSERT_EQ(requests(), 1u);
  const auto request = exchanger_.requests().front();
  EXPECT_EQ(request.url.authority(), "auth.example.com");
  EXPECT_EQ(testing::query(request.url, "service"), "r.example.com");
  EXPECT_EQ(testing::query(request.url, "account"), "ann");
  EXPECT_EQ(scopes_asked(0), "repository:a:pull,push");
  EXPECT_EQ(request.authorization->reveal(), kAnn);
  EXPECT_EQ(header({pull("a")}), "Bearer t1") << "push includes pull";
  EXPECT_EQ(requests(), 1u);
}

TEST_F(AuthorizerTest, FetchesAnAnonymousTokenWithoutCredentials) {
  log_in({});
  give_tokens();
  EXPECT_EQ(answer(kBearer), "Bearer t1");
  EXPECT_FALSE(exchanger_.requests().front().authorization);
  EXPECT_EQ(authorizer().explain(), "anonymous");
}

TEST_F(AuthorizerTest, PrefersBearerWhereverItStands) {
  give_tokens();
  const auto got =
      authorizer().answer(registry_, {kBasic, std::string("Negotiate, ") + kBearer}, {pull("a")}, {}, context());
  ASSERT_TRUE(got.ok()) << why(got);
  EXPECT_EQ(got->reveal(), "Bearer t1");
}

TEST_F(AuthorizerTest, TakesBasicWhenBearerNamesNoRealm) { EXPECT_EQ(answer(R"(Bearer, Basic realm="x")"), kAnn); }

TEST_F(AuthorizerTest, SaysWhatItCannotAnswer) {
  EXPECT_THAT(answer(""), HasSubstr("protocol: r.example.com answered 401 and did not say how to log in"));
  EXPECT_THAT(answer("Bearer"), HasSubstr("protocol: r.example.com asks for a token and does not say where"));
  EXPECT_THAT(answer("Negotiate, NTLM"), HasSubstr("unsupported: r.example.com asks for a login by negotiate, ntlm"));
}

TEST_F(AuthorizerTest, SendsARegistryTokenWithoutATokenServer) {
  Credentials credentials;
  credentials.registry_token = Secret("rt");
  credentials.source = "auth.json";
  log_in(credentials);
  EXPECT_EQ(answer(kBearer), "Bearer rt");
  EXPECT_EQ(header(), "Bearer rt");
  EXPECT_EQ(requests(), 0u);
  EXPECT_THAT(answer(kBearer, {pull("a")}, "Bearer rt"),
              HasSubstr("unauthenticated: the registry token for r.example.com was refused (from auth.json)"));
  EXPECT_THAT(
      answer(kBasic),
      HasSubstr("unauthenticated: r.example.com wants a user name and a password, and auth.json holds only a token"));
}

TEST_F(AuthorizerTest, SendsNoRegistryTokenThatBreaksAHeader) {
  Credentials credentials;
  credentials.registry_token = Secret("rt\r\nX-Evil: 1");
  credentials.source = "auth.json";
  log_in(credentials);
  EXPECT_THAT(answer(kBearer), HasSubstr("config: the registry token for r.example.com in auth.json cannot be sent"));
}

TEST_F(AuthorizerTest, TakesTheIdentityTokenToTheTokenServerOnly) {
  Credentials credentials;
  credentials.identity_token = Secret("refresh");
  credentials.source = "auth.json";
  log_in(credentials);
  give_tokens();
  EXPECT_EQ(answer(kBearer), "Bearer t1");
  EXPECT_EQ(exchanger_.requests().front().method, net::Method::post);
  EXPECT_THAT(answer(kBasic), HasSubstr("unauthenticated: "));
}

TEST_F(AuthorizerTest, CallsOpenShiftsSecondChallengeDenied) {
  give_tokens();
  ASSERT_EQ(answer(R"(Bearer realm="https://r.example.com/openshift/token")", {push("dev/web")}), "Bearer t1");
  EXPECT_THAT(
      answer(kOpenShiftDenial, {push("dev/web")}, "Bearer t1"),
      StartsWith("denied: r.example.com does not allow pushing to dev/web with the credentials from auth.json (access "
                 "denied), or they have expired"));
  EXPECT_THAT(answer(kOpenShiftDenial, {pull("dev/web")}, "Basic x"),
              HasSubstr("denied: r.example.com does not allow pulling from dev/web"));
  EXPECT_EQ(requests(), 1u) << "no token is asked for in vain";
}

TEST_F(AuthorizerTest, AsksForALoginWhenOpenShiftDeniesAnAnonymousToken) {
  log_in({});
  EXPECT_THAT(
      answer(kOpenShiftDenial, {pull("dev/web")}, "Bearer anonymous"),
      HasSubstr("unauthenticated: r.example.com does not allow pulling from dev/web without credentials; log in with"));
}

TEST_F(AuthorizerTest, AnswersOpenShiftsBasicChallengeWhenNothingWasSent) { EXPECT_EQ(answer(kOpenShiftDenial), kAnn); }

TEST_F(AuthorizerTest, ReportsDeniedWhenTheTokenServerRepeatsARefusedToken) {
  exchanger_.otherwise([](const auto&, const auto&) { return reply(200, token_json("same")); });
  ASSERT_EQ(answer(kBearer), "Bearer same");
  EXPECT_THAT(answer(kBearer, {pull("a")}, "Bearer same"),
              HasSubstr("denied: r.example.com does not allow pulling from a with the credentials from auth.json"));
}

TEST_F(AuthorizerTest, UsesTheCredentialsOfEachRepository) {
  find_ = [](std::string_view path) {
    return Result<std::optional<Credentials>>(path == "b" ? login("bob", "2", "b.json") : login("ann", "1", "a.json"));
  };
  give_tokens();
  authorizer().expect({pull("a"), pull("b"), pull("c")});
  EXPECT_EQ(answer(kBearer, {pull("a")}), "Bearer t1");
  EXPECT_EQ(scopes_asked(0), "repository:a:pull repository:c:pull") << "another login's scope does not travel along";
  EXPECT_EQ(header({pull("b")}), "Bearer t2");
  EXPECT_EQ(exchanger_.requests().at(1).authorization->reveal(), "Basic " + encoding::base64("bob:2"));
  EXPECT_EQ(header({pull("c")}), "Bearer t1");
  EXPECT_EQ(authorizer().explain(), "a.json, b.json");
}

TEST_F(AuthorizerTest, ActsInTheNameOfWhoMayPush) {
  find_ = [](std::string_view path) {
    return Result<std::optional<Credentials>>(login(path == "z/target" ? "writer" : "reader", "x"));
  };
  give_tokens();
  EXPECT_EQ(answer(kBearer, {pull("a/source"), push("z/target")}), "Bearer t1");
  EXPECT_EQ(testing::query(exchanger_.requests().front().url, "account"), "writer");
  EXPECT_EQ(scopes_asked(0), "repository:a/source:pull repository:z/target:pull,push");
}

TEST_F(AuthorizerTest, LooksUpEachRepositoryOnceAndFailuresAgain) {
  int asked = 0;
  find_ = [&](std::string_view) -> Result<std::optional<Credentials>> {
    if (++asked == 1) return Error(ErrorKind::config, "auth.json is broken");
    return std::optional(login("ann", "S3cret"));
  };
  EXPECT_THAT(answer(kBasic), HasSubstr("config: auth.json is broken"));
  EXPECT_EQ(answer(kBasic), kAnn);
  EXPECT_EQ(header(), kAnn);
  EXPECT_EQ(asked, 2);
}

TEST_F(AuthorizerTest, IsAnonymousWithoutALookUp) {
  find_ = nullptr;
  EXPECT_THAT(answer(kBasic), HasSubstr("unauthenticated: "));
}

}  // namespace
}  // namespace sluice::auth
