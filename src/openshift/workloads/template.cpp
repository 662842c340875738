#include "openshift/workloads/template.hpp"

#include "kube/status.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace sluice::openshift {

namespace {

/// Marks the error of check_uid(): a conflict of another sort than a stale version.
class AnotherObject final : public ErrorDetail {};

}  // namespace

const kube::Resource& resource_of(WorkloadKind kind) {
  switch (kind) {
    case WorkloadKind::deployment_config:
      return kube::DeploymentConfig::kResource;
    case WorkloadKind::deployment:
      return kube::Deployment::kResource;
    case WorkloadKind::stateful_set:
      return kube::StatefulSet::kResource;
    case WorkloadKind::daemon_set:
      return kube::DaemonSet::kResource;
    case WorkloadKind::cron_job:
      return kube::CronJob::kResource;
    case WorkloadKind::build_config:
      break;
  }
  return kube::BuildConfig::kResource;
}

Status check_uid(const WorkloadRef& workload, const Json& object) {
  if (workload.uid.empty() || kube::text_at(object, {"metadata", "uid"}) == workload.uid) return {};
  return Error(ErrorKind::conflict, fmt::format("{} of {} was deleted, and another one has its name now",
                                                workload.shown(), workload.project))
      .with_hint("plan again")
      .with_detail(std::make_shared<AnotherObject>());
}

bool is_gone(const Error& error) {
  return error.kind() == ErrorKind::not_found || dynamic_cast<const AnotherObject*>(error.detail()) != nullptr;
}

Json* pod_spec_of(Json& object, WorkloadKind kind) {
  Json* here = &object;
  const auto go = [&](std::string_view step) { here = here != nullptr ? here->find(step) : nullptr; };
  go("spec");
  if (kind == WorkloadKind::cron_job) {
    go("jobTemplate");
    go("spec");
  }
  go("template");
  go("spec");
  return here;
}

Json* container_in(Json* pod_spec, std::string_view name, bool init) {
  auto* list = pod_spec != nullptr ? pod_spec->find(init ? "initContainers" : "containers") : nullptr;
  auto* items = list != nullptr ? list->elements() : nullptr;
  if (items == nullptr) return nullptr;
  for (auto& item : *items) {
    if (item.string_at("name") == name) return &item;
  }
  return nullptr;
}

Status update_workload(kube::Client& client, const WorkloadRef& workload,
                       const std::function<Result<bool>(Json&)>& change, const net::ExchangeContext& context) {
  auto written = client.update_json(resource_of(workload.kind), workload.project, workload.name, change, context);
  // Before Kubernetes 1.21, CronJobs stand under another version.
  const bool old = !written && workload.kind == WorkloadKind::cron_job &&
                   kube::failure_of(written.error()) != nullptr && written.error().kind() == ErrorKind::not_found;
  if (old) written = client.update_json(kube::CronJob::kOldResource, workload.project, workload.name, change, context);
  if (!written) return std::move(written).error();
  return {};
}

}  // namespace sluice::openshift
