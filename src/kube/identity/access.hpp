#pragma once
// Access: one API server, how it is reached, and as whom. Made from a kubeconfig context, from the service account of a
// pod, or from what a flag or the clusters file says.
//
// Precedence, most important first (app::Session follows it):
//   1. a token that was given (`--token`, `token:` of the clusters file) for the server that was named;
//   2. the context that was named (`context:`, a name on the command line);
//   3. the kubeconfig context whose cluster has the same server, the current one first;
//   4. inside a pod, and only when no kubeconfig is there: its service account.

#include "base/environment.hpp"
#include "base/result.hpp"
#include "kube/identity/identity.hpp"
#include "kube/identity/kubeconfig.hpp"
#include "kube/timing.hpp"
#include "net/http.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::kube {

struct Access {
  std::string name;  ///< for people: the context, the clusters entry, "the pod's service account"
  net::Url server;
  std::shared_ptr<const net::Endpoint> endpoint;
  IdentityPtr identity;
  std::string project;      ///< of the context or pod; may be empty
  bool in_cluster = false;  ///< inside the cluster itself: internal names can be reached
  std::string ca_place{};   ///< where the CA of its certificate belongs, for people
};

/// Errors: config (no such context, cluster or user; a CA together with insecure-skip-tls-verify; no https),
/// unsupported (auth-provider, impersonation).
Result<Access> access_of_context(const Kubeconfig& config, std::string_view context, const Timing& timing = {});

/// Where a pod finds its service account.
inline constexpr std::string_view kServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Empty outside a pod (KUBERNETES_SERVICE_HOST is not set, or there is no token).
/// Errors: config (a host or port that is none, an unreadable CA).
Result<std::optional<Access>> access_in_cluster(const Environment& environment,
                                                const std::filesystem::path& folder = kServiceAccountFolder,
                                                const Timing& timing = {});

/// An https URL without a path, "https://api.example.com:6443"; http is taken for loopback addresses only, where there
/// is nothing to listen in on. Errors: config.
Result<net::Url> parse_server(std::string_view text);

}  // namespace sluice::kube
