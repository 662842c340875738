// The deployer controller: a pod per rollout, whose phase becomes the phase of the rollout.
#include "sandbox/workloads/deployer.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/config.hpp"
#include "sandbox/workloads/controllers/controllers.hpp"
#include "sandbox/workloads/events.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/outcome.hpp"
#include "sandbox/workloads/steps.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

namespace {

constexpr std::chrono::seconds kRetryRefused{10};

std::string_view deployer_image(Profile profile) {
  return profile == Profile::v3_11 ? "docker.io/openshift/origin-deployer:v3.11.0"
                                   : "quay.io/openshift/origin-deployer:4.14";
}

class DeployerController final : public Controller {
 public:
  void observe(const World& /*world*/, const Change& change, WorkQueue& queue) override {
    if (change.key.resource == kReplicationControllers) {
      if (change.what != Change::What::deleted) return queue.add(change.key);
      pacer_.forget(change.key);
      return refusals_.forget(change.key);
    }
    if (change.key.resource != kPods) return;
    const auto controller = label(*change.object, kDeployerFor);
    if (!controller.empty()) queue.add({std::string(kReplicationControllers), change.key.ns, controller});
  }

  void reconcile(World& world, const Key& key, WorkQueue& queue) override {
    const auto controller = world.store.get(key);
    // One that no config made has no phase; a new one is first counted by its own controller.
    if (!controller || phase_of(*controller).empty()) return;
    if (at(*controller, {"status", "observedGeneration"}).is_null()) return;
    const Key pod_key{std::string(kPods), key.ns, deployer_name(key.name)};
    const auto pod = world.store.get(pod_key);
    const auto step = next_phase(*controller, pod);
    switch (step.what) {
      case PhaseStep::What::nothing:
        return;
      case PhaseStep::What::create_pod:
        if (refusals_.running(world, key) || pacer_.holds(world, queue, key, "deployer")) return;
        return create_pod(world, pod_key, *controller, queue);
      case PhaseStep::What::delete_pod:
        world.store.remove(pod_key);
        return;
      case PhaseStep::What::set_phase:
        return set_phase(world, key, *controller, step, pod);
    }
  }

 private:
  void create_pod(World& world, const Key& pod_key, const Json& controller, WorkQueue& queue) {
    const auto key = key_of(kReplicationControllers, controller);
    const auto config = decoded_config(controller);
    const auto refused = pod_refused(world, kReplicationControllers, controller, pod_key.name);
    // The knob is about the pods of the rollout; its deployer is refused by real quotas only.
    const bool by_knob = outcome_of(world, kReplicationControllers, controller).result == Outcome::Result::quota;
    if (!refused.empty() && !by_knob) {
      tell_refusal(world, controller, refused);
      return refusals_.start(world, queue, key, kRetryRefused);
    }
    const auto pod = world.store.create(
        pod_key, make_deployer_pod(controller, config.value_or(Json::object()), deployer_image(world.profile)));
    auto pending = with_phase(controller, {PhaseStep::What::set_phase, "Pending", ""});
    // Two workers of a real cluster meet now and then. It has no consequence; here the first rollout always has it.
    if (controller_name(name_of(config.value_or(Json::object())), 1) == key.name) {
      tell_refusal(world, controller, fmt::format("pods \"{}\" already exists", pod_key.name));
    }
    annotate(pending, kDeployerName, pod_key.name);
    annotate(pending, kDeployerCreated, text_at(*pod, {"metadata", "creationTimestamp"}));
    write_back(world, key, controller, std::move(pending));
  }

  // On the config, as long as it is there. Source: openshift origin, deployer controller, "emitDeploymentEvent".
  static void tell_refusal(World& world, const Json& controller, const std::string& why) {
    const auto message = "Error creating deployer pod: " + why;
    const EventText text{"Warning", "FailedCreate", message, "deployer-controller"};
    const Key config_key{std::string(kDeploymentConfigs), namespace_of(controller),
                         annotation(controller, kConfigName)};
    const auto config = world.store.get(config_key);
    if (config) return record_event(world, kDeploymentConfigs, *config, text);
    record_event(world, kReplicationControllers, controller, text);
  }

  static void set_phase(World& world, const Key& key, const Json& controller, const PhaseStep& step,
                        const ObjectRef& pod) {
    auto next = with_phase(controller, step);
    if (pod) {
      const auto started = text_at(*pod, {"status", "startTime"});
      if (!started.empty()) annotate(next, kDeployerStarted, started);
      const auto& statuses = at(*pod, {"status", "containerStatuses"}).items();
      const auto ended =
          statuses.empty() ? std::string() : text_at(statuses.front(), {"state", "terminated", "finishedAt"});
      if (!ended.empty() && step.phase == "Complete") annotate(next, kDeployerCompleted, ended);
    } else if (!is_cancelled(controller) && step.phase == "Failed") {
      record_event(world, kReplicationControllers, controller,
                   {"Warning", "Failed", fmt::format("Deployer pod \"{}\" has gone missing", deployer_name(key.name)),
                    "deployer-controller"});
    }
    write_back(world, key, controller, std::move(next));
  }

  Pacer pacer_;
  Timers refusals_;
};

}  // namespace

std::unique_ptr<Controller> make_deployer_controller() { return std::make_unique<DeployerController>(); }

}  // namespace sluice::sandbox
