// The token of a cluster's API at its integrated registry: with the first request, renewed, and explained when refused.

#include "component/registry_testing.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::places {
namespace {

using support::failed_with;
using support::ScriptedReply;
using support::why;
using testing::image;

const std::string kLatest = "/v2/shop/web/manifests/latest";

class PreemptiveRegistry : public testing::RegistryTest {
 protected:
  void open_with_token() {
    RegistryOptions options;
    options.host = server_.host();
    options.retry_times = 0;
    options.endpoint.proxy = "";
    options.preemptive_bearer = true;
    options.find_credentials = [this](std::string_view) -> Result<std::optional<auth::Credentials>> {
      auth::Credentials credentials;
      credentials.source = "the token of prod";
      credentials.registry_token = Secret(token_);
      return std::optional(credentials);
    };
    options.current_token = [this](const Secret* refused, const net::ExchangeContext&) -> Result<Secret> {
      if (refused != nullptr && !next_.empty()) token_ = std::exchange(next_, {});
      return Secret(token_);
    };
    options.explain_refusal = [this](Error refusal, const auth::Scopes& scopes, const net::ExchangeContext&) {
      ++explained_;
      return Error(refusal.kind(), "explained for " + scopes.begin()->text());
    };
    registry_ = std::make_unique<Registry>(loop_, std::move(options));
  }
  static ScriptedReply denied() {
    return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=openshift,error=\"access denied\""}}};
  }
  std::string header(std::size_t n) const { return server_.requests().at(n).header("authorization").value_or("none"); }

  std::string token_ = "t1";
  std::string next_;
  int explained_ = 0;
};

TEST_F(PreemptiveRegistry, IsOneExchangeAndNotThree) {
  const auto made = image();
  open_with_token();
  server_.on("GET", kLatest, manifest_reply(made));
  const auto read = registry_->manifest("shop/web", latest_, {});
  ASSERT_TRUE(read.ok()) << why(read);
  ASSERT_EQ(server_.requests().size(), 1U);
  EXPECT_EQ(header(0), "Bearer t1");
}

TEST_F(PreemptiveRegistry, TriesATokenThatWasReplaced) {
  const auto made = image();
  next_ = "t2";
  open_with_token();
  server_.on_each("GET", kLatest, {denied(), manifest_reply(made)});
  const auto read = registry_->manifest("shop/web", latest_, {});
  ASSERT_TRUE(read.ok()) << why(read);
  EXPECT_EQ(header(1), "Bearer t2");
  EXPECT_EQ(explained_, 0);
}

TEST_F(PreemptiveRegistry, ARefusalIsExplainedAndNotRepeated) {
  open_with_token();
  server_.on("GET", kLatest, denied());
  const auto read = registry_->manifest("shop/web", latest_, {});
  EXPECT_TRUE(failed_with(read, ErrorKind::denied, "explained for repository:shop/web:pull"));
  EXPECT_EQ(server_.requests().size(), 1U);
  EXPECT_EQ(explained_, 1);
}

}  // namespace
}  // namespace sluice::places
