#pragma once
// Tells "expired" from "not allowed" when the integrated registry says 401 to a token that it knows: it gives the same
// answer in both cases. Source: github.com/openshift/image-registry pkg/dockerregistry/server/auth.go.

#include "base/result.hpp"
#include "kube/client.hpp"

#include <string>

namespace sluice::openshift {

/// What was refused.
struct RefusedByRegistry {
  std::string host;
  std::string project;
  std::string stream;
  bool push = false;
};

/// The rights that the registry wants for it, as reviews ask for them.
std::vector<kube::AccessQuestion> rights_for(const RefusedByRegistry& refused);

/// The error to show instead of the registry's. Asks who we are, then for each right that is needed.
/// Kinds: unauthenticated (the token has ended or was revoked), denied (names the right that is missing and who gives
/// it), `original` with what was found out when the API sees no reason or cannot be asked.
Error explain_refusal(kube::Client& client, const RefusedByRegistry& refused, Error original,
                      const net::ExchangeContext& context);

}  // namespace sluice::openshift
