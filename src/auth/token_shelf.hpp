#pragma once
// TokenShelf: the tokens of one host that live, and the requests for tokens that are in the air. No I/O, no clock.

#include "auth/authorizer.hpp"
#include "auth/flight.hpp"
#include "auth/token_server.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::auth {

using TimePoint = std::chrono::steady_clock::time_point;

/// What a request needs a token for, and in whose name.
struct TokenNeed {
  IdentityPtr identity;
  std::shared_ptr<const TokenServer> server;
  Scopes scopes;
  /// After a refusal: only a token for exactly these scopes will do, since company may have been the reason.
  bool alone = false;
};

/// One token. `need` says what it is good for.
struct HeldToken {
  TokenNeed need;
  Secret value;
  TimePoint renew_at;  ///< 75 % of its life
  TimePoint ends_at;

  HeldToken(TokenNeed good_for, TokenReply reply, TimePoint asked_at);
};

/// Thread: one at a time.
class TokenShelf {
 public:
  using TokenFlight = std::shared_ptr<Flight<HeldToken>>;

  /// The newest token that is good for `need`. Borrowed until the next change.
  HeldToken* find(const TokenNeed& need, TimePoint now);
  void put(HeldToken token);
  /// The registry refused `value` for `need`: the token is gone, or no longer good for that part of what it covered.
  /// True when it covered more than was needed, so that company may have been the reason.
  bool strike(const Secret& value, const TokenNeed& need);

  /// The request in the air whose token will be good for `need`; null when there is none.
  TokenFlight in_the_air(const TokenNeed& need) const;
  TokenFlight take_off(TokenNeed need);
  void landed(const TokenFlight& flight);

 private:
  struct Pending {
    TokenNeed need;
    TokenFlight flight;
  };
  std::vector<HeldToken> tokens_;  // newest last
  std::vector<Pending> pending_;
};

}  // namespace sluice::auth
