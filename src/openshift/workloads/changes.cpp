#include "openshift/workloads/changes.hpp"

#include "kube/status.hpp"
#include "openshift/workloads/template.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::openshift {

namespace {

// What kubectl writes: any change of the template is a new revision. Source: kubectl, "rollout restart".
constexpr std::string_view kRestartedAt = "kubectl.kubernetes.io/restartedAt";

Error paused_error(const WorkloadRef& workload) {
  return Error(ErrorKind::blocked,
               fmt::format("{} of {} is paused: no rollout can be started", workload.shown(), workload.project))
      .with_hint(fmt::format("resume it with: oc rollout resume {}/{} -n {}", short_name(workload.kind), workload.name,
                             workload.project));
}

// No answer came to a write, so nobody knows yet whether it was done.
bool may_have_arrived(const Error& error) {
  if (const auto* failure = kube::failure_of(error)) return failure->code >= 500;
  return error.kind() == ErrorKind::unreachable || error.kind() == ErrorKind::timeout;
}

// One try of pausing or resuming: whether something was written. The version that was read goes along, so that nobody
// can have done the same in between. `unsure`: an earlier try may have arrived; what it wanted is then taken for its
// work. Set when this one may have.
Result<bool> try_paused(kube::Client& client, const WorkloadRef& workload, bool paused, bool& unsure,
                        const net::ExchangeContext& context) {
  const auto& resource = resource_of(workload.kind);
  SLUICE_TRY(const auto json, client.read(resource, workload.project, workload.name, "", context));
  SLUICE_CHECK(check_uid(workload, json));
  if (kube::flag_at(json, {"spec", "paused"}) == paused) return unsure;
  Json patch = Json::object();
  kube::set_at(patch, {"metadata", "resourceVersion"}, kube::text_at(json, {"metadata", "resourceVersion"}));
  kube::set_at(patch, {"spec", "paused"}, paused);
  auto written = client.patch_json(resource, workload.project, workload.name, kube::PatchType::merge, patch, context);
  if (written) return true;
  unsure = unsure || may_have_arrived(written.error());
  return std::move(written).error();
}

Result<bool> set_paused(kube::Client& client, const WorkloadRef& workload, bool paused,
                        const net::ExchangeContext& context) {
  if (!can_pause(workload.kind)) {
    return Error(ErrorKind::usage, fmt::format("a {} cannot be paused", to_string(workload.kind)));
  }
  const auto& timing = client.connection().timing();
  bool unsure = false;
  for (int attempt = 1;; ++attempt) {
    auto written = try_paused(client, workload, paused, unsure, context);
    if (written || attempt == kube::kConflictTries) return written;
    const auto* failure = kube::failure_of(written.error());
    const bool is_stale = failure != nullptr && failure->is_stale();
    // What may have arrived is read back, not written blindly again; reading waits for the server.
    if (!is_stale && !may_have_arrived(written.error())) return written;
    const auto wait = std::chrono::milliseconds(static_cast<long long>(20.0 * attempt * fraction_of(timing)));
    if (!timing.pause(wait, context.stop)) {
      return Error(ErrorKind::cancelled, fmt::format("stopped while {} of {} was {}", workload.shown(),
                                                     workload.project, paused ? "paused" : "resumed"));
    }
  }
}

// 422 on spec.paused: "deployment config ... is paused - unpause to request a new deployment".
bool says_paused(const Error& error) {
  const auto* failure = kube::failure_of(error);
  return failure != nullptr && std::any_of(failure->causes.begin(), failure->causes.end(),
                                           [](const kube::ApiCause& cause) { return cause.field == "spec.paused"; });
}

Status restart(kube::Client& client, const WorkloadRef& workload, const net::ExchangeContext& context) {
  // In seconds, two restarts at once would be one.
  const auto now = std::chrono::floor<std::chrono::microseconds>(client.connection().timing().wall());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  Json patch = Json::object();
  kube::set_at(patch, {"spec", "template", "metadata", "annotations", kRestartedAt},
               fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                           (now - seconds).count()));
  SLUICE_CHECK(client.patch_json(resource_of(workload.kind), workload.project, workload.name,
                                 kube::PatchType::strategic, patch, context));
  return {};
}

