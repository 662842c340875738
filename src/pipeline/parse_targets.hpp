#pragma once
// Targets of an environment: where they are, by which road images get there, and how workloads get them. Private to
// this room.

#include "base/result.hpp"
#include "base/yaml.hpp"
#include "pipeline/clusters.hpp"
#include "pipeline/pipeline.hpp"

#include <string>
#include <vector>

namespace sluice::pipeline::detail {

/// What targets are read against.
struct TargetScope {
  const std::vector<std::string>& images;  ///< not empty
  const Clusters& clusters;
  bool is_first = false;  ///< of the environment where images are born
};

/// Refuses keys that say how images get somewhere in the environment where they are born. `map`: it, or one of its
/// targets.
Status check_born_there(const yaml::MapReader& map);

/// `registry`, `cluster` and `project` of an environment, or the list of its `targets`; `via` and `deploy` of both.
Result<std::vector<Target>> parse_targets(const yaml::MapReader& environment, const TargetScope& scope);

}  // namespace sluice::pipeline::detail
