// WWW-Authenticate values of registries, and the scopes and realms inside them.

#include "auth/challenge.hpp"
#include "auth/realm.hpp"
#include "auth/scopes.hpp"
#include "fuzz/require.hpp"

#include <cstddef>
#include <cstdint>

using namespace sluice;

namespace {

void check_scope(const std::string& text) {
  const auto read = auth::parse_challenge_scope(text);
  require(read.size() <= 16, "a challenge names a bounded number of scopes");
  require(auth::merged(read) == read, "one scope per repository");
  for (const auto& scope : read) {
    require(auth::parse_challenge_scope(scope.text()) == auth::Scopes{scope}, "a scope reads back what it writes");
  }
  const auth::Scopes needed{auth::Scope{"shop/web", false}};
  const auto asked = auth::scopes_to_ask(read, needed);
  require(asked.size() <= 2 && auth::covers(asked, needed), "what is needed is asked for, and one name on top at most");
  for (const auto& scope : asked) require(!scope.push, "a challenge never adds a right");
}

void check_realm(const std::string& text) {
  net::Url plain;
  plain.scheme = "http";
  plain.host = "registry.example.com";
  plain.port = 80;
  plain.target = "/v2/";
  auto secure = plain;
  secure.scheme = "https";
  secure.port = 443;
  if (const auto realm = auth::trusted_realm(secure, text); realm.ok()) {
    require(realm->scheme == "https", "a registry over https has its realm over https");
  }
  if (const auto realm = auth::trusted_realm(plain, text); realm.ok()) {
    require(realm->scheme == "https" || realm->host == plain.host, "plain http goes to the registry's own host");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto challenges = auth::parse_challenges(text);
  require(challenges.size() <= 16, "the number of challenges is bounded");
  for (const auto& challenge : challenges) {
    require(!challenge.scheme.empty(), "a challenge has a scheme");
    require(challenge.parameters.size() <= 32, "the number of parameters is bounded");
    for (const auto& [name, value] : challenge.parameters) {
      require(challenge.get(name) == value, "a parameter stands once");
    }
    check_scope(challenge.get("scope"));
    check_realm(challenge.get("realm"));
  }
  check_scope(text);
  check_realm(text);
  return 0;
}
