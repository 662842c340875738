#pragma once
// How long a token lives, as far as it can be told from outside. No signature is checked: this is to warn, the server
// decides.

#include "base/json.hpp"
#include "base/secret.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace sluice::kube {

enum class TokenKind : std::uint8_t {
  none,          ///< a client certificate, or nobody
  web_token,     ///< of a service account or an identity provider (RFC 7519)
  hashed_oauth,  ///< "sha256~...": OpenShift 4.6 and later; its owner may ask how long it lives
  opaque,        ///< OAuth of older releases, and everything else
};

struct TokenLife {
  TokenKind kind = TokenKind::none;
  bool endless = false;  ///< the token of a service account of the older kind
  std::optional<std::chrono::system_clock::time_point> ends;
  /// "NAMESPACE/NAME"; empty for people.
  std::string service_account;
};

/// What a token says of itself.
TokenLife life_of(const Secret& token);

/// The name of the object behind a token of OpenShift 4.6 and later: "sha256~" and the hash of what follows the prefix.
/// Empty for other tokens, whose objects bear the secret itself as their name.
std::string token_object(const Secret& token);

/// When a UserOAuthAccessToken ends; empty when it does not say. Source: github.com/openshift/api oauth/v1.
std::optional<std::chrono::system_clock::time_point> end_of_oauth_token(const Json& object);

}  // namespace sluice::kube
