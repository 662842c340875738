#pragma once
// kubeconfig: where clusters are and who we are, as kubectl and oc keep it. Reading and merging here; how it is written
// back is in kubeconfig_write.hpp, what becomes of a context in access.hpp.
// Source: Kubernetes documentation "Organizing Cluster Access Using kubeconfig Files", client-go's clientcmd.

#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kube {

/// A program that hands out credentials ("exec"). Source: client.authentication.k8s.io.
struct ExecPlugin {
  std::string api_version;
  std::vector<std::string> argv;  ///< a program with a '/' is absolute by now
  std::vector<std::pair<std::string, std::string>> variables;
  bool provide_cluster_info = false;
  std::string install_hint;
  friend bool operator==(const ExecPlugin&, const ExecPlugin&) = default;
};

/// `clusters[].cluster`. Paths are absolute or relative to the working folder: they were resolved against the file.
struct KubeCluster {
  std::string name;
  std::string server;
  std::string ca_file;
  std::string ca_pem;  ///< decoded from certificate-authority-data, which wins over the file
  bool insecure = false;
  std::string tls_server_name;
  std::optional<std::string> proxy_url;
  std::filesystem::path file;  ///< where it was defined
};

/// `users[].user`.
struct KubeUser {
  std::string name;
  Secret token;
  std::string token_file;
  std::string client_cert_file;
  std::string client_key_file;
  std::string client_cert_pem;
  Secret client_key_pem;
  std::string username;
  Secret password;
  std::optional<ExecPlugin> exec;
  std::string unsupported;  ///< the key that asks for what Sluice cannot do ("auth-provider", "as"); empty: none
  std::filesystem::path file;
};

/// `contexts[].context`.
struct KubeContext {
  std::string name;
  std::string cluster;
  std::string user;
  std::string project;  ///< its namespace
  std::filesystem::path file;
};

/// The merged view of all files.
struct Kubeconfig {
  std::vector<std::filesystem::path> files;  ///< those that were there, most important first
  std::map<std::string, KubeCluster, std::less<>> clusters;
  std::map<std::string, KubeUser, std::less<>> users;
  std::map<std::string, KubeContext, std::less<>> contexts;
  std::string current_context;

  /// The named context, or the current one when `name` is empty.
  /// Errors: config (none is current, no such context: with a suggestion).
  Result<const KubeContext*> context(std::string_view name) const;
  /// A context whose cluster has this server; the current one first. Null when there is none.
  const KubeContext* context_for_server(std::string_view server) const;
};

/// The files of $KUBECONFIG, else ~/.kube/config.
std::vector<std::filesystem::path> kubeconfig_files(const Environment& environment);

/// Reads one file's text, YAML or JSON. Relative paths start at the folder of `file`. Size: 4 MiB at most.
/// Errors: config, with the position; never the value of what might be a secret.
Result<Kubeconfig> parse_kubeconfig(std::string_view text, const std::filesystem::path& file);

/// Adds what `more` has and `into` has not: the first definition of a name wins, and the first current context.
void merge_kubeconfig(Kubeconfig& into, Kubeconfig more);

/// Reads and merges all files; those that are not there are passed over. Errors: config, denied, storage.
Result<Kubeconfig> load_kubeconfig(const Environment& environment);

}  // namespace sluice::kube
