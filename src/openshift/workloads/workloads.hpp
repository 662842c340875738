#pragma once
// Workloads: what of a project uses given tags of image streams, and whether the cluster will act when such a tag
// moves. Reading is one list per kind, however many workloads there are; judging is pure.
// Source: openshift-controller-manager pkg/image/trigger; library-go pkg/image/trigger.

#include "base/result.hpp"
#include "kube/client.hpp"
#include "kube/objects/workloads.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::openshift {

enum class WorkloadKind : std::uint8_t {
  deployment_config,
  deployment,
  stateful_set,
  daemon_set,
  cron_job,
  build_config,
};
/// "DeploymentConfig", ...
std::string_view to_string(WorkloadKind kind);
/// As the command line of the cluster calls it: "dc", "deployment", ...
std::string_view short_name(WorkloadKind kind);

/// A tag of an image stream, and what it stands for.
struct StreamTag {
  std::string project;
  std::string stream;
  std::string tag;
  std::string digest{};  ///< of the image that it names now; empty: unknown, or there is none yet
  /// "web:live".
  std::string name() const { return stream + ":" + tag; }
  std::string shown() const { return project + "/" + name(); }
};

/// The digest that an image reference ends with; "" when there is none.
std::string digest_in(std::string_view image);
/// Whether an image reference leads to the stream, by any name of the registry.
bool is_of_stream(std::string_view image, std::string_view project, std::string_view stream);

/// What happens to a workload when the tag moves.
enum class TriggerVerdict : std::uint8_t {
  fires,            ///< the cluster sets the new image and rolls it out; a build starts
  paused,           ///< the image is set, the rollout waits until somebody resumes the workload
  manual,           ///< there is a trigger, and it is switched off
  missing,          ///< runs an image of the stream, and nothing follows the tag
  wrong_container,  ///< the trigger names a container that is not there
  other_tag,        ///< follows, or runs, another tag of the stream
  no_such_tag,      ///< follows a tag of the stream that holds no image
  other_project,    ///< follows a tag of that name in another project
  malformed,        ///< the cluster cannot read the trigger, and says nothing
  held,             ///< waits for another trigger, whose tag was never there
};
std::string_view to_string(TriggerVerdict verdict);

/// A container that a trigger sets, or that runs an image of the stream.
struct BoundContainer {
  std::string name;
  std::string image;  ///< in the template now
  bool init = false;
  bool differs = false;  ///< the tag's digest is known, and this is something else
};

/// One workload and one tag.
struct WorkloadUse {
  WorkloadKind kind = WorkloadKind::deployment;
  std::string project;
  std::string name;
  std::string uid;
  StreamTag tag;
  TriggerVerdict verdict = TriggerVerdict::missing;
  std::vector<BoundContainer> containers;  ///< none for builds, and when nobody can tell
  std::string why;                         ///< why it will not fire; "" when it does
  std::string fix;                         ///< the command that mends it; may be empty
  /// Containers that run an image of the stream and that no trigger of the workload sets.
  std::vector<BoundContainer> left{};
  std::string follow_left{};  ///< the command that lets the tag set them, too; "" when there are none
  std::string twice{};        ///< two triggers of it set one container: the sentence; "" when there are none
  std::string untwice{};      ///< the command that leaves one of them
  bool takes_turns = false;   ///< the two follow different tags
  bool on_delete = false;     ///< its pods are replaced when somebody deletes them

  /// "DeploymentConfig web".
  std::string shown() const { return std::string(to_string(kind)) + " " + name; }
  bool differs() const;
};

/// A kind that could not be read. Not fatal: what is there is judged.
struct UnreadKind {
  WorkloadKind kind = WorkloadKind::deployment;
  bool denied = false;  ///< else the server has no such kind
  std::string sentence;
};

/// What a project has, as it was at about one moment.
struct Workloads {
  std::vector<kube::DeploymentConfig> configs;
  std::vector<kube::Deployment> deployments;
  std::vector<kube::StatefulSet> stateful_sets;
  std::vector<kube::DaemonSet> daemon_sets;
  std::vector<kube::CronJob> cron_jobs;
  std::vector<kube::BuildConfig> builds;
  std::vector<UnreadKind> unread;
};

/// One list per kind (more only beyond 500 objects of one, and where CronJobs have their old place).
/// Errors: those of Client::list but denied and not_found, which become `unread`.
Result<Workloads> read_workloads(kube::Client& client, std::string_view project, const net::ExchangeContext& context);

/// What is known of tags that workloads follow beside the promoted ones.
struct KnownTags {
  std::set<std::string> streams;  ///< "prod/web": those that were read, or are not there
  std::set<std::string> filled;   ///< "prod/web:live": tags of them that hold an image
  /// Whether a tag ("prod", "web:live") holds an image; empty: nobody looked, or may.
  std::optional<bool> holds(std::string_view project, std::string_view name) const;
};
/// The streams of tags that workloads follow and that decide how a use of `tags` is judged: another tag of a promoted
/// stream, or a tag that a DeploymentConfig waits for. "project/stream", each once; none in the usual case. Pure.
std::vector<std::pair<std::string, std::string>> streams_to_ask(const Workloads& workloads,
                                                                const std::vector<StreamTag>& tags);
/// Reads them, one request for each. What may not be read stays unknown. Errors: those of Client::get but denied.
Result<KnownTags> read_known_tags(kube::Client& client, const Workloads& workloads, const std::vector<StreamTag>& tags,
                                  const net::ExchangeContext& context);

/// Who uses the tags; workloads that have nothing to do with any of them are left out. One entry for each workload, tag
/// and verdict. Pure.
std::vector<WorkloadUse> judge_workloads(const Workloads& workloads, const std::vector<StreamTag>& tags,
                                         const KnownTags& known = {});

}  // namespace sluice::openshift
