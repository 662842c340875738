#include "sandbox/workloads/deployment.hpp"

#include "base/hash.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace sluice::sandbox {

namespace {

using What = DeploymentStep::What;
using Sets = std::vector<ObjectRef>;

std::int64_t replicas_of(const Json& object) { return number_at(object, {"spec", "replicas"}); }
std::int64_t available_of(const Json& object) { return number_at(object, {"status", "availableReplicas"}); }

std::int64_t revision_of(const Json& set) { return number_in(annotation(set, kRevision)); }

std::int64_t sum(const Sets& sets, std::int64_t (*part)(const Json&)) {
  std::int64_t total = 0;
  for (const auto& set : sets) total += part(*set);
  return total;
}

bool recreates(const Json& deployment) { return text_at(deployment, {"spec", "strategy", "type"}) == "Recreate"; }

Fences fences_of(const Json& deployment) {
  if (recreates(deployment)) return {};
  const auto& params = at(deployment, {"spec", "strategy", "rollingUpdate"});
  return fences(at(params, {"maxSurge"}), at(params, {"maxUnavailable"}), replicas_of(deployment));
}

Sets without(const Sets& sets, const ObjectRef& one) {
  Sets others;
  std::copy_if(sets.begin(), sets.end(), std::back_inserter(others), [&](const ObjectRef& set) { return set != one; });
  std::stable_sort(others.begin(), others.end(),
                   [](const ObjectRef& a, const ObjectRef& b) { return revision_of(*a) < revision_of(*b); });
  return others;
}

DeploymentStep scale(const ObjectRef& set, std::int64_t replicas) {
  DeploymentStep step;
  step.what = What::scale;
  step.set = set;
  step.replicas = replicas;
  return step;
}

/// How far the new set (with `has` replicas) may go up now.
std::int64_t wanted_by_new(const Json& deployment, const Sets& sets, std::int64_t has) {
  const auto wanted = replicas_of(deployment);
  if (recreates(deployment) || has > wanted) return wanted;
  const auto room = wanted + fences_of(deployment).surge - sum(sets, replicas_of);
  return has + std::clamp<std::int64_t>(room, 0, wanted - has);
}

/// Old sets that may give up pods: first those that serve nobody, then as many as can be missed.
std::optional<DeploymentStep> shrink_old(const Json& deployment, const Sets& sets, const ObjectRef& current) {
  const auto old = without(sets, current);
  const auto min_available = replicas_of(deployment) - fences_of(deployment).unavailable;
  const auto new_missing = replicas_of(*current) - available_of(*current);
  const auto may_go = sum(sets, replicas_of) - min_available - new_missing;
  if (may_go <= 0) return std::nullopt;
  for (const auto& set : old) {
    const auto idle = replicas_of(*set) - available_of(*set);
    if (replicas_of(*set) > 0 && idle > 0) return scale(set, replicas_of(*set) - std::min(idle, may_go));
  }
  const auto spare = sum(sets, available_of) - min_available;
  if (spare <= 0) return std::nullopt;
  for (const auto& set : old) {
    if (replicas_of(*set) > 0) return scale(set, replicas_of(*set) - std::min(replicas_of(*set), spare));
  }
  return std::nullopt;
}

std::optional<DeploymentStep> prune(const Json& deployment, const Sets& sets, const ObjectRef& current) {
  const auto limit = number_at(deployment, {"spec", "revisionHistoryLimit"}, 10);
  auto idle = without(sets, current);
  std::erase_if(
      idle, [](const ObjectRef& set) { return replicas_of(*set) > 0 || number_at(*set, {"status", "replicas"}) > 0; });
  if (static_cast<std::int64_t>(idle.size()) <= limit) return std::nullopt;
  DeploymentStep step;
  step.what = What::prune;
  step.set = idle.front();
  return step;
}

std::optional<DeploymentStep> empty_old(const Sets& sets, const ObjectRef& current) {
  for (const auto& set : without(sets, current)) {
    if (replicas_of(*set) > 0) return scale(set, 0);
  }
  return std::nullopt;
}

Json without_hash(const Json& pod_template) {
  auto plain = pod_template;
  remove_at(plain, {"metadata", "labels", kTemplateHash});
  return plain;
}

bool complete(const Json& deployment, const Json& status) {
  const auto wanted = replicas_of(deployment);
  return number_at(status, {"updatedReplicas"}) == wanted && number_at(status, {"replicas"}) == wanted &&
         number_at(status, {"availableReplicas"}) == wanted;
}

bool moved_on(const Json& before, const Json& status) {
  const auto old_ones = [](const Json& which) {
    return number_at(which, {"replicas"}) - number_at(which, {"updatedReplicas"});
  };
  return number_at(status, {"updatedReplicas"}) > number_at(before, {"updatedReplicas"}) ||
         old_ones(status) < old_ones(before) ||
         number_at(status, {"readyReplicas"}) > number_at(before, {"readyReplicas"}) ||
         number_at(status, {"availableReplicas"}) > number_at(before, {"availableReplicas"});
}

void set_progress(Json& status, const Json& deployment, const ObjectRef& current, std::string_view now) {
  if (at(deployment, {"spec", "progressDeadlineSeconds"}).is_null()) return drop_condition(status, "Progressing");
  const auto name = current ? fmt::format("ReplicaSet \"{}\"", name_of(*current))
                            : fmt::format("Deployment \"{}\"", name_of(deployment));
  const bool done_before = number_at(status, {"replicas"}) == number_at(status, {"updatedReplicas"}) &&
                           condition_reason(status, "Progressing") == "NewReplicaSetAvailable";
  if (done_before) return;
  if (complete(deployment, status)) {
    set_condition(status, {"Progressing", "True", "NewReplicaSetAvailable", name + " has successfully progressed."},
                  now);
  } else if (moved_on(at(deployment, {"status"}), status)) {
    refresh_condition(status, {"Progressing", "True", "ReplicaSetUpdated", name + " is progressing."}, now);
  } else if (const auto left = time_to_deadline(deployment, parse_time(now)); left && left->count() <= 0) {
    set_condition(status, {"Progressing", "False", "ProgressDeadlineExceeded", name + " has timed out progressing."},
                  now);
  }
}

/// True when the deployment is paused, or was until now: then nothing else is said about progress.
void set_pause(Json& status, const Json& deployment, std::string_view now) {
  const bool paused = flag_at(deployment, {"spec", "paused"});
  const auto reason = condition_reason(status, "Progressing");
  if (reason == "ProgressDeadlineExceeded") return;
  if (paused && reason != "DeploymentPaused") {
    set_condition(status, {"Progressing", "Unknown", "DeploymentPaused", "Deployment is paused"}, now);
  } else if (!paused && reason == "DeploymentPaused") {
    set_condition(status, {"Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed"}, now);
  }
}

void set_failure(Json& status, const Sets& sets, std::string_view now) {
  for (const auto& set : sets) {
    const auto* failure = find_condition(at(*set, {"status"}), "ReplicaFailure");
    if (failure == nullptr) continue;
    set_condition(status,
                  {"ReplicaFailure", text_at(*failure, {"status"}), text_at(*failure, {"reason"}),
                   text_at(*failure, {"message"})},
                  now);
    return;
  }
  drop_condition(status, "ReplicaFailure");
}

}  // namespace

