#pragma once
// Logs in to OpenShift with user name and password, and out again. The API says where its OAuth server is; that server
// is often another host with a certificate of another CA. A login is the authorisation code flow with PKCE where the
// server has it, else the token flow. Redirects are read, never followed.
// Source: RFC 6749 (sections 4.1, 4.2), RFC 7636, RFC 8414; OpenShift documentation "Configuring the internal OAuth
// server".

#include "base/result.hpp"
#include "base/secret.hpp"
#include "net/http.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sluice::kube {

/// What /.well-known/oauth-authorization-server says, checked.
struct OAuthServer {
  std::string issuer;
  net::Url authorize;
  net::Url token;
  bool code_flow = false;  ///< with S256
  bool token_flow = false;
};

struct LoginRequest {
  net::Url server;                                ///< the API
  std::shared_ptr<const net::Endpoint> endpoint;  ///< for the API
  std::shared_ptr<const net::Endpoint> issuer;    ///< for the OAuth server when it is another host; null: as the API
  std::string username;
  Secret password;
  std::function<std::string()> random;  ///< 43 or more unreserved characters; null: from the system's generator
};

struct LoggedIn {
  Secret token;
  std::optional<std::chrono::seconds> life;
};

/// Errors: those of the exchange, protocol, unsupported (the server has no OAuth discovery: a plain Kubernetes).
Result<OAuthServer> discover_oauth(net::Exchanger& exchanger, const net::Url& server,
                                   const std::shared_ptr<const net::Endpoint>& endpoint,
                                   const net::ExchangeContext& context);

/// Errors: unauthenticated (wrong user name or password), unsupported (a provider that wants a browser: the hint says
/// where to get a token), denied (an OAuth error), untrusted (the issuer's certificate: the hint names --issuer-ca),
/// those of the exchange. Credentials go to the https issuer that the API named and nowhere else.
Result<LoggedIn> log_in(net::Exchanger& exchanger, const LoginRequest& request, const net::ExchangeContext& context);

/// The name of the OAuthAccessToken object of a token: the token itself before 4.6, else "sha256~" and the hash of the
/// rest. Empty for tokens of service accounts, which have none.
std::string token_object_name(const Secret& token);

class Connection;
/// Makes the server forget the token that `connection` shows. False: it cannot be forgotten (a service account's, or no
/// right to do it) and goes on living. Errors: those of the exchange.
Result<bool> log_out(Connection& connection, const Secret& token, const net::ExchangeContext& context);

}  // namespace sluice::kube
