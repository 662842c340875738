// A HorizontalPodAutoscaler of the simplest kind (knob "autoscale"): it gives a workload another number of replicas,
// once, as soon as its next rollout has made a pod.
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/controllers/controllers.hpp"
#include "sandbox/workloads/counts.hpp"
#include "sandbox/workloads/kinds.hpp"

namespace sluice::sandbox {

namespace {

class AutoscaleController final : public Controller {
 public:
  void observe(const World& world, const Change& change, WorkQueue& queue) override {
    const bool is_new = change.key.resource == kPods && !change.before && change.what != Change::What::deleted;
    if (world.knobs.autoscale.empty() || !is_new) return;
    // What owns the pod, and what owns that.
    auto key = controller_key(*change.object);
    for (int step = 0; step < 2 && !key.resource.empty(); ++step) {
      if (world.knobs.autoscale.contains(key)) return queue.add(key);
      const auto owner = world.store.get(key);
      if (!owner) return;
      key = controller_key(*owner);
    }
  }

  void reconcile(World& world, const Key& key, WorkQueue& /*queue*/) override {
    const auto wanted = world.knobs.autoscale.find(key);
    const auto workload = world.store.get(key);
    if (wanted == world.knobs.autoscale.end() || !workload) return;
    auto scaled = *workload;
    set_at(scaled, {"spec", "replicas"}, wanted->second);
    world.knobs.autoscale.erase(wanted);
    set_at(scaled, {"metadata", "generation"}, number_at(scaled, {"metadata", "generation"}) + 1);
    world.store.replace(key, std::move(scaled));
  }
};

}  // namespace

std::unique_ptr<Controller> make_autoscale_controller() { return std::make_unique<AutoscaleController>(); }

}  // namespace sluice::sandbox