std::string template_hash(const Json& pod_template) {
  static constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  const auto digest = hash_hex(HashAlgorithm::sha256, pod_template.canonical());
  std::string name;
  for (std::size_t i = 0; i < 10; ++i) {
    std::size_t value = 0;
    std::from_chars(digest.data() + 4 * i, digest.data() + 4 * i + 4, value, 16);
    name += kLetters[value % kLetters.size()];
  }
  return name;
}

ObjectRef current_set(const Json& deployment, const Sets& sets) {
  const auto wanted = without_hash(at(deployment, {"spec", "template"}));
  for (const auto& set : sets) {
    if (same_tree(without_hash(at(*set, {"spec", "template"})), wanted)) return set;
  }
  return nullptr;
}

std::int64_t next_revision(const Sets& sets) {
  std::int64_t newest = 0;
  for (const auto& set : sets) newest = std::max(newest, revision_of(*set));
  return newest + 1;
}

DeploymentStep next_step_of_deployment(const Json& deployment, const Sets& sets) {
  const auto current = current_set(deployment, sets);
  if (flag_at(deployment, {"spec", "paused"})) {
    if (current && replicas_of(*current) > replicas_of(deployment)) return scale(current, replicas_of(deployment));
    return {};
  }
  if (recreates(deployment)) {
    if (auto step = empty_old(sets, current)) return *step;
    const auto old = without(sets, current);
    // All old pods are gone before a new one starts.
    if (sum(old, [](const Json& set) { return number_at(set, {"status", "replicas"}); }) > 0) return {};
  }
  if (!current) {
    DeploymentStep step;
    step.what = What::create;
    step.replicas = wanted_by_new(deployment, sets, 0);
    step.revision = next_revision(sets);
    return step;
  }
  const auto others = next_revision(without(sets, current));
  if (revision_of(*current) < others) {
    DeploymentStep step;
    step.what = What::number;
    step.set = current;
    step.revision = others;
    return step;
  }
  const auto wanted = wanted_by_new(deployment, sets, replicas_of(*current));
  if (wanted != replicas_of(*current)) return scale(current, wanted);
  if (auto step = shrink_old(deployment, sets, current)) return *step;
  if (auto step = prune(deployment, sets, current)) return *step;
  return {};
}

