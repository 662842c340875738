#include "openshift/streams/lease_rules.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace sluice::openshift {

std::int64_t seconds_left(const StreamLease& lease, std::int64_t now) {
  if (lease.holder.empty() || lease.expires_at <= 0) return 0;
  const auto away = lease.expires_at - now;  // both are positive
  if (away > kNoEnd.count()) return 0;
  return std::clamp<std::int64_t>(away + kClockSkew.count(), 0, kLongest.count());
}

std::optional<std::int64_t> cut_end(const StreamLease& lease, std::int64_t now) {
  if (seconds_left(lease, now) == 0 || lease.expires_at - now <= kLongest.count()) return std::nullopt;
  return now + kLongest.count() - kClockSkew.count();
}

std::int64_t read_fence(std::string_view annotation) {
  constexpr std::string_view kName = "\"fence\"";
  const auto at = annotation.find(kName);
  if (at == std::string_view::npos) return 0;
  auto rest = annotation.substr(at + kName.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n:"), rest.size()));
  double number = 0;  // whatever is written there: "1e300" as well
  std::int64_t exact = 0;
  const auto as_number = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (as_number.ec == std::errc::result_out_of_range && !rest.starts_with('-')) return kMaxFence;
  if (as_number.ec != std::errc() || !(number > 0)) return 0;
  if (number >= static_cast<double>(kMaxFence)) return kMaxFence;
  const auto as_integer = std::from_chars(rest.data(), rest.data() + rest.size(), exact);
  const bool whole = as_integer.ec == std::errc() && as_integer.ptr == as_number.ptr;
  return whole ? exact : static_cast<std::int64_t>(number) + 1;
}

std::int64_t next_fence(std::int64_t fence) { return std::min(fence, kMaxFence - 1) + 1; }

}  // namespace sluice::openshift
