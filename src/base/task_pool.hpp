#pragma once
// TaskPool: a bounded set of job threads that work off tasks as the slots of the hosts involved become free.
// A task never waits for another task: what has to come after it is added when it is done. So nothing can deadlock.

#include "base/guarded.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

/// How many exchanges at once are welcome at a host just now.
struct Slots {
  unsigned blobs = 6;   ///< bodies in flight
  unsigned calls = 12;  ///< exchanges without a body, the former included
};

/// A host that tasks wait for. Two objects with the same name are one host, and share its slots.
class TaskHost {
 public:
  TaskHost() = default;
  TaskHost(const TaskHost&) = default;
  TaskHost& operator=(const TaskHost&) = default;
  virtual ~TaskHost() = default;
  /// "registry.example.com:5000".
  virtual const std::string& name() const = 0;
  /// Changes as the host answers. Thread: any.
  virtual Slots slots() const = 0;
};

/// Order among waiting tasks: small things that unblock others first, then large blobs, largest first, so that none
/// of them is left for the end.
struct Priority {
  bool large = false;
  std::uint64_t size_bytes = 0;
  static Priority call() { return {}; }
  static Priority blob(std::uint64_t size_bytes);
  /// True when this one goes before `other`.
  bool before(const Priority& other) const;
};

/// One piece of sequential work. It takes its slots on all hosts named, or waits.
struct Task {
  std::vector<TaskHost*> hosts{};  ///< none: it begins as soon as a thread is free
  bool moves_bytes = false;        ///< takes a blob slot, not only a call slot
  Priority priority{};
  std::function<Status(const std::stop_token&)> run{};
};

/// Thread: `add` from anywhere, `finish` from the owner.
class TaskPool {
 public:
  /// `outer` stops everything; so does the first task that fails.
  explicit TaskPool(std::stop_token outer, unsigned max_threads = 32);
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  void add(Task task);
  /// Waits until no task is left. Returns the first error; tasks not begun by then were dropped.
  Status finish();

 private:
  struct Queued {
    Task task;
    std::uint64_t order;
  };
  struct Use {
    unsigned calls = 0;
    unsigned blobs = 0;
  };
  struct State {
    std::vector<Queued> waiting;  // kept in order of priority
    std::map<std::string, Use> use;
    std::vector<std::jthread> threads;
    unsigned idle = 0;  // threads that wait for a task, or are about to
    unsigned running = 0;
    std::uint64_t added = 0;
    std::optional<Error> first_error;
    bool closing = false;
  };

  void work();
  static bool has_room(const State& state, const Task& task);
  static void take_slots(State& state, const Task& task, bool take);
  static std::vector<Queued>::iterator runnable(State& state);

  unsigned max_threads_;
  std::stop_source stop_;
  Watched<State> state_;
  std::stop_callback<std::function<void()>> on_outer_;  // last: it may be called while it is made
};

}  // namespace sluice
