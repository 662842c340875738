// Snapshots before a switch, and which pods are the new ones and what they run.
#include "base/text.hpp"
#include "openshift/rollouts/rollout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::openshift {

namespace {

template <class T>
WorkloadSnapshot plain(WorkloadKind kind, const T& object) {
  return {kind,
          object.project(),
          object.name(),
          object.uid(),
          object.generation(),
          0,
          "",
          object.containers(),
          kube::text_at(object.json(), {"apiVersion"}) == kube::CronJob::kOldResource.api_version(),
          {}};
}

using ByUid = std::map<std::string, WorkloadSnapshot, std::less<>>;

ByUid snapshots_of(const Workloads& workloads) {
  ByUid out;
  const auto add = [&](WorkloadSnapshot snapshot) {
    auto uid = snapshot.uid;
    out.insert_or_assign(std::move(uid), std::move(snapshot));
  };
  for (const auto& config : workloads.configs) {
    auto snapshot = plain(WorkloadKind::deployment_config, config);
    snapshot.latest_version = config.latest_version();
    add(std::move(snapshot));
  }
  for (const auto& deployment : workloads.deployments) {
    auto snapshot = plain(WorkloadKind::deployment, deployment);
    snapshot.revision = deployment.revision();
    add(std::move(snapshot));
  }
  for (const auto& set : workloads.stateful_sets) {
    auto snapshot = plain(WorkloadKind::stateful_set, set);
    snapshot.revision = set.update_revision();
    add(std::move(snapshot));
  }
  for (const auto& set : workloads.daemon_sets) add(plain(WorkloadKind::daemon_set, set));
  for (const auto& job : workloads.cron_jobs) add(plain(WorkloadKind::cron_job, job));
  return out;
}

const PromotedTag* promoted_as(const std::vector<PromotedTag>& promoted, const StreamTag& tag) {
  const auto found = std::find_if(promoted.begin(), promoted.end(), [&](const PromotedTag& candidate) {
    return candidate.tag.project == tag.project && candidate.tag.name() == tag.name();
  });
  return found == promoted.end() ? nullptr : &*found;
}

void expect(Followed& followed, const WorkloadUse& use, const PromotedTag& promoted) {
  for (const auto& container : use.containers) {
    ExpectedImage image{container.name, container.init, promoted.tag.digest, promoted.accepted};
    image.accepted.insert(promoted.tag.digest);
    followed.images.push_back(std::move(image));
  }
}

bool runs_digest(const kube::Pod& pod, const ExpectedImage& image) {
  for (const auto& container : pod.containers()) {
    if (container.name == image.container && container.init == image.init) {
      return digest_in(container.image) == image.digest;
    }
  }
  return false;
}

bool is_finished(const kube::Pod& pod) { return pod.phase() == "Succeeded" || pod.phase() == "Failed"; }

/// What one container of a pod runs; "" when it is not known yet.
std::string running_digest(const std::vector<kube::Pod::ContainerStatus>& statuses, const ExpectedImage& image) {
  for (const auto& status : statuses) {
    if (status.name == image.container && status.init == image.init) return status.digest();
  }
  return {};
}

}  // namespace

std::vector<Followed> followed_workloads(const Workloads& workloads, const std::vector<WorkloadUse>& uses,
                                         const std::vector<PromotedTag>& promoted) {
  const auto snapshots = snapshots_of(workloads);
  std::vector<Followed> out;
  std::map<std::string, std::size_t> rolling;  // uid -> index of the entry that will roll
  for (const auto& use : uses) {
    const auto snapshot = snapshots.find(use.uid);
    const auto* tag = promoted_as(promoted, use.tag);
    if (snapshot == snapshots.end() || tag == nullptr) continue;
    // All images that come by triggers come as one rollout, or as few.
    const bool rolls = use.verdict == TriggerVerdict::fires;
    const auto known = rolling.find(use.uid);
    if (rolls && known != rolling.end()) {
      expect(out[known->second], use, *tag);
      continue;
    }
    if (rolls) rolling.emplace(use.uid, out.size());
    out.push_back({snapshot->second, {}, use.verdict, use.why, false});
    expect(out.back(), use, *tag);
  }
  return out;
}

std::vector<const kube::Pod*> new_pods(const RolloutDecision& decision, const Followed& followed,
                                       const LiveWorkload& live) {
  std::vector<const kube::Pod*> out;
  for (const auto* pod : live.pods) {
    if (pod->is_deleted() || is_finished(*pod)) continue;
    const auto owner = pod->controller();
    if (!owner || owner->uid != decision.owner_uid) continue;
    if (!decision.pod_hash.empty()) {
      const auto labels = pod->labels();
      const auto hash = labels.find("controller-revision-hash");
      if (hash == labels.end() || hash->second != decision.pod_hash) continue;
    }
    // A DaemonSet owns old and new pods alike, and its status does not name its revision: the images tell.
    const bool by_image = followed.before.kind == WorkloadKind::daemon_set;
    if (by_image && !std::all_of(followed.images.begin(), followed.images.end(),
                                 [&](const ExpectedImage& image) { return runs_digest(*pod, image); })) {
      continue;
    }
    out.push_back(pod);
  }
  return out;
}

PodCheck check_pods(const std::vector<const kube::Pod*>& pods, const std::vector<ExpectedImage>& images) {
  PodCheck out;
  for (const auto* pod : pods) {
    const auto statuses = pod->statuses();
    bool unknown = false;
    bool wrong = false;
    for (const auto& image : images) {
      const auto digest = running_digest(statuses, image);
      if (digest.empty()) {
        unknown = true;
        continue;
      }
      out.digests.insert(digest);
      if (digest == image.digest || image.accepted.contains(digest)) continue;
      wrong = true;
      out.wrong.push_back(fmt::format("{} runs {} in the container {}, not {}", pod->name(), digest,
                                      text::printable(image.container), image.digest));
    }
    if (!wrong && unknown) out.unknown.push_back(pod->name());
    if (!wrong && !unknown) ++out.right;
  }
  return out;
}

}  // namespace sluice::openshift
