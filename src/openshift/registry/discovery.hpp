#pragma once
// Discovery: under which names the integrated registry of a cluster is known, and which of them we can use.
// Source: OpenShift documentation, "Exposing the registry" of 3.11 and 4.x; `oc registry info`.

#include "base/finding.hpp"
#include "base/result.hpp"
#include "kube/client.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::openshift {

/// The names of one registry. Immutable once found.
struct RegistryNames {
  std::string host;                   ///< the one to use from here; empty: there is none
  std::vector<std::string> external;  ///< best first
  std::vector<std::string> internal;  ///< as pull specs of the cluster begin
  std::string found_by;               ///< "the image stream prod/web", "the route default/docker-registry", "override"
  kube::Release release = kube::Release::v3;

  bool is_one(std::string_view host) const;
  /// Whether both pull specs name a repository of this registry, or the same host anywhere.
  bool same_registry(std::string_view pull_spec, std::string_view other) const;
  /// The repository and tag or digest of a pull spec that is in this registry, "prod/web@sha256:..."; empty if it is
  /// not.
  std::string path_of(std::string_view pull_spec) const;
  /// Same image of the same repository, whatever the registry is called.
  bool same_image(std::string_view pull_spec, std::string_view other) const;
};

struct DiscoveryOptions {
  std::string override_host{};          ///< `registry:` of the clusters file; wins, and the rest is still looked up
  std::vector<std::string> projects{};  ///< whose image streams to look at first
};

/// Looks at, in this order and only as far as needed: image streams of the projects, then of `openshift`; the
/// registry's route; on 4.x the cluster's image settings. What we may not read is passed over. Inside the cluster the
/// internal name is used when there is no other. Errors: those of the API but denied and not_found.
Result<RegistryNames> find_registry(kube::Client& client, const DiscoveryOptions& options,
                                    const net::ExchangeContext& context);

/// Why there is no host to use, and the command that exposes the registry in this release.
Finding not_exposed(const RegistryNames& names, std::string_view cluster);
/// The host, or the finding as an Error (config) with the finding's code as its registry_code.
Result<std::string> usable_host(const RegistryNames& names, std::string_view cluster);

/// "host[:port]" of a pull spec; empty when it has none.
std::string registry_of(std::string_view pull_spec);

}  // namespace sluice::openshift
