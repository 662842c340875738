#pragma once
// What tokens of the sandbox look like, and what their objects in the API are called.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::sandbox {

/// RFC 4648 section 5, without padding.
std::string base64url(std::string_view bytes);
/// base64url(SHA-256(text)) without padding: PKCE challenges (RFC 7636) and names of token objects.
std::string base64url_sha256(std::string_view text);
/// 32 random bytes in base64url, without padding.
std::string random_token();
/// Looks like the JSON web token of a service account; nobody checks its signature. With an expiry for a bound one.
std::string service_account_token(std::string_view identity,
                                  std::optional<std::chrono::system_clock::time_point> expires);
/// The name of a token's object: the token itself, or since 4.6 ("sha256~...") the hash of what follows the prefix.
std::string token_object_name(std::string_view token);

}  // namespace sluice::sandbox
