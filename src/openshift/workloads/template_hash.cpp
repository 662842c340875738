#include "openshift/workloads/template_hash.hpp"

#include "base/hash.hpp"
#include "openshift/workloads/template.hpp"

#include <algorithm>

namespace sluice::openshift {

namespace {

template <class T>
const Json* named(const std::vector<T>& objects, std::string_view name) {
  const auto found = std::find_if(objects.begin(), objects.end(), [&](const T& one) { return one.name() == name; });
  return found != objects.end() ? &found->json() : nullptr;
}

}  // namespace

const Json* object_in(const Workloads& workloads, WorkloadKind kind, std::string_view name) {
  switch (kind) {
    case WorkloadKind::deployment_config:
      return named(workloads.configs, name);
    case WorkloadKind::deployment:
      return named(workloads.deployments, name);
    case WorkloadKind::stateful_set:
      return named(workloads.stateful_sets, name);
    case WorkloadKind::daemon_set:
      return named(workloads.daemon_sets, name);
    case WorkloadKind::cron_job:
      return named(workloads.cron_jobs, name);
    case WorkloadKind::build_config:
      break;
  }
  return named(workloads.builds, name);
}

std::optional<std::string> template_hash(WorkloadKind kind, const Json& object,
                                         const std::set<ContainerName>& set_by_plan) {
  if (kind == WorkloadKind::build_config) return std::nullopt;
  auto copy = object;
  auto* pods = pod_spec_of(copy, kind);
  if (pods == nullptr) return std::nullopt;
  for (const auto& container : set_by_plan) {
    if (auto* found = container_in(pods, container.name, container.init)) found->remove("image");
  }
  const auto* spec = copy.find("spec");
  if (kind == WorkloadKind::cron_job) {
    spec = spec->find("jobTemplate");
    spec = spec->find("spec");
  }
  auto covered = Json::object().set("template", *spec->find("template"));
  if (const auto* strategy = spec->find("strategy"); kind == WorkloadKind::deployment_config && strategy != nullptr)
    covered.set("strategy", *strategy);
  return "sha256:" + hash_hex(HashAlgorithm::sha256, covered.canonical());
}

}  // namespace sluice::openshift
