#pragma once
// Retry-After. Pure. Source: RFC 9110 section 10.2.3.

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::net {

/// "120" or an HTTP date, seen at `now`; empty when neither. At most a year.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now);

}  // namespace sluice::net
