#pragma once
// Shadow: what another way of promoting left at an environment, beside what a plan would bring there. Nothing is
// written: a team sees for a while where the two differ before it lets go of the old way.

#include "base/json.hpp"
#include "oci/manifest.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/plan/planner.hpp"
#include "promotion/targets/places.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::promotion {

/// How an image that stands there differs from the one that a plan would bring.
enum class Difference : std::uint8_t {
  none,
  nothing_there,  ///< the tag is not there
  one_platform,   ///< it is one image out of the index
  packed_anew,    ///< the same image by its config, under another manifest
  another_image,
  not_known,  ///< another digest, and its manifest could not be read
};
std::string_view to_string(Difference difference);

/// Manifests of one image: children before parents, the image itself last. Empty: it could not be read.
using Manifests = std::vector<std::shared_ptr<const oci::Manifest>>;

/// How the two differ, and which platforms the one that is there does not have. Pure.
struct Compared {
  Difference difference = Difference::none;
  std::vector<std::string> lost_platforms{};  ///< "linux/arm64"
};
Compared compare(const std::optional<oci::Digest>& there, const Manifests& old, const oci::Digest& ours_digest,
                 const Manifests& ours);

struct ShadowTag {
  std::string tag;
  std::optional<oci::Digest> there{};
  bool same = false;
};

struct ShadowImage {
  std::string name;
  std::vector<ShadowTag> tags;  ///< as the plan would write them, the moving one last
  oci::Digest ours;
  Compared compared;
  std::string sentence{};  ///< how they differ; empty: they do not
};

struct ShadowWorkload {
  std::string kind;
  std::string name;
  bool same = true;
  std::string sentence;  ///< what becomes of it by either way
};

struct ShadowTarget {
  pipeline::Target target;
  std::vector<ShadowImage> images;
  std::vector<ShadowWorkload> workloads;
  std::size_t differences() const;
};

/// What becomes of a workload by the old way, which moves a tag and no more, and by ours. Pure.
ShadowWorkload shadow_of(const PlannedWorkload& workload);

/// Looks at what stands at each target of a plan. What cannot be read is not_known. Errors: cancelled.
Result<std::vector<ShadowTarget>> look_at_shadow(Places& places, const Planned& planned, const std::stop_token& stop);

/// The shape of schemas/shadow.schema.json, without its explanations.
Json to_json(const Plan& plan, const std::vector<ShadowTarget>& targets);

}  // namespace sluice::promotion
