#pragma once
// Authorizer: what to put into the Authorization header for one registry host. It answers challenges, fetches bearer
// tokens for all the scopes of a host at once, and renews them before they expire.
//
// Security (design section 7): credentials go to the registry they are for and to the https token realm that it names
// (http only when the registry itself is spoken to over loopback http), never through a redirect, never elsewhere.

#include "auth/challenge.hpp"
#include "auth/credentials.hpp"
#include "auth/explain.hpp"
#include "base/result.hpp"
#include "net/http.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::auth {

/// One thing that a request needs: "repository:shop/web:pull,push". Actions are "pull" or "pull,push".
struct Scope {
  std::string repository;
  bool push = false;
  std::string text() const;
  friend auto operator<=>(const Scope&, const Scope&) = default;
};
using Scopes = std::set<Scope>;

/// Thread: any. One object per registry host and set of credentials; waiters for one token share one fetch.
class Authorizer {
 public:
  /// Gives the credentials for a repository path ("" when a request is about none); asked once per path, and equal
  /// answers share their tokens.
  using FindCredentials = std::function<Result<std::optional<Credentials>>(std::string_view repository_path)>;
  using Now = std::function<std::chrono::steady_clock::time_point()>;

  struct Options {
    std::string registry;                           ///< host[:port]; challenges of other hosts are not answered
    std::shared_ptr<const net::Endpoint> endpoint;  ///< TLS settings for the token realm when it is the same host
    FindCredentials find_credentials;
    Now now;  ///< null: steady_clock
    /// A registry token of the credentials goes along with the very first request, before anybody has asked for it:
    /// what OpenShift's registry takes from those who have a token of its API. Only where nobody else can read it.
    bool preemptive_bearer = false;
    /// Gives the registry token as it is now instead of the one in the credentials, for tokens that are replaced while
    /// we run. `refused`: the one that the registry has just turned down, or null.
    std::function<Result<Secret>(const Secret* refused, const net::ExchangeContext& context)> current_token{};
    /// Where find_credentials looked for a repository path, for explanation(); null: nobody noted it.
    std::function<std::vector<LookedAt>(std::string_view repository_path)> looked_at{};
  };
  Authorizer(net::Exchanger& exchanger, Options options);
  ~Authorizer();
  Authorizer(const Authorizer&) = delete;
  Authorizer& operator=(const Authorizer&) = delete;

  /// Says what will be needed soon, so that the first token covers it all. At most 4 KiB of scopes go into one
  /// token request; what does not fit goes into further tokens, fetched when first needed.
  void expect(const Scopes& scopes);

  /// The header for a request that needs `scopes`, as far as it is known without asking: empty before the first
  /// challenge of this host and for anonymous open registries. A bearer token past 75 % of its life is renewed here.
  /// `request` is what it is for, as far as that is known; without it nothing is sent unasked (preemptive_bearer).
  Result<std::optional<Secret>> header_for(const Scopes& scopes, const net::ExchangeContext& context,
                                           const net::HttpRequest* request = nullptr);

  /// Answers a 401. `sent` is the header that was refused (null when none was sent). Returns the header to try
  /// again with. Called at most once per request. A refused token that covered several scopes is followed by a token
  /// for these scopes alone; token servers that choke on several scopes (400, 401, 403, 5xx) get one scope per token
  /// from then on. Errors: unauthenticated (no credentials, or refused: says which entry was used and how to log in),
  /// denied (the token server or registry knows us but will not), what the exchange with the realm gave.
  Result<Secret> answer(const net::Url& url, const std::vector<std::string>& www_authenticate, const Scopes& scopes,
                        const std::optional<Secret>& sent, const net::ExchangeContext& context);

  /// Which entries were used, for messages; "anonymous" when none.
  std::string explain() const;
  /// What is known by now about logging in here, for --explain-auth. Asks nobody. Never a secret.
  LoginExplanation explanation() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// True when nobody but the registry `host[:port]` itself can read what `request` carries: over TLS with a certificate
/// that is checked, or to an address of this machine, which the transfer loop holds it to.
bool is_private_road(const net::HttpRequest& request, std::string_view registry);

}  // namespace sluice::auth
