#pragma once
// `verify:` of an environment. Private to this room.

#include "base/result.hpp"
#include "base/yaml.hpp"
#include "pipeline/clusters.hpp"
#include "pipeline/pipeline.hpp"

#include <vector>

namespace sluice::pipeline::detail {

/// The defaults when `environment` does not say. `targets`: those of the environment, which fill the placeholders of
/// the HTTP check.
Result<Verify> parse_verify(const yaml::MapReader& environment, const std::vector<Target>& targets,
                            const Clusters& clusters);

}  // namespace sluice::pipeline::detail
