// What runs inside a deployer pod: it brings the new ReplicationController up and the old one down, waits for ready
// pods, and gives up after timeoutSeconds without any. Only while nodes are automatic.
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/config.hpp"
#include "sandbox/workloads/controllers/controllers.hpp"
#include "sandbox/workloads/counts.hpp"
#include "sandbox/workloads/deployer.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/outcome.hpp"
#include "sandbox/workloads/pod.hpp"
#include "sandbox/workloads/steps.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace sluice::sandbox {

namespace {

using Move = DeployerMove::What;

class RolloutController final : public Controller {
 public:
  void observe(const World& world, const Change& change, WorkQueue& queue) override {
    if (change.key.resource == kReplicationControllers) {
      siblings_.observe(change);
      // The state of the old version matters to the deployer of the new one.
      const auto rollouts = by_config_.find(text_at(controller_of(*change.object), {"uid"}));
      if (rollouts == by_config_.end()) return;
      for (const auto& key : rollouts->second) queue.add(key);
      return;
    }
    if (change.key.resource != kPods) return;
    pods_.observe(change);
    const auto rollout = label(*change.object, kDeployerFor);
    if (!rollout.empty()) {
      const Key key{std::string(kReplicationControllers), change.key.ns, rollout};
      const bool runs =
          change.what != Change::What::deleted && text_at(*change.object, {"status", "phase"}) == "Running";
      if (!runs) return forget(key);
      remember(world, key);
      return queue.add(key);
    }
    const auto owner = controller_key(*change.object);
    if (running_.contains(owner)) queue.add(owner);
  }

  void reconcile(World& world, const Key& key, WorkQueue& queue) override {
    if (!running_.contains(key)) return;
    // By hand, the deployer's work is done from outside. Looked at again in case that changes.
    if (!world.knobs.automatic_nodes) return by_hand_.start(world, queue, key, std::chrono::seconds(1));
    const auto controller = world.store.get(key);
    const Key pod_key{std::string(kPods), key.ns, deployer_name(key.name)};
    const auto pod = world.store.get(pod_key);
    if (!controller || !pod || is_terminated(*controller) || is_cancelled(*controller)) return;
    const auto config = decoded_config(*controller).value_or(Json::object());
    const auto old = served_until_now(world, *controller);
    const auto view = view_of(world, config, *controller, old);
    if (gives_up(world, key, config, *controller, view.new_available, queue)) {
      return finish(world, pod_key, *pod, "Failed");
    }
    const auto move = next_move(view);
    if (move.what == Move::wait) return;
    if (pacer_.holds(world, queue, key, move.what == Move::done ? "done" : "scale")) return;
    auto& progress = progress_[key];
    progress.since = world.now();
    progress.available = view.new_available;
    if (move.what == Move::done) return finish(world, pod_key, *pod, "Succeeded");
    const auto& scaled = move.what == Move::scale_new ? *controller : *old;
    write_replicas(world, key_of(kReplicationControllers, scaled), scaled, move.replicas);
  }

 private:
  struct Progress {
    TimePoint since;  ///< the last one
    std::int64_t available = 0;
    TimePoint start;
  };

  void remember(const World& world, const Key& key) {
    const auto controller = world.store.get(key);
    const auto config = controller ? text_at(controller_of(*controller), {"uid"}) : std::string();
    if (running_.emplace(key, config).second) by_config_[config].insert(key);
  }

  void forget(const Key& key) {
    const auto found = running_.find(key);
    if (found == running_.end()) return;
    auto& others = by_config_[found->second];
    others.erase(key);
    if (others.empty()) by_config_.erase(found->second);
    running_.erase(found);
    progress_.erase(key);
    deadlines_.forget(key);
    by_hand_.forget(key);
    pacer_.forget(key);
  }

  static void finish(World& world, const Key& pod_key, const Json& pod, std::string_view phase) {
    world.store.replace(pod_key, finished_pod(pod, phase, world.now_text()));
  }

