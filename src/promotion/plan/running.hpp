#pragma once
// What runs in an environment now, beside what its tags stand for: for `status`.

#include "base/result.hpp"
#include "promotion/plan/rules.hpp"
#include "promotion/targets/targets.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace sluice::promotion {

struct RunningHere {
  std::string target;  ///< as people know it
  std::string kind;    ///< "DeploymentConfig"
  std::string name;
  std::int64_t wanted = 0;  ///< pods
  std::int64_t ready = 0;
  std::set<std::string> digests;  ///< that its pods run, as the runtime names them
  bool rolling = false;
  bool right = false;  ///< nothing but what the tags stand for
};

/// Workloads that use the moving tags of a target's images. `tag`: the moving one. Nothing where no API has streams.
/// Errors: those of the API but `denied`: who may not look sees nothing.
Result<std::vector<RunningHere>> what_runs_at(Targets& targets, const TargetAccess& access,
                                              const std::vector<std::string>& images, const std::string& tag);

}  // namespace sluice::promotion