Json make_replica_set(const Json& deployment, std::int64_t replicas, std::int64_t revision) {
  auto pod_template = at(deployment, {"spec", "template"});
  const auto hash = template_hash(pod_template);
  set_at(pod_template, {"metadata", "labels", kTemplateHash}, hash);
  auto set = Json::object();
  set_at(set, {"metadata", "name"}, fmt::format("{}-{}", name_of(deployment), hash));
  set_at(set, {"metadata", "generation"}, 1);
  set_at(set, {"metadata", "labels"}, at(pod_template, {"metadata", "labels"}));
  annotate(set, "deployment.kubernetes.io/desired-replicas", std::to_string(replicas_of(deployment)));
  annotate(set, "deployment.kubernetes.io/max-replicas",
           std::to_string(replicas_of(deployment) + fences_of(deployment).surge));
  annotate(set, kRevision, std::to_string(revision));
  make_at(set, {"metadata", "ownerReferences"}).push(owner_reference(kDeployments, deployment, true));
  set_at(set, {"spec", "replicas"}, replicas);
  const auto min_ready = number_at(deployment, {"spec", "minReadySeconds"});
  if (min_ready > 0) set_at(set, {"spec", "minReadySeconds"}, min_ready);
  set_at(set, {"spec", "selector"}, at(deployment, {"spec", "selector"}));
  set_at(set, {"spec", "selector", "matchLabels", kTemplateHash}, hash);
  set_at(set, {"spec", "template"}, std::move(pod_template));
  set_at(set, {"status", "replicas"}, 0);
  return set;
}

Json deployment_status(const Json& deployment, const Sets& sets, std::string_view now, bool created) {
  auto status = status_copy(deployment);
  const auto current = current_set(deployment, sets);
  const auto replicas = [](const Json& set) { return number_at(set, {"status", "replicas"}); };
  const auto ready = [](const Json& set) { return number_at(set, {"status", "readyReplicas"}); };
  const auto available = sum(sets, available_of);
  status.set("observedGeneration", number_at(deployment, {"metadata", "generation"}));
  set_count(status, "replicas", sum(sets, replicas));
  set_count(status, "updatedReplicas", current ? replicas(*current) : 0);
  set_count(status, "readyReplicas", sum(sets, ready));
  set_count(status, "availableReplicas", available);
  set_count(status, "unavailableReplicas", std::max<std::int64_t>(0, sum(sets, replicas_of) - available));
  const bool enough = available >= replicas_of(deployment) - fences_of(deployment).unavailable;
  set_condition(
      status,
      {"Available", enough ? "True" : "False", enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
       enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability."},
      now);
  set_pause(status, deployment, now);
  if (created && current && !at(deployment, {"spec", "progressDeadlineSeconds"}).is_null()) {
    refresh_condition(status,
                      {"Progressing", "True", "NewReplicaSetCreated",
                       fmt::format("Created new replica set \"{}\"", name_of(*current))},
                      now);
  } else if (!flag_at(deployment, {"spec", "paused"})) {
    set_progress(status, deployment, current, now);
  }
  set_failure(status, sets, now);
  return status;
}

std::optional<std::chrono::seconds> time_to_deadline(const Json& deployment, TimePoint now) {
  const auto limit = at(deployment, {"spec", "progressDeadlineSeconds"}).as_integer();
  const auto* progress = find_condition(at(deployment, {"status"}), "Progressing");
  if (!limit || progress == nullptr || flag_at(deployment, {"spec", "paused"})) return std::nullopt;
  const auto reason = text_at(*progress, {"reason"});
  if (reason == "NewReplicaSetAvailable" || reason == "ProgressDeadlineExceeded") return std::nullopt;
  const auto end = parse_time(text_at(*progress, {"lastUpdateTime"})) + std::chrono::seconds(*limit);
  return std::chrono::ceil<std::chrono::seconds>(end - now);
}

}  // namespace sluice::sandbox
