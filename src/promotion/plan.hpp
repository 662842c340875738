#pragma once
// Plan: what a promotion will do, per target, and the hash that approvals and `promote --plan` hang on. Pure.

#include "base/finding.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "cluster/workload_findings.hpp"
#include "copy/survey.hpp"
#include "oci/digest.hpp"
#include "pipeline/pipeline.hpp"
#include "records/records.hpp"

#include <cstdint>
#include <optional>
#include <set>
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
  copy::Amounts blobs{};
  std::uint64_t retries = 0;  ///< of transfers of its blobs
  /// Cheapest first. Not recorded: a promotion that is resumed looks again.
  std::vector<copy::ConsideredRoad> considered{};
  /// "linux/amd64", of an index that was read; empty: nobody read it, or it is none. Not recorded.
  std::optional<std::vector<std::string>> platforms{};
  /// Brought by the cluster's own means, out of the history of `source`; else by the copy engine.
  bool by_api = false;
  bool must_stream = false;   ///< the copy engine may not mount
  pipeline::Target source{};  ///< with `by_api`: whose stream has it, or whose registry the cluster pulls from
  /// Digests by which a runtime may call the image; not recorded, found out again.
  std::set<std::string> accepted{};

  /// What the moving tag stands for before the promotion.
  const std::optional<oci::Digest>& before() const { return tags.back().before; }
  bool changes() const;
};

/// A workload that uses one of the release's tags, and what becomes of it.
struct PlannedWorkload {
  std::string kind;  ///< "DeploymentConfig"
  std::string name;
  std::vector<std::string> tags;  ///< "web:live"
  cluster::UseAction action = cluster::UseAction::none;
  bool pause = false;  ///< for the time of the switch, so that several images make one rollout
  std::string why{};   ///< why it will not roll
  friend bool operator==(const PlannedWorkload&, const PlannedWorkload&) = default;
};

struct PlannedTarget {
  pipeline::Target target;
  std::vector<PlannedImage> images;
  std::vector<Finding> findings;
  bool streams = false;    ///< image streams stand behind it: tags are set through the API
  bool push_tags = false;  ///< we may not set them there: they are pushed, as to a plain registry
  std::optional<std::vector<PlannedWorkload>> workloads{};  ///< empty: nobody can look (no API)
  /// Tags move, or a rollout has to be started.
  bool changes() const;
  bool sets_tags() const { return streams && !push_tags; }
};

struct Plan {
  std::string app;
  std::string environment;
  records::PromotionKind kind = records::PromotionKind::promote;
  std::optional<std::int64_t> release;  ///< empty while the release is not made yet
  std::vector<PlannedTarget> targets;
  std::vector<Finding> findings;
  pipeline::Verify verify{};
  bool rollback_on_failure = false;

  /// "sha256:..." over canonical JSON of app, environment, kind, target identities with a road that was asked for, and
  /// per image its name, its digest, the tags and what they stand for now; the workloads and what becomes of each. Not
  /// in it: release number, bytes, roads chosen freely, origins, time.
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
