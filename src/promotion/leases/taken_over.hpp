#pragma once
// A promotion that another machine began, taken over from what its places remember: into our own records, so that
// `resume` and `undo` go on as if we had begun it.

#include "base/result.hpp"
#include "promotion/plan/planner.hpp"

#include <string>

namespace sluice::promotion {

/// Errors: not_found (no place of the pipeline remembers it), blocked (the places do not remember enough of it); those
/// of planning and of the records.
/// `back`: to be put back, which needs nothing of where it came from.
Status take_from_places(Planner& planner, records::Store& store, const pipeline::Pipeline& pipeline,
                        const std::string& promotion, bool back);

}  // namespace sluice::promotion
