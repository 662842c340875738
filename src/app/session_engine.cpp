// Session: the container engine of this host.

#include "app/session.hpp"
#include "engine/address.hpp"

#include <utility>

namespace sluice::app {

Result<promotion::EngineSide> Session::engine() {
  const std::scoped_lock lock(asking_);
  if (!engine_) {
    SLUICE_TRY(auto address, engine::find_address(environment_));
    engine_ = std::make_unique<engine::Client>(loop_, streams_, std::move(address));
  }
  return promotion::EngineSide{engine_.get(), environment_.state_home() / "sluice" / "engine"};
}

// Images are large: /tmp is memory on many machines.
Result<archive::EngineAccess> Session::engine_access() {
  SLUICE_TRY(const auto side, engine());
  const auto folder = environment_.get("TMPDIR");
  return archive::EngineAccess{.client = side.client, .loop = &loop_, .temp_folder = folder ? *folder : "/var/tmp"};
}

Result<engine::RegistryLogin> Session::engine_login(const pipeline::Target& target, const std::string& image) {
  const std::scoped_lock lock(asking_);
  SLUICE_TRY(auto* registry, registry_behind(target));
  SLUICE_TRY(const auto found, registry->credentials(promotion::repository_of(target, image)));
  engine::RegistryLogin login{.registry = registry->name()};
  if (!found) return login;
  login.username = found->username;
  login.password = found->password;
  login.identity_token = found->identity_token;
  login.registry_token = found->registry_token;
  // The registry of a cluster takes a token of the API for a password, with any name; that every engine can tell it.
  if (target.has_api && !login.registry_token.empty()) {
    if (login.username.empty()) login.username = "token";
    login.password = std::exchange(login.registry_token, Secret());
  }
  return login;
}

}  // namespace sluice::app
