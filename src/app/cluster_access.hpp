#pragma once
// How a cluster is reached and as whom, from what people wrote down: the clusters file, the kubeconfig, the pod.

#include "base/environment.hpp"
#include "base/result.hpp"
#include "kube/client.hpp"
#include "kube/connection.hpp"
#include "kube/identity/access.hpp"
#include "kube/identity/kubeconfig.hpp"
#include "pipeline/clusters.hpp"

#include <memory>
#include <optional>
#include <string>

namespace sluice::app {

/// A cluster that requests can be sent to. Thread: any.
struct OpenCluster {
  OpenCluster(std::string given_name, net::Exchanger& exchanger, kube::ConnectionOptions options)
      : name(std::move(given_name)), connection(exchanger, std::move(options)), client(connection) {}

  std::string name;  ///< as it was asked for
  kube::Connection connection;
  kube::Client client;
};

/// What names stand for. Borrowed for one look-up.
struct ClusterSources {
  const pipeline::Clusters& clusters;
  const kube::Kubeconfig& kubeconfig;
  const Environment& environment;
};

/// A name of the clusters file, else a kubeconfig context, else an https address; "" is the current context, or the pod
/// we are in. Errors: config (nothing of that name, a plain registry), unauthenticated (no credentials: how to log in),
/// those of kube/identity/access.hpp.
Result<kube::Access> cluster_access(const std::string& name, const ClusterSources& sources);

/// The server behind a name, found in the same way; nobody needs to be logged in. Errors: config.
Result<net::Url> cluster_server(const std::string& name, const ClusterSources& sources);

/// Where a login goes: the address, and how its certificate is checked, without any credentials.
struct LoginTarget {
  std::string name;  ///< as it was given
  net::Url server;
  net::Endpoint endpoint;
  std::string ca_file;  ///< what is written into the kubeconfig
  std::string ca_pem;
  std::string context;         ///< an existing kubeconfig context that is logged in to; may be empty
  bool token_in_file = false;  ///< the clusters file names a token, which is used before any login
};

/// As cluster_access() finds names; empty for what must be a registry.
/// Errors: config, usage (an address with a path).
Result<std::optional<LoginTarget>> login_target(const std::string& name, const ClusterSources& sources);

}  // namespace sluice::app
