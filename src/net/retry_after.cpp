#include "net/retry_after.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <ctime>
#include <string>

namespace sluice::net {

namespace {

constexpr std::chrono::seconds kLongestWait = std::chrono::hours(24 * 365);  // more does not mean more

// The three forms of RFC 9110 section 5.6.7. Seconds as a plain count: the year 9999 does not fit into system_clock.
std::optional<std::time_t> date_of(const std::string& text) {
  for (const char* format : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm date{};
    const char* end = ::strptime(text.c_str(), format, &date);
    if (end != nullptr && *end == '\0') return ::timegm(&date);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_http_date(std::string_view value) {
  const auto at = date_of(std::string(text::trim(value)));
  if (!at) return std::nullopt;
  return std::int64_t{*at};
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value,
                                                           std::chrono::system_clock::time_point now) {
  value = text::trim(value);
  const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos;
  std::int64_t count = 0;
  if (digits) {
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), count);
    if (parsed.ec != std::errc()) count = kLongestWait.count();  // more than fits is long enough
  } else {
    const auto at = date_of(std::string(value));
    if (!at) return std::nullopt;
    count = *at - std::chrono::system_clock::to_time_t(now);
  }
  return std::chrono::seconds(std::clamp<std::int64_t>(count, 0, kLongestWait.count()));
}

}  // namespace sluice::net