  ObjectRef served_until_now(const World& world, const Json& controller) const {
    ObjectRef active;
    for (const auto& other : siblings_.owned(world.store, text_at(controller_of(controller), {"uid"}))) {
      if (name_of(*other) == name_of(controller) || phase_of(*other) != "Complete") continue;
      if (!active || version_of(*other) > version_of(*active)) active = other;
    }
    return active;
  }

  DeployerView view_of(const World& world, const Json& config, const Json& controller, const ObjectRef& old) const {
    DeployerView view;
    view.desired = number_in(annotation(controller, kDesiredReplicas));
    const auto limits = config_fences(config, view.desired);
    view.rolling = text_at(config, {"spec", "strategy", "type"}) == "Rolling" && old != nullptr;
    view.surge = limits.surge;
    view.unavailable = limits.unavailable;
    view.new_replicas = number_at(controller, {"spec", "replicas"});
    view.new_available = counts_of(world, controller).available;
    if (old) {
      const auto counts = counts_of(world, *old);
      view.old_replicas = number_at(*old, {"spec", "replicas"});
      view.old_pods = counts.active;
      // Pods that are asked to go already do not serve any more.
      view.old_available = std::min(counts.available, view.old_replicas);
    }
    return view;
  }

  PodCounts counts_of(const World& world, const Json& controller) const {
    const std::chrono::seconds min_ready{number_at(controller, {"spec", "minReadySeconds"})};
    return count_pods(pods_.owned(world.store, uid_of(controller)), at(controller, {"spec", "template"}), min_ready,
                      world.now());
  }

  bool crashed(const World& world, const Json& controller) const {
    const auto pods = pods_.owned(world.store, uid_of(controller));
    return std::any_of(pods.begin(), pods.end(), [](const ObjectRef& pod) {
      return stage_of(*pod) == PodStage::crash_waits || restarts_of(*pod) > 0;
    });
  }

  bool gives_up(const World& world, const Key& key, const Json& config, const Json& controller, std::int64_t available,
                WorkQueue& queue) {
    const auto now = world.now();
    const auto outcome = outcome_of(world, kReplicationControllers, controller);
    if (outcome.result == Outcome::Result::fail) {
      if (crashed(world, controller) || annotation(controller, kDesiredReplicas) == "0") return true;
    }
    auto& progress = progress_.try_emplace(key, Progress{now, available, now}).first->second;
    if (available > progress.available) {
      progress.available = available;
      progress.since = now;
    }
    auto end = progress.since + timeout_of(config);
    if (outcome.result == Outcome::Result::fail_after) end = std::min(end, progress.start + outcome.after);
    if (end <= now) return true;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now);
    deadlines_.start(world, queue, key, left + std::chrono::milliseconds(1));
    return false;
  }

  static std::chrono::seconds timeout_of(const Json& config) {
    const auto& strategy = at(config, {"spec", "strategy"});
    const auto* params = text_at(strategy, {"type"}) == "Recreate" ? "recreateParams" : "rollingParams";
    constexpr std::int64_t kYear = std::int64_t{365} * 24 * 3600;
    return std::chrono::seconds(
        std::clamp<std::int64_t>(number_at(strategy, {params, "timeoutSeconds"}, 600), 1, kYear));
  }

  OwnerIndex siblings_{kReplicationControllers};
  OwnerIndex pods_{kPods};
  std::map<Key, std::string> running_;              ///< rollouts whose deployer pod runs, with their config's uid
  std::map<std::string, std::set<Key>> by_config_;  ///< the same by the uid of their config
  std::map<Key, Progress> progress_;
  Timers deadlines_;
  Timers by_hand_;
  Pacer pacer_;
};

}  // namespace

std::unique_ptr<Controller> make_rollout_controller() { return std::make_unique<RolloutController>(); }

}  // namespace sluice::sandbox