// Whether anything was changed.
Result<bool> put_images(Json& object, const WorkloadRef& workload, const std::vector<ContainerImage>& images) {
  SLUICE_CHECK(check_uid(workload, object));
  auto* pod_spec = pod_spec_of(object, workload.kind);
  bool changed = false;
  for (const auto& image : images) {
    auto* container = container_in(pod_spec, image.container, image.init);
    if (container == nullptr) {
      return Error(ErrorKind::not_found, fmt::format("{} of {} has no {}container {}", workload.shown(),
                                                     workload.project, image.init ? "init " : "", image.container));
    }
    if (container->string_at("image") == image.pull_spec) continue;
    container->set("image", image.pull_spec);
    changed = true;
  }
  return changed;
}

// Without triggers nothing looks at the template. The version may be raised by one along with it, as clients of old
// started rollouts. Source: openshift-apiserver, deploymentconfig strategy, "PrepareForUpdate".
void start_with_write(Json& object) {
  if (!kube::list_at(object, {"spec", "triggers"}).empty() || kube::flag_at(object, {"spec", "paused"})) return;
  kube::set_at(object, {"status", "latestVersion"}, kube::number_at(object, {"status", "latestVersion"}) + 1);
}

// A second request would be a second rollout: when no answer came, the version tells whether the first one arrived.
Status instantiate_once(kube::Client& client, const WorkloadRef& workload, std::int64_t version,
                        const net::ExchangeContext& context) {
  for (int attempt = 1;; ++attempt) {
    const auto started = client.instantiate(workload.project, workload.name, true, true, context);
    if (started) return {};
    if (says_paused(started.error())) return paused_error(workload);
    if (!may_have_arrived(started.error()) || attempt == kube::kConflictTries) return started.error();
    SLUICE_TRY(const auto now, client.get<kube::DeploymentConfig>(workload.project, workload.name, context));
    SLUICE_CHECK(check_uid(workload, now.json()));
    if (now.latest_version() > version) return {};
  }
}

}  // namespace

bool can_pause(WorkloadKind kind) {
  return kind == WorkloadKind::deployment_config || kind == WorkloadKind::deployment;
}

Result<bool> pause_workload(kube::Client& client, const WorkloadRef& workload, const net::ExchangeContext& context) {
  return set_paused(client, workload, true, context);
}

Status resume_workload(kube::Client& client, const WorkloadRef& workload, const net::ExchangeContext& context) {
  const auto written = set_paused(client, workload, false, context);
  if (written || is_gone(written.error())) return {};
  return written.error();
}

Status start_rollout(kube::Client& client, const WorkloadRef& workload, const net::ExchangeContext& context) {
  if (workload.kind == WorkloadKind::cron_job || workload.kind == WorkloadKind::build_config) {
    return Error(ErrorKind::usage, fmt::format("a {} has no rollouts", to_string(workload.kind)));
  }
  SLUICE_TRY(const auto json, client.read(resource_of(workload.kind), workload.project, workload.name, "", context));
  SLUICE_CHECK(check_uid(workload, json));
  // The API would let a paused Deployment be restarted: it rolls when it is resumed.
  if (can_pause(workload.kind) && kube::flag_at(json, {"spec", "paused"})) return paused_error(workload);
  if (workload.kind != WorkloadKind::deployment_config) return restart(client, workload, context);
  return instantiate_once(client, workload, kube::DeploymentConfig(json).latest_version(), context);
}

Status set_images(kube::Client& client, const WorkloadRef& workload, const std::vector<ContainerImage>& images,
                  const net::ExchangeContext& context) {
  const auto change = [&](Json& object) -> Result<bool> {
    SLUICE_TRY(const bool changed, put_images(object, workload, images));
    if (changed && workload.kind == WorkloadKind::deployment_config) start_with_write(object);
    return changed;
  };
  return update_workload(client, workload, change, context);
}

}  // namespace sluice::openshift
