#pragma once
// When an exchange is tried again, and after how long. Pure.
// Source: reference measurements of registries under load.

#include "base/error.hpp"
#include "net/retry_after.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::net {

/// 408, 429, 500, 502, 503, 504: the same request may succeed later.
bool worth_retrying(int http_status);
/// Kinds that a later try may cure, unless the error says that it will not.
bool worth_retrying(const Error& error);

/// A pause that a host causes, before it begins.
struct Wait {
  std::string host;
  std::string why;  ///< "writing the manifest shop/web:latest (429)"
  std::chrono::milliseconds time{};
  std::chrono::system_clock::time_point until{};
};
/// Told of every pause longer than kToldWait. Thread: any job thread, several at once.
using TellWait = std::function<void(const Wait&)>;
inline constexpr std::chrono::milliseconds kToldWait = std::chrono::seconds(5);
inline constexpr std::chrono::milliseconds kMaxWait = std::chrono::minutes(5);

/// "registry.example.com asks us to wait 40 s, until 14:05:00 UTC: writing ..."
std::string to_sentence(const Wait& wait);

/// An error whose host asks for more time than anybody wants to wait: busy, says when to come back, not to be retried.
Error too_long_to_wait(Error error, std::chrono::milliseconds wait, std::chrono::system_clock::time_point now);

/// Full jitter over 200 ms doubling to 30 s; `retry_after` is a floor below it. `attempt` counts from 0; `random` is
/// in [0, 1).
std::chrono::milliseconds back_off(unsigned attempt, std::optional<std::chrono::milliseconds> retry_after,
                                   double random);

}  // namespace sluice::net
