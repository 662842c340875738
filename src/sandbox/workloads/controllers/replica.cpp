// ReplicationControllers and ReplicaSets: as many pods as spec.replicas says, and a status that counts them.
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/controllers/controllers.hpp"
#include "sandbox/workloads/counts.hpp"
#include "sandbox/workloads/events.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/outcome.hpp"
#include "sandbox/workloads/pod.hpp"
#include "sandbox/workloads/steps.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

// Nobody learns promotion from more, and every pod costs memory.
constexpr std::int64_t kMostPods = 500;
constexpr std::chrono::seconds kRetryRefused{10};

bool keeps_pods(const Key& key) { return key.resource == kReplicationControllers || key.resource == kReplicaSets; }

std::string_view component_of(const Key& key) {
  return key.resource == kReplicaSets ? "replicaset-controller" : "replication-controller";
}

/// Which of the pods goes first: one that never started, then one that is not ready, then the youngest.
ObjectRef least_useful(const std::vector<ObjectRef>& pods) {
  const auto rank = [](const ObjectRef& pod) {
    const int use = pod_is_ready(*pod) ? 2 : text_at(*pod, {"status", "phase"}) == "Running" ? 1 : 0;
    return std::pair(use, -parse_time(text_at(*pod, {"metadata", "creationTimestamp"})).time_since_epoch().count());
  };
  return *std::min_element(pods.begin(), pods.end(),
                           [&](const ObjectRef& a, const ObjectRef& b) { return rank(a) < rank(b); });
}

class ReplicaController final : public Controller {
 public:
  void observe(const World& /*world*/, const Change& change, WorkQueue& queue) override {
    if (keeps_pods(change.key)) {
      if (change.what == Change::What::deleted) return refusals_.forget(change.key);
      return queue.add(change.key);
    }
    if (change.key.resource != kPods) return;
    pods_.observe(change);
    const auto owner = controller_key(*change.object);
    if (keeps_pods(owner)) queue.add(owner);
  }

  void reconcile(World& world, const Key& key, WorkQueue& queue) override {
    const auto keeper = world.store.get(key);
    if (!keeper) return;
    auto pods = pods_.owned(world.store, uid_of(*keeper));
    std::erase_if(pods, [](const ObjectRef& pod) { return !pod_is_active(*pod); });
    const auto wanted = std::min(kMostPods, number_at(*keeper, {"spec", "replicas"}));
    const auto have = static_cast<std::int64_t>(pods.size());
    std::string refused;
    if (have < wanted && refusals_.running(world, key)) {
      refused = last_refusal(*keeper);
    } else if (have < wanted) {
      refused = add_pod(world, key, *keeper);
      // The new pod brings the key back.
      if (refused.empty()) return;
      refusals_.start(world, queue, key, kRetryRefused);
    } else if (have > wanted) {
      return remove_pod(world, key, *keeper, *least_useful(pods));
    }
    const std::chrono::seconds min_ready{number_at(*keeper, {"spec", "minReadySeconds"})};
    const auto counts = count_pods(pods, at(*keeper, {"spec", "template"}), min_ready, world.now());
    if (counts.available < counts.ready) settling_.start(world, queue, key, min_ready + std::chrono::seconds(1));
    update_status(world, key, *keeper, counts, refused);
  }

 private:
  static std::string last_refusal(const Json& keeper) {
    const auto* failure = find_condition(at(keeper, {"status"}), "ReplicaFailure");
    return failure == nullptr ? "" : text_at(*failure, {"message"});
  }

  /// Why the pod was refused; "" when it was made.
  static std::string add_pod(World& world, const Key& key, const Json& keeper) {
    const auto name = fmt::format("{}-{}", key.name, random_suffix(5));
    auto refused = pod_refused(world, key.resource, keeper, name);
    const Key pod_key{std::string(kPods), key.ns, name};
    if (refused.empty()) {
      world.store.create(pod_key, make_pod(key.resource, keeper, at(keeper, {"spec", "template"})));
      record_event(world, key.resource, keeper,
                   {"Normal", "SuccessfulCreate", fmt::format("Created pod: {}", name), component_of(key)});
      return "";
    }
    // The pod's name differs each time; what is told should not.
    if (const auto before = last_refusal(keeper); !before.empty()) refused = before;
    record_event(world, key.resource, keeper,
                 {"Warning", "FailedCreate", fmt::format("Error creating: {}", refused), component_of(key)});
    return refused;
  }

  static void remove_pod(World& world, const Key& key, const Json& keeper, const Json& pod) {
    world.store.remove(key_of(kPods, pod));
    record_event(world, key.resource, keeper,
                 {"Normal", "SuccessfulDelete", fmt::format("Deleted pod: {}", name_of(pod)), component_of(key)});
  }

  static void update_status(World& world, const Key& key, const Json& keeper, const PodCounts& counts,
                            const std::string& refused) {
    auto status = status_copy(keeper);
    status.set("replicas", counts.active);
    set_count(status, "fullyLabeledReplicas", counts.labelled);
    set_count(status, "readyReplicas", counts.ready);
    set_count(status, "availableReplicas", counts.available);
    status.set("observedGeneration", number_at(keeper, {"metadata", "generation"}));
    if (refused.empty()) {
      drop_condition(status, "ReplicaFailure");
      if (at(status, {"conditions"}).items().empty()) status.remove("conditions");
    } else {
      set_condition(status, {"ReplicaFailure", "True", "FailedCreate", refused, false}, world.now_text());
    }
    write_status(world, key, keeper, std::move(status));
  }

  OwnerIndex pods_{kPods};
  Timers refusals_;
  Timers settling_;
};

}  // namespace

std::unique_ptr<Controller> make_replica_controller() { return std::make_unique<ReplicaController>(); }

}  // namespace sluice::sandbox
