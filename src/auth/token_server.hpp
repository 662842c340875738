#pragma once
// TokenServer: asks one realm for one token, and says in our words what came back.

#include "auth/credentials.hpp"
#include "auth/token.hpp"
#include "base/result.hpp"
#include "net/http.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::auth {

/// Who asks: credentials, or nobody. Shared and compared by address: one object per distinct answer.
struct Identity {
  std::optional<Credentials> credentials;
  const Credentials* get() const { return credentials ? &*credentials : nullptr; }
};
using IdentityPtr = std::shared_ptr<const Identity>;

/// Where tokens come from: what a Bearer challenge named, already found trustworthy (realm.hpp). Immutable.
struct TokenServer {
  std::string registry;  ///< host[:port] that the tokens are for
  net::Url realm;
  std::string service;
  std::shared_ptr<const net::Endpoint> endpoint;

  bool same_as(const TokenServer& other) const {
    return realm.text() == other.realm.text() && service == other.service;
  }
};

/// One token for `scopes`: a POST with an identity token (a GET after 404 or 405), a GET otherwise. Redirects are not
/// followed: the credentials are for the realm that the registry named.
/// Errors: unauthenticated, denied, busy, protocol, those of the exchange. What an HTTP status caused carries it.
/// Thread: any job thread; blocks.
Result<TokenReply> ask_for_token(net::Exchanger& exchanger, const TokenServer& server, const Identity& identity,
                                 const std::vector<std::string>& scopes, const net::ExchangeContext& context);

/// True for answers that some servers give to several scopes in one request while each alone would do.
bool may_dislike_several_scopes(const Error& error);

/// "log in with: sluice login HOST (or --src-creds / --dest-creds)".
std::string login_hint(const std::string& registry);

/// The error when credentials are wrong: "the user name or password for HOST was refused (from SOURCE)".
Error credentials_refused(const std::string& registry, const Credentials& credentials);

}  // namespace sluice::auth
