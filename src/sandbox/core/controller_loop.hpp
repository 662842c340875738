#pragma once
// ControllerLoop: the thread that runs the controllers over the world.

#include "sandbox/core/controller.hpp"
#include "sandbox/core/world.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace sluice::sandbox {

/// One reconcile per hold of the lock. Destruction stops and joins.
/// Thread: its own; the queues are reached under the World's lock only.
class ControllerLoop {
 public:
  ControllerLoop(SharedWorld& world, Controllers controllers);
  ~ControllerLoop();
  ControllerLoop(const ControllerLoop&) = delete;
  ControllerLoop& operator=(const ControllerLoop&) = delete;

  /// Whether nothing waits to be done now. Under the World's lock.
  bool idle(const World& world) const { return !has_due(world); }

 private:
  class Queue;
  void run(const std::stop_token& stop);
  bool has_due(const World& world) const;
  World::Clock::time_point next_due() const;
  bool step(World& world);

  SharedWorld& world_;
  Controllers controllers_;
  std::vector<std::unique_ptr<Queue>> queues_;  // one per controller
  std::size_t turn_ = 0;
  std::jthread thread_;
};

}  // namespace sluice::sandbox
