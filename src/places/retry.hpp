#pragma once
// When an exchange is tried again, and after how long. Pure.
// Source: reference measurements of registries under load.

#include "base/error.hpp"
#include "net/retry_after.hpp"

#include <chrono>
#include <optional>

namespace sluice::places {

/// 408, 429, 500, 502, 503, 504: the same request may succeed later.
bool worth_retrying(int http_status);
/// Kinds that a later try may cure.
bool worth_retrying(ErrorKind kind);

using net::parse_retry_after;

/// Full jitter over 200 ms doubling to 30 s; `retry_after` is a floor below it. `attempt` counts from 0; `random` is
/// in [0, 1).
std::chrono::milliseconds back_off(unsigned attempt, std::optional<std::chrono::milliseconds> retry_after,
                                   double random);

}  // namespace sluice::places
