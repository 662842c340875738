#pragma once
// Doctor: everything that could stop a promotion, for every environment of a pipeline, found before anybody starts one.
// What a plan would find, and what would keep a plan from being made. Nothing is written.

#include "base/finding.hpp"
#include "base/result.hpp"
#include "pipeline/pipeline.hpp"
#include "promotion/plan/planner.hpp"

#include <string>
#include <vector>

namespace sluice::promotion {

struct Examined {
  std::string environment;
  std::vector<Finding> findings;  ///< blockers first
  bool blocked() const;
};

/// Examines every environment but the first, or the one that is named. An environment that cannot be looked at has a
/// blocker that says why; the others are examined all the same.
/// Errors: config (no environment of this name), usage (the first one), cancelled.
Result<std::vector<Examined>> examine(Planner& planner, const pipeline::Pipeline& pipeline, const std::string& only);

/// The finding that an error of planning is. Pure.
Finding finding_from(const std::string& environment, const Error& error);

}  // namespace sluice::promotion
