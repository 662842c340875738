#include "promotion/running.hpp"

#include "cluster/stream_tags.hpp"
#include "promotion/workload_plan.hpp"

#include <algorithm>
#include <map>

namespace sluice::promotion {

namespace {

// The target as if what it holds was to be promoted: nothing moves.
Result<PlannedTarget> as_it_stands(Targets& targets, const TargetAccess& access, const std::vector<std::string>& images,
                                   const std::string& tag) {
  PlannedTarget out{.target = access.target, .images = {}, .findings = {}};
  out.streams = access.streams;
  SLUICE_TRY(const auto digests, targets.digests(access.target, images, tag));
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (!digests[i]) continue;
    PlannedImage image{.name = images[i], .after = *digests[i], .tags = {{tag, digests[i]}}, .origins = {}};
    const auto facts = cluster::describe_image(*access.side.client, access.target.project, images[i],
                                               digests[i]->text(), targets.context());
    if (facts) image.accepted.insert(facts->accepted.begin(), facts->accepted.end());
    image.accepted.insert(digests[i]->text());
    out.images.push_back(std::move(image));
  }
  return out;
}

Result<std::vector<RunningHere>> at_target(Targets& targets, const TargetAccess& access,
                                           const std::vector<std::string>& images, const std::string& tag) {
  SLUICE_TRY(const auto planned, as_it_stands(targets, access, images, tag));
  SLUICE_TRY(const auto uses, judge_target(access, planned, false, false, targets.context()));
  std::map<std::pair<cluster::WorkloadKind, std::string>, std::set<std::string>> accepted;
  for (const auto& use : uses.uses) {
    for (const auto& image : planned.images) {
      if (image.name == use.tag.stream)
        accepted[{use.kind, use.name}].insert(image.accepted.begin(), image.accepted.end());
    }
  }
  std::vector<RunningHere> out;
  for (const auto& workload : uses.running) {
    const auto& known = accepted[{workload.kind, workload.name}];
    RunningHere here{.target = access.target.label(),
                     .kind = std::string(to_string(workload.kind)),
                     .name = workload.name,
                     .wanted = workload.wanted,
                     .ready = workload.ready,
                     .digests = workload.digests,
                     .rolling = workload.rolling};
    here.right = std::all_of(workload.digests.begin(), workload.digests.end(),
                             [&](const std::string& digest) { return known.contains(digest); });
    out.push_back(std::move(here));
  }
  return out;
}

}  // namespace

Result<std::vector<RunningHere>> what_runs(Targets& targets, const pipeline::Pipeline& pipeline,
                                           const pipeline::Environment& environment, const std::string& tag) {
  std::vector<RunningHere> out;
  for (const auto& target : environment.targets) {
    SLUICE_TRY(const auto access, targets.open(target));
    if (!access.streams) continue;
    auto here = at_target(targets, access, pipeline.images, tag);
    if (!here && here.error().kind() == ErrorKind::denied) continue;
    if (!here) return std::move(here).error().context("looking at what runs in " + target.label());
    out.insert(out.end(), std::make_move_iterator(here->begin()), std::make_move_iterator(here->end()));
  }
  return out;
}

}  // namespace sluice::promotion
