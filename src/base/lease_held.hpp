#pragma once
// Somebody else's lease, told in the same words whoever keeps it: the records or an image stream.

#include "base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// Who is at work, as far as it is known: texts may be empty, numbers 0. Times are seconds since 1970.
struct LeaseHeld final : ErrorDetail {
  std::string holder;       ///< "process 812 on ci-7", or as a lease names it
  std::string promotion;    ///< its id
  std::string who;          ///< the person or job behind it
  std::int64_t since = 0;   ///< when it was taken
  std::int64_t left = 0;    ///< seconds that it goes on to count, if nobody renews it
  bool free_again = false;  ///< it was waited for and is free now: what was planned before is old
};

/// What an Error knows of a lease; null for any other error. Borrowed from it.
const LeaseHeld* lease_held(const Error& error);

/// "PLACE is being worked on: promotion p1 by ann, process 812 on ci-7, since 14:02 UTC (2 min ago), holds it for
/// another 58 s unless it renews it". Kind busy, exit code 7; the same request is not worth repeating at once.
Error lease_error(std::string_view place, LeaseHeld held, std::int64_t now);

/// It was waited for, and is free again: whoever asked begins anew.
Error lease_is_free_again(std::string_view place);

/// "promotion p1 of ann (process 812 on ci-7)".
std::string shown(const LeaseHeld& held);

}  // namespace sluice
