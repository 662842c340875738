#pragma once
// Plan: what a promotion will do, per target, and the hash that approvals and `promote --plan` hang on. Pure.

#include "base/finding.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "copy/survey.hpp"
#include "findings/acceptance.hpp"
#include "oci/digest.hpp"
#include "openshift/workloads/findings.hpp"
#include "pipeline/pipeline.hpp"
#include "promotion/plan/side_settings.hpp"
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
  oci::Digest after;                      ///< what the tags stand for when it is done
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
  pipeline::Target source{};  ///< with `by_api`: whose stream has it, or whose registry the cluster pulls from
  /// Digests by which a runtime may call the image; not recorded, found out again.
  std::set<std::string> accepted{};
  /// How many signatures OpenShift keeps with the image at its source, where they are to go along to another cluster.
  /// Empty: they are not, or nobody could see. Not recorded.
  std::optional<int> openshift_signatures{};
  /// The digest that was tested, where the way to this target changed it and `after` is what arrived; else empty.
  std::optional<oci::Digest> tested{};

  /// Of what the moving tag stands for before, the same; empty: nothing had changed it.
  std::optional<oci::Digest> tested_before{};
  /// What is attached to it at its source; empty: nobody knows. Not recorded, found out again.
  std::optional<std::vector<copy::AttachmentState>> attachments{};
  /// Whose stream has them, where the cluster sets their tags. Empty: the copy engine brings them, or nobody does.
  std::optional<pipeline::Target> attachments_from{};

  /// Its digest in the release, the same at every target.
  const oci::Digest& of_release() const { return tested ? *tested : after; }
  /// It stands at the target as `arrived` now, and may be read there alone.
  void take_arrival(oci::Digest arrived, const pipeline::Target& target);
  /// What the moving tag stands for before the promotion.
  const std::optional<oci::Digest>& before() const { return tags.back().before; }
  bool changes() const;
  /// Something that is attached to it has to be brought.
  bool brings_attachments() const;
};

/// A workload that uses one of the release's tags, and what becomes of it.
struct PlannedWorkload {
  std::string kind;  ///< "DeploymentConfig"
  std::string name;
  std::vector<std::string> tags;  ///< "web:live"
  openshift::UseAction action = openshift::UseAction::none;
  bool pause = false;  ///< for the time of the switch, so that several images make one rollout
  std::string why{};   ///< why it will not roll
  /// Of its pods, without the images that the plan sets: openshift/workloads/template_hash.hpp. Empty: it cannot be
  /// read.
  std::optional<std::string> template_hash{};
  friend bool operator==(const PlannedWorkload&, const PlannedWorkload&) = default;
};

struct PlannedTarget {
  pipeline::Target target;
  std::vector<PlannedImage> images;
  std::vector<Finding> findings;
  bool streams = false;    ///< image streams stand behind it: tags are set through the API
  bool push_tags = false;  ///< we may not set them there: they are pushed, as to a plain registry
  std::optional<std::vector<PlannedWorkload>> workloads{};  ///< empty: nobody can look (no API)
  SideSettings settings{};
  std::string user{};  ///< as whom its API is spoken to; empty: unknown, or no API. Not recorded.
  copy::AttachmentsHeld attachments_held = copy::AttachmentsHeld::all;  ///< by what stands behind it
  /// Tags move, a rollout has to be started, or attachments have to be brought.
  bool changes() const;
  /// The first image by name: its place has the lease and knows most of an open promotion. Everybody who promotes this
  /// app takes the same one. Precondition: there are images.
  const PlannedImage& head() const;
  /// The id of what is there before, as a release; empty: nothing is.
  std::string id_before() const;
  bool sets_tags() const { return streams && !push_tags; }
};

/// A place that images may be read from.
struct PlannedSource {
  pipeline::Target target;
  SideSettings settings{};
};

