#pragma once
// Rules that concern several targets or environments of a pipeline at once. Private to this room.

#include "base/result.hpp"
#include "pipeline/pipeline.hpp"

#include <string>
#include <vector>

namespace sluice::pipeline::detail {

/// Refuses what would promote an image onto itself, and a tag for the environment where images are born.
/// Errors: config, with the position of the environment or target.
Status check_rules(const Pipeline& pipeline);

/// Refuses a place that stands twice among the targets of one environment, `what`. Errors: config, with the position.
Status check_unique(const std::vector<Target>& targets, const std::string& what);

}  // namespace sluice::pipeline::detail
