#include "base/task_pool.hpp"

#include <algorithm>

namespace sluice {

namespace {
constexpr std::uint64_t kLargeBytes = std::uint64_t{1} << 20U;  // above: worth ordering by size
}

Priority Priority::blob(std::uint64_t size_bytes) {
  return {.large = size_bytes > kLargeBytes, .size_bytes = size_bytes};
}

bool Priority::before(const Priority& other) const {
  if (large != other.large) return !large;
  return large && size_bytes > other.size_bytes;
}

TaskPool::TaskPool(std::stop_token outer, unsigned max_threads)
    : max_threads_(max_threads), on_outer_(std::move(outer), [this] { stop_.request_stop(); }) {}

TaskPool::~TaskPool() {
  stop_.request_stop();
  auto threads = state_.update([](State& s) {
    s.closing = true;
    s.waiting.clear();
    return std::move(s.threads);
  });
  threads.clear();  // joins
}

bool TaskPool::has_room(const State& state, const Task& task) {
  return std::all_of(task.hosts.begin(), task.hosts.end(), [&](const TaskHost* host) {
    const auto used = state.use.find(host->name());
    if (used == state.use.end()) return true;
    const auto slots = host->slots();
    return used->second.calls < slots.calls && (!task.moves_bytes || used->second.blobs < slots.blobs);
  });
}

void TaskPool::take_slots(State& state, const Task& task, bool take) {
  for (const auto* host : task.hosts) {
    auto& use = state.use[host->name()];
    if (take) {
      ++use.calls;
      use.blobs += task.moves_bytes ? 1 : 0;
    } else {
      --use.calls;
      use.blobs -= task.moves_bytes ? 1 : 0;
    }
  }
}

std::vector<TaskPool::Queued>::iterator TaskPool::runnable(State& state) {
  return std::find_if(state.waiting.begin(), state.waiting.end(),
                      [&](const Queued& queued) { return has_room(state, queued.task); });
}

void TaskPool::add(Task task) {
  state_.update([&](State& s) {
    if (s.first_error || s.closing) return;
    Queued queued{std::move(task), s.added++};
    const auto place =
        std::upper_bound(s.waiting.begin(), s.waiting.end(), queued, [](const Queued& a, const Queued& b) {
          if (a.task.priority.before(b.task.priority)) return true;
          return !b.task.priority.before(a.task.priority) && a.order < b.order;
        });
    s.waiting.insert(place, std::move(queued));
    if (s.waiting.size() > s.idle && s.threads.size() < max_threads_) {
      ++s.idle;
      s.threads.emplace_back([this] { work(); });
    }
  });
}

void TaskPool::work() {
  for (;;) {
    std::optional<Task> next =
        state_.when([](State& s) { return s.closing || runnable(s) != s.waiting.end(); }, std::stop_token{},
                    [](State& s) -> std::optional<Task> {
                      --s.idle;
                      if (s.closing) return std::nullopt;
                      const auto found = runnable(s);
                      Task chosen = std::move(found->task);
                      s.waiting.erase(found);
                      take_slots(s, chosen, true);
                      ++s.running;
                      return chosen;
                    });
    if (!next) return;
    Status done =
        stop_.stop_requested() ? Status(Error(ErrorKind::cancelled, "stopped")) : next->run(stop_.get_token());
    // Whatever the task holds is let go before its slots are.
    next->run = nullptr;
    if (!done) stop_.request_stop();
    state_.update([&](State& s) {
      --s.running;
      ++s.idle;
      take_slots(s, *next, false);
      if (done) return;
      // What fails because we stopped the rest is not the cause.
      const bool better = !s.first_error || (s.first_error->kind() == ErrorKind::cancelled &&
                                             done.error().kind() != ErrorKind::cancelled);
      if (better) s.first_error = std::move(done).error();
      s.waiting.clear();
    });
  }
}

Status TaskPool::finish() {
  return state_.when([](State& s) { return s.waiting.empty() && s.running == 0; }, std::stop_token{},
                     [&](State& s) -> Status {
                       if (s.first_error) return *s.first_error;
                       if (stop_.stop_requested()) return Error(ErrorKind::cancelled, "stopped");
                       return {};
                     });
}

}  // namespace sluice
