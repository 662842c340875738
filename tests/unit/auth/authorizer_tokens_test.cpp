// Which tokens an Authorizer asks for, and when.

#include "unit/auth/authorizer_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using namespace std::chrono_literals;
using testing::AuthorizerTest;
using ::testing::HasSubstr;
using testing::pull;
using testing::push;
using testing::query;
using testing::reply;
using testing::token_json;

class AuthorizerTokens : public AuthorizerTest {
 protected:
  /// A token server that answers requests for several scopes with `status`.
  void dislike_several(int status) {
    exchanger_.otherwise([this, status](const net::HttpRequest& request, const auto&) {
      if (query(request.url, "scope").find(' ') != std::string::npos) return reply(status);
      return reply(200, token_json("t" + std::to_string(++given_)));
    });
  }
};

class SeveralScopes : public AuthorizerTokens, public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Status, SeveralScopes, ::testing::Values(400, 401, 403, 500),
                         ::testing::PrintToStringParamName());

TEST_F(AuthorizerTokens, CoverAllThatIsExpectedInOneRequest) {
  give_tokens();
  authorizer().expect({pull("a"), push("b")});
  authorizer().expect({push("a"), pull("c")});
  EXPECT_EQ(answer(kBearer, {pull("c")}), "Bearer t1");
  EXPECT_EQ(scopes_asked(0), "repository:a:pull,push repository:b:pull,push repository:c:pull");
  EXPECT_EQ(header({push("a"), pull("b")}), "Bearer t1");
  EXPECT_EQ(requests(), 1u);
}

TEST_F(AuthorizerTokens, AreFetchedForABatchWhenFirstNeeded) {
  give_tokens();
  Scopes all;
  for (int i = 0; i < 120; ++i) all.insert(pull("project/repository-" + std::to_string(1000 + i)));
  authorizer().expect(all);
  EXPECT_EQ(answer(kBearer, {*all.begin()}), "Bearer t1");
  EXPECT_LE(exchanger_.requests().front().url.text().size(), 4096u + 200u);
  for (const auto& scope : all) EXPECT_THAT(header({scope}), HasSubstr("Bearer t")) << scope.text();
  EXPECT_EQ(requests(), 2u) << "120 scopes fit into two requests";
}

TEST_F(AuthorizerTokens, AreFetchedForWhatWasNotExpected) {
  give_tokens();
  ASSERT_EQ(answer(kBearer, {pull("a")}), "Bearer t1");
  EXPECT_EQ(header({push("a")}), "Bearer t2");
  EXPECT_EQ(scopes_asked(1), "repository:a:pull,push");
  EXPECT_EQ(header({pull("b")}), "Bearer t3");
  EXPECT_EQ(header({push("a")}), "Bearer t3") << "the newest token covers both";
}

TEST_F(AuthorizerTokens, AreRenewedAtThreeQuartersOfTheirLife) {
  give_tokens(400);
  authorizer().expect({pull("a"), pull("b")});
  ASSERT_EQ(answer(kBearer), "Bearer t1");
  pass(299s);
  EXPECT_EQ(header(), "Bearer t1");
  pass(1s);
  EXPECT_EQ(header(), "Bearer t2");
  EXPECT_EQ(scopes_asked(1), "repository:a:pull repository:b:pull") << "a renewal keeps the scopes";
  EXPECT_EQ(header({pull("b")}), "Bearer t2");
  EXPECT_EQ(requests(), 2u);
}

TEST_F(AuthorizerTokens, LiveForAMinuteWhenTheServerDoesNotSay) {
  exchanger_.then(reply(200, R"({"token": "t1"})")).then(reply(200, R"({"token": "t2", "expires_in": 1})"));
  ASSERT_EQ(answer(kBearer), "Bearer t1");
  pass(44s);
  EXPECT_EQ(header(), "Bearer t1");
  pass(1s);
  EXPECT_EQ(header(), "Bearer t2");
  pass(44s);
  EXPECT_EQ(header(), "Bearer t2");
}

TEST_F(AuthorizerTokens, GoOnWorkingWhenARenewalFails) {
  give_tokens(400);
  ASSERT_EQ(answer(kBearer), "Bearer t1");
  exchanger_.otherwise([](const auto&, const auto&) { return reply(503); });
  pass(300s);
  EXPECT_EQ(header(), "Bearer t1");
  EXPECT_EQ(header(), "Bearer t1");
  EXPECT_EQ(requests(), 2u) << "the next try is half-way to the end";
  pass(50s);
  EXPECT_EQ(header(), "Bearer t1");
  EXPECT_EQ(requests(), 3u);
  pass(50s);
  EXPECT_THAT(header(), HasSubstr("busy: the token server auth.example.com")) << "nothing is left to work with";
  give_tokens();
  EXPECT_EQ(header(), "Bearer t2");
}

TEST_F(AuthorizerTokens, AreFetchedAnewWhenRefused) {
  give_tokens();
  ASSERT_EQ(answer(kBearer), "Bearer t1");
  EXPECT_EQ(answer(kBearer, {pull("a")}, "Bearer t1"), "Bearer t2");
  EXPECT_EQ(answer(kBearer, {pull("a")}, "Bearer t1"), "Bearer t2") << "a late refusal of the old one costs nothing";
  EXPECT_EQ(requests(), 2u);
}

