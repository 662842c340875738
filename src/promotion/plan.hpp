#pragma once
// Plan: what a promotion will do, per target, and the hash that approvals and `promote --plan` hang on. Pure.

#include "base/finding.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "copy/survey.hpp"
#include "oci/digest.hpp"
#include "pipeline/pipeline.hpp"
#include "records/records.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::promotion {

struct PlannedTag {
  std::string tag;
  std::optional<oci::Digest> before;
};

/// One image at one target.
struct PlannedImage {
  std::string name;
  oci::Digest after;
  std::vector<PlannedTag> tags;           ///< pins first, the tag that workloads watch last
  std::vector<pipeline::Target> origins;  ///< where it may be read from, best first
  copy::Road road = copy::Road::stream;
  std::string why{};
  copy::Amounts bytes{};

  /// What the moving tag stands for before the promotion.
  const std::optional<oci::Digest>& before() const { return tags.back().before; }
  bool changes() const;
};

struct PlannedTarget {
  pipeline::Target target;
  std::vector<PlannedImage> images;
  std::vector<Finding> findings;
  bool changes() const;
};

struct Plan {
  std::string app;
  std::string environment;
  records::PromotionKind kind = records::PromotionKind::promote;
  std::optional<std::int64_t> release;  ///< empty while the release is not made yet
  std::vector<PlannedTarget> targets;
  std::vector<Finding> findings;

  /// "sha256:..." over canonical JSON of app, environment, kind, target identities, and per image its name, its digest,
  /// the tags and what they stand for now. Not in it: release number, bytes, roads, origins, time.
  std::string hash() const;
  bool blocked() const;
  bool changes() const;
  copy::Amounts bytes() const;
};

/// The shape of schemas/plan.schema.json.
Json to_json(const Plan& plan);
Json to_json(const Finding& finding);
Json to_json(const copy::Amounts& amounts);

/// What records keep: enough to act again without the pipeline file.
Json to_record(const Plan& plan);
/// Errors: storage (records that this program did not write).
Result<Plan> from_record(const Json& record);

}  // namespace sluice::promotion
