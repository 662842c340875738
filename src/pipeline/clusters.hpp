#pragma once
// The clusters file of the administrators. See docs/pipeline.md and schemas/clusters.schema.json.

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::pipeline {

/// A pointer to a secret or a file: "file:PATH", "env:NAME", "exec:PROGRAM ARG...". Never the secret itself.
struct ValueReference {
  enum class Kind : std::uint8_t { file, env, exec };
  Kind kind = Kind::file;
  std::string value;  ///< the path (absolute, or relative to the clusters file), the name, or the command line
  FilePosition position;
};

/// One entry. Without `api` or `context` it is a plain registry.
struct Cluster {
  std::string name;
  std::string registry;                 ///< host[:port]; may be empty when has_api
  bool has_api = false;                 ///< a cluster with an API: OpenShift, or Kubernetes with a registry beside it
  std::string api;                      ///< "https://HOST:PORT"; empty when a context says it
  std::optional<ValueReference> token;  ///< for the API, and for the cluster's own registry
  std::optional<std::string> context;   ///< of the kubeconfig: server and credentials; instead of `api`
  std::optional<ValueReference> ca;     ///< file: only
  std::optional<ValueReference> client_cert;  ///< file: only; with client_key
  std::optional<ValueReference> client_key;
  std::optional<std::string> proxy;  ///< URL, or "none"
  bool insecure = false;             ///< the registry may speak plain http or show any certificate; never the API
  std::optional<std::string> username;
  std::optional<ValueReference> password;
  FilePosition position;
};

struct Clusters {
  std::filesystem::path file;  ///< empty when there is none
  std::map<std::string, Cluster, std::less<>> entries;
  /// `allow-local-checks: true`: HTTP checks may ask loopback and link-local addresses.
  bool allow_local_checks = false;
  /// Contexts of the kubeconfig, which a pipeline may name as clusters too; filled in by app, not by the parser.
  std::vector<std::string> contexts{};
  /// Why the contexts could not be read; told when a pipeline names a cluster that is no entry.
  std::optional<Error> contexts_error{};
};

// sluice::Environment below is the user's variables and folders, not an environment of a pipeline (pipeline.hpp).

/// --clusters, else $XDG_CONFIG_HOME/sluice/clusters.yaml, else /etc/sluice/clusters.yaml, else none.
/// Errors: config (also for a named file that is not there), denied, storage.
Result<Clusters> load_clusters(const std::optional<std::filesystem::path>& flag,
                               const sluice::Environment& environment);
/// Errors: config, with file, line, column and a suggestion; never the value of what might be a secret.
Result<Clusters> parse_clusters(std::string_view text, const std::filesystem::path& file);

/// Fetches what a reference points at, one trailing line break removed. exec: runs without a shell, 30 s, 64 KiB.
/// Errors: config, with the position of the reference.
Result<Secret> resolve_reference(const ValueReference& reference, const Clusters& clusters,
                                 const sluice::Environment& environment);

/// The environment variables that env: references name, in no order: they hold secrets.
std::vector<std::string> named_variables(const Clusters& clusters);

/// Where a file: reference points; a relative path starts at the folder of the clusters file.
std::filesystem::path reference_path(const ValueReference& reference, const Clusters& clusters);

}  // namespace sluice::pipeline
