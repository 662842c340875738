#include "promotion/lease_wait.hpp"

#include "base/pause.hpp"
#include "records/process_identity.hpp"

#include <algorithm>
#include <utility>

namespace sluice::promotion {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{2000};

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Not longer than there is time.
std::chrono::milliseconds pause_before(const Deadline& end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end.at() - Deadline::Clock::now());
  return std::clamp(left, std::chrono::milliseconds(1), kBetweenLooks);
}

}  // namespace

Status take_in_turn(const LeaseWish& wish, const std::string& place, const std::function<Status()>& take,
                    const Say& say, const std::stop_token& stop) {
  bool waited = false;
  std::string said;
  while (true) {
    auto taken = take();
    if (taken && waited) return lease_is_free_again(place);
    if (taken) return {};
    const auto* known = lease_held(taken.error());
    if (known == nullptr) return taken;
    auto held = *known;
    held.holder = records::describe_holder(held.holder);
    const auto who = shown(held);
    if (!wish.wait_until) return lease_error(place, std::move(held), now());
    if (who != said) say("waiting for " + who);
    said = who;
    if (wish.wait_until->expired()) return lease_error(place, std::move(held), now());
    waited = true;
    if (!pause_for(pause_before(*wish.wait_until), stop))
      return Error(ErrorKind::cancelled, "stopped while waiting for " + who);
  }
}

Status nobody_else(records::Store& store, const std::vector<std::string>& targets) {
  const auto self = records::this_process();
  for (const auto& target : targets) {
    SLUICE_TRY(const auto lease, store.lease(target));
    if (!lease || lease->holder == self) continue;
    LeaseHeld held;
    held.holder = lease->holder;
    held.left = std::max<std::int64_t>(lease->expires_at - now(), 0);
    return lease_error(target, std::move(held), now());
  }
  return {};
}

}  // namespace sluice::promotion
