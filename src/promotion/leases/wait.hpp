#pragma once
// What a run does about somebody else's lease: give up, wait, or take it over. The same for leases in the records and
// on image streams.

#include "base/deadline.hpp"
#include "base/lease_held.hpp"
#include "base/result.hpp"
#include "records/store.hpp"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace sluice::promotion {

/// What the user wants.
struct LeaseWish {
  std::string who{};                     ///< the person or job that works here, for others to read; may be empty
  bool take_over = false;                ///< also from somebody who is at work
  std::optional<Deadline> wait_until{};  ///< empty: does not wait

  records::Taking taking() const { return take_over ? records::Taking::over : records::Taking::if_free; }
};

/// Says one line about what is waited for.
using Say = std::function<void(std::string line)>;

/// Calls `take` until nobody else has the lease, every 2 s at most, as long as the wish says. `place` is what people
/// call it: the environment. Good when nobody was in the way. Errors: busy with LeaseHeld::free_again when it was
/// waited for: give back what `take` took, look at everything again, and ask once more; busy with who has it, when the
/// time is up or there is no waiting; cancelled; those of `take`. Thread: job; blocks.
Status take_in_turn(const LeaseWish& wish, const std::string& place, const std::function<Status()>& take,
                    const Say& say, const std::stop_token& stop);

}  // namespace sluice::promotion
