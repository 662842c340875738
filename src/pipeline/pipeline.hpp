#pragma once
// sluice.yaml as values: one app and its environments in order. See docs/pipeline.md and schemas/pipeline.schema.json.

#include "base/error.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::pipeline {

struct Clusters;

/// One place that an environment consists of: a project of a registry.
struct Target {
  std::string cluster;   ///< name in the clusters file; empty when the registry is named directly
  std::string registry;  ///< host[:port]; from `registry:`, or from the cluster's entry
  std::string project;   ///< may have several path components
  FilePosition position;

  /// What the plan hash and the lease use: "registry.example.com:5000/shop".
  std::string id() const { return registry + "/" + project; }
  /// What people see: "prod-a/shop" when a cluster is named, else id().
  std::string label() const { return cluster.empty() ? id() : cluster + "/" + project; }
};

struct Environment {
  std::string name;
  std::vector<Target> targets;     ///< in order, at least one
  std::optional<std::string> tag;  ///< the tag written there
  FilePosition position;
};

/// How images are found in the first environment.
struct Source {
  std::string tag = "latest";  ///< an exact tag, or a glob when it holds '*' or '?'
  bool is_pattern() const { return tag.find_first_of("*?") != std::string::npos; }
};

struct Pipeline {
  std::string app;
  std::vector<std::string> images;  ///< names below a project, in the order of the file
  Source source;
  std::vector<Environment> environments;  ///< at least two, names unique
  std::filesystem::path file;

  /// Errors: config; unknown names come with a suggestion and the list (exit 2).
  Result<const Environment*> environment(std::string_view name) const;
  /// Position in `environments`. Precondition: `environment` belongs to this pipeline.
  std::size_t order_of(const Environment& environment) const;
};

/// Reads and checks a pipeline. Everything that is wrong stops here, with file, line, column and a suggestion.
/// Keys of the design that are not built yet are "not supported yet". Errors: config, not_found (no such file).
Result<Pipeline> parse_pipeline(std::string_view text, const std::filesystem::path& file, const Clusters& clusters);
Result<Pipeline> load_pipeline(const std::filesystem::path& file, const Clusters& clusters);

}  // namespace sluice::pipeline
