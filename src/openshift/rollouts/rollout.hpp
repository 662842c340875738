#pragma once
// Rollout: what becomes of a workload after its tag has moved. State goes in, a decision comes out; never is the
// rollout that was already there taken for the new one. Pure. Reading and waiting: rollout_follow.hpp. Source:
// openshift oc, rollout status of DeploymentConfigs; kubectl, "rollout status"; DeploymentConfig controller.

#include "kube/objects/core.hpp"
#include "kube/objects/workloads.hpp"
#include "openshift/workloads/workloads.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::openshift {

/// A workload as it was before the switch.
struct WorkloadSnapshot {
  WorkloadKind kind = WorkloadKind::deployment;
  std::string project;
  std::string name;
  std::string uid;
  std::int64_t generation = 0;
  std::int64_t latest_version = 0;  ///< of a DeploymentConfig
  std::string revision;             ///< of a Deployment, or the update revision of a StatefulSet
  std::vector<kube::Container> containers;
  bool old_api = false;  ///< a CronJob in its old place
  /// When it was taken by the API server's clock, in RFC 3339; "" when it is not known. What the cluster said before is
  /// about an earlier rollout.
  std::string taken{};

  std::string shown() const { return std::string(to_string(kind)) + " " + name; }
};

/// A container and what it has to run.
struct ExpectedImage {
  std::string container;
  bool init = false;
  std::string digest;              ///< that the tag stands for
  std::set<std::string> accepted;  ///< what a runtime may call it: index, platform manifest or config digest
};

/// One workload to be followed.
struct Followed {
  WorkloadSnapshot before;
  std::vector<ExpectedImage> images;
  TriggerVerdict verdict = TriggerVerdict::fires;
  std::string why{};       ///< of a verdict other than `fires`
  bool must_roll = false;  ///< a rollout was asked for, even where the image stays what it is
};

/// What a tag was moved to.
struct PromotedTag {
  StreamTag tag;                   ///< with the new digest
  std::set<std::string> accepted;  ///< see ExpectedImage; the tag's digest counts in any case
};

/// Snapshots of who uses the tags, to be taken before the switch. Builds are left out. Uses that will not fire stand
/// for themselves, so that they end with their reason.
std::vector<Followed> followed_workloads(const Workloads& workloads, const std::vector<WorkloadUse>& uses,
                                         const std::vector<PromotedTag>& promoted);

/// What is known of one workload now. Borrowed.
struct LiveWorkload {
  const kube::Object* object = nullptr;
  bool deleted = false;                            ///< it was there and is gone
  std::vector<const kube::Object*> controllers{};  ///< ReplicationControllers or ReplicaSets that it owns
  std::vector<const kube::Pod*> pods{};            ///< of the workload and of its controllers
  std::vector<const kube::Pod*> gone{};            ///< pods as they were last before they were deleted; the newest only
  const kube::Pod* deployer = nullptr;             ///< the deployer pod of the newest rollout
  std::vector<const kube::Event*> warnings{};      ///< about any of these
};

/// How following a workload ends.
enum class RolloutEnd : std::uint8_t {
  succeeded,
  already_running,  ///< it ran the image before; there is no rollout
  next_run,         ///< a CronJob: its next job runs the image
  superseded,       ///< somebody rolled something else out in the meantime
  failed,
  timed_out,
  wrong_image,    ///< rolled out, and pods run something else
  paused,         ///< rolled out when somebody resumes it
  not_triggered,  ///< nothing will happen: see the verdict
  on_delete,      ///< pods are replaced when somebody deletes them
  gone,           ///< the workload was deleted
};
std::string_view to_string(RolloutEnd end);
/// The image runs, or will with the next job, or when somebody deletes the pods.
bool is_good(RolloutEnd end);

struct RolloutDecision {
  enum class Step : std::uint8_t {
    waiting,  ///< the rollout has not begun
    rolling,
    complete,  ///< the cluster says so; the pods are to be checked
    ended,
  };
  Step step = Step::waiting;
  RolloutEnd end = RolloutEnd::succeeded;  ///< with `ended`; with `complete` what it is when the pods are right
  std::string what{};                      ///< a clause without the name: "waiting for the trigger"
  std::string rollout{};    ///< what is followed: "web-2", the ReplicaSet's name, the revision; "" when waiting
  std::string owner_uid{};  ///< whose pods are the new ones
  std::string pod_hash{};   ///< their controller-revision-hash; "" when the owner tells them
  std::int64_t wanted = 0;  ///< pods
  std::int64_t ready = 0;   ///< of the new ones
  std::int64_t old = 0;     ///< pods of before that are still there
  bool timed_out = false;   ///< `failed` because the cluster's own deadline passed
};

/// What is certain without looking: nothing will happen. Empty for all others.
std::optional<RolloutDecision> decided_before(const Followed& followed);

/// Decides. `seen` is the `rollout` of the last decision that was rolling or complete, "" before: with it superseded
/// ones are told from those that have not begun.
RolloutDecision decide_rollout(const Followed& followed, const LiveWorkload& live, const std::string& seen);

/// The pods that a decision is about.
std::vector<const kube::Pod*> new_pods(const RolloutDecision& decision, const Followed& followed,
                                       const LiveWorkload& live);

/// What the new pods run.
struct PodCheck {
  std::int64_t right = 0;            ///< pods in which every container is known to run an accepted digest
  std::vector<std::string> unknown;  ///< pods that do not say it yet
  std::vector<std::string> wrong;    ///< "web-2-x1 runs sha256:... in the container web"
  std::set<std::string> digests;     ///< seen in bound containers
};
PodCheck check_pods(const std::vector<const kube::Pod*>& pods, const std::vector<ExpectedImage>& images);

}  // namespace sluice::openshift
