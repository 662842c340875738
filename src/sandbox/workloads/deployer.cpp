#include "sandbox/workloads/deployer.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/config.hpp"
#include "sandbox/workloads/defaults.hpp"
#include "sandbox/workloads/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

using What = PhaseStep::What;

int order_of(std::string_view phase) {
  if (phase == "New") return 0;
  if (phase == "Pending") return 1;
  if (phase == "Running") return 2;
  return 3;
}

std::string phase_of_pod(const Json& pod) {
  const auto phase = text_at(pod, {"status", "phase"});
  if (phase == "Succeeded") return "Complete";
  return phase.empty() ? "Pending" : phase;
}

PhaseStep to_phase(std::string_view phase, std::string_view reason = "") {
  return {What::set_phase, std::string(phase), std::string(reason)};
}

PhaseStep follow(std::string_view now, const Json& pod) {
  const auto next = phase_of_pod(pod);
  // The phase only moves forward.
  return order_of(next) > order_of(now) ? to_phase(next) : PhaseStep{};
}

}  // namespace

PhaseStep next_phase(const Json& controller, const ObjectRef& pod) {
  const auto phase = phase_of(controller);
  const bool cancelled = is_cancelled(controller);
  if (phase == "New") {
    if (pod && annotation(*pod, kDeploymentName) != name_of(controller)) {
      return to_phase("Failed", "unrelated pod with the same name as this deployment is already running");
    }
    // A cancelled one passes through Pending, so that it counts as in flight until its pod is gone.
    if (cancelled) return pod ? PhaseStep{What::delete_pod, "", ""} : to_phase("Pending");
    if (!pod) return {What::create_pod, "", ""};
    return follow(phase, *pod);
  }
  if (phase != "Pending" && phase != "Running") return {};
  if (!pod) return to_phase("Failed", cancelled ? "" : "deployer pod no longer exists");
  const auto pod_phase = text_at(*pod, {"status", "phase"});
  if (cancelled && pod_phase != "Succeeded" && pod_phase != "Failed") return {What::delete_pod, "", ""};
  return follow(phase, *pod);
}

Json with_phase(const Json& controller, const PhaseStep& step) {
  auto changed = controller;
  annotate(changed, kPhase, step.phase);
  if (!step.reason.empty()) annotate(changed, kStatusReason, step.reason);
  if (step.phase == "Complete") {
    annotate(changed, kReplicas, annotation(controller, kDesiredReplicas));
    remove_annotation(changed, kDesiredReplicas);
    // Too late: the cancellation came after the end.
    remove_annotation(changed, kCancelled);
  }
  return changed;
}

std::string deployer_name(std::string_view controller) { return fmt::format("{}-deploy", controller); }

Json make_deployer_pod(const Json& controller, const Json& config, std::string_view image) {
  const auto name = name_of(controller);
  auto pod = Json::object();
  set_at(pod, {"metadata", "labels", kDeployerFor}, name);
  for (const auto& [key, value] : at(config, {"spec", "strategy", "labels"}).members()) {
    set_at(pod, {"metadata", "labels", key}, value);
  }
  annotate(pod, kConfigName, annotation(controller, kConfigName));
  annotate(pod, kDeploymentName, name);
  annotate(pod, "openshift.io/scc", "restricted");
  make_at(pod, {"metadata", "ownerReferences"}).push(owner_reference(kReplicationControllers, controller, false));
  auto container = Json::object();
  container.set("name", "deployment");
  container.set("image", image);
  for (const auto& [variable, value] : {std::pair{"OPENSHIFT_DEPLOYMENT_NAME", name},
                                        std::pair{"OPENSHIFT_DEPLOYMENT_NAMESPACE", namespace_of(controller)}}) {
    auto entry = Json::object();
    entry.set("name", variable);
    entry.set("value", value);
    make_at(container, {"env"}).push(std::move(entry));
  }
  container.set("imagePullPolicy", "IfNotPresent");
  make_at(pod, {"spec", "containers"}).push(std::move(container));
  set_at(pod, {"spec", "restartPolicy"}, "Never");
  set_at(pod, {"spec", "terminationGracePeriodSeconds"}, 10);
  set_at(pod, {"spec", "activeDeadlineSeconds"},
         number_at(config, {"spec", "strategy", "activeDeadlineSeconds"}, 21600));
  set_at(pod, {"spec", "serviceAccountName"}, "deployer");
  default_pod(pod);
  set_at(pod, {"status", "phase"}, "Pending");
  set_at(pod, {"status", "qosClass"}, "BestEffort");
  return pod;
}

DeployerMove next_move(const DeployerView& view) {
  using Move = DeployerMove::What;
  if (!view.rolling) {
    if (view.old_replicas > 0) return {Move::scale_old, 0};
    if (view.old_pods > 0) return {Move::wait, 0};
    if (view.new_replicas != view.desired) return {Move::scale_new, view.desired};
    return {view.new_available >= view.desired ? Move::done : Move::wait, 0};
  }
  const auto room = view.desired + view.surge - view.old_replicas - view.new_replicas;
  const auto up = std::min(view.desired, view.new_replicas + room);
  if (up > view.new_replicas) return {Move::scale_new, up};
  if (view.old_replicas > 0) {
    // Old pods that serve nobody may always go.
    const auto idle = view.old_replicas - view.old_available;
    const auto spare = view.old_available + view.new_available - (view.desired - view.unavailable);
    const auto less = std::min(view.old_replicas, std::max<std::int64_t>(0, spare) + std::max<std::int64_t>(0, idle));
    if (less > 0) return {Move::scale_old, view.old_replicas - less};
    return {Move::wait, 0};
  }
  return {view.new_replicas == view.desired && view.new_available >= view.desired ? Move::done : Move::wait, 0};
}

}  // namespace sluice::sandbox
