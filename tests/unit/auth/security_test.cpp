// Secrets go where they belong, and into no sentence.

#include "auth/helper.hpp"
#include "auth/login.hpp"
#include "base/sent_secrets.hpp"
#include "unit/auth/authorizer_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using testing::AuthorizerTest;
using ::testing::HasSubstr;
using testing::login;
using ::testing::Not;
using testing::only;
using testing::pull;
using testing::push;
using testing::reply;
using testing::url;
using testing::why;
using testing::write_text;

constexpr auto kPassword = "S3cret-password";
constexpr auto kIdentity = "S3cret-identity";
constexpr auto kRegistry = "S3cret-registry";

void expect_no_secret(const std::string& text, const std::string& where) {
  const auto basic = encoding::base64(std::string("ann:") + kPassword);
  for (const auto& secret : {std::string("S3cret"), basic, encoding::base64(kPassword)}) {
    EXPECT_THAT(text, Not(HasSubstr(secret))) << where;
  }
}

Credentials password() { return login("ann", kPassword, "auth.json"); }
Credentials identity() {
  Credentials out;
  out.username = "ann";
  out.identity_token = Secret(kIdentity);
  out.source = "auth.json";
  return out;
}
Credentials registry_token() {
  Credentials out;
  out.registry_token = Secret(kRegistry);
  out.source = "auth.json";
  return out;
}

class Security : public AuthorizerTest {};

