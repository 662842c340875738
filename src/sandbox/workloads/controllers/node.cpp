// The node: moves pods from Pending to Ready, or to where their outcome leads. Idle while nodes are moved by hand.
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/config.hpp"
#include "sandbox/workloads/controllers/controllers.hpp"
#include "sandbox/workloads/events.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/outcome.hpp"
#include "sandbox/workloads/pod.hpp"
#include "sandbox/workloads/steps.hpp"

#include <algorithm>
#include <set>

namespace sluice::sandbox {

namespace {

using std::chrono::seconds;

// How long kubelets wait before they try again: 10 s, doubled up to 5 minutes.
seconds back_off(std::int64_t tries) {
  seconds delay{10};
  for (std::int64_t i = 0; i < tries && delay < seconds(300); ++i) delay *= 2;
  return std::min(delay, seconds(300));
}

std::string_view step_name(PodStage stage) {
  switch (stage) {
    case PodStage::unscheduled:
      return "schedule";
    case PodStage::creating:
      return "start";
    case PodStage::running:
      return "probe";
    default:
      return "back-off";
  }
}

class NodeController final : public Controller {
 public:
  void observe(const World& /*world*/, const Change& change, WorkQueue& queue) override {
    if (change.key.resource != kPods) return;
    if (change.what == Change::What::deleted) return forget(change.key);
    queue.add(change.key);
  }

  void reconcile(World& world, const Key& key, WorkQueue& queue) override {
    if (key.resource.empty()) return wake(world, key, queue);
    const auto pod = world.store.get(key);
    if (!pod) return forget(key);
    const auto stage = stage_of(*pod);
    if (stage == PodStage::finished || stage == PodStage::ready) return;
    if (!world.knobs.automatic_nodes) return park(world, key, queue);
    const bool backs_off = stage == PodStage::pull_waits || stage == PodStage::crash_waits;
    if (backs_off && waits(world, key, stage, *pod, queue)) return;
    const auto view = node_view(world, *pod);
    // What does not move now may move when the clock or a knob does.
    const auto step = next_pod_step(*pod, view);
    if (!step.moved) return stuck(world, key, *pod, step, queue);
    if (!backs_off && pacer_.holds(world, queue, key, step_name(stage))) return;
    if (stage == PodStage::pull_waits) ++tries_[key];
    move(world, key, *pod, step);
  }

 private:
  static void tell(World& world, const Json& pod, const std::vector<PodEvent>& events) {
    for (const auto& event : events) {
      const bool scheduler = event.reason == "Scheduled" || event.reason == "FailedScheduling";
      record_event(world, kPods, pod,
                   {event.type, event.reason, event.message, scheduler ? "default-scheduler" : "kubelet"});
    }
  }

  static void move(World& world, const Key& key, const Json& pod, const PodStep& step) {
    world.store.replace(key, step.pod);
    tell(world, pod, step.events);
  }

  /// True until the back-off of this try is over.
  bool waits(const World& world, const Key& key, PodStage stage, const Json& pod, WorkQueue& queue) {
    const auto tries = stage == PodStage::crash_waits ? restarts_of(pod) : tries_[key];
    if (armed_.insert(key).second) back_off_.start(world, queue, key, back_off(tries));
    if (back_off_.running(world, key)) return true;
    armed_.erase(key);
    return false;
  }

  void stuck(World& world, const Key& key, const Json& pod, const PodStep& step, WorkQueue& queue) {
    if (look_again_.running(world, key)) return;
    tell(world, pod, step.events);
    look_again_.start(world, queue, key, seconds(10));
  }

  void park(const World& world, const Key& key, WorkQueue& queue) {
    parked_.insert(key);
    parking_.start(world, queue, Key{}, seconds(1));
  }

  // One timer for all parked pods.
  void wake(const World& world, const Key& key, WorkQueue& queue) {
    if (parked_.empty() || parking_.running(world, key)) return;
    if (!world.knobs.automatic_nodes) return parking_.start(world, queue, key, seconds(1));
    for (const auto& pod : parked_) queue.add(pod);
    parked_.clear();
  }

  void forget(const Key& key) {
    pacer_.forget(key);
    back_off_.forget(key);
    look_again_.forget(key);
    armed_.erase(key);
    tries_.erase(key);
    parked_.erase(key);
  }

  Pacer pacer_;
  Timers back_off_;
  Timers look_again_;
  Timers parking_;
  std::set<Key> armed_;                ///< a back-off was started for the present try
  std::map<Key, std::int64_t> tries_;  ///< of pulling
  std::set<Key> parked_;
};

}  // namespace

std::unique_ptr<Controller> make_node_controller() { return std::make_unique<NodeController>(); }

}  // namespace sluice::sandbox
