#include "app/login_order.hpp"

#include "app/session.hpp"

#include <utility>
#include <vector>

namespace sluice::app {

std::optional<auth::LookedAt> entry_looked_at(const EntryLogin& entry) {
  if (entry.name.empty()) return std::nullopt;
  const bool won = entry.has_login && !entry.beaten;
  const auto* why = won               ? ""
                    : entry.has_login ? "not asked: what stands before it won"
                                      : "the entry has no user name and password";
  return auth::LookedAt{entry.name, {}, {}, won, why};
}

void note_first(places::RegistryOptions& registry, auth::LookedAt source) {
  note_first(registry, [source = std::move(source)](std::string_view) { return source; });
}

void note_first(places::RegistryOptions& registry, std::function<auth::LookedAt(std::string_view repository)> source) {
  registry.looked_at = [source = std::move(source), rest = registry.looked_at](std::string_view repository) {
    std::vector<auth::LookedAt> out{source(repository)};
    if (!rest) return out;
    for (auto& more : rest(repository)) out.push_back(std::move(more));
    return out;
  };
}

void TokensShown::note(std::string_view repository, bool there) {
  there_.with([&](auto& known) { known.insert_or_assign(std::string(repository), there); });
}

auth::LookedAt TokensShown::looked_at(const std::string& token, std::string_view repository) const {
  const bool won = there_.with([&](const auto& known) {
    const auto found = known.find(repository);
    return found != known.end() && found->second;
  });
  return {token, {}, {}, won, won ? "" : "there is none: the API knows us by a certificate, or not at all"};
}

std::vector<auth::LoginExplanation> Session::explain_logins() {
  const std::scoped_lock lock(asking_);
  std::vector<auth::LoginExplanation> out;
  for (const auto& [key, opened] : registries_) out.push_back(opened->explain_login());
  return out;
}

}  // namespace sluice::app
