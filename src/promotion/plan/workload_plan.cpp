#include "promotion/plan/workload_plan.hpp"

#include "base/text.hpp"
#include "openshift/rollouts/running.hpp"
#include "openshift/workloads/changes.hpp"
#include "openshift/workloads/template_hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace sluice::promotion {

using openshift::UseAction;

namespace {

// What matters most first.
int weight(UseAction action) {
  switch (action) {
    case UseAction::blocked:
      return 0;
    case UseAction::patch:
      return 1;
    case UseAction::start:
      return 2;
    case UseAction::rolls:
      return 3;
    case UseAction::build:
      return 4;
    case UseAction::none:
      break;
  }
  return 5;
}

openshift::UseRequest request_for(const PlannedTarget& planned, const PlannedImage& image, const PlannedTag& tag,
                                  const UseWish& wish) {
  openshift::UseRequest request;
  request.cluster = planned.target.label();
  request.tag = {planned.target.project, image.name, tag.tag, image.after.text()};
  request.accepted = image.accepted;
  request.accepted.insert(image.after.text());
  request.tag_moves = tag.before != image.after;
  request.patch = planned.target.deploy == pipeline::Deploy::patch;
  // Pins of a version are for looking back; only the tag that is watched has to have somebody who uses it.
  request.follow = wish.follow && &tag == &image.tags.back();
  request.user = planned.user;
  request.accepts = wish.accepts;
  return request;
}

// What is about the workloads of a tag that is watched; pins of a version are for looking back.
bool is_of_watched_tag(const Finding& finding) {
  return finding.code == "nothing-uses-tag" || finding.code == "trigger-twice" || keeps_other_image(finding);
}

// The image of a container changes with the tag that it follows; with `deploy: patch` Sluice sets it.
bool sets_image(const openshift::JudgedUse& judged) {
  return judged.use.verdict == openshift::TriggerVerdict::fires ||
         judged.use.verdict == openshift::TriggerVerdict::paused || judged.action == UseAction::patch;
}

void add_templates(const TargetUses& uses, std::vector<PlannedWorkload>& workloads) {
  for (auto& workload : workloads) {
    const openshift::WorkloadUse* one = nullptr;
    std::set<openshift::ContainerName> set_by_plan;
    for (const auto& judged : uses.judged) {
      if (to_string(judged.use.kind) != workload.kind || judged.use.name != workload.name) continue;
      one = &judged.use;
      if (!sets_image(judged)) continue;
      for (const auto& container : judged.use.containers) set_by_plan.insert({container.name, container.init});
    }
    const auto* object = one != nullptr ? openshift::object_in(uses.workloads, one->kind, one->name) : nullptr;
    if (object != nullptr) workload.template_hash = openshift::template_hash(one->kind, *object, set_by_plan);
  }
}

}  // namespace

std::vector<openshift::StreamTag> stream_tags(const PlannedTarget& planned) {
  std::vector<openshift::StreamTag> out;
  for (const auto& image : planned.images) {
    for (const auto& tag : image.tags) out.push_back({planned.target.project, image.name, tag.tag, image.after.text()});
  }
  return out;
}

std::vector<PlannedWorkload> merge_uses(const std::vector<openshift::JudgedUse>& uses) {
  std::vector<PlannedWorkload> out;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> rolling;
  for (const auto& judged : uses) {
    const std::string kind(to_string(judged.use.kind));
    auto found = std::find_if(out.begin(), out.end(),
                              [&](const auto& one) { return one.kind == kind && one.name == judged.use.name; });
    if (found == out.end()) {
      out.push_back({.kind = kind, .name = judged.use.name, .tags = {}, .action = UseAction::none});
      found = std::prev(out.end());
    }
    if (std::find(found->tags.begin(), found->tags.end(), judged.use.tag.name()) == found->tags.end())
      found->tags.push_back(judged.use.tag.name());
    if (weight(judged.action) < weight(found->action)) {
      found->action = judged.action;
      found->why = judged.use.why;
    }
    if (judged.action != UseAction::rolls || !openshift::can_pause(judged.use.kind)) continue;
    auto& tags = rolling[{kind, judged.use.name}];
    tags.insert(judged.use.tag.name());
    if (tags.size() > 1 && found->action == UseAction::rolls) found->pause = true;
  }
  for (auto& workload : out) workload.pause = workload.pause && workload.action == UseAction::rolls;
  return out;
}

Result<TargetUses> judge_target(const TargetAccess& access, const PlannedTarget& planned, const UseWish& wish,
                                const net::ExchangeContext& context) {
  auto& client = *access.side.client;
  const auto& project = planned.target.project;
  TargetUses out;
  SLUICE_TRY(out.workloads, openshift::read_workloads(client, project, context));
  const auto tags = stream_tags(planned);
  SLUICE_TRY(const auto known, openshift::read_known_tags(client, out.workloads, tags, context));
  out.uses = openshift::judge_workloads(out.workloads, tags, known);
  SLUICE_TRY(out.running, openshift::read_running(client, project, out.workloads, out.uses, context));
  openshift::Needs lacking;
  if (wish.needs) {
    SLUICE_TRY(lacking, openshift::read_needs(client, project, out.workloads, out.uses, context));
  }
  for (const auto& image : planned.images) {
    for (const auto& tag : image.tags) {
      auto verdict = openshift::judge_uses(request_for(planned, image, tag, wish), out.uses, out.running, lacking,
                                           out.workloads.unread);
      if (&tag != &image.tags.back()) std::erase_if(verdict.findings, is_of_watched_tag);
      add_unique(out.findings, std::move(verdict.findings));
      for (auto& use : verdict.uses) out.judged.push_back(std::move(use));
    }
  }
  return out;
}

Status plan_workloads(const TargetAccess& access, const Plan& plan, PlannedTarget& planned,
                      const net::ExchangeContext& context) {
  const UseWish wish{.follow = plan.verify.rollout, .needs = true, .accepts = plan.accepts};
  SLUICE_TRY(auto judged, judge_target(access, planned, wish, context));
  add_unique(planned.findings, std::move(judged.findings));
  planned.workloads = merge_uses(judged.judged);
  add_templates(judged, *planned.workloads);
  for (const auto& workload : *planned.workloads) {
    if (!workload.pause) continue;
    std::set<std::string> images;
    for (const auto& tag : workload.tags) images.emplace(text::cut(tag, ':').first);
    planned.findings.push_back({.code = "rolls-once",
                                .severity = Severity::info,
                                .subject = workload.kind + " " + workload.name,
                                .sentence = fmt::format("uses {} of the release's images; it is paused while their "
                                                        "tags move, so that it rolls once",
                                                        images.size()),
                                .fix = {}});
  }
  return {};
}

}  // namespace sluice::promotion
