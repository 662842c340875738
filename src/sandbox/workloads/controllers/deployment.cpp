// The Deployment controller: replica sets for each template, moved by the strategy.
#include "sandbox/workloads/deployment.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/controllers/controllers.hpp"
#include "sandbox/workloads/events.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/steps.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

class DeploymentController final : public Controller {
 public:
  void observe(const World& /*world*/, const Change& change, WorkQueue& queue) override {
    if (change.key.resource == kDeployments) {
      if (change.what != Change::What::deleted) return queue.add(change.key);
      pacer_.forget(change.key);
      return deadlines_.forget(change.key);
    }
    if (change.key.resource != kReplicaSets) return;
    sets_.observe(change);
    const auto owner = controller_key(*change.object);
    if (owner.resource == kDeployments) queue.add(owner);
  }

  void reconcile(World& world, const Key& key, WorkQueue& queue) override {
    const auto deployment = world.store.get(key);
    if (!deployment) return;
    const auto sets = sets_.owned(world.store, uid_of(*deployment));
    const auto step = next_step_of_deployment(*deployment, sets);
    using What = DeploymentStep::What;
    const bool paced = step.what == What::create || step.what == What::scale;
    if (paced && pacer_.holds(world, queue, key, step.what == What::create ? "create" : "scale")) return;
    switch (step.what) {
      case What::create:
        return create(world, key, *deployment, sets, step);
      case What::scale:
        return scale(world, *deployment, *step.set, step.replicas);
      case What::number:
        return number(world, *step.set, step.revision);
      case What::prune:
        world.store.remove(key_of(kReplicaSets, *step.set));
        return;
      case What::status:
        return update_status(world, key, *deployment, sets, queue);
    }
  }

 private:
  static void tell_scaling(World& world, const Json& deployment, std::string_view set, bool up, std::int64_t to) {
    record_event(world, kDeployments, deployment,
                 {"Normal", "ScalingReplicaSet",
                  fmt::format("Scaled {} replica set {} to {}", up ? "up" : "down", set, to), "deployment-controller"});
  }

  static void create(World& world, const Key& key, const Json& deployment, std::vector<ObjectRef> sets,
                     const DeploymentStep& step) {
    auto set = make_replica_set(deployment, step.replicas, step.revision);
    auto set_key = key_of(kReplicaSets, set);
    set_key.ns = key.ns;
    if (world.store.get(set_key)) {
      // Somebody else's, by the same name.
      record_event(world, kDeployments, deployment,
                   {"Warning", "ReplicaSetCreateError",
                    fmt::format("Failed to create new replica set \"{}\": already exists", set_key.name),
                    "deployment-controller"});
      return;
    }
    sets.push_back(world.store.create(set_key, std::move(set)));
    if (step.replicas > 0) tell_scaling(world, deployment, set_key.name, true, step.replicas);
    auto after = deployment;
    annotate(after, kRevision, std::to_string(step.revision));
    after.set("status", deployment_status(deployment, sets, world.now_text(), true));
    write_back(world, key, deployment, std::move(after));
  }

  static void scale(World& world, const Json& deployment, const Json& set, std::int64_t replicas) {
    const bool up = replicas > number_at(set, {"spec", "replicas"});
    write_replicas(world, key_of(kReplicaSets, set), set, replicas);
    tell_scaling(world, deployment, name_of(set), up, replicas);
  }

  static void number(World& world, const Json& set, std::int64_t revision) {
    auto after = set;
    annotate(after, kRevision, std::to_string(revision));
    write_back(world, key_of(kReplicaSets, set), set, std::move(after));
  }

  void update_status(World& world, const Key& key, const Json& deployment, const std::vector<ObjectRef>& sets,
                     WorkQueue& queue) {
    auto after = deployment;
    const auto current = current_set(deployment, sets);
    if (current && !annotation(*current, kRevision).empty()) {
      annotate(after, kRevision, annotation(*current, kRevision));
    }
    after.set("status", deployment_status(deployment, sets, world.now_text(), false));
    const auto stored = write_back(world, key, deployment, std::move(after));
    const auto left = time_to_deadline(*stored, world.now());
    if (left) deadlines_.start(world, queue, key, std::max(*left, std::chrono::seconds(0)) + std::chrono::seconds(1));
  }

  OwnerIndex sets_{kReplicaSets};
  Pacer pacer_;
  Timers deadlines_;
};

}  // namespace

std::unique_ptr<Controller> make_deployment_controller() { return std::make_unique<DeploymentController>(); }

}  // namespace sluice::sandbox
