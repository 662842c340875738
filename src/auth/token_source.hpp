#pragma once
// TokenSource: gives a live token for what a request needs. It batches scopes, shares requests between threads, renews
// before the end, and learns when a token server takes one scope at a time.

#include "auth/authorizer.hpp"
#include "auth/identities.hpp"
#include "auth/scopes.hpp"
#include "auth/token_shelf.hpp"
#include "base/guarded.hpp"
#include "base/result.hpp"
#include "net/http.hpp"

#include <string>

namespace sluice::auth {

/// Thread: any. No lock is held while the network is used or credentials are looked up.
class TokenSource {
 public:
  TokenSource(net::Exchanger& exchanger, Authorizer::Now now, Identities& identities);

  void expect(const Scopes& scopes);

  /// A token that is good for `need`, from the shelf or from the token server. One request serves all who wait for
  /// what it brings; its failure is told to all of them, and whoever comes next tries again.
  /// Errors: those of ask_for_token, cancelled and timeout of the caller's own context.
  Result<Secret> token_for(TokenNeed need, const net::ExchangeContext& context);

  /// The registry refused a request with this header, for want of `need`.
  void refused(const Secret& header, const TokenNeed& need);

 private:
  struct Shared {
    TokenShelf shelf;
    ScopeBatches batches;
    bool one_scope_per_token = false;
  };
  /// What to do next: use a token, wait for somebody else's request, or make one.
  struct Step {
    std::optional<HeldToken> live;  ///< may be due for renewal
    TokenShelf::TokenFlight wait;
    TokenShelf::TokenFlight lead;
    TokenNeed ask;  ///< what to ask for when leading
  };
  Step next_step(Shared& shared, const TokenNeed& need, const Scopes* company) const;
  TokenNeed wanted(const Shared& shared, const TokenNeed& need) const;
  Result<Scopes> company_of(const TokenNeed& need, const net::ExchangeContext& context);
  Result<Secret> lead(const Step& step, const TokenNeed& need, const net::ExchangeContext& context);
  Result<HeldToken> fetch(const Step& step, const TokenNeed& need, const net::ExchangeContext& context);
  TimePoint now() const { return now_ ? now_() : std::chrono::steady_clock::now(); }

  net::Exchanger& exchanger_;
  Authorizer::Now now_;
  Identities& identities_;
  Guarded<Shared> shared_;
};

}  // namespace sluice::auth
