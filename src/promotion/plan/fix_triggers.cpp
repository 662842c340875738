// Planner: --fix-triggers, and roads that were asked for.

#include "base/text.hpp"
#include "findings/catalogue.hpp"
#include "openshift/workloads/changes.hpp"
#include "openshift/workloads/template.hpp"
#include "promotion/plan/planner.hpp"
#include "promotion/plan/workload_plan.hpp"

#include <algorithm>
#include <set>

namespace sluice::promotion {

namespace {

bool is_mendable(openshift::TriggerVerdict verdict) {
  using openshift::TriggerVerdict;
  switch (verdict) {
    case TriggerVerdict::manual:
    case TriggerVerdict::missing:
    case TriggerVerdict::wrong_container:
    case TriggerVerdict::other_project:
    case TriggerVerdict::malformed:
    case TriggerVerdict::other_tag:
    case TriggerVerdict::no_such_tag:
      return true;
    case TriggerVerdict::fires:
    case TriggerVerdict::paused:
    case TriggerVerdict::held:
      break;
  }
  return false;
}

}  // namespace

Status take_road(const Request& request, pipeline::Pipeline& pipeline) {
  if (!request.via) return {};
  SLUICE_TRY(const auto* found, static_cast<const pipeline::Pipeline&>(pipeline).environment(request.environment));
  auto& environment = pipeline.environments[pipeline.order_of(*found)];
  for (auto& target : environment.targets) {
    if (pipeline::needs_api(*request.via) && !target.has_api) {
      return Error(ErrorKind::usage, "the road " + std::string(to_string(*request.via)) +
                                         " needs the API of a cluster, and " + target.label() + " is a plain registry")
          .with_hint("use --via mount, --via stream or --via docker, or leave it out");
    }
    target.via = request.via;
  }
  return {};
}

Result<std::vector<Finding>> Planner::may_fix_triggers(const Plan& plan) {
  std::vector<Finding> out;
  for (const auto& target : plan.targets) {
    SLUICE_TRY(const auto access, targets_.open(target.target));
    if (!access.streams || target.target.deploy == pipeline::Deploy::patch) continue;
    SLUICE_TRY(const auto judged, judge_target(access, target, {.accepts = plan.accepts}, targets_.context()));
    std::set<openshift::WorkloadKind> kinds;
    for (const auto& one : judged.judged) {
      if (one.action == openshift::UseAction::blocked && is_mendable(one.use.verdict)) kinds.insert(one.use.kind);
    }
    std::vector<std::string> lacking;
    for (const auto kind : kinds) {
      const auto& resource = openshift::resource_of(kind);
      kube::AccessQuestion question;
      question.verb = "update";
      question.group = resource.group;
      question.resource = resource.plural;
      question.project = target.target.project;
      const auto answer = access.side.client->may_i(question, targets_.context());
      if (answer && !answer->allowed) lacking.emplace_back(resource.plural);
    }
    if (lacking.empty()) continue;
    const auto& project = target.target.project;
    out.push_back(findings::make_finding("may-not-change-workloads", project,
                                         {{"user", targets_.user_at(access)},
                                          {"rights", "update " + text::join(lacking, ", ") + " in " + project},
                                          {"project", project}}));
  }
  return out;
}

Result<std::vector<std::string>> Planner::fix_triggers(const Plan& plan) {
  std::vector<std::string> out;
  for (const auto& target : plan.targets) {
    SLUICE_TRY(const auto access, targets_.open(target.target));
    if (!access.streams || target.target.deploy == pipeline::Deploy::patch) continue;
    SLUICE_TRY(const auto judged, judge_target(access, target, {.accepts = plan.accepts}, targets_.context()));
    std::set<std::string> done;
    for (const auto& one : judged.judged) {
      if (one.action != openshift::UseAction::blocked || !is_mendable(one.use.verdict)) continue;
      if (!done.insert(one.use.shown() + one.use.tag.name()).second) continue;
      SLUICE_TRY(auto line, openshift::fix_trigger(*access.side.client, one.use, targets_.context()));
      out.push_back(target.target.label() + ": " + one.use.shown() + ": " + std::move(line));
    }
  }
  return out;
}

}  // namespace sluice::promotion
