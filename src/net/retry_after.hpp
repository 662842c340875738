#pragma once
// Retry-After and dates. Pure. Source: RFC 9110 sections 10.2.3 and 5.6.7.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::net {

/// "120" or an HTTP date, seen at `now`; empty when neither. At most a year.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now);

/// A date as headers write it (`Date`), as seconds since 1970; empty when it is none.
std::optional<std::int64_t> parse_http_date(std::string_view value);

}  // namespace sluice::net
