#include "promotion/leases/wait.hpp"

#include "base/pause.hpp"
#include "base/wall_clock.hpp"
#include "records/process_identity.hpp"

#include <algorithm>
#include <utility>

namespace sluice::promotion {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{2000};

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
    if (!wish.wait_until) return lease_error(place, std::move(held), seconds_now());
    if (who != said) say("waiting for " + who);
    said = who;
    if (wish.wait_until->expired()) return lease_error(place, std::move(held), seconds_now());
    waited = true;
    if (!pause_for(pause_before(*wish.wait_until), stop))
      return Error(ErrorKind::cancelled, "stopped while waiting for " + who);
  }
}

}  // namespace sluice::promotion