TEST_F(Security, NoErrorHoldsASecret) {
  // An echo can only hold what somebody has sent; here everything was sent before, some of it to other servers.
  for (const auto* secret : {kPassword, kIdentity, kRegistry}) SentSecrets::process().add(Secret(secret));
  const auto echo = [](int status) {
    const std::string everything = std::string(kPassword) + " " + kIdentity + " " + kRegistry + " ann:" + kPassword +
                                   " " + encoding::base64(std::string("ann:") + kPassword);
    return reply(status, R"({"errors": [{"message": ")" + everything + R"("}], "error": "invalid_grant"})");
  };
  const std::vector<Result<net::HttpResponse>> replies = {echo(200),
                                                          echo(302),
                                                          echo(400),
                                                          echo(401),
                                                          echo(403),
                                                          echo(404),
                                                          echo(405),
                                                          echo(429),
                                                          echo(500),
                                                          echo(503),
                                                          reply(200, R"({"token": "S3cret token"})"),
                                                          reply(200, "S3cret"),
                                                          Error(ErrorKind::unreachable, "cannot connect")};
  const std::string challenges[] = {kBearer,
                                    kBasic,
                                    kOpenShiftDenial,
                                    "",
                                    "Bearer",
                                    "Negotiate",
                                    R"(Bearer realm="http://evil.example.com/")",
                                    R"(Bearer realm="ftp://evil.example.com/")"};
  const std::optional<Secret> sent[] = {std::nullopt, Secret("Bearer S3cret-sent"),
                                        Secret(std::string("Bearer ") + kRegistry),
                                        Secret("Basic " + encoding::base64(std::string("ann:") + kPassword))};
  int failures = 0;
  for (const auto& credentials : {password(), identity(), registry_token()}) {
    for (const auto& answer : replies) {
      for (const auto& challenge : challenges) {
        for (const auto& header : sent) {
          testing::FakeExchanger exchanger;
          exchanger.otherwise([&](const auto&, const auto&) { return answer; });
          Authorizer authorizer(
              exchanger,
              {.registry = "r.example.com",
               .endpoint = nullptr,
               .find_credentials = [&](std::string_view) { return Result<std::optional<Credentials>>(credentials); },
               .now = {}});
          authorizer.expect({pull("a"), push("b")});
          const auto got = authorizer.answer(registry_, {challenge}, {pull("a")}, header, context());
          expect_no_secret(authorizer.explain(), challenge);
          if (got.ok()) continue;
          ++failures;
          expect_no_secret(got.error().sentence() + got.error().registry_code(), challenge);
        }
      }
    }
  }
  EXPECT_GT(failures, 500) << "the table is about errors";
}

TEST_F(Security, NoErrorOfAFileHelperOrFlagHoldsASecret) {
  const testing::TempFolder folder;
  const auto file = folder / "auth.json";
  const std::string secret = kPassword;
  const std::string files[] = {secret,
                               "\"" + secret + "\"",
                               "{\"auths\": {\"r\": {\"auth\": \"" + secret + "!\"}}}",
                               "{\"auths\": {\"r\": {\"password\": {\"" + secret + "\": 1}}}}",
                               "{\"auths\": {\"r\": \"" + secret + "\"}}",
                               "{\"auths\": {\"r\": {\"password\": \"" + secret,
                               "{\"credHelpers\": {\"r\": \"broken\"}}"};
  testing::install_script(folder.path(), "broken", "echo '{\"Secret\": \"" + secret + "\"}'; exit 1");
  for (const auto& text : files) {
    write_text(file, text);
    const auto sources = only(file, folder.path());
    const auto found = find_credentials(sources, "r", "shop/web", {});
    ASSERT_FALSE(found.ok()) << text;
    expect_no_secret(why(found), text);
    expect_no_secret(why(erase_credentials(sources, "r")), text);
    const auto stored = store_credentials(sources, "r", password());
    expect_no_secret(stored.ok() ? stored->place : why(stored), text);
  }
  for (const auto& flag : {secret, ":" + secret, secret + ":"}) {
    expect_no_secret(why(parse_credentials(flag, "--src-creds", testing::environment({}))), "a flag");
  }
}

TEST_F(Security, NothingGoesToARealmOverHttpOnAnotherHost) {
  const struct {
    const char* registry;
    const char* realm;
  } rows[] = {
      {"https://r.example.com/v2/", "http://r.example.com/token"},
      {"https://r.example.com/v2/", "http://evil.example.com/token"},
      {"http://r.example.com/v2/", "http://evil.example.com/token"},
      {"http://r.example.com/v2/", "http://127.0.0.1/token"},
  };
  for (const auto& row : rows) {
    testing::FakeExchanger exchanger;
    Authorizer authorizer(exchanger,
                          {.registry = "r.example.com", .endpoint = nullptr, .find_credentials = find_, .now = {}});
    const auto got = authorizer.answer(url(row.registry), {std::string("Bearer realm=\"") + row.realm + "\""},
                                       {pull("a")}, {}, context());
    ASSERT_FALSE(got.ok()) << row.realm;
    EXPECT_EQ(got.error().kind(), ErrorKind::untrusted) << why(got);
    EXPECT_THAT(why(got), HasSubstr(url(row.realm).host)) << "the realm's host is named";
    EXPECT_TRUE(exchanger.requests().empty()) << row.realm << ": not even an anonymous request";
    const auto header = authorizer.header_for({pull("a")}, context());
    ASSERT_TRUE(header.ok());
    EXPECT_FALSE(header->has_value()) << "nothing is remembered of such a challenge";
  }
}

TEST_F(Security, AnotherHostsChallengeIsNotAnswered) {
  for (const auto* where :
       {"https://evil.example.com/v2/", "https://r.example.com:8443/v2/", "http://r.example.com.evil.com/"}) {
    for (const auto* challenge : {kBasic, kBearer}) {
      const auto got = authorizer().answer(url(where), {challenge}, {pull("a")}, {}, context());
      ASSERT_FALSE(got.ok()) << where;
      EXPECT_EQ(got.error().kind(), ErrorKind::untrusted) << where;
      EXPECT_THAT(why(got), HasSubstr("asks for the credentials of r.example.com; they were not sent")) << where;
    }
  }
  EXPECT_EQ(requests(), 0u);
}

TEST_F(Security, ARealmIsAskedOnceAndItsRedirectIsNotFollowed) {
  exchanger_.then(reply(307, "", {{"Location", "https://evil.example.com/"}}));
  EXPECT_THAT(answer(kBearer),
              HasSubstr("protocol: the token server https://auth.example.com/token of r.example.com answered 307"));
  EXPECT_EQ(requests(), 1u);
}

TEST_F(Security, CredentialsTravelOnlyInTheAuthorizationHeaderOrTheForm) {
  log_in(password());
  give_tokens();
  ASSERT_EQ(answer(kBearer), "Bearer t1");
  const auto request = exchanger_.requests().front();
  expect_no_secret(request.url.text() + request.body, "the request");
  for (const auto& field : request.headers.fields()) expect_no_secret(field.value, field.name);
}

TEST_F(Security, AClientCertificateStaysWithItsRegistry) {
  net::Endpoint mine;
  mine.verify_tls = false;
  mine.client_cert_file = "/me.pem";
  mine.client_key_file = "/me.key";
  endpoint_ = std::make_shared<const net::Endpoint>(mine);
  give_tokens();
  ASSERT_EQ(answer(kBearer), "Bearer t1");
  const auto used = exchanger_.requests().front().endpoint;
  EXPECT_EQ(used->client_cert_file, "");
  EXPECT_EQ(used->client_key_file, "");
  EXPECT_TRUE(used->verify_tls);
}

}  // namespace
}  // namespace sluice::auth
