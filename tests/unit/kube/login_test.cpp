#include "kube/identity/login.hpp"

#include "base/encoding.hpp"
#include "kube/identity/oauth.hpp"
#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::kube {
namespace {

using testing::failed_with;
using ::testing::HasSubstr;
using testing::json_reply;
using ::testing::Not;
using testing::parsed;
using testing::reply;
using testing::status_reply;
using testing::url;
using testing::why;

class LoginTest : public testing::ClusterTest {
 protected:
  static Json discovery(const std::string& issuer, const std::string& types = R"(["code","token"])",
                        const std::string& methods = R"(["plain","S256"])") {
    return parsed(R"({"issuer":")" + issuer + R"(","authorization_endpoint":")" + issuer +
                  R"(/oauth/authorize","token_endpoint":")" + issuer + R"(/oauth/token","response_types_supported":)" +
                  types + R"(,"code_challenge_methods_supported":)" + methods + "}");
  }
  static net::HttpResponse redirect(const std::string& location) { return reply(302, "", {{"Location", location}}); }
  static net::HttpResponse challenge() { return reply(401, "", {{"WWW-Authenticate", "Basic realm=\"openshift\""}}); }
  Result<LoggedIn> log_in_now() {
    request.server = url("https://api.example.com:6443");
    request.endpoint = std::make_shared<const net::Endpoint>(net::Endpoint{.verify_tls = true,
                                                                           .ca_files = {"api-ca.pem"},
                                                                           .client_cert_file = "me.crt",
                                                                           .client_key_file = "me.key",
                                                                           .proxy = {}});
    request.username = "ann";
    request.password = Secret("S3cret");
    request.random = [] { return std::string("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq"); };
    return log_in(exchanger, request, context());
  }
  void use_token_flow(const std::string& issuer = "https://api.example.com:6443") {
    exchanger.then(json_reply(200, discovery(issuer, R"(["token"])", "[]")));
  }

  LoginRequest request;
};

TEST_F(LoginTest, GetsATokenByTheTokenFlow) {
  use_token_flow();
  exchanger.then(
      redirect("https://api.example.com:6443/oauth/token/implicit#access_token=sha256~abc&expires_in=86400&"
               "scope=user%3Afull&token_type=Bearer"));
  const auto done = log_in_now();
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(done->token.reveal(), "sha256~abc");
  EXPECT_EQ(done->life, std::chrono::hours(24));
  EXPECT_EQ(asked(0), "GET /.well-known/oauth-authorization-server");
  EXPECT_EQ(asked(1), "GET /oauth/authorize?response_type=token&client_id=openshift-challenging-client");
  const auto sent = exchanger.requests()[1];
  EXPECT_EQ(sent.headers.get("X-CSRF-Token"), "1");
  EXPECT_EQ(sent.authorization->reveal(), "Basic " + encoding::base64("ann:S3cret"));
}

TEST_F(LoginTest, GetsATokenByTheCodeFlowWithPkce) {
  exchanger.then(json_reply(200, discovery("https://api.example.com:6443")))
      .then(redirect("https://api.example.com:6443/oauth/token/implicit?code=c0de&state="
                     "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq"))
      .then(json_reply(200, parsed(R"({"access_token":"t0k","expires_in":86400,"token_type":"Bearer"})")));
  const auto done = log_in_now();
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(done->token.reveal(), "t0k");
  EXPECT_THAT(asked(1),
              HasSubstr("&code_challenge=kUaLSjXhsOCVA7wFqR444EX_ec7ltFCcMqGdmw9A7iA&code_challenge_method=S256"));
  const auto sent = exchanger.requests()[2];
  EXPECT_EQ(sent.url.text(), "https://api.example.com:6443/oauth/token");
  EXPECT_EQ(sent.authorization->reveal(), "Basic " + encoding::base64("openshift-challenging-client:"));
  EXPECT_THAT(sent.body, HasSubstr("grant_type=authorization_code&code=c0de&"));
  EXPECT_THAT(sent.body, HasSubstr("code_verifier=abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq"));
}

