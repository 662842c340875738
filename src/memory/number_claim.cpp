// The decisions of a claim, step by step. Why they are safe: registry_numbers.hpp.

#include "memory/registry_numbers.hpp"

#include <algorithm>
#include <iterator>

namespace sluice::memory {

namespace {

constexpr std::size_t kDigits = 12;
constexpr std::size_t kMaxKnown = 8;  // more numbers of one release are not looked at
constexpr unsigned kMaxTries = 8;
constexpr unsigned kMaxUnseen = 9;  // lists; with the pauses of a read-back about 10 s

std::string short_id(std::string_view release) { return std::string(release.substr(0, kDigits)); }

}  // namespace

Numbers Numbers::of(const std::vector<std::string>& tags) {
  Numbers out;
  for (const auto& tag : tags) {
    if (auto claim = parse_claim_tag(tag)) out.claims[claim->number].insert(std::move(claim->id12));
  }
  return out;
}

std::int64_t Numbers::last() const { return claims.empty() ? 0 : claims.rbegin()->first; }

std::optional<std::string> Numbers::meaning(std::int64_t number) const {
  const auto found = claims.find(number);
  if (found == claims.end()) return std::nullopt;
  if (found->second.size() == 1) return *found->second.begin();
  const auto one = confirmed.find(number);
  return one == confirmed.end() ? std::nullopt : std::optional(one->second);
}

std::optional<std::int64_t> Numbers::number_of(std::string_view release) const {
  const auto id12 = short_id(release);
  for (const auto& [number, ids] : claims) {
    if (ids.contains(id12) && meaning(number) == id12) return number;
  }
  return std::nullopt;
}

ClaimSteps::ClaimSteps(std::string release, std::int64_t at_least)
    : release_(std::move(release)), id12_(short_id(release_)), at_least_(at_least) {}

bool ClaimSteps::is_alone(std::int64_t number) const {
  const auto found = numbers_.claims.find(number);
  return found != numbers_.claims.end() && found->second.size() == 1 && found->second.contains(id12_);
}

void ClaimSteps::listed(const std::vector<std::string>& tags) {
  numbers_ = Numbers::of(tags);
  if (pushed_ != 0) {
    look_at_pushed();
    return;
  }
  for (const auto& [number, ids] : numbers_.claims) {
    if (ids.contains(id12_)) known_.push_back(number);
  }
  std::stable_partition(known_.begin(), known_.end(), [this](std::int64_t number) { return is_alone(number); });
  if (known_.size() > kMaxKnown) known_.resize(kMaxKnown);
  use_or_claim();
}

void ClaimSteps::use_or_claim() {
  if (known_.empty()) {
    claim_new(0);
  } else {
    next_ = ReadClaim{known_.front()};
  }
}

void ClaimSteps::read(const std::optional<ClaimArtifact>& claim) {
  const auto number = known_.front();
  known_.erase(known_.begin());
  // Another release with the same 12 digits has this claim, or it cannot be read.
  if (!claim || claim->release != release_) {
    use_or_claim();
  } else if (claim->confirmed) {
    next_ = Claimed{.number = number};
  } else if (is_alone(number)) {
    next_ = PushClaim{.number = number, .confirmed = true};  // somebody began it for the same release
  } else {
    use_or_claim();
  }
}

void ClaimSteps::claim_new(std::int64_t distance) {
  const auto last = std::max(numbers_.last(), at_least_);
  if (last >= kMaxNumber - distance) {
    next_ =
        Claimed{.error = Error(ErrorKind::unsupported,
                               "there are no numbers left for releases: the last one that "
                               "is known is " +
                                   std::to_string(last))
                             .with_hint("somebody may have written that number by hand; releases go on without one")};
    return;
  }
  if (++tries_ > kMaxTries) {
    next_ = Claimed{.error = Error(ErrorKind::conflict, "others claimed every number that was tried, " +
                                                            std::to_string(kMaxTries) + " times")
                                 .with_hint("try again")};
    return;
  }
  next_ = PushClaim{.number = last + 1 + distance, .confirmed = false};
}

void ClaimSteps::pushed(bool taken) {
  const auto push = std::get<PushClaim>(next_);
  if (push.confirmed) {
    // A claim under a tag that may not change stays unconfirmed: a later one could make its number mean nothing.
    next_ = Claimed{.number = push.number};
  } else if (!taken) {
    next_ = Claimed{};
  } else {
    pushed_ = push.number;
    unseen_ = 0;
    next_ = ListTags{};
  }
}

void ClaimSteps::look_at_pushed() {
  const auto found = numbers_.claims.find(pushed_);
  if (found == numbers_.claims.end() || !found->second.contains(id12_)) {
    if (++unseen_ >= kMaxUnseen) next_ = Claimed{};  // such a list proves nothing
    return;
  }
  unseen_ = 0;
  if (is_alone(pushed_)) {
    next_ = PushClaim{.number = pushed_, .confirmed = true};
    return;
  }
  // Those who meet go different ways, so that they do not meet again.
  claim_new(std::distance(found->second.begin(), found->second.find(id12_)));
}

}  // namespace sluice::memory
