#pragma once
// What the workload controllers share: the pause between the steps of a rollout, and writing an object back.

#include "sandbox/core/controller.hpp"
#include "sandbox/core/world.hpp"

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace sluice::sandbox {

/// Holds each step back for the knob "step-delay", counted from when it was first wanted.
/// Thread: the controllers' own, under the World's lock.
class Pacer {
 public:
  /// True when `step` of `key` has to wait still; the key then comes back by itself.
  bool holds(const World& world, WorkQueue& queue, const Key& key, std::string_view step);
  void forget(const Key& key) { waiting_.erase(key); }

 private:
  struct Wait {
    std::string step;
    World::Clock::time_point until;
  };
  std::map<Key, Wait> waiting_;
};

/// Waits that keys are in, each counted once however often the key is looked at.
/// Thread: as above.
class Timers {
 public:
  /// Starts a wait unless one runs; the key comes back at its end.
  void start(const World& world, WorkQueue& queue, const Key& key, std::chrono::milliseconds delay);
  bool running(const World& world, const Key& key) const;
  void forget(const Key& key) { until_.erase(key); }

 private:
  std::map<Key, World::Clock::time_point> until_;
};

/// Stores a changed object: the generation rises when the spec differs.
ObjectRef write_back(World& world, const Key& key, const Json& before, Json after);
/// The same for a status alone.
ObjectRef write_status(World& world, const Key& key, const Json& before, Json status);
/// spec.replicas.
ObjectRef write_replicas(World& world, const Key& key, const Json& before, std::int64_t replicas);

}  // namespace sluice::sandbox
