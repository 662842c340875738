#include "places/retry.hpp"

#include <algorithm>

namespace sluice::places {

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

bool worth_retrying(ErrorKind kind) {
  return kind == ErrorKind::unreachable || kind == ErrorKind::busy || kind == ErrorKind::timeout;
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

}  // namespace sluice::places
