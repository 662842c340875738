#pragma once
// A registry, its token server and a clock, all made up, around one Authorizer.

#include "auth/authorizer.hpp"
#include "base/encoding.hpp"
#include "base/guarded.hpp"
#include "support/fake_exchanger.hpp"
#include "unit/auth/auth_testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::auth::testing {

using sluice::testing::FakeExchanger;
using sluice::testing::reply;

inline Scope pull(std::string repository) { return {std::move(repository), false}; }
inline Scope push(std::string repository) { return {std::move(repository), true}; }

inline std::string token_json(const std::string& token, int seconds = 300) {
  return R"({"token": ")" + token + R"(", "expires_in": )" + std::to_string(seconds) + "}";
}

/// The decoded values of every `name` in a query, joined by blanks.
inline std::string query(const net::Url& url, const std::string& name) {
  std::string out;
  const auto mark = url.target.find('?');
  if (mark == std::string::npos) return out;
  std::string_view rest = std::string_view(url.target).substr(mark + 1);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!pair.starts_with(name + "=")) continue;
    if (!out.empty()) out += ' ';
    for (std::size_t i = name.size() + 1; i < pair.size(); ++i) {
      if (pair[i] == '%') {
        out += static_cast<char>(std::stoi(std::string(pair.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      } else {
        out += pair[i];
      }
    }
  }
  return out;
}

class AuthorizerTest : public ::testing::Test {
 protected:
  /// Credentials for every repository; nullopt is anonymous.
  void log_in(std::optional<Credentials> credentials) {
    find_ = [credentials](std::string_view) { return Result<std::optional<Credentials>>(credentials); };
  }

  Authorizer& authorizer() {
    if (!authorizer_) {
      authorizer_ = std::make_unique<Authorizer>(
          exchanger_, Authorizer::Options{
                          .registry = "r.example.com", .endpoint = endpoint_, .find_credentials = find_, .now = [this] {
                            return clock_.with([](auto now) { return now; });
                          }});
    }
    return *authorizer_;
  }

  static net::ExchangeContext context() { return {Deadline::never(), {}}; }

  /// The header after a challenge, or why there is none.
  std::string answer(const std::string& challenge, const Scopes& scopes = {pull("a")},
                     std::optional<std::string> sent = {}) {
    std::optional<Secret> header;
    if (sent) header = Secret(*sent);
    const auto got = authorizer().answer(registry_, {challenge}, scopes, header, context());
    return got.ok() ? got->reveal() : why(got);
  }
  /// The header that is known without asking the registry; "none" when there is none.
  std::string header(const Scopes& scopes = {pull("a")}) {
    const auto got = authorizer().header_for(scopes, context());
    if (!got.ok()) return why(got);
    return got->has_value() ? (*got)->reveal() : "none";
  }
  /// The scopes that the n-th request to the token server named.
  std::string scopes_asked(std::size_t n) {
    const auto requests = exchanger_.requests();
    return n < requests.size() ? query(requests[n].url, "scope") : "there was no such request";
  }
  std::size_t requests() { return exchanger_.requests().size(); }
  void pass(std::chrono::seconds time) {
    clock_.with([&](auto& now) { now += time; });
  }
  /// Gives "t1", "t2" and so on, each for `seconds`.
  void give_tokens(int seconds = 300) {
    exchanger_.otherwise([this, seconds](const auto&, const auto&) {
      return reply(200, token_json("t" + std::to_string(++given_), seconds));
    });
  }

  static constexpr auto kBearer = R"(Bearer realm="https://auth.example.com/token",service="r.example.com")";
  static constexpr auto kBasic = R"(Basic realm="r")";
  static constexpr auto kOpenShiftDenial = R"(Basic realm=openshift,error="access denied")";

  FakeExchanger exchanger_;
  net::Url registry_ = url("https://r.example.com/v2/");
  std::shared_ptr<const net::Endpoint> endpoint_ = std::make_shared<const net::Endpoint>();
  Guarded<std::chrono::steady_clock::time_point> clock_;
  Authorizer::FindCredentials find_ = [](std::string_view) {
    return Result<std::optional<Credentials>>(login("ann", "S3cret", "auth.json"));
  };
  std::atomic<int> given_{0};

 private:
  std::unique_ptr<Authorizer> authorizer_;
};

}  // namespace sluice::auth::testing
