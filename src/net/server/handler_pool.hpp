#pragma once
// HandlerPool: the threads on which handlers of the HTTP server run. Only for the server kit.

#include "base/guarded.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::net {

/// Thread: any. Its queue needs no bound of its own: a connection has at most one job in it.
class HandlerPool {
 public:
  using Job = std::function<void()>;

  explicit HandlerPool(unsigned threads) {
    for (unsigned i = 0; i < (threads == 0 ? 1 : threads); ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
  }
  /// Waits for the jobs that run; the others are dropped.
  ~HandlerPool() { stop(); }
  HandlerPool(const HandlerPool&) = delete;
  HandlerPool& operator=(const HandlerPool&) = delete;

  void add(Job job) {
    jobs_.update([&](std::deque<Job>& jobs) { jobs.push_back(std::move(job)); });
  }

  void stop() {
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();
  }

 private:
  void work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto job = jobs_.when([](const std::deque<Job>& jobs) { return !jobs.empty(); }, stop,
                                  [&](std::deque<Job>& jobs) -> Job {
                                    if (stop.stop_requested() || jobs.empty()) return nullptr;
                                    auto next = std::move(jobs.front());
                                    jobs.pop_front();
                                    return next;
                                  });
      if (job) job();
    }
  }

  Watched<std::deque<Job>> jobs_;
  std::vector<std::jthread> threads_;
};

}  // namespace sluice::net
