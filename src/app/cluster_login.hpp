#pragma once
// sluice login and logout for clusters: a token is got or given, tried, and kept in the kubeconfig as `oc login` does.

#include "app/cluster_access.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "net/http.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sluice::app {

struct ClusterLogin {
  LoginTarget target;
  std::string username;  ///< may be empty with a token
  Secret password;
  Secret token;           ///< instead of the password
  std::string issuer_ca;  ///< PEM file for the OAuth server, besides the API's
};

struct ClusterLoggedIn {
  std::string server;
  std::string user;  ///< as the cluster calls us
  std::string project;
  std::filesystem::path file;
  std::string context;
  std::string registry;  ///< the address of its registry, as far as it can be used from here; else empty
  std::vector<std::filesystem::path> narrowed{};  ///< files that others could read or write before, and no more
};

/// Errors: those of kube::log_in; unauthenticated (a token that is refused or belongs to somebody else); config,
/// denied, storage (the kubeconfig). Nothing is stored before the cluster has said who we are.
Result<ClusterLoggedIn> log_in_to_cluster(net::Exchanger& exchanger, const ClusterLogin& login,
                                          const Environment& environment, const net::ExchangeContext& context);

struct ClusterLoggedOut {
  std::string server;
  std::filesystem::path file;  ///< empty: there was no token
  bool revoked = false;        ///< the cluster has forgotten the token, too
  std::vector<std::filesystem::path> narrowed{};
};

/// Removes the token of the context that is logged in to the target. A cluster that cannot be reached does not hinder
/// it.
Result<ClusterLoggedOut> log_out_of_cluster(net::Exchanger& exchanger, const LoginTarget& target,
                                            const kube::Kubeconfig& config, const net::ExchangeContext& context);

}  // namespace sluice::app
