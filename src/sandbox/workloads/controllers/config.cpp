// The DeploymentConfig controller: starts rollouts, ends older ones, and keeps status and history.
#include "sandbox/workloads/config.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/controllers/controllers.hpp"
#include "sandbox/workloads/events.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/steps.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

namespace {

class ConfigController final : public Controller {
 public:
  void observe(const World& /*world*/, const Change& change, WorkQueue& queue) override {
    if (change.key.resource == kDeploymentConfigs) {
      if (change.what == Change::What::deleted) return pacer_.forget(change.key);
      return queue.add(change.key);
    }
    if (change.key.resource != kReplicationControllers) return;
    controllers_.observe(change);
    const auto owner = controller_key(*change.object);
    if (owner.resource == kDeploymentConfigs) queue.add(owner);
  }

  void reconcile(World& world, const Key& key, WorkQueue& queue) override {
    const auto config = world.store.get(key);
    if (!config) return;
    const auto controllers = controllers_.owned(world.store, uid_of(*config));
    const auto step = next_step(*config, controllers);
    using What = ConfigStep::What;
    const bool starts = step.what == What::raise_version || step.what == What::create;
    if (starts && pacer_.holds(world, queue, key, step.what == What::create ? "create" : "version")) return;
    switch (step.what) {
      case What::nothing:
        return;
      case What::cancel:
        return cancel(world, *config, *step.controller);
      case What::raise_version:
        return raise(world, key, *config, step);
      case What::create:
        return create(world, key, *config, controllers);
      case What::scale:
        return scale(world, *config, *step.controller, step.replicas);
      case What::prune:
        world.store.remove(key_of(kReplicationControllers, *step.controller));
        return;
      case What::status:
        write_status(world, key, *config, config_status(*config, controllers, step.observed, world.now_text()));
        return;
    }
  }

 private:
  static void tell(World& world, const Json& config, std::string_view type, std::string_view reason,
                   const std::string& message) {
    record_event(world, kDeploymentConfigs, config, {type, reason, message, "deploymentconfig-controller"});
  }

  static void cancel(World& world, const Json& config, const Json& controller) {
    auto changed = controller;
    annotate(changed, kCancelled, "true");
    annotate(changed, kStatusReason, "newer deployment was found running");
    write_back(world, key_of(kReplicationControllers, controller), controller, std::move(changed));
    tell(world, config, "Normal", "DeploymentCancelled",
         fmt::format("Cancelled deployment \"{}\" superceded by version {}", name_of(controller),
                     latest_version(config)));
  }

  static void raise(World& world, const Key& key, const Json& config, const ConfigStep& step) {
    auto status = status_copy(config);
    status.set("latestVersion", latest_version(config) + 1);
    status.set("details", step.details);
    write_status(world, key, config, std::move(status));
  }

  static void create(World& world, const Key& key, const Json& config, std::vector<ObjectRef> controllers) {
    const auto name = controller_name(key.name, latest_version(config));
    const Key new_key{std::string(kReplicationControllers), key.ns, name};
    if (world.store.get(new_key)) {
      const auto why = fmt::format("replicationcontrollers \"{}\" already exists", name);
      tell(world, config, "Warning", "DeploymentCreationFailed",
           fmt::format("Couldn't deploy version {}: {}", latest_version(config), why));
      write_status(world, key, config,
                   config_status(config, controllers, true, world.now_text(),
                                 Condition{"Progressing", "False", "ReplicationControllerCreateError", why}));
      return;
    }
    controllers.push_back(world.store.create(new_key, make_controller(config)));
    const auto message =
        fmt::format("Created new replication controller \"{}\" for version {}", name, latest_version(config));
    tell(world, config, "Normal", "DeploymentCreated", message);
    write_status(world, key, config,
                 config_status(config, controllers, true, world.now_text(),
                               Condition{"Progressing", "True", "NewReplicationControllerCreated", message}));
  }

  static void scale(World& world, const Json& config, const Json& controller, std::int64_t replicas) {
    write_replicas(world, key_of(kReplicationControllers, controller), controller, replicas);
    tell(world, config, "Normal", "ReplicationControllerScaled",
         fmt::format("Scaled replication controller \"{}\" from {} to {}", name_of(controller),
                     number_at(controller, {"spec", "replicas"}), replicas));
  }

  OwnerIndex controllers_{kReplicationControllers};
  Pacer pacer_;
};

}  // namespace

std::unique_ptr<Controller> make_config_controller() { return std::make_unique<ConfigController>(); }

}  // namespace sluice::sandbox
