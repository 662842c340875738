#pragma once
// Rules that concern several environments of a pipeline at once. Private to this room.

#include "base/result.hpp"
#include "pipeline/pipeline.hpp"

namespace sluice::pipeline::detail {

/// Refuses what would promote an image onto itself, and a tag for the environment where images are born.
/// Errors: config, with the position of the environment or target.
Status check_rules(const Pipeline& pipeline);

}  // namespace sluice::pipeline::detail
