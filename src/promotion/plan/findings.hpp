#pragma once
// What stands in the way of a plan beside its targets: holds, promotions that run or were interrupted, memories that
// cannot be read, versions that are taken. Judged from what was read; the records are asked.

#include "base/finding.hpp"
#include "base/lease_held.hpp"
#include "base/result.hpp"
#include "promotion/memory/environment.hpp"
#include "promotion/plan/plan.hpp"
#include "records/store.hpp"

#include <string>
#include <vector>

namespace sluice::promotion {

/// Why an environment is held: at one of its places, or in our records where no place remembers anything.
/// Errors: those of the records.
Result<std::optional<memory::Hold>> hold_of(records::Store& store, const pipeline::Pipeline& pipeline,
                                            const pipeline::Environment& environment, const EnvironmentMemory& memory);

/// What our records alone say of it. Errors: those of the records.
Result<std::optional<memory::Hold>> recorded_hold(records::Store& store, const std::vector<std::string>& places,
                                                  const std::string& app, const std::string& environment);

/// A promotion that has not ended, and whether somebody is at work on it.
struct Unfinished {
  memory::OpenPromotion promotion;
  bool runs = false;
  bool here = false;   ///< our records have it
  bool ended = false;  ///< our records know that it ended, and its place could not be told
  std::string by{};    ///< who is at work, or who began it
  LeaseHeld held{};    ///< when it runs
  std::int64_t since = 0;
  std::string state{};  ///< as our records have it; empty: only the place knows it
};
/// Empty: nothing is open there. Errors: those of the records.
Result<std::optional<Unfinished>> unfinished_at(records::Store& store, const pipeline::Pipeline& pipeline,
                                                const pipeline::Environment& environment,
                                                const EnvironmentMemory& memory);

/// `take_over`: who is at work there is no blocker. Errors: those of the records.
Result<std::vector<Finding>> findings_for(records::Store& store, const pipeline::Pipeline& pipeline,
                                          const pipeline::Environment& environment, const EnvironmentMemory& memory,
                                          bool take_over, const Plan& plan);

}  // namespace sluice::promotion
