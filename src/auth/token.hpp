#pragma once
// Token requests and replies as values. Pure: nothing is sent from here.
// Source: distribution "Token Authentication Specification" (GET), "OAuth2 Token Authentication" (POST).

#include "auth/credentials.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "net/http.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::auth {

/// What one token is asked for.
struct TokenWish {
  std::string service;
  std::vector<std::string> scopes;  ///< "repository:shop/web:pull,push"
};

struct TokenReply {
  Secret token;
  std::chrono::seconds life{60};  ///< from the moment of the request; 60 s at least, 30 days at most
};

/// "Basic ..." (RFC 7617). A ':' in the user name, which Basic cannot carry, is sent as '-'.
Secret basic_authorization(std::string_view username, std::string_view password);
/// "Bearer ..." (RFC 6750).
Secret bearer_authorization(const Secret& token);
/// True when a token may stand in a header: visible ASCII, not empty, at most 64 KiB.
bool is_header_safe(std::string_view token);

/// GET realm?service=&scope=&scope=, with Basic and account= when there are credentials.
net::HttpRequest token_request(const net::Url& realm, const TokenWish& wish, const Credentials* credentials);
/// POST with grant_type=refresh_token. Precondition: `credentials.identity_token` is set.
net::HttpRequest refresh_request(const net::Url& realm, const TokenWish& wish, const Credentials& credentials);

/// Reads a 200 of a token server. Fields that are not needed are ignored, among them a new refresh_token: what was
/// stored by a login stays as it is. Errors: protocol.
Result<TokenReply> parse_token_reply(std::string_view body);

/// The reason in an error reply of a token server, made safe to show (text::printable); empty when there is none.
std::string refusal_reason(std::string_view body);
/// True for the OAuth error invalid_grant (RFC 6749 section 5.2): the refresh token has ended.
bool is_invalid_grant(std::string_view body);

}  // namespace sluice::auth
