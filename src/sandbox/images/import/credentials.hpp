#pragma once
// Which credentials an import uses: the pull secrets of the project, by host. Pure.
// Source: Kubernetes secrets of the types kubernetes.io/dockercfg and kubernetes.io/dockerconfigjson.

#include "base/json.hpp"
#include "base/secret.hpp"
#include "sandbox/core/store.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

struct PullCredential {
  std::string user;
  Secret password;
  std::string secret;  ///< the name of the Secret that it comes from
};

/// The credential for `host[:port]` of the first Secret, by name, that has one. Service accounts' own pull secrets
/// count like any other. What cannot be read is passed over.
std::optional<PullCredential> pull_credential(const std::vector<ObjectRef>& secrets, std::string_view host);

}  // namespace sluice::sandbox
