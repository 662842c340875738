#pragma once
// When an exchange is tried again, and after how long. Pure.
// Source: RFC 9110 section 10.2.3 (Retry-After); reference measurements of registries under load.

#include "base/error.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::places {

/// 408, 429, 500, 502, 503, 504: the same request may succeed later.
bool worth_retrying(int http_status);
/// Kinds that a later try may cure.
bool worth_retrying(ErrorKind kind);

/// "120" or an HTTP date, seen at `now`; empty when neither. At most one hour: longer is somebody else's decision.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now);

/// Full jitter over 200 ms doubling to 30 s; `retry_after` is a floor below it. `attempt` counts from 0; `random` is
/// in [0, 1).
std::chrono::milliseconds back_off(unsigned attempt, std::optional<std::chrono::milliseconds> retry_after,
                                   double random);

}  // namespace sluice::places
