// Retry-After: any text, at any time. The first four bytes are the seconds since 1970.

#include "fuzz/require.hpp"
#include "net/retry_after.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kBytes = 4;
  if (size < kBytes) return 0;
  std::uint32_t seconds = 0;
  for (std::size_t i = 0; i < kBytes; ++i) seconds = seconds << 8U | data[i];
  const auto now = std::chrono::system_clock::from_time_t(seconds);
  const std::string text(reinterpret_cast<const char*>(data) + kBytes, size - kBytes);

  const auto wait = net::parse_retry_after(text, now);
  require(!wait || wait->count() >= 0, "nobody waits for the past");
  require(!wait || *wait <= std::chrono::hours(24 * 365), "a wait is a year at most");
  require(net::parse_retry_after(" " + text + "\t", now) == wait, "blanks around it mean nothing");
  // A date comes nearer, a number of seconds does not.
  const auto later = net::parse_retry_after(text, now + std::chrono::minutes(1));
  require(later.has_value() == wait.has_value() && (!wait || *later <= *wait), "time does not make a wait longer");
  const auto date = net::parse_http_date(text);
  require(net::parse_http_date(" " + text + "\t") == date, "blanks around a date mean nothing");
  return 0;
}
