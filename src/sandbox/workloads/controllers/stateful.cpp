// StatefulSets: pods with numbers, made in order and replaced from the highest number down.
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
constexpr std::int64_t kMostPods = 500;
constexpr std::chrono::seconds kRetryRefused{10};

std::int64_t ordinal_of(const Json& pod) {
  const auto name = name_of(pod);
  return number_in(std::string_view(name).substr(name.rfind('-') + 1));
}

class StatefulSetController final : public Controller {
 public:
  void observe(const World& /*world*/, const Change& change, WorkQueue& queue) override {
    if (change.key.resource == kStatefulSets) {
      if (change.what != Change::What::deleted) return queue.add(change.key);
      pacer_.forget(change.key);
      return refusals_.forget(change.key);
    }
    if (change.key.resource != kPods) return;
    pods_.observe(change);
    const auto owner = controller_key(*change.object);
    if (owner.resource == kStatefulSets) queue.add(owner);
  }

  void reconcile(World& world, const Key& key, WorkQueue& queue) override {
    const auto set = world.store.get(key);
    if (!set) return;
    auto pods = pods_.owned(world.store, uid_of(*set));
    std::sort(pods.begin(), pods.end(),
              [](const ObjectRef& a, const ObjectRef& b) { return ordinal_of(*a) < ordinal_of(*b); });
    const auto update = fmt::format("{}-{}", key.name, template_hash(at(*set, {"spec", "template"})));
    const auto move = next_move(*set, pods, update);
    if (move.what != Move::What::none) {
      if (move.what == Move::What::create && refusals_.running(world, key)) return;
      if (pacer_.holds(world, queue, key, "pod")) return;
      if (act(world, key, *set, move, update, queue)) return;
    }
    write_status(world, key, *set, status_of(*set, pods, update));
  }

 private:
  struct Move {
    enum class What : std::uint8_t { none, create, remove };
    What what = What::none;
    std::int64_t ordinal = 0;
    ObjectRef pod;
  };

  static Move next_move(const Json& set, const std::vector<ObjectRef>& pods, const std::string& update) {
    const auto wanted = std::min(kMostPods, number_at(set, {"spec", "replicas"}));
    const bool ordered = text_at(set, {"spec", "podManagementPolicy"}) != "Parallel";
    std::vector<ObjectRef> slots(static_cast<std::size_t>(wanted));
    ObjectRef surplus;
    for (const auto& pod : pods) {
      const auto ordinal = ordinal_of(*pod);
      if (ordinal < wanted) {
        slots[static_cast<std::size_t>(ordinal)] = pod;
      } else {
        surplus = pod;  // the highest comes last
      }
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (!slots[i]) return {Move::What::create, static_cast<std::int64_t>(i), nullptr};
      if (!pod_is_active(*slots[i])) return {Move::What::remove, 0, slots[i]};
      // Even one that will never be ready holds all others up.
      if (ordered && !pod_is_ready(*slots[i])) return {};
    }
    if (surplus) return {Move::What::remove, 0, surplus};
    if (text_at(set, {"spec", "updateStrategy", "type"}) != "RollingUpdate") return {};
    const auto partition = number_at(set, {"spec", "updateStrategy", "rollingUpdate", "partition"});
    for (auto i = wanted; i-- > std::max<std::int64_t>(0, partition);) {
      const auto& pod = slots[static_cast<std::size_t>(i)];
      if (label(*pod, kRevisionLabel) != update) return {Move::What::remove, 0, pod};
      if (!pod_is_ready(*pod)) return {};
    }
    return {};
  }

  /// False when nothing could be done.
  bool act(World& world, const Key& key, const Json& set, const Move& move, const std::string& update,
           WorkQueue& queue) {
    if (move.what == Move::What::remove) {
      world.store.remove(key_of(kPods, *move.pod));
      return true;
    }
    const auto name = fmt::format("{}-{}", key.name, move.ordinal);
    const auto refused = pod_refused(world, kStatefulSets, set, name);
    const Key pod_key{std::string(kPods), key.ns, name};
    if (!refused.empty() || world.store.get(pod_key)) {
      const auto why = refused.empty() ? fmt::format("pods \"{}\" already exists", name) : refused;
      record_event(world, kStatefulSets, set,
                   {"Warning", "FailedCreate",
                    fmt::format("create Pod {} in StatefulSet {} failed error: {}", name, key.name, why),
                    "statefulset-controller"});
      refusals_.start(world, queue, key, kRetryRefused);
      return false;
    }
    auto pod = make_pod(kStatefulSets, set, at(set, {"spec", "template"}));
    set_at(pod, {"metadata", "labels", kRevisionLabel}, update);
    set_at(pod, {"metadata", "labels", "statefulset.kubernetes.io/pod-name"}, name);
    set_at(pod, {"spec", "hostname"}, name);
    world.store.create(pod_key, std::move(pod));
    record_event(world, kStatefulSets, set,
                 {"Normal", "SuccessfulCreate",
                  fmt::format("create Pod {} in StatefulSet {} successful", name, key.name), "statefulset-controller"});
    return true;
  }

  static Json status_of(const Json& set, const std::vector<ObjectRef>& pods, const std::string& update) {
    auto status = status_copy(set);
    std::int64_t ready = 0;
    std::int64_t updated = 0;
    std::int64_t current = 0;
    auto current_revision = text_at(status, {"currentRevision"});
    if (current_revision.empty()) current_revision = update;
    for (const auto& pod : pods) {
      if (pod_is_ready(*pod)) ++ready;
      if (label(*pod, kRevisionLabel) == update) ++updated;
      if (label(*pod, kRevisionLabel) == current_revision) ++current;
    }
    const auto wanted = number_at(set, {"spec", "replicas"});
    if (updated == wanted && ready == wanted) {
      current_revision = update;
      current = updated;
    }
    status.set("observedGeneration", number_at(set, {"metadata", "generation"}));
    status.set("replicas", static_cast<std::int64_t>(pods.size()));
    set_count(status, "readyReplicas", ready);
    set_count(status, "currentReplicas", current);
    set_count(status, "updatedReplicas", updated);
    status.set("currentRevision", current_revision);
    status.set("updateRevision", update);
    status.set("collisionCount", 0);
    return status;
  }

  OwnerIndex pods_{kPods};
  Pacer pacer_;
  Timers refusals_;
};

}  // namespace

std::unique_ptr<Controller> make_stateful_set_controller() { return std::make_unique<StatefulSetController>(); }

}  // namespace sluice::sandbox