/// Where a release gets its number.
struct Numbering {
  std::string line;      ///< the app and the place of birth of its first image
  std::string image;     ///< the repository that keeps the claims
  bool ledgers = false;  ///< image streams stand at the place of birth; else its registry gives the numbers
  /// The place of birth, then the first target of the environment that comes next: the same two for everybody with this
  /// pipeline, wherever they promote to. Of image streams the first that we may write to gives the number; both are
  /// read, since others may have other rights (memory/ledger_claim.hpp). A registry gives numbers as the place of birth
  /// alone: a claim there is seen by everybody at once, so nobody can compare it with another place first. Empty:
  /// nothing is kept at places, and no number is given out.
  std::vector<pipeline::Target> places{};
  std::int64_t at_least = 0;  ///< the largest number that is known to be given out. Not recorded.
};

struct Plan {
  std::string app;
  std::string environment;
  records::PromotionKind kind = records::PromotionKind::promote;
  std::string release_id{};             ///< of what it brings
  std::optional<std::int64_t> release;  ///< its number; empty: it has none
  std::vector<PlannedTarget> targets;
  std::vector<Finding> findings;
  std::vector<PlannedSource> sources{};  ///< the origins of all images, each once, in their order
  pipeline::Verify verify{};
  pipeline::MemoryWish memory{};
  Numbering numbering{};
  bool rollback_on_failure = false;
  bool leaves_attachments = false;  ///< --no-attachments
  bool digest_may_change = false;   ///< somebody accepts that an engine pushes another image than the one it pulled
  findings::Accepted accepts{};     ///< codes of findings that somebody accepts: `accept:` of the environment, --accept

  /// "sha256:..." over canonical JSON of all that decides what happens and how it is judged: app, environment, kind;
  /// per target its identity, what the administrators wrote about it, a road that was asked for, per image its name,
  /// digest, tags and what they stand for now, the workloads with what becomes of each and their templates; the
  /// sources; how it is verified, what a failure leads to, and what was accepted. Everybody who may promote gets the
  /// same one, from every machine. Not in it: release number, bytes, roads chosen freely, names of clusters, as whom
  /// one is logged in, time.
  std::string hash() const;
  bool blocked() const;
  bool changes() const;
  copy::Amounts bytes() const;
};

/// The origins of all images, each once by identity, in their order. Pure.
std::vector<pipeline::Target> sources_of(const Plan& plan);

/// Something of a workload stays on the image of before, though its rollout ends well: container-not-followed,
/// waits-for-delete, trigger-no-such-tag.
bool keeps_other_image(const Finding& finding);
/// Those of the plan, then those of its targets.
std::vector<Finding> all_findings(const Plan& plan);

/// The shape of schemas/plan.schema.json.
Json to_json(const Plan& plan);
Json to_json(const Finding& finding);
Json accepts_json(const findings::Accepted& accepts);
/// The shape of "attachment" in schemas/copy.schema.json; null: nobody knows.
Json attachments_json(const std::optional<std::vector<copy::AttachmentState>>& attachments);
Json to_json(const copy::Amounts& amounts);

/// What records keep: enough to act again without the pipeline file.
Json to_record(const Plan& plan);
/// The same with the images by name alone, and the release's content: with what each image's own memory holds, any
/// machine can go on, also where not all images had heard of it yet.
Json remembered_record(const Plan& plan, const records::Release& release);
/// The findings that somebody accepted in a plan that is kept, by this program or an older one.
findings::Accepted accepts_from(const Json& record);
/// The content that it names; empty: it names none. An image that cannot be read is left out.
std::vector<records::ReleaseImage> remembered_content(const Json& record);
/// Errors: storage (records that this program did not write).
Result<Plan> from_record(const Json& record);
/// A plan without tags out of what remembered_record() gave: every image has the release's digest, and may be read from
/// any of the sources. Errors: storage (it names no content, or is none of ours).
Result<Plan> from_remembered(const Json& record);

}  // namespace sluice::promotion
