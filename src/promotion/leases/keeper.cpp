#include "promotion/leases/keeper.hpp"

#include "base/pause.hpp"

#include <algorithm>

namespace sluice::promotion {

Result<std::unique_ptr<LeaseKeeper>> LeaseKeeper::take(records::Store& store, std::vector<std::string> targets,
                                                       records::Taking taking, std::chrono::seconds span) {
  std::sort(targets.begin(), targets.end());
  std::unique_ptr<LeaseKeeper> keeper(new LeaseKeeper(store, span));
  for (const auto& target : targets) {
    SLUICE_TRY(auto lease, store.acquire(target, records::this_process(), span, taking));
    keeper->fences_.push_back({lease.target, lease.fence});
    keeper->leases_.with([&](auto& leases) { leases.push_back(std::move(lease)); });
  }
  keeper->renewer_ = std::jthread([raw = keeper.get()](const std::stop_token& stop) { raw->renew(stop); });
  return keeper;
}

LeaseKeeper::~LeaseKeeper() {
  renewer_.request_stop();
  if (renewer_.joinable()) renewer_.join();
  leases_.with([&](auto& leases) {
    // Best effort: a lease that cannot be given back expires.
    for (const auto& lease : leases) static_cast<void>(store_.release_lease(lease));
  });
}

void LeaseKeeper::renew(const std::stop_token& stop) {
  while (pause_for(span_ / 3, stop)) {
    auto leases = leases_.with([](const auto& held) { return held; });
    for (auto& lease : leases) {
      if (auto renewed = store_.renew(lease, span_)) lease = *renewed;
    }
    leases_.with([&](auto& held) { held = std::move(leases); });
  }
}

}  // namespace sluice::promotion
