#pragma once
// Which road an image takes to a target of a cluster with image streams, and why. Pure. Roads between plain registries
// are the copy engine's matter (copy/decide.hpp).

#include "base/result.hpp"
#include "copy/road.hpp"
#include "pipeline/pipeline.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::promotion {

/// A place that the image may come from.
struct RoadOrigin {
  pipeline::Target target;
  bool has_image = false;  ///< its stream's history has the digest, in the cluster of the target
};

struct RoadQuestion {
  pipeline::Target target;
  std::optional<pipeline::Via> via{};  ///< that was asked for
  bool has_image = false;              ///< the target's own stream has the digest
  bool may_tag = true;                 ///< tags may be set through the API
  std::vector<RoadOrigin> origins;     ///< best first
};

struct RoadAnswer {
  bool by_api = false;  ///< else the copy engine brings it or hands it to a container engine, and says which road
  copy::Road road = copy::Road::stream;
  pipeline::Target source{};  ///< with by_api: where it is
  std::string why;            ///< one clause; empty when the copy engine says it
};

/// The roads that a cluster has beside those of the copy engine, and why each is taken or not: present, tag, import;
/// with `by_api` mount and stream as well, which are not needed then. `answer` is that of choose_road().
std::vector<copy::ConsideredRoad> considered_roads(const RoadQuestion& question, const RoadAnswer& answer);

/// Errors: blocked, when the road that was asked for does not lead there; says why.
Result<RoadAnswer> choose_road(const RoadQuestion& question);

}  // namespace sluice::promotion
