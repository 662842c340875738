#pragma once
// A pipeline from the stations that images pass. Pure.

#include "base/finding.hpp"
#include "base/result.hpp"
#include "migration/from_script.hpp"
#include "migration/notebook.hpp"
#include "pipeline/clusters.hpp"
#include "pipeline/pipeline.hpp"

#include <vector>

namespace sluice::migration {

struct Assembled {
  pipeline::Pipeline pipeline;  ///< without environments when the script moves nothing
  std::vector<Finding> guesses;
};

/// What does not fit is noted in `notebook`. Errors: usage (a wish that cannot be).
Result<Assembled> assemble(Notebook& notebook, const ScriptWish& wish, const pipeline::Clusters& clusters);

}  // namespace sluice::migration
