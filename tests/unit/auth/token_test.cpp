#include "auth/token.hpp"

#include "base/encoding.hpp"
#include "base/sent_secrets.hpp"
#include "unit/auth/auth_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using ::testing::HasSubstr;
using testing::login;
using testing::url;
using testing::why;

const TokenWish kWish{"registry.example.com", {"repository:a/b:pull,push", "repository:c:pull"}};

std::string basic(const std::string& text) { return "Basic " + encoding::base64(text); }

TEST(TokenRequest, AsksForEveryScopeAndNamesTheAccount) {
  const auto credentials = login("ann", "pw");
  const auto request = token_request(url("https://auth.example.com/token"), kWish, &credentials);
  EXPECT_EQ(request.method, net::Method::get);
  EXPECT_EQ(request.url.text(),
            "https://auth.example.com/token?service=registry.example.com&scope=repository%3Aa%2Fb%3Apull%2Cpush"
            "&scope=repository%3Ac%3Apull&account=ann");
  ASSERT_TRUE(request.authorization);
  EXPECT_EQ(request.authorization->reveal(), basic("ann:pw"));
  EXPECT_EQ(request.body, "");
}

TEST(TokenRequest, IsAnonymousWithoutCredentials) {
  const auto request = token_request(url("https://h/token?x=1"), {"", {}}, nullptr);
  EXPECT_EQ(request.url.text(), "https://h/token?x=1") << "the realm's own query stays, nothing empty is added";
  EXPECT_FALSE(request.authorization);
}

TEST(TokenRequest, SendsAnIdentityTokenAsPasswordWhereThereIsNoPost) {
  Credentials named;
  named.username = "ann";
  named.identity_token = Secret("refresh");
  EXPECT_EQ(token_request(url("https://h/t"), kWish, &named).authorization->reveal(), basic("ann:refresh"));
  named.username.clear();
  EXPECT_EQ(token_request(url("https://h/t"), kWish, &named).authorization->reveal(), basic("<token>:refresh"));
}

TEST(RefreshRequest, IsAFormWithTheIdentityTokenInIt) {
  Credentials token;
  token.identity_token = Secret("re&fresh=1");
  const auto request = refresh_request(url("https://h/t"), kWish, token);
  EXPECT_EQ(request.method, net::Method::post);
  EXPECT_EQ(request.url.text(), "https://h/t") << "no secret in the address";
  EXPECT_EQ(request.headers.get("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.body,
            "grant_type=refresh_token&client_id=sluice&service=registry.example.com"
            "&scope=repository%3Aa%2Fb%3Apull%2Cpush%20repository%3Ac%3Apull&refresh_token=re%26fresh%3D1");
  EXPECT_FALSE(request.authorization);
}

TEST(BasicAuthorization, SendsAColonInAUserNameAsADash) {
  EXPECT_EQ(basic_authorization("kube:admin", "pa:ss").reveal(), basic("kube-admin:pa:ss"));
}

TEST(TokenReply, IsReadAsServersWriteIt) {
  const struct {
    const char* name;
    const char* body;
    const char* token;
    int seconds;
  } rows[] = {
      {"token", R"({"token": "t"})", "t", 60},
      {"access_token", R"({"access_token": "t"})", "t", 60},
      {"both", R"({"token": "t", "access_token": "u"})", "t", 60},
      {"empty token", R"({"token": "", "access_token": "u"})", "u", 60},
      {"life", R"({"token": "t", "expires_in": 300, "issued_at": "2001-01-01T00:00:00Z"})", "t", 300},
      {"short life", R"({"token": "t", "expires_in": 5})", "t", 60},
      {"negative life", R"({"token": "t", "expires_in": -1})", "t", 60},
      {"fraction", R"({"token": "t", "expires_in": 90.5})", "t", 90},
      {"endless life", R"({"token": "t", "expires_in": 9223372036854775807})", "t", 2592000},
      {"huge fraction", R"({"token": "t", "expires_in": 1e300})", "t", 2592000},
      {"life as text", R"({"token": "t", "expires_in": "300"})", "t", 60},
      {"more", R"({"token": "t", "refresh_token": "r", "scope": "x"})", "t", 60},
  };
  for (const auto& row : rows) {
    const auto reply = parse_token_reply(row.body);
    ASSERT_TRUE(reply.ok()) << row.name << ": " << why(reply);
    EXPECT_EQ(reply->token.reveal(), row.token) << row.name;
    EXPECT_EQ(reply->life.count(), row.seconds) << row.name;
  }
}

TEST(TokenReply, IsRefusedWhenItHoldsNoTokenForAHeader) {
  const struct {
    const char* name;
    std::string body;
  } rows[] = {
      {"empty", ""},
      {"no JSON", "<html>"},
      {"a list", "[]"},
      {"no token", "{}"},
      {"a number", R"({"token": 1})"},
      {"both empty", R"({"token": "", "access_token": ""})"},
      {"a line break", R"({"token": "t\r\nX-Evil: 1"})"},
      {"a blank", R"({"token": "t t"})"},
      {"beyond ASCII", R"({"token": "té"})"},
      {"too long", R"({"token": ")" + std::string(70'000, 't') + R"("})"},
      {"too large", "{\"token\": \"t\", \"x\": \"" + std::string(1'100'000, 'x') + "\"}"},
  };
  for (const auto& row : rows) {
    const auto reply = parse_token_reply(row.body);
    ASSERT_FALSE(reply.ok()) << row.name;
    EXPECT_EQ(reply.error().kind(), ErrorKind::protocol) << row.name;
  }
}

TEST(RefusalReason, IsFoundWhereServersPutIt) {
  const struct {
    const char* name;
    const char* body;
    const char* expected;
  } rows[] = {
      {"distribution", R"({"errors": [{"code": "DENIED", "message": "no access"}]})", "no access"},
      {"OAuth", R"({"error": "invalid_scope", "error_description": "bad scope"})", "bad scope"},
      {"OAuth, short", R"({"error": "invalid_scope"})", "invalid_scope"},
      {"docker hub", R"({"details": "incorrect username or password"})", "incorrect username or password"},
      {"control characters", R"({"message": "a\u001b[31mb\nc"})", "a?[31mb c"},
      {"none", "{}", ""},
      {"HTML", "<html>", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(refusal_reason(row.body), row.expected) << row.name;
}

TEST(RefusalReason, ShowsNoSecretThatWasSent) {
  SentSecrets::process().add_authorization(basic_authorization("ann", "S3/cret"));
  SentSecrets::process().add(Secret("refresh-of-ann"));
  const struct {
    std::string said;
    const char* expected;
  } rows[] = {
      {"bad password S3/cret", "bad password ***"},
      {"in S3%2Fcret", "in ***"},
      {"token refresh-of-ann is bad", "token *** is bad"},
      {encoding::base64("ann:S3/cret"), "***"},
      {"something else", "something else"},
  };
  for (const auto& row : rows) EXPECT_EQ(refusal_reason(R"({"message": ")" + row.said + "\"}"), row.expected);
}

TEST(InvalidGrant, IsWhatOAuthSaysOfADeadRefreshToken) {
  EXPECT_TRUE(is_invalid_grant(R"({"error": "invalid_grant"})"));
  EXPECT_FALSE(is_invalid_grant(R"({"error": "invalid_scope"})"));
  EXPECT_FALSE(is_invalid_grant("invalid_grant"));
}

}  // namespace
}  // namespace sluice::auth
