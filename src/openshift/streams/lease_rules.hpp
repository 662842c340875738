#pragma once
// How long somebody else's lease on an image stream counts, and what number the next one gets. Pure.
//
// The end of a lease is a time by the clock of its holder, and clocks differ. What is tolerated: a holder whose clock
// is up to kClockSkew behind ours (its lease counts for so much longer than it says), or up to kLongest - kLeaseSpan =
// 4 minutes ahead of ours (its end is believed as it stands). A clock that is further ahead, or somebody who writes any
// number, shuts nobody out for more than kLongest: the end is cut down on the stream, once, so that it comes nearer
// whoever asks. An honest holder that lives renews within kLeaseSpan / 3, and loses nothing by it.

#include "openshift/streams/state.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::openshift {

inline constexpr std::chrono::seconds kLeaseSpan{60};  ///< taken and renewed for so long
inline constexpr std::chrono::seconds kClockSkew = std::chrono::minutes(3);
inline constexpr std::chrono::seconds kLongest = std::chrono::minutes(5);
/// An end further away than this is damage, and counts for nothing.
inline constexpr std::chrono::seconds kNoEnd = std::chrono::hours(24);
/// Fences are exact up to here, in this program. One more would not fit.
inline constexpr std::int64_t kMaxFence = std::int64_t{1} << 62;

/// For how many seconds a lease shuts others out; 0: it is free.
std::int64_t seconds_left(const StreamLease& lease, std::int64_t now);

/// The end to write in place of one that lies further away than it may count; empty: it stays.
std::optional<std::int64_t> cut_end(const StreamLease& lease, std::int64_t now);

/// The number that an annotation gives, read from its text, since what is no JSON of ours may still hold it: 0 when
/// there is none, kMaxFence for numbers beyond that.
std::int64_t read_fence(std::string_view annotation);

/// The next holder's number: never smaller than one that was seen.
std::int64_t next_fence(std::int64_t fence);

}  // namespace sluice::openshift
