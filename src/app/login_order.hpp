#pragma once
// In which order the sources of a registry's credentials count, told for --explain-auth: a flag, the entry of the
// clusters file, the token of its API, the credentials files. Session decides it; this only keeps the notes.

#include "auth/explain.hpp"
#include "base/guarded.hpp"
#include "places/registry_host.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::app {

/// What the entry of the clusters file comes to.
struct EntryLogin {
  std::string name;        ///< "clusters.yaml (prod)"; empty: there is no entry for this registry
  bool has_login = false;  ///< user name and password
  bool beaten = false;     ///< by a flag
};

/// Empty without an entry.
std::optional<auth::LookedAt> entry_looked_at(const EntryLogin& entry);

/// Puts one source before the others in what is told of a registry.
void note_first(places::RegistryOptions& registry, auth::LookedAt source);
void note_first(places::RegistryOptions& registry, std::function<auth::LookedAt(std::string_view repository)> source);

/// For which repositories the token of an API was there to be used. Thread: any.
class TokensShown {
 public:
  void note(std::string_view repository, bool there);
  auth::LookedAt looked_at(const std::string& token, std::string_view repository) const;

 private:
  Guarded<std::map<std::string, bool, std::less<>>> there_;
};

}  // namespace sluice::app
