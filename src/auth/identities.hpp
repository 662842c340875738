#pragma once
// Identities: in whose name a request for a repository goes out. Each repository path is looked up once.

#include "auth/authorizer.hpp"
#include "auth/flight.hpp"
#include "auth/token_server.hpp"
#include "base/guarded.hpp"
#include "base/result.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::auth {

/// Thread: any; no lock is held while credentials are looked up.
class Identities {
 public:
  explicit Identities(Authorizer::FindCredentials find) : find_(std::move(find)) {}

  /// The identity for the repository that matters most in `scopes`: one request has one Authorization header, and
  /// what is written decides. Errors: those of the look-up (told to all who waited, then tried anew), cancelled,
  /// timeout.
  Result<IdentityPtr> for_scopes(const Scopes& scopes, const net::ExchangeContext& context);
  Result<IdentityPtr> for_path(const std::string& repository_path, const net::ExchangeContext& context);

  std::string explain() const;
  /// The identity of each repository path that was asked about, as far as it is known by now.
  std::map<std::string, IdentityPtr> by_path() const;

 private:
  struct Known {
    std::map<std::string, std::shared_ptr<Flight<IdentityPtr>>> paths;
    std::map<std::string, IdentityPtr> answered;
    std::vector<IdentityPtr> distinct;
  };
  Result<IdentityPtr> look_up(const std::string& repository_path);

  Authorizer::FindCredentials find_;
  Guarded<Known> known_;
};

/// The error of somebody who waited too long, or was stopped, before `what` was there.
Error waited_in_vain(const std::string& what, const net::ExchangeContext& context);

}  // namespace sluice::auth
