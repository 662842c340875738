#include "cli/view/times.hpp"

#include <fmt/format.h>

#include <chrono>
#include <ctime>

namespace sluice::cli {

namespace {
std::string stamp(std::time_t at) {
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return text;
}
}  // namespace

std::string utc(std::int64_t seconds) { return stamp(seconds) + "Z"; }

std::string utc_now() {
  using namespace std::chrono;
  const auto now = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  return fmt::format("{}.{:03}Z", stamp(now / 1000), now % 1000);
}

std::string ago(std::int64_t then, std::int64_t now) {
  const auto seconds = now - then;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h ago", seconds / 3600);
  return fmt::format("{} days ago", seconds / 86400);
}

}  // namespace sluice::cli
