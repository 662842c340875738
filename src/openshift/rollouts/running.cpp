#include "openshift/rollouts/running.hpp"

#include "openshift/rollouts/rollout.hpp"
#include "openshift/rollouts/view.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::openshift {

namespace {

using Step = RolloutDecision::Step;

// One list; empty when it may not be read, or the server has no such kind.
Result<std::optional<std::vector<kube::Object>>> read_kind(kube::Client& client, std::string_view project,
                                                           const kube::Resource& resource,
                                                           const net::ExchangeContext& context) {
  kube::Selection selection;
  selection.project = project;
  auto listed = client.list_json(resource, selection, context);
  if (!listed) {
    const auto kind = listed.error().kind();
    if (kind != ErrorKind::denied && kind != ErrorKind::not_found) return std::move(listed).error();
    return std::optional<std::vector<kube::Object>>();
  }
  std::vector<kube::Object> out;
  out.reserve(listed->items.size());
  for (auto& item : listed->items) out.emplace_back(std::move(item));
  return std::optional(std::move(out));
}

// The workloads as they are: what they are held to is what their own templates say. One entry for each.
std::vector<Followed> as_they_are(const Workloads& workloads, const std::vector<WorkloadUse>& uses) {
  std::vector<PromotedTag> tags;
  for (const auto& use : uses) tags.push_back({use.tag, {}});
  std::vector<Followed> out;
  for (auto& one : followed_workloads(workloads, uses, tags)) {
    if (one.before.kind == WorkloadKind::cron_job) continue;
    const auto same =
        std::find_if(out.begin(), out.end(), [&](const Followed& other) { return other.before.uid == one.before.uid; });
    auto& into = same != out.end() ? *same : out.emplace_back(Followed{std::move(one.before), {}});
    for (auto& image : one.images) {
      const auto known = [&](const ExpectedImage& other) {
        return other.container == image.container && other.init == image.init;
      };
      if (std::none_of(into.images.begin(), into.images.end(), known)) into.images.push_back(std::move(image));
    }
  }
  return out;
}

// The followed, told of by their own templates: bound containers, or all of them when nobody can tell which are.
Followed held_to_template(const Followed& followed) {
  Followed out{followed.before, {}};
  for (const auto& container : followed.before.containers) {
    const auto bound = [&](const ExpectedImage& image) {
      return image.container == container.name && image.init == container.init;
    };
    if (followed.images.empty() || std::any_of(followed.images.begin(), followed.images.end(), bound)) {
      out.images.push_back({container.name, container.init, digest_in(container.image), {}});
    }
  }
  return out;
}

std::int64_t wanted_pods(const Followed& followed, const kube::Object& object) {
  if (followed.before.kind == WorkloadKind::daemon_set) return kube::DaemonSet(object.json()).replicas().wanted;
  return kube::number_at(object.json(), {"spec", "replicas"});
}

bool is_on_delete(const kube::Object& object) {
  return kube::text_at(object.json(), {"spec", "updateStrategy", "type"}) == "OnDelete";
}

std::vector<const kube::Pod*> lasting(const std::vector<const kube::Pod*>& pods) {
  std::vector<const kube::Pod*> out;
  for (const auto* pod : pods) {
    const auto phase = pod->phase();
    if (!pod->is_deleted() && phase != "Succeeded" && phase != "Failed") out.push_back(pod);
  }
  return out;
}

RunningWorkload running_of(const Followed& followed, const LiveWorkload& live) {
  const auto decision = decide_rollout(held_to_template(followed), live, "");
  RunningWorkload out;
  out.kind = followed.before.kind;
  out.name = followed.before.name;
  out.wanted = wanted_pods(followed, *live.object);
  // A paused workload has no rollout that its template tells; what is ready is that of the one before.
  const bool known = !decision.owner_uid.empty();
  const bool paused = decision.step == Step::ended && decision.end == RolloutEnd::paused;
  if (known || paused)
    out.ready = known ? decision.ready : kube::number_at(live.object->json(), {"status", "readyReplicas"});
  // Nothing of the cluster replaces these pods, so that waiting for it would not end.
  out.rolling = (decision.step == Step::waiting || decision.step == Step::rolling) && !is_on_delete(*live.object);
  const auto pods = lasting(live.pods);
  for (const auto& image : followed.images) {
    RunningContainer container{image.container, image.init, check_pods(pods, {image}).digests};
    out.digests.insert(container.digests.begin(), container.digests.end());
    out.containers.push_back(std::move(container));
  }
  return out;
}

// The kinds of controllers between these workloads and their pods.
std::vector<std::pair<WorkloadKind, kube::Resource>> controllers_of(const std::vector<Followed>& followed) {
  std::vector<std::pair<WorkloadKind, kube::Resource>> out;
  const auto any = [&](WorkloadKind kind) {
    return std::any_of(followed.begin(), followed.end(), [&](const Followed& one) { return one.before.kind == kind; });
  };
  if (any(WorkloadKind::deployment_config)) {
    out.emplace_back(WorkloadKind::deployment_config, kube::ReplicationController::kResource);
  }
  if (any(WorkloadKind::deployment)) out.emplace_back(WorkloadKind::deployment, kube::ReplicaSet::kResource);
  return out;
}

void show_workloads(const Workloads& workloads, RolloutView& view) {
  const auto show = [&](WorkloadKind kind, const auto& objects) {
    for (const auto& object : objects)
      view.apply(to_string(kind), {kube::Change::added, kube::Object(object.json()), false});
  };
  show(WorkloadKind::deployment_config, workloads.configs);
  show(WorkloadKind::deployment, workloads.deployments);
  show(WorkloadKind::stateful_set, workloads.stateful_sets);
  show(WorkloadKind::daemon_set, workloads.daemon_sets);
}

}  // namespace

Result<std::vector<RunningWorkload>> read_running(kube::Client& client, std::string_view project,
                                                  const Workloads& workloads, const std::vector<WorkloadUse>& uses,
                                                  const net::ExchangeContext& context) {
  const auto followed = as_they_are(workloads, uses);
  std::vector<RunningWorkload> out;
  if (followed.empty()) return out;
  RolloutView view(followed);
  show_workloads(workloads, view);
  const auto show = [&](const kube::Resource& resource, std::vector<kube::Object> objects) {
    for (auto& object : objects) view.apply(resource.kind, {kube::Change::added, std::move(object), false});
  };
  std::set<WorkloadKind> unread;
  for (const auto& [kind, resource] : controllers_of(followed)) {
    SLUICE_TRY(auto controllers, read_kind(client, project, resource, context));
    if (controllers) show(resource, std::move(*controllers));
    if (!controllers) unread.insert(kind);
  }
  SLUICE_TRY(auto pods, read_kind(client, project, kube::Pod::kResource, context));
  if (!pods) return out;
  show(kube::Pod::kResource, std::move(*pods));
  for (std::size_t i = 0; i < followed.size(); ++i) {
    const auto live = view.of(i);
    if (live.object == nullptr || unread.contains(followed[i].before.kind)) continue;
    out.push_back(running_of(followed[i], live));
  }
  return out;
}

}  // namespace sluice::openshift
