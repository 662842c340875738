#pragma once
// Names of promotions: "p" and 12 characters of lower-case Crockford base32, sortable by age.

#include <cstdint>
#include <string>

namespace sluice::records {

/// Milliseconds since 1970 in the upper 42 of 60 bits (enough until the year 2109), random bits below.
std::string promotion_id(std::uint64_t milliseconds, std::uint32_t random);

/// A new id. Ids of one process grow strictly; those of several processes differ by 18 random bits within one
/// millisecond, so whoever stores one checks. Thread: any.
std::string new_promotion_id();

}  // namespace sluice::records
