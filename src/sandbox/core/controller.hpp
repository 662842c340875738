#pragma once
// Controllers: the loops that make the sandbox live. A controller sees every change, remembers keys, and brings one
// object at a time to where it should be. One thread runs them all, one reconcile per hold of the lock, so that every
// step is a change of its own in every watch.

#include "net/http.hpp"
#include "sandbox/core/store.hpp"
#include "sandbox/core/world.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace sluice::sandbox {

/// Where a controller puts what it has to look at. Keys that are already waiting are not added twice.
class WorkQueue {
 public:
  virtual ~WorkQueue() = default;
  virtual void add(const Key& key) = 0;
  /// Not before `delay` of the sandbox's clock has passed.
  virtual void add_after(const Key& key, std::chrono::milliseconds delay) = 0;
};

/// Thread: the controllers' own, under the World's lock; `work` alone without it.
class Controller {
 public:
  virtual ~Controller() = default;
  /// Every change in order; cheap: only puts keys into the queue.
  virtual void observe(const World& world, const Change& change, WorkQueue& queue) = 0;
  /// Brings the object of one key a step further. Called again for changes that it makes itself.
  virtual void reconcile(World& world, const Key& key, WorkQueue& queue) = 0;
  /// For what must not hold the lock (fetching from a registry): called after reconcile when `has_work` says so.
  virtual bool has_work() const { return false; }
  virtual void work(SharedWorld& /*world*/, std::stop_token /*stop*/) {}
};

using Controllers = std::vector<std::unique_ptr<Controller>>;

// Each part adds its loops.
void add_project_controllers(Controllers& controllers);  ///< service accounts, their tokens and pull secrets
void add_image_controllers(Controllers& controllers, net::Exchanger& exchanger);  ///< background imports
void add_workload_controllers(Controllers& controllers);                          ///< triggers, rollouts, pods

}  // namespace sluice::sandbox
