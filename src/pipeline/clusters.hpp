#pragma once
// The clusters file of the administrators. See docs/pipeline.md and schemas/clusters.schema.json.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace sluice::pipeline {

/// A pointer to a secret or a file: "file:PATH", "env:NAME", "exec:PROGRAM ARG...". Never the secret itself.
struct ValueReference {
  enum class Kind : std::uint8_t { file, env, exec };
  Kind kind = Kind::file;
  std::string value;  ///< the path (absolute, or relative to the clusters file), the name, or the command line
  FilePosition position;
};

/// One entry. Without `api` it is a plain registry.
struct Cluster {
  std::string name;
  std::string registry;                       ///< host[:port]
  std::optional<ValueReference> ca;           ///< file: only
  std::optional<ValueReference> client_cert;  ///< file: only; with client_key
  std::optional<ValueReference> client_key;
  std::optional<std::string> proxy;  ///< URL, or "none"
  bool insecure = false;             ///< plain http or an unverified certificate may be spoken
  std::optional<std::string> username;
  std::optional<ValueReference> password;
  FilePosition position;
};

struct Clusters {
  std::filesystem::path file;  ///< empty when there is none
  std::map<std::string, Cluster, std::less<>> entries;
};

/// --clusters, else $XDG_CONFIG_HOME/sluice/clusters.yaml, else /etc/sluice/clusters.yaml, else none.
Result<Clusters> load_clusters(const std::optional<std::filesystem::path>& flag, const Environment& environment);
Result<Clusters> parse_clusters(std::string_view text, const std::filesystem::path& file);

/// Fetches what a reference points at, one trailing line break removed. exec: runs without a shell, 30 s, 64 KiB.
/// Errors: config, with the position of the reference.
Result<Secret> resolve_reference(const ValueReference& reference, const Clusters& clusters,
                                 const Environment& environment);

}  // namespace sluice::pipeline
