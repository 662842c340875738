#pragma once
// Crew: a bounded set of job threads that work off tasks as the slots of the hosts involved become free.
// A task never waits for another task: what has to come after it is added when it is done. So nothing can deadlock.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "places/place.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace sluice::copy {

/// Order among waiting tasks: small things that unblock others first, then large blobs, largest first, so that none
/// of them is left for the end.
struct Rank {
  bool large = false;
  std::uint64_t size_bytes = 0;
  static Rank call() { return {}; }
  static Rank blob(std::uint64_t size_bytes);
  /// True when this one goes before `other`.
  bool before(const Rank& other) const;
};

/// One piece of sequential work. It takes its slots on all hosts named, or waits.
struct Task {
  std::vector<places::Place*> hosts;
  bool moves_bytes = false;  ///< takes a blob slot, not only a call slot
  Rank rank;
  std::function<Status(const std::stop_token&)> run;
};

/// Thread: `add` from anywhere, `finish` from the owner.
class Crew {
 public:
  /// `outer` stops everything; so does the first task that fails.
  explicit Crew(std::stop_token outer, unsigned max_threads = 32);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

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
    std::vector<Queued> waiting;  // kept in rank order
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

}  // namespace sluice::copy
