#include "auth/identities.hpp"

#include "auth/scopes.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <utility>

namespace sluice::auth {

namespace {

bool same_secrets(const std::optional<Credentials>& a, const std::optional<Credentials>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->username == b->username && a->password == b->password && a->identity_token == b->identity_token &&
         a->registry_token == b->registry_token;
}

}  // namespace

Error waited_in_vain(const std::string& what, const net::ExchangeContext& context) {
  if (context.stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped while waiting for " + what);
  return Error(ErrorKind::timeout, "no answer in time while waiting for " + what);
}

Result<IdentityPtr> Identities::for_scopes(const Scopes& scopes, const net::ExchangeContext& context) {
  const auto first = primary(scopes);
  return for_path(first.empty() ? std::string() : first.begin()->repository, context);
}

Result<IdentityPtr> Identities::for_path(const std::string& repository_path, const net::ExchangeContext& context) {
  for (;;) {
    bool mine = false;
    const auto flight = known_.with([&](Known& known) {
      auto& slot = known.paths[repository_path];
      mine = slot == nullptr;
      if (mine) slot = std::make_shared<Flight<IdentityPtr>>();
      return slot;
    });
    if (mine) {
      auto answer = look_up(repository_path);
      if (!answer) known_.with([&](Known& known) { known.paths.erase(repository_path); });
      flight->land(answer);
      return answer;
    }
    auto answer = flight->wait(context.deadline, context.stop);
    if (!answer) return waited_in_vain("credentials", context);
    // Another job was stopped, not this one: ask again.
    if (answer->ok() || answer->error().kind() != ErrorKind::cancelled) return std::move(*answer);
    if (context.stop.stop_requested() || context.deadline.expired()) return waited_in_vain("credentials", context);
  }
}

Result<IdentityPtr> Identities::look_up(const std::string& repository_path) {
  std::optional<Credentials> found;
  if (find_) {
    SLUICE_TRY(found, find_(repository_path));
  }
  return known_.with([&](Known& known) {
    const auto same = std::find_if(known.distinct.begin(), known.distinct.end(),
                                   [&](const IdentityPtr& other) { return same_secrets(other->credentials, found); });
    const auto identity =
        same != known.distinct.end()
            ? *same
            : known.distinct.emplace_back(std::make_shared<const Identity>(Identity{std::move(found)}));
    known.answered.insert_or_assign(repository_path, identity);
    return identity;
  });
}

std::map<std::string, IdentityPtr> Identities::by_path() const {
  return known_.with([](const Known& known) { return known.answered; });
}

std::string Identities::explain() const {
  return known_.with([](const Known& known) {
    std::vector<std::string> sources;
    for (const auto& identity : known.distinct) {
      if (identity->credentials) sources.push_back(identity->credentials->source);
    }
    return sources.empty() ? std::string("anonymous") : text::join(sources, ", ");
  });
}

}  // namespace sluice::auth
