#pragma once
// LeaseKeeper: holds the leases of a promotion's targets and keeps them fresh while it works.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "records/store.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace sluice::promotion {

/// Takes the leases of all targets in one order (so that two promotions cannot wait for each other), renews them from
/// a thread of its own at a third of their span, and gives them back at the end. A lease that is lost shows in the
/// store: every journal write is fenced.
class LeaseKeeper {
 public:
  /// Errors: busy with a LeaseHeld, when somebody else is at work on a target; storage.
  static Result<std::unique_ptr<LeaseKeeper>> take(records::Store& store, std::vector<std::string> targets,
                                                   records::Taking taking = records::Taking::if_free,
                                                   std::chrono::seconds span = std::chrono::seconds(60));
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

  const std::vector<records::Fence>& fences() const { return fences_; }

 private:
  LeaseKeeper(records::Store& store, std::chrono::seconds span) : store_(store), span_(span) {}
  void renew(const std::stop_token& stop);

  records::Store& store_;
  std::chrono::seconds span_;
  Guarded<std::vector<records::Lease>> leases_;
  std::vector<records::Fence> fences_;
  std::jthread renewer_;
};

}  // namespace sluice::promotion
