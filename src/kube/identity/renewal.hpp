#pragma once
// What people are told to do about credentials that have ended: there where they come from, with commands that the
// `oc` of that server's version has. Pure.

#include "base/json.hpp"
#include "kube/identity/identity.hpp"
#include "kube/identity/token_life.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::kube {

/// "sluice login SERVER -u NAME". `user`: of a kubeconfig entry ("ann/api-example-com:6443") or a person; empty: the
/// shell names who runs it.
std::string login_command(std::string_view server, std::string_view user);

/// The command, or what to do where no command can be told. `minor`: of the server's Kubernetes; empty: not known, then
/// both commands for a token of a service account are named.
std::string renewal_of(const CredentialOrigin& origin, std::string_view server, const TokenLife& life,
                       std::optional<int> minor);
/// The same as a hint behind an error.
std::string renewal_clause(const CredentialOrigin& origin, const std::string& renewal);

/// The minor number of the Kubernetes in an answer of /version: 11 for "11+". Empty: it does not say.
std::optional<int> minor_in(const Json& version);

}  // namespace sluice::kube
