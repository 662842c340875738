#include "sandbox/workloads/steps.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/kinds.hpp"

namespace sluice::sandbox {

bool Pacer::holds(const World& world, WorkQueue& queue, const Key& key, std::string_view step) {
  const auto delay = world.knobs.step_delay;
  if (delay.count() == 0) {
    waiting_.erase(key);
    return false;
  }
  const auto found = waiting_.find(key);
  if (found == waiting_.end() || found->second.step != step) {
    waiting_.insert_or_assign(key, Wait{std::string(step), world.now() + delay});
    queue.add_after(key, delay);
    return true;
  }
  // Woken early by something else: the delayed one is still on its way.
  if (world.now() < found->second.until) return true;
  waiting_.erase(found);
  return false;
}

void Timers::start(const World& world, WorkQueue& queue, const Key& key, std::chrono::milliseconds delay) {
  if (running(world, key)) return;
  until_.insert_or_assign(key, world.now() + delay);
  queue.add_after(key, delay);
}

bool Timers::running(const World& world, const Key& key) const {
  const auto found = until_.find(key);
  return found != until_.end() && world.now() < found->second;
}

ObjectRef write_back(World& world, const Key& key, const Json& before, Json after) {
  if (!same_tree(at(before, {"spec"}), at(after, {"spec"}))) {
    set_at(after, {"metadata", "generation"}, number_at(before, {"metadata", "generation"}) + 1);
    const bool new_template = !same_tree(at(before, {"spec", "template"}), at(after, {"spec", "template"}));
    if (key.resource == kDaemonSets && new_template) count_template_change(before, after);
  }
  return world.store.replace(key, std::move(after));
}

ObjectRef write_status(World& world, const Key& key, const Json& before, Json status) {
  auto after = before;
  after.set("status", std::move(status));
  return world.store.replace(key, std::move(after));
}

ObjectRef write_replicas(World& world, const Key& key, const Json& before, std::int64_t replicas) {
  auto after = before;
  set_at(after, {"spec", "replicas"}, replicas);
  return write_back(world, key, before, std::move(after));
}

}  // namespace sluice::sandbox
