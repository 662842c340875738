#include "memory/numbers.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::memory {

namespace {

constexpr std::string_view kOwn = "sluice-";
constexpr std::string_view kClaim = "sluice-number-";
constexpr std::size_t kDigits = 12;

bool is_id12(std::string_view text) { return text.size() == kDigits && encoding::is_lower_hex(text); }

}  // namespace

std::optional<std::int64_t> number_of(const Ledger& ledger, std::string_view release) {
  for (const auto& one : ledger.claims) {
    if (one.release == release && !one.pending) return one.number;
  }
  return std::nullopt;
}

std::vector<std::string> releases_of(const Ledger& ledger, std::int64_t number) {
  std::vector<std::string> out;
  for (const auto& one : ledger.claims) {
    if (one.number == number && !one.pending) out.push_back(one.release);
  }
  return out;
}

Result<std::int64_t> claim(Ledger& ledger, std::string_view release, std::int64_t at_least) {
  if (const auto known = number_of(ledger, release)) return *known;
  // Left by an attempt that was cut off: it is looked at again.
  for (const auto& one : ledger.claims) {
    if (one.release == release && one.number > at_least) return one.number;
  }
  const auto last = std::max(ledger.last, at_least);
  if (last >= kMaxNumber) {
    return Error(ErrorKind::unsupported,
                 "there are no numbers left for releases: the last one that is known is " + std::to_string(last))
        .with_hint("somebody may have written that number by hand; releases go on without one");
  }
  const auto number = last + 1;
  ledger.last = number;
  ledger.claims.insert(ledger.claims.begin(), Claim{number, std::string(release), true});
  while (ledger.claims.size() > kKeptPromotions) {
    ledger.dropped = std::max(ledger.dropped, ledger.claims.back().number);
    ledger.claims.pop_back();
  }
  return number;
}

void confirm(Ledger& ledger, std::string_view release, std::int64_t number) {
  for (auto& one : ledger.claims) {
    if (one.release == release && one.number == number) one.pending = false;
  }
}

void withdraw(Ledger& ledger, std::string_view release, std::int64_t number) {
  std::erase_if(ledger.claims,
                [&](const Claim& one) { return one.release == release && one.number == number && one.pending; });
}

bool is_taken(const Ledger& ledger, std::int64_t number, std::string_view release) {
  return std::any_of(ledger.claims.begin(), ledger.claims.end(),
                     [&](const Claim& one) { return one.number == number && one.release != release; });
}

std::string claim_tag(std::int64_t number, std::string_view release) {
  return std::string(kClaim) + std::to_string(number) + "-" + std::string(release.substr(0, kDigits));
}

std::optional<ClaimTag> parse_claim_tag(std::string_view tag) {
  if (!tag.starts_with(kClaim)) return std::nullopt;
  const auto [number, id12] = text::cut(tag.substr(kClaim.size()), '-');
  std::int64_t value = 0;
  const auto* end = number.data() + number.size();
  const auto [stopped, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || stopped != end || value < 1 || value > kMaxNumber || number.starts_with('0')) return {};
  if (!is_id12(id12)) return std::nullopt;
  return ClaimTag{value, std::string(id12)};
}

bool is_pin_name(std::string_view tag) { return tag.starts_with(kOwn) && is_id12(tag.substr(kOwn.size())); }

bool is_engine_tag(std::string_view tag) {
  if (!tag.starts_with(kEngineTag)) return false;
  const auto rest = tag.substr(kEngineTag.size());
  return rest.empty() || (rest.starts_with('-') && is_id12(rest.substr(1)));
}

bool is_own_tag(std::string_view tag) {
  return tag == kMemoryTag || parse_claim_tag(tag) || is_pin_name(tag) || is_engine_tag(tag);
}

}  // namespace sluice::memory
