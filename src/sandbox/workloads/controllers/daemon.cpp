// DaemonSets: one pod for the one node that there is, replaced when the template changes.
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/controllers/controllers.hpp"
#include "sandbox/workloads/counts.hpp"
#include "sandbox/workloads/deployment.hpp"
#include "sandbox/workloads/events.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/outcome.hpp"
#include "sandbox/workloads/pod.hpp"
#include "sandbox/workloads/steps.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kRevisionLabel = "controller-revision-hash";
constexpr std::chrono::seconds kRetryRefused{10};

class DaemonSetController final : public Controller {
 public:
  void observe(const World& /*world*/, const Change& change, WorkQueue& queue) override {
    if (change.key.resource == kDaemonSets) {
      if (change.what != Change::What::deleted) return queue.add(change.key);
      pacer_.forget(change.key);
      return refusals_.forget(change.key);
    }
    if (change.key.resource != kPods) return;
    pods_.observe(change);
    const auto owner = controller_key(*change.object);
    if (owner.resource == kDaemonSets) queue.add(owner);
  }

  void reconcile(World& world, const Key& key, WorkQueue& queue) override {
    const auto set = world.store.get(key);
    if (!set) return;
    const auto pods = pods_.owned(world.store, uid_of(*set));
    const auto hash = template_hash(at(*set, {"spec", "template"}));
    const auto surplus = pod_to_replace(*set, pods, hash);
    const bool missing = pods.empty() && !refusals_.running(world, key);
    if ((surplus || missing) && pacer_.holds(world, queue, key, "pod")) return;
    if (surplus) {
      world.store.remove(key_of(kPods, *surplus));
      return;
    }
    if (missing && add_pod(world, key, *set, hash, queue)) return;
    write_status(world, key, *set, status_of(*set, pods, hash));
  }

 private:
  static ObjectRef pod_to_replace(const Json& set, const std::vector<ObjectRef>& pods, const std::string& hash) {
    const bool rolling = text_at(set, {"spec", "updateStrategy", "type"}) == "RollingUpdate";
    for (const auto& pod : pods) {
      const bool outdated = rolling && label(*pod, kRevisionLabel) != hash;
      if (pods.size() > 1 || outdated || !pod_is_active(*pod)) return pod;
    }
    return nullptr;
  }

  bool add_pod(World& world, const Key& key, const Json& set, const std::string& hash, WorkQueue& queue) {
    const auto name = fmt::format("{}-{}", key.name, random_suffix(5));
    const auto refused = pod_refused(world, kDaemonSets, set, name);
    if (!refused.empty()) {
      record_event(world, kDaemonSets, set,
                   {"Warning", "FailedCreate", fmt::format("Error creating: {}", refused), "daemonset-controller"});
      refusals_.start(world, queue, key, kRetryRefused);
      return false;
    }
    auto pod = make_pod(kDaemonSets, set, at(set, {"spec", "template"}));
    set_at(pod, {"metadata", "labels", kRevisionLabel}, hash);
    world.store.create({std::string(kPods), key.ns, name}, std::move(pod));
    record_event(world, kDaemonSets, set,
                 {"Normal", "SuccessfulCreate", fmt::format("Created pod: {}", name), "daemonset-controller"});
    return true;
  }

  static Json status_of(const Json& set, const std::vector<ObjectRef>& pods, const std::string& hash) {
    auto status = status_copy(set);
    std::int64_t ready = 0;
    std::int64_t updated = 0;
    for (const auto& pod : pods) {
      if (pod_is_ready(*pod)) ++ready;
      if (label(*pod, kRevisionLabel) == hash) ++updated;
    }
    status.set("currentNumberScheduled", static_cast<std::int64_t>(pods.size()));
    status.set("numberMisscheduled", 0);
    status.set("desiredNumberScheduled", 1);
    status.set("numberReady", ready);
    status.set("observedGeneration", number_at(set, {"metadata", "generation"}));
    set_count(status, "updatedNumberScheduled", updated);
    set_count(status, "numberAvailable", ready);
    set_count(status, "numberUnavailable", 1 - std::min<std::int64_t>(1, ready));
    return status;
  }

  OwnerIndex pods_{kPods};
  Pacer pacer_;
  Timers refusals_;
};

}  // namespace

std::unique_ptr<Controller> make_daemon_set_controller() { return std::make_unique<DaemonSetController>(); }

}  // namespace sluice::sandbox