TEST_F(LoginTest, AnIssuerElsewhereHasItsOwnTrust) {
  request.issuer = std::make_shared<const net::Endpoint>(net::Endpoint{
      .verify_tls = true, .ca_files = {"ingress-ca.pem"}, .client_cert_file = "", .client_key_file = "", .proxy = {}});
  use_token_flow("https://oauth.apps.example.com");
  exchanger.then(redirect("https://oauth.apps.example.com/oauth/token/implicit#access_token=t"));
  ASSERT_TRUE(log_in_now().ok());
  EXPECT_EQ(exchanger.requests()[0].endpoint->ca_files, std::vector<std::string>{"api-ca.pem"});
  EXPECT_EQ(exchanger.requests()[1].endpoint->ca_files, std::vector<std::string>{"ingress-ca.pem"});
}

TEST_F(LoginTest, AnIssuerElsewhereDoesNotGetOurCertificate) {
  use_token_flow("https://oauth.apps.example.com");
  exchanger.then(redirect("https://oauth.apps.example.com/oauth/token/implicit#access_token=t"));
  ASSERT_TRUE(log_in_now().ok());
  EXPECT_EQ(exchanger.requests()[0].endpoint->client_cert_file, "me.crt");
  EXPECT_EQ(exchanger.requests()[1].endpoint->client_cert_file, "");
  EXPECT_EQ(exchanger.requests()[1].endpoint->ca_files, std::vector<std::string>{"api-ca.pem"});
}

TEST_F(LoginTest, SaysWhichCaIsMissing) {
  use_token_flow("https://oauth.apps.example.com");
  exchanger.then(Error(ErrorKind::untrusted, "the certificate of oauth.apps.example.com is not trusted"));
  EXPECT_TRUE(failed_with(log_in_now(), ErrorKind::untrusted, "give its CA with --issuer-ca FILE"));
}

TEST_F(LoginTest, TellsEveryEndInASentence) {
  struct Row {
    const char* name;
    net::HttpResponse answer;
    ErrorKind kind;
    const char* part;
  };
  const std::string implicit = "https://api.example.com:6443/oauth/token/implicit";
  const std::vector<Row> rows{
      {"wrong password", challenge(), ErrorKind::unauthenticated,
       "does not accept the user name or the password of ann"},
      {"no challenge", reply(401, "", {{"Warning", "199 Origin"}}), ErrorKind::unsupported,
       "this cluster's login needs a browser; get a token at https://api.example.com:6443/oauth/token/request, and log "
       "in "
       "with it: the same command with --token - instead of -u"},
      {"a login page", reply(200, "<html>"), ErrorKind::unsupported, "needs a browser"},
      {"sent to a login page", redirect("https://sso.example.com/login"), ErrorKind::unsupported, "needs a browser"},
      {"an OAuth error in the query",
       redirect(implicit + "?error=unsupported_response_type&error_description=not+obtained+%21"), ErrorKind::denied,
       "unsupported_response_type, not obtained !"},
      {"an OAuth error in the fragment", redirect(implicit + "#error=access_denied"), ErrorKind::denied,
       "access_denied"},
      {"an OAuth error as JSON", json_reply(400, parsed(R"({"error":"unauthorized_client","error_description":"no"})")),
       ErrorKind::denied, "unauthorized_client, no"},
      {"a redirect to nowhere", reply(302), ErrorKind::protocol, "redirects to nowhere"},
      {"a token that is none", redirect(implicit + "#access_token=a%0Ab"), ErrorKind::protocol, "cannot be one"},
      {"busy", reply(503, "<html>"), ErrorKind::busy, "503"},
      {"denied by a Status", status_reply(403, "Forbidden", "locked"), ErrorKind::denied, "locked"},
  };
  for (const auto& row : rows) {
    use_token_flow();
    exchanger.then(row.answer);
    const auto done = log_in_now();
    ASSERT_TRUE(failed_with(done, row.kind, row.part)) << row.name;
    EXPECT_THAT(done.error().sentence(), Not(HasSubstr("S3cret"))) << row.name;
  }
}

