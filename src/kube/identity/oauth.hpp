#pragma once
// Answers of an OAuth server, read and told in sentences. Pure but for random_text(). Private to this room.
// Source: RFC 6749 sections 4.1.2, 4.2.2, 5.2; RFC 7636 section 4; RFC 8414 section 3.2.

#include "base/result.hpp"
#include "kube/identity/login.hpp"
#include "net/http.hpp"

#include <string>
#include <string_view>

namespace sluice::kube {

/// `server` is the API that was asked. Errors: unsupported (no OAuth server), protocol, untrusted (an http issuer).
Result<OAuthServer> read_discovery(const net::HttpResponse& reply, const net::Url& server);

/// Goes well for a redirect, whatever it says. Errors: unauthenticated, unsupported (no challenge), busy, protocol.
Status check_authorized(const net::HttpResponse& reply, const OAuthServer& server, std::string_view username);

/// The token in the fragment of a redirect. Errors: denied, protocol.
Result<LoggedIn> read_token_redirect(const net::HttpResponse& reply, std::string_view issuer);
/// The code in the query of a redirect that bears our `state`. Errors: denied, protocol, untrusted (another state).
Result<Secret> read_code_redirect(const net::HttpResponse& reply, std::string_view state);
/// The JSON answer of the token endpoint `host`. Errors: denied, busy, protocol.
Result<LoggedIn> read_token_reply(const net::HttpResponse& reply, std::string_view host);

/// base64url without padding of the SHA-256: the challenge of RFC 7636, and the name of a token since 4.6.
std::string url_base64_sha256(std::string_view text);
inline std::string code_challenge(std::string_view verifier) { return url_base64_sha256(verifier); }

/// 43 characters that nobody can guess; empty when the system has no random numbers.
std::string random_text();

}  // namespace sluice::kube
