#include "base/lease_held.hpp"

#include <fmt/format.h>

#include <ctime>
#include <memory>
#include <utility>

namespace sluice {

namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kLastTime = 253'402'300'799;  // the end of the year 9999

std::string ago(std::int64_t seconds) {
  if (seconds < kMinute) return "just now";
  if (seconds < 2 * kHour) return fmt::format("{} min ago", seconds / kMinute);
  if (seconds < 2 * kDay) return fmt::format("{} h ago", seconds / kHour);
  return fmt::format("{} days ago", seconds / kDay);
}

// Empty for what is no time. A clock that is ahead of ours says nothing about how long ago it was.
std::string since_when(std::int64_t since, std::int64_t now) {
  if (since <= 0 || since > kLastTime) return {};
  const std::time_t at = since;
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  char text[32];
  const bool same_day = since / kDay == now / kDay;
  std::strftime(text, sizeof text, same_day ? "%H:%M UTC" : "%Y-%m-%d %H:%M UTC", &parts);
  return since > now ? fmt::format("since {}", text) : fmt::format("since {} ({})", text, ago(now - since));
}

}  // namespace

const LeaseHeld* lease_held(const Error& error) { return dynamic_cast<const LeaseHeld*>(error.detail()); }

std::string shown(const LeaseHeld& held) {
  if (held.promotion.empty() && held.who.empty()) return held.holder;
  auto out = held.promotion.empty() ? std::string("the work") : "promotion " + held.promotion;
  if (!held.who.empty()) out += " of " + held.who;
  return out + " (" + held.holder + ")";
}

Error lease_error(std::string_view place, LeaseHeld held, std::int64_t now) {
  std::string who = held.promotion.empty() ? std::string() : "promotion " + held.promotion;
  if (!held.who.empty()) who += (who.empty() ? "" : " by ") + held.who;
  if (!held.holder.empty()) who += (who.empty() ? "" : ", ") + held.holder;
  const auto since = since_when(held.since, now);
  if (!since.empty()) who += ", " + since + ",";
  auto text =
      fmt::format("{} is being worked on: {} holds it for another {} s unless it renews it", place, who, held.left);
  return Error(ErrorKind::busy, std::move(text))
      .with_hint("wait for it with --wait, or see: sluice status")
      .not_to_be_retried()
      .with_detail(std::make_shared<const LeaseHeld>(std::move(held)));
}

Error lease_is_free_again(std::string_view place) {
  LeaseHeld held;
  held.free_again = true;
  return Error(ErrorKind::busy, fmt::format("{} is free again, and has to be looked at anew", place))
      .not_to_be_retried()
      .with_detail(std::make_shared<const LeaseHeld>(std::move(held)));
}

}  // namespace sluice