TEST_F(LoginTest, DoesNotSendThePasswordWhereItShouldNotGo) {
  struct Row {
    const char* name;
    Json discovery;
    ErrorKind kind;
    const char* part;
  };
  auto elsewhere = discovery("https://api.example.com:6443");
  elsewhere.set("authorization_endpoint", "https://evil.example.com/oauth/authorize");
  const std::vector<Row> rows{
      {"plain http", discovery("http://oauth.example.com"), ErrorKind::untrusted, "plain http"},
      {"another host than the issuer", elsewhere, ErrorKind::untrusted, "not at its issuer"},
      {"no endpoints", Json::object(), ErrorKind::protocol, "no usable 'issuer'"},
  };
  for (const auto& row : rows) {
    const auto before = count();
    exchanger.then(json_reply(200, row.discovery));
    EXPECT_TRUE(failed_with(log_in_now(), row.kind, row.part)) << row.name;
    EXPECT_EQ(count(), before + 1) << row.name;
  }
  exchanger.then(reply(404, "404 page not found\n"));
  EXPECT_TRUE(failed_with(log_in_now(), ErrorKind::unsupported, "has no login server"));
  exchanger.then(json_reply(200, discovery("https://api.example.com:6443")))
      .then(redirect("https://api.example.com:6443/oauth/token/implicit?code=c&state=theirs"));
  EXPECT_TRUE(failed_with(log_in_now(), ErrorKind::untrusted, "not ours"));
}

TEST_F(LoginTest, NamesTheObjectOfAToken) {
  EXPECT_EQ(token_object_name(Secret("YXbjV0SGa0nEoXQX2yqOsbqk2bm8-6_nyKgZ0V8a3kA")),
            "YXbjV0SGa0nEoXQX2yqOsbqk2bm8-6_nyKgZ0V8a3kA");
  // The SHA-256 of "abc" in base64url.
  EXPECT_EQ(token_object_name(Secret("sha256~abc")), "sha256~ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
  EXPECT_EQ(token_object_name(Secret("eyJ.eyJ.sig")), "");
}

TEST_F(LoginTest, LogsOutByDeletingItsOwnToken) {
  const auto deleted = json_reply(200, parsed(R"({"kind":"Status","status":"Success"})"));
  exchanger.then(deleted);
  EXPECT_TRUE(*log_out(connection(), Secret("sha256~abc"), context()));
  EXPECT_EQ(asked(0),
            "DELETE /apis/oauth.openshift.io/v1/useroauthaccesstokens/"
            "sha256~ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
  exchanger.then(deleted);
  EXPECT_TRUE(*log_out(connection(), Secret("old-token"), context()));
  EXPECT_EQ(asked(1), "DELETE /apis/oauth.openshift.io/v1/oauthaccesstokens/old-token");
  exchanger.then(status_reply(403, "Forbidden", "")).then(status_reply(404, "NotFound", ""));
  EXPECT_FALSE(*log_out(connection(), Secret("old-token"), context()));
  exchanger.then(status_reply(401, "Unauthorized", ""));
  EXPECT_TRUE(*log_out(connection(), Secret("old-token"), context())) << "it had ended";
  EXPECT_FALSE(*log_out(connection(), Secret("a.jwt.token"), context()));
  EXPECT_EQ(count(), 5U);
}

TEST(RandomText, IsLongAndNeverTheSame) {
  const auto one = random_text();
  EXPECT_EQ(one.size(), 43U);
  EXPECT_NE(one, random_text());
}

}  // namespace
}  // namespace sluice::kube
