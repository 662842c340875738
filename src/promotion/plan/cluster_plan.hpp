#pragma once
// Planning for a target with an API, in two halves: before the registries are looked at (tags, roads), and after
// (preflight, workloads). Nothing is written.

#include "base/result.hpp"
#include "openshift/preflight/rights.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/targets/targets.hpp"

#include <vector>

namespace sluice::promotion {

/// What was found out of one image for the preflight: from the source's API, or from its manifests.
struct ImageKnowledge {
  std::string media_type;
  std::vector<openshift::ImagePart> parts;
};

/// First half: fills in what the tags stand for now, roads and sources. Images that the copy engine is to bring stay
/// `by_api == false`. What cannot be asked, and roads that do not lead there, become findings.
/// Errors: those of opening the target, and of its streams but `denied`.
Status look_at_tags(Targets& targets, PlannedTarget& planned);

/// Second half: preflight of every image, workloads, their findings. `knowledge`: image by image.
Status look_at_rest(Targets& targets, const Plan& plan, PlannedTarget& planned,
                    const std::vector<ImageKnowledge>& knowledge);

/// At the end: what the administrators wrote about targets and sources, the sources themselves, and the places of those
/// that were opened. Asks nobody. Errors: those of Places::settings_of.
Status look_at_sides(Targets& targets, Plan& plan);

/// What the API knows of the images that it brings, with `all` of those that come from a cluster; others stay empty.
/// Fills in PlannedImage::accepted as well.
Result<std::vector<ImageKnowledge>> knowledge_of(Targets& targets, PlannedTarget& planned, bool all = false);

/// Whether the API lets us set tags; who may not can still push them. True when it cannot be asked: the preflight
/// tells.
bool may_tag(const TargetAccess& access, const net::ExchangeContext& context);

}  // namespace sluice::promotion
