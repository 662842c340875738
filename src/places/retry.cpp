#include "places/retry.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

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

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now) {
  using namespace std::chrono;
  constexpr milliseconds kLongest = hours(1);
  value = text::trim(value);
  long long count = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
  if (error == std::errc() && end == value.data() + value.size()) {
    return std::clamp<milliseconds>(seconds(std::clamp<long long>(count, 0, 3600)), milliseconds(0), kLongest);
  }
  std::tm date{};
  const std::string text(value);
  if (::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) return std::nullopt;
  const auto at = system_clock::from_time_t(::timegm(&date));
  return std::clamp(duration_cast<milliseconds>(at - now), milliseconds(0), kLongest);
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
