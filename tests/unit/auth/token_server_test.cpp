#include "auth/token_server.hpp"

#include "support/fake_exchanger.hpp"
#include "unit/auth/auth_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using namespace std::chrono_literals;
using sluice::testing::FakeExchanger;
using sluice::testing::reply;
using ::testing::HasSubstr;
using testing::login;
using testing::url;
using testing::why;

constexpr auto kToken = R"({"token": "t", "expires_in": 300})";

class TokenServerTest : public ::testing::Test {
 protected:
  Result<TokenReply> ask(const Identity& identity) {
    return ask_for_token(exchanger_, server_, identity, {"repository:a:pull"}, {Deadline::never(), {}});
  }
  static Identity refreshing() {
    Credentials token;
    token.username = "ann";
    token.identity_token = Secret("refresh");
    token.source = "auth.json";
    return {token};
  }

  FakeExchanger exchanger_;
  Identity ann_{login("ann", "pw", "auth.json")};
  Identity nobody_;
  TokenServer server_{"r.example.com", url("https://auth.example.com/token"), "r.example.com",
                      std::make_shared<const net::Endpoint>()};
};

TEST_F(TokenServerTest, GivesATokenForCredentials) {
  exchanger_.then(reply(200, kToken));
  const auto token = ask(ann_);
  ASSERT_TRUE(token.ok()) << why(token);
  EXPECT_EQ(token->token.reveal(), "t");
  EXPECT_EQ(token->life, 300s);
  EXPECT_EQ(exchanger_.requests().at(0).endpoint, server_.endpoint);
  EXPECT_EQ(exchanger_.requests().at(0).max_reply_bytes, std::size_t{1024 * 1024});
}

TEST_F(TokenServerTest, IsPostedAnIdentityToken) {
  exchanger_.then(reply(200, kToken));
  ASSERT_TRUE(ask(refreshing()).ok());
  ASSERT_EQ(exchanger_.requests().size(), 1u);
  EXPECT_EQ(exchanger_.requests().at(0).method, net::Method::post);
}

TEST_F(TokenServerTest, IsAskedByGetWhenItKnowsNoPost) {
  for (const int status : {404, 405}) {
    FakeExchanger exchanger;
    exchanger.then(reply(status)).then(reply(200, kToken));
    const auto token = ask_for_token(exchanger, server_, refreshing(), {}, {Deadline::never(), {}});
    ASSERT_TRUE(token.ok()) << status << ": " << why(token);
    ASSERT_EQ(exchanger.requests().size(), 2u) << status;
    EXPECT_EQ(exchanger.requests().at(1).method, net::Method::get) << status;
    EXPECT_TRUE(exchanger.requests().at(1).authorization) << status;
  }
}

TEST_F(TokenServerTest, RefusesInWordsThatSayWhatToDo) {
  const struct {
    const char* name;
    bool credentials;
    int status;
    const char* body;
    ErrorKind kind;
    const char* words;
  } rows[] = {
      {"wrong password", true, 401, "", ErrorKind::unauthenticated,
       "the user name or password for r.example.com was refused (from auth.json); log in with: sluice login "
       "r.example.com (or --src-creds / --dest-creds)"},
      {"wrong password with a reason", true, 401, R"({"details": "locked"})", ErrorKind::unauthenticated,
       "(from auth.json): locked;"},
      {"anonymous 401", false, 401, "", ErrorKind::unauthenticated,
       "gives no token for r.example.com without credentials; log in with: sluice login r.example.com"},
      {"anonymous 403", false, 403, "", ErrorKind::unauthenticated, "without credentials"},
      {"not allowed", true, 403, R"({"errors": [{"message": "no access"}]})", ErrorKind::denied,
       "the token server auth.example.com denies the credentials from auth.json a token for r.example.com: no access"},
      {"too many", true, 429, "", ErrorKind::busy, "the token server auth.example.com of r.example.com answered 429"},
      {"broken", true, 502, "", ErrorKind::busy, "answered 502"},
      {"redirect", true, 302, "", ErrorKind::protocol,
       "https://auth.example.com/token of r.example.com answered 302 with a redirect, which is not followed"},
      {"absent", true, 404, "", ErrorKind::protocol, "answered 404 instead of giving a token"},
      {"bad request", true, 400, "", ErrorKind::protocol, "answered 400 instead of giving a token"},
      {"no token", true, 200, "{}", ErrorKind::protocol,
       "the token server auth.example.com of r.example.com gave no token"},
      {"a web page", true, 200, "<html>", ErrorKind::protocol, "the answer is no JSON object"},
  };
  for (const auto& row : rows) {
    FakeExchanger exchanger;
    exchanger.then(reply(row.status, row.body));
    const auto token = ask_for_token(exchanger, server_, row.credentials ? ann_ : nobody_, {}, {Deadline::never(), {}});
    ASSERT_FALSE(token.ok()) << row.name;
    EXPECT_EQ(token.error().kind(), row.kind) << row.name << ": " << why(token);
    EXPECT_THAT(token.error().sentence(), HasSubstr(row.words)) << row.name;
    EXPECT_EQ(exchanger.requests().size(), 1u) << row.name;
    EXPECT_EQ(token.error().http_status().value_or(200), row.status) << row.name;
  }
}

TEST_F(TokenServerTest, CallsADeadRefreshTokenRefused) {
  exchanger_.then(reply(400, R"({"error": "invalid_grant"})"));
  const auto token = ask(refreshing());
  ASSERT_FALSE(token.ok());
  EXPECT_THAT(why(token),
              HasSubstr("unauthenticated: the identity token for r.example.com was refused (from auth.json)"));
  EXPECT_FALSE(may_dislike_several_scopes(token.error()));
}

TEST_F(TokenServerTest, PassesOnHowLongToWait) {
  const struct {
    const char* value;
    std::optional<std::chrono::milliseconds> expected;
  } rows[] = {
      {"7", 7s},
      {"0", 0s},
      {"x", {}},
      {"-1", {}},
      {"Wed, 21 Oct 2015 07:28:00 GMT", 0s},  // has gone by
      {"Fri, 31 Dec 9999 23:59:59 GMT", 24h * 365},
      {"99999999999999999999", 24h * 365},
  };
  for (const auto& row : rows) {
    FakeExchanger exchanger;
    exchanger.then(reply(429, "", {{"Retry-After", row.value}}));
    const auto token = ask_for_token(exchanger, server_, ann_, {}, {Deadline::never(), {}});
    EXPECT_EQ(token.error().retry_after(), row.expected) << row.value;
  }
}

TEST_F(TokenServerTest, PassesOnWhatTheExchangeGave) {
  exchanger_.then(Error(ErrorKind::unreachable, "cannot connect to auth.example.com"));
  EXPECT_EQ(why(ask(ann_)), "unreachable: logging in to r.example.com: cannot connect to auth.example.com");
}

TEST_F(TokenServerTest, MayDislikeSeveralScopes) {
  for (const int status : {400, 401, 403, 500, 503}) {
    EXPECT_TRUE(may_dislike_several_scopes(Error(ErrorKind::protocol, "x").with_status(status))) << status;
  }
  for (const int status : {302, 404, 429}) {
    EXPECT_FALSE(may_dislike_several_scopes(Error(ErrorKind::protocol, "x").with_status(status))) << status;
  }
  EXPECT_FALSE(may_dislike_several_scopes(Error(ErrorKind::unreachable, "x")));
}

}  // namespace
}  // namespace sluice::auth
