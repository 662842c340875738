// The token of a cluster's API goes along with the very first request to its registry, and nowhere else.

#include "auth/authorizer.hpp"
#include "unit/auth/authorizer_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using testing::AuthorizerTest;
using ::testing::HasSubstr;
using testing::pull;
using testing::push;
using testing::url;
using testing::why;

class PreemptiveTest : public AuthorizerTest {
 protected:
  PreemptiveTest() {
    Credentials credentials;
    credentials.source = "the token of prod";
    credentials.registry_token = Secret("t0k3n");
    find_ = [credentials](std::string_view) { return Result<std::optional<Credentials>>(credentials); };
  }

  Authorizer& preemptive(const std::string& registry = "r.example.com") {
    Authorizer::Options options;
    options.registry = registry;
    options.endpoint = endpoint_;
    options.find_credentials = find_;
    options.preemptive_bearer = enabled;
    options.current_token = current_token;
    made_ = std::make_unique<Authorizer>(exchanger_, std::move(options));
    return *made_;
  }
  static net::HttpRequest request(const std::string& to, net::Endpoint endpoint = {}) {
    net::HttpRequest out;
    out.url = url(to);
    out.endpoint = std::make_shared<const net::Endpoint>(std::move(endpoint));
    return out;
  }
  std::string first_header(const std::string& to, net::Endpoint endpoint = {}) {
    const auto wanted = request(to, std::move(endpoint));
    const auto got = preemptive(wanted.url.authority()).header_for({pull("a/b")}, context(), &wanted);
    if (!got.ok()) return why(got);
    return got->has_value() ? (*got)->reveal() : "none";
  }

  bool enabled = true;
  std::function<Result<Secret>(const Secret*, const net::ExchangeContext&)> current_token;

 private:
  std::unique_ptr<Authorizer> made_;
};

TEST_F(PreemptiveTest, GoesOnlyWhereNobodyElseCanReadIt) {
  net::Endpoint verified;
  net::Endpoint unverified;
  unverified.verify_tls = false;
  net::Endpoint local;
  local.addresses = net::AddressRule::loopback_only;
  net::Endpoint local_unverified = local;
  local_unverified.verify_tls = false;
  struct Row {
    const char* name;
    const char* url;
    net::Endpoint endpoint;
    bool sent;
  };
  const std::vector<Row> rows{
      {"verified TLS", "https://r.example.com/v2/", verified, true},
      {"unverified TLS", "https://r.example.com/v2/", unverified, false},
      {"plain http", "http://r.example.com/v2/", verified, false},
      {"plain http to a loopback address", "http://127.0.0.1:5000/v2/", local, true},
      {"unverified TLS to a loopback address", "https://127.0.0.1:5000/v2/", unverified, true},
      {"IPv6 loopback", "http://[::1]:5000/v2/", local, true},
      {"localhost, held to this machine", "http://localhost:5000/v2/", local, true},
      {"localhost, not held to this machine", "http://localhost:5000/v2/", verified, false},
      {"a name that is held to this machine may go through a proxy", "http://r.example.com/v2/", local_unverified,
       false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(first_header(row.url, row.endpoint), row.sent ? "Bearer t0k3n" : "none") << row.name;
  }
}

TEST_F(PreemptiveTest, IsSentToTheRegistryItselfAlone) {
  const auto elsewhere = request("https://cdn.example.com/blob");
  const auto got = preemptive().header_for({pull("a/b")}, context(), &elsewhere);
  ASSERT_TRUE(got.ok()) << why(got);
  EXPECT_FALSE(got->has_value());
}

TEST_F(PreemptiveTest, NeedsTheOptionARequestAndAToken) {
  const auto wanted = request("https://r.example.com/v2/");
  EXPECT_FALSE(preemptive().header_for({pull("a/b")}, context())->has_value()) << "no request is named";
  enabled = false;
  EXPECT_FALSE(preemptive().header_for({pull("a/b")}, context(), &wanted)->has_value()) << "not switched on";
  enabled = true;
  log_in(testing::login("ann", "S3cret"));
  EXPECT_FALSE(preemptive().header_for({pull("a/b")}, context(), &wanted)->has_value()) << "a password is no token";
  log_in({});
  EXPECT_FALSE(preemptive().header_for({pull("a/b")}, context(), &wanted)->has_value()) << "nobody";
}

TEST_F(PreemptiveTest, ARefusalEndsIt) {
  auto& authorizer = preemptive();
  const auto got = authorizer.answer(registry_, {kOpenShiftDenial}, {push("a/b")}, Secret("Bearer t0k3n"), context());
  EXPECT_THAT(why(got),
              HasSubstr("denied: r.example.com does not allow pushing to a/b with the credentials from the token "
                        "of prod (access denied), or they have expired"));
  EXPECT_EQ(requests(), 0u);
}

TEST_F(PreemptiveTest, ATokenThatWasReplacedIsTriedOnce) {
  std::string now = "t1";
  std::vector<std::string> refused;
  current_token = [&](const Secret* old, const net::ExchangeContext&) -> Result<Secret> {
    if (old != nullptr) {
      refused.push_back(old->reveal());
      now = "t2";
    }
    return Secret(now);
  };
  auto& authorizer = preemptive();
  const auto wanted = request("https://r.example.com/v2/");
  EXPECT_EQ((*authorizer.header_for({pull("a/b")}, context(), &wanted))->reveal(), "Bearer t1");
  const auto again = authorizer.answer(registry_, {kOpenShiftDenial}, {pull("a/b")}, Secret("Bearer t1"), context());
  ASSERT_TRUE(again.ok()) << why(again);
  EXPECT_EQ(again->reveal(), "Bearer t2");
  const auto end = authorizer.answer(registry_, {kOpenShiftDenial}, {pull("a/b")}, Secret("Bearer t2"), context());
  EXPECT_FALSE(end.ok());
  EXPECT_EQ(refused, (std::vector<std::string>{"t1", "t2"}));
  EXPECT_EQ((*authorizer.header_for({pull("a/b")}, context(), &wanted))->reveal(), "Bearer t2");
}

}  // namespace
}  // namespace sluice::auth
