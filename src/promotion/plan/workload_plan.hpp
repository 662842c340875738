#pragma once
// The workloads of a plan: who uses the release's tags, what becomes of each, and what stands in the way. One reading
// of the project for all images.

#include "base/result.hpp"
#include "openshift/workloads/workloads.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/targets/targets.hpp"

#include <vector>

namespace sluice::promotion {

/// The tags that a target's images are written to, with the digests they will stand for (`after`) or stand for now.
std::vector<openshift::StreamTag> stream_tags(const PlannedTarget& planned);

/// What a project's workloads have to do with a plan.
struct TargetUses {
  openshift::Workloads workloads;
  std::vector<openshift::WorkloadUse> uses;  ///< of the tags of the plan
  std::vector<openshift::RunningWorkload> running;
  std::vector<openshift::JudgedUse> judged;  ///< the same, with what is to be done
  std::vector<Finding> findings;
};

/// `follow`: rollouts are to be proven, so that a workload that will not roll is a blocker. `needs`: also looks for
/// Secrets and ConfigMaps that are missing.
struct UseWish {
  bool follow = true;
  bool needs = false;
  findings::Accepted accepts{};  ///< of the plan
};
/// Reads and judges. Errors: those of the lists.
Result<TargetUses> judge_target(const TargetAccess& access, const PlannedTarget& planned, const UseWish& wish,
                                const net::ExchangeContext& context);

/// Fills in PlannedTarget::workloads, and adds findings.
Status plan_workloads(const TargetAccess& access, const Plan& plan, PlannedTarget& planned,
                      const net::ExchangeContext& context);

/// One entry per workload out of one per tag: what matters most wins, and those that several tags roll are paused.
/// Pure.
std::vector<PlannedWorkload> merge_uses(const std::vector<openshift::JudgedUse>& uses);

}  // namespace sluice::promotion
