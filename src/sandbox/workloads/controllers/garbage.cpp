// Garbage collection: what an owner that is gone left behind goes too, one object at a time.
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/controllers/controllers.hpp"
#include "sandbox/workloads/kinds.hpp"

#include <algorithm>
#include <array>

namespace sluice::sandbox {

namespace {

constexpr std::array kOwned{kReplicationControllers, kReplicaSets, kPods};

bool is_owned_by(const Json& object, const std::string& uid) {
  const auto& owners = at(object, {"metadata", "ownerReferences"}).items();
  return std::any_of(owners.begin(), owners.end(), [&](const Json& owner) { return text_at(owner, {"uid"}) == uid; });
}

class GarbageController final : public Controller {
 public:
  void observe(const World& /*world*/, const Change& change, WorkQueue& queue) override {
    if (change.what != Change::What::deleted || change.key.resource == kPods) return;
    if (type_of(change.key.resource).kind.empty()) return;
    // By uid: another object of that name may have taken its place by the time it is looked at.
    queue.add({"owner", change.key.ns, uid_of(*change.object)});
  }

  void reconcile(World& world, const Key& key, WorkQueue& queue) override {
    for (const auto resource : kOwned) {
      for (const auto& object : world.store.list(resource, key.ns)) {
        if (!is_owned_by(*object, key.name)) continue;
        world.store.remove(key_of(resource, *object));
        return queue.add(key);
      }
    }
  }
};

}  // namespace

std::unique_ptr<Controller> make_garbage_controller() { return std::make_unique<GarbageController>(); }

}  // namespace sluice::sandbox
