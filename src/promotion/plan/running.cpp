#include "promotion/plan/running.hpp"

#include "openshift/streams/tags.hpp"
#include "promotion/plan/workload_plan.hpp"

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
    image.accepted.insert(digests[i]->text());
    out.images.push_back(std::move(image));
  }
  return out;
}

/// Digests that pods of a workload may run, by what its tags stand for. What the tags say themselves costs nothing;
/// other names of the same images (of a platform, of a config) are asked for only where a pod runs another digest.
class Accepted {
 public:
  Accepted(Targets& targets, const TargetAccess& access, const PlannedTarget& planned)
      : targets_(targets), access_(access), planned_(planned) {}

  bool runs_only(const openshift::RunningWorkload& workload, const std::vector<openshift::WorkloadUse>& uses) {
    std::set<std::string> known;
    for (const auto* image : images_of(workload, uses)) known.insert(image->after.text());
    if (within(workload, known)) return true;
    for (const auto* image : images_of(workload, uses)) {
      const auto& more = described(*image);
      known.insert(more.begin(), more.end());
    }
    return within(workload, known);
  }

 private:
  static bool within(const openshift::RunningWorkload& workload, const std::set<std::string>& known) {
    return std::all_of(workload.digests.begin(), workload.digests.end(),
                       [&](const std::string& digest) { return known.contains(digest); });
  }

  std::vector<const PlannedImage*> images_of(const openshift::RunningWorkload& workload,
                                             const std::vector<openshift::WorkloadUse>& uses) const {
    std::vector<const PlannedImage*> out;
    for (const auto& use : uses) {
      if (use.kind != workload.kind || use.name != workload.name) continue;
      for (const auto& image : planned_.images) {
        if (image.name == use.tag.stream) out.push_back(&image);
      }
    }
    return out;
  }

  const std::set<std::string>& described(const PlannedImage& image) {
    const auto [known, first] = described_.try_emplace(image.name);
    if (!first) return known->second;
    const auto facts = openshift::describe_image(*access_.side.client, access_.target.project, image.name,
                                                 image.after.text(), targets_.context());
    if (facts) known->second.insert(facts->accepted.begin(), facts->accepted.end());
    return known->second;
  }

  Targets& targets_;
  const TargetAccess& access_;
  const PlannedTarget& planned_;
  std::map<std::string, std::set<std::string>> described_;
};

Result<std::vector<RunningHere>> at_target(Targets& targets, const TargetAccess& access,
                                           const std::vector<std::string>& images, const std::string& tag) {
  SLUICE_TRY(const auto planned, as_it_stands(targets, access, images, tag));
  SLUICE_TRY(const auto uses, judge_target(access, planned, {.follow = false}, targets.context()));
  Accepted accepted(targets, access, planned);
  std::vector<RunningHere> out;
  for (const auto& workload : uses.running) {
    RunningHere here{.target = access.target.label(),
                     .kind = std::string(to_string(workload.kind)),
                     .name = workload.name,
                     .wanted = workload.wanted,
                     .ready = workload.ready,
                     .digests = workload.digests,
                     .rolling = workload.rolling};
    here.right = accepted.runs_only(workload, uses.uses);
    out.push_back(std::move(here));
  }
  return out;
}

}  // namespace

Result<std::vector<RunningHere>> what_runs_at(Targets& targets, const TargetAccess& access,
                                              const std::vector<std::string>& images, const std::string& tag) {
  if (!access.streams) return std::vector<RunningHere>();
  auto here = at_target(targets, access, images, tag);
  if (!here && here.error().kind() == ErrorKind::denied) return std::vector<RunningHere>();
  return std::move(here).context("looking at what runs in " + access.target.label());
}

}  // namespace sluice::promotion
