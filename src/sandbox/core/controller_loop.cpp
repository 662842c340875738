#include "sandbox/core/controller_loop.hpp"

#include <algorithm>

namespace sluice::sandbox {

/// First come, first served; a key waits at most once.
class ControllerLoop::Queue final : public WorkQueue {
 public:
  explicit Queue(const World& world) : world_(world) {}

  void add(const Key& key) override {
    if (waiting_.insert(key).second) order_.push_back(key);
  }
  void add_after(const Key& key, std::chrono::milliseconds delay) override {
    if (delay <= std::chrono::milliseconds(0)) {
      add(key);
    } else {
      delayed_.emplace(world_.now() + delay, key);
    }
  }

  void release_due(World::Clock::time_point now) {
    while (!delayed_.empty() && delayed_.begin()->first <= now) {
      add(delayed_.begin()->second);
      delayed_.erase(delayed_.begin());
    }
  }
  bool has_key() const { return !order_.empty(); }
  World::Clock::time_point next_due() const {
    return delayed_.empty() ? World::Clock::time_point::max() : delayed_.begin()->first;
  }
  Key take() {
    auto key = std::move(order_.front());
    order_.pop_front();
    waiting_.erase(key);
    return key;
  }

 private:
  const World& world_;
  std::deque<Key> order_;
  std::set<Key> waiting_;
  std::multimap<World::Clock::time_point, Key> delayed_;
};

ControllerLoop::ControllerLoop(SharedWorld& world, Controllers controllers)
    : world_(world), controllers_(std::move(controllers)) {
  world_.update([this](World& w) {
    for (std::size_t i = 0; i < controllers_.size(); ++i) queues_.push_back(std::make_unique<Queue>(w));
    // What is there already is news to every controller.
    for (const auto* change : w.store.changes_after(0, w.store.log_size())) {
      for (std::size_t i = 0; i < controllers_.size(); ++i) controllers_[i]->observe(w, *change, *queues_[i]);
    }
    w.store.on_change([this, &w](const Change& change) {
      for (std::size_t i = 0; i < controllers_.size(); ++i) controllers_[i]->observe(w, change, *queues_[i]);
    });
  });
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ControllerLoop::~ControllerLoop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  world_.update([](World& w) { w.store.on_change(nullptr); });
}

bool ControllerLoop::has_due(const World& world) const {
  const auto now = world.now();
  return std::any_of(queues_.begin(), queues_.end(),
                     [&](const auto& queue) { return queue->has_key() || queue->next_due() <= now; });
}

World::Clock::time_point ControllerLoop::next_due() const {
  auto next = World::Clock::time_point::max();
  for (const auto& queue : queues_) next = std::min(next, queue->next_due());
  return next;
}

bool ControllerLoop::step(World& world) {
  for (auto& queue : queues_) queue->release_due(world.now());
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    const auto index = (turn_ + i) % queues_.size();
    if (!queues_[index]->has_key()) continue;
    turn_ = (index + 1) % queues_.size();
    const auto key = queues_[index]->take();
    controllers_[index]->reconcile(world, key, *queues_[index]);
    return true;
  }
  return false;
}

void ControllerLoop::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto wait = world_.with([this](const World& world) {
      // A knob that moves the sandbox's clock wakes us, so an hour is never too long.
      const auto due = next_due();
      constexpr World::Clock::duration kLongest = std::chrono::hours(1);
      return due == World::Clock::time_point::max()
                 ? kLongest
                 : std::clamp(due - world.now(), World::Clock::duration(0), kLongest);
    });
    // A millisecond more, so that what is due has come when it is looked at.
    const auto deadline =
        Deadline::after(std::chrono::ceil<std::chrono::milliseconds>(wait) + std::chrono::milliseconds(1));
    world_.when_until([this](const World& world) { return has_due(world); }, deadline, stop, [](World&) {});
    while (!stop.stop_requested() && world_.update([this](World& world) { return step(world); })) {
      for (auto& controller : controllers_) {
        if (controller->has_work()) controller->work(world_, stop);
      }
    }
  }
}

}  // namespace sluice::sandbox