TEST_F(AuthorizerTokens, AreAskedForAloneAfterARefusalInCompany) {
  give_tokens();
  authorizer().expect({pull("a"), pull("b"), pull("c")});
  ASSERT_EQ(answer(kBearer, {pull("a")}), "Bearer t1");
  EXPECT_EQ(answer(kBearer, {pull("b")}, "Bearer t1"), "Bearer t2");
  EXPECT_EQ(scopes_asked(1), "repository:b:pull");
  EXPECT_EQ(header({pull("a")}), "Bearer t1") << "the rest goes on with the first token";
  EXPECT_EQ(header({pull("b")}), "Bearer t2");
  pass(400s);
  EXPECT_EQ(header({pull("b")}), "Bearer t3");
  EXPECT_EQ(scopes_asked(2), "repository:b:pull") << "and it stays alone";
  EXPECT_EQ(requests(), 3u);
}

TEST_P(SeveralScopes, AreFetchedOneByOneWhereTheyFail) {
  dislike_several(GetParam());
  authorizer().expect({pull("a"), pull("b")});
  EXPECT_EQ(answer(kBearer, {pull("b")}), "Bearer t1");
  EXPECT_EQ(requests(), 2u) << "several at once, then one";
  EXPECT_EQ(scopes_asked(1), "repository:b:pull");
  EXPECT_EQ(header({pull("a")}), "Bearer t2");
  EXPECT_EQ(requests(), 3u) << "learned";
  EXPECT_EQ(header({pull("x"), push("y")}), "Bearer t3");
  EXPECT_EQ(scopes_asked(3), "repository:y:pull,push") << "the one that matters most";
}

TEST_F(AuthorizerTokens, BlameTheCredentialsWhenOneScopeFailsToo) {
  exchanger_.otherwise([](const auto&, const auto&) { return reply(401); });
  authorizer().expect({pull("a"), pull("b")});
  EXPECT_THAT(answer(kBearer),
              HasSubstr("unauthenticated: the user name or password for r.example.com was refused (from auth.json)"));
  EXPECT_EQ(requests(), 2u);
  give_tokens();
  EXPECT_EQ(answer(kBearer), "Bearer t1");
  EXPECT_EQ(scopes_asked(2), "repository:a:pull repository:b:pull") << "nothing wrong was learned";
}

TEST_F(AuthorizerTokens, AreNotSplitWhenTheServerIsBusyOrGone) {
  exchanger_.then(reply(429)).then(Error(ErrorKind::unreachable, "cannot connect"));
  authorizer().expect({pull("a"), pull("b")});
  EXPECT_THAT(answer(kBearer), HasSubstr("busy: "));
  EXPECT_THAT(answer(kBearer), HasSubstr("unreachable: logging in to r.example.com: cannot connect"));
  EXPECT_EQ(requests(), 2u);
}

TEST_F(AuthorizerTokens, TakeTheRegistrysNameForARepositoryOnTop) {
  give_tokens();
  EXPECT_EQ(answer(std::string(kBearer) + R"(,scope="repository:real/a:pull")", {pull("a")}), "Bearer t1");
  EXPECT_EQ(scopes_asked(0), "repository:a:pull repository:real/a:pull");
  EXPECT_EQ(header({pull("a")}), "Bearer t1");
}

TEST_F(AuthorizerTokens, AreNeverAskedForWithMoreRightsThanTheRequestNeeds) {
  give_tokens();
  const auto challenge =
      std::string(kBearer) + R"(,scope="repository:a:pull,push,delete,* registry:catalog:* repository:secret:pull")";
  EXPECT_EQ(answer(challenge, {pull("a")}), "Bearer t1");
  EXPECT_EQ(scopes_asked(0), "repository:a:pull");
  const auto deleting = std::string(kBearer) + R"(,scope="repository:b:delete",error="insufficient_scope")";
  EXPECT_EQ(answer(deleting, {push("b")}), "Bearer t2");
  EXPECT_EQ(scopes_asked(1), "repository:a:pull repository:b:pull,push");
}

TEST_F(AuthorizerTokens, NeedNoScopeForTheRootOfTheApi) {
  give_tokens();
  EXPECT_EQ(answer(kBearer, {}), "Bearer t1");
  EXPECT_EQ(scopes_asked(0), "");
  EXPECT_EQ(answer(kBearer, {}, "Bearer t1"), "Bearer t2");
}

TEST_F(AuthorizerTokens, BelongToTheirRealmAndService) {
  give_tokens();
  ASSERT_EQ(answer(kBearer), "Bearer t1");
  EXPECT_EQ(answer(R"(Bearer realm="https://other.example.com/token",service="x")"), "Bearer t2");
  EXPECT_EQ(header(), "Bearer t2");
  EXPECT_EQ(answer(kBearer), "Bearer t1");
}

TEST_F(AuthorizerTokens, KeepTheConnectionSettingsOfTheirServer) {
  give_tokens();
  ASSERT_EQ(answer(kBearer, {pull("a")}), "Bearer t1");
  ASSERT_EQ(answer(kBearer, {pull("b")}), "Bearer t2");
  const auto requests = exchanger_.requests();
  EXPECT_NE(requests.at(0).endpoint, endpoint_) << "another host";
  EXPECT_EQ(requests.at(0).endpoint, requests.at(1).endpoint) << "the same object means the same connections";
  ASSERT_EQ(answer(R"(Bearer realm="https://r.example.com/token")", {pull("c")}), "Bearer t3");
  EXPECT_EQ(exchanger_.requests().at(2).endpoint, endpoint_);
}

}  // namespace
}  // namespace sluice::auth
