#include "net/retry.hpp"

#include "base/text.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <ctime>
#include <string>

namespace sluice::net {

namespace {
constexpr int kTooManyRequests = 429;
}  // namespace

bool worth_retrying(int http_status) {
  switch (http_status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

bool worth_retrying(const Error& error) {
  const auto kind = error.kind();
  return error.to_be_retried() &&
         (kind == ErrorKind::unreachable || kind == ErrorKind::busy || kind == ErrorKind::timeout);
}

namespace {

std::tm utc(std::chrono::system_clock::time_point at) { return fmt::gmtime(std::chrono::system_clock::to_time_t(at)); }

std::string span(std::chrono::milliseconds time) {
  return text::human_seconds(std::chrono::duration<double>(time).count());
}

}  // namespace

std::string to_sentence(const Wait& wait) {
  return wait.host + " asks us to wait " + span(wait.time) + fmt::format(", until {:%H:%M:%S} UTC: ", utc(wait.until)) +
         wait.why;
}

Error too_long_to_wait(Error error, std::chrono::milliseconds wait, std::chrono::system_clock::time_point now) {
  return Error(ErrorKind::busy, error.message())
      .with_status(error.http_status().value_or(kTooManyRequests))
      .with_registry_code(error.registry_code())
      .followed_by("it asks to come back in " + span(wait) + fmt::format(", at {:%Y-%m-%dT%H:%M:%SZ}", utc(now + wait)))
      .with_retry_after(wait)
      .with_hint("run the same command then, or wait longer for it with --max-wait")
      .not_to_be_retried();
}

std::chrono::milliseconds back_off(unsigned attempt, std::optional<std::chrono::milliseconds> retry_after,
                                   double random) {
  using std::chrono::milliseconds;
  constexpr milliseconds kFirst{200};
  constexpr milliseconds kLongest{30'000};
  const auto ceiling = std::min<milliseconds>(kFirst * (1LL << std::min(attempt, 10U)), kLongest);
  const auto jitter = milliseconds(static_cast<long long>(static_cast<double>(ceiling.count()) * random));
  return retry_after.value_or(milliseconds(0)) + jitter;
}

}  // namespace sluice::net
