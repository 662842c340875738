#include "memory/changes.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::memory {

namespace {

bool is_same(const KeptRelease& one, const KeptRelease& other) {
  if (!one.release.empty() && !other.release.empty()) return one.release == other.release;
  // What a version before 0.2 wrote has a number only.
  return one.number != 0 && one.number == other.number && one.digest == other.digest;
}

void note(TagMemory& memory, PastPromotion past) {
  auto& list = memory.promotions;
  const auto known =
      std::find_if(list.begin(), list.end(), [&](const PastPromotion& one) { return one.promotion == past.promotion; });
  if (known != list.end()) {
    // One that failed and was undone failed all the same; one that went on to its end did not.
    if (past.failure.empty() && past.state != "succeeded") past.failure = known->failure;
    list.erase(known);
  }
  list.insert(list.begin(), std::move(past));
  if (list.size() > kKeptPromotions) list.resize(kKeptPromotions);
}

void trim(std::vector<KeptRelease>& list) {
  while (list.size() > kKeptReleases) {
    // Never the first: it stands, or was tried last.
    const auto bad =
        std::find_if(list.rbegin(), std::prev(list.rend()), [](const KeptRelease& one) { return !is_good(one.stood); });
    list.erase(bad == std::prev(list.rend()) ? std::prev(list.end()) : std::prev(bad.base()));
  }
}

bool is_gone(const KeptRelease& one) { return one.stood == Stood::undone || one.stood == Stood::left; }

// The release that was there before a promotion, among those that a test holds for. One image of it may be that of
// other releases as well, so its id decides where it is known; an id says nothing where the way changed a digest, or an
// older version wrote.
template <typename Test>
KeptRelease* release_there(std::vector<KeptRelease>& list, const OpenPromotion& open, const std::string& id,
                           const Test& test) {
  const auto find = [&](const auto& fits) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const KeptRelease& one) {
      return one.here() == open.tags.back().before && one.release != open.release && test(one) && fits(one);
    });
    return found == list.end() ? nullptr : &*found;
  };
  if (id.empty()) return find([](const KeptRelease&) { return true; });
  if (auto* exact = find([&](const KeptRelease& one) { return one.release == id; })) return exact;
  return find([](const KeptRelease& one) { return one.release.empty() || !one.arrived_as.empty(); });
}

// What a rollback went away from. What had failed stays failed.
void leave(std::vector<KeptRelease>& list, const OpenPromotion& rollback, const std::string& id) {
  auto* stood = release_there(list, rollback, id, [](const KeptRelease& one) { return !is_gone(one); });
  if (stood != nullptr && is_good(stood->stood)) stood->stood = Stood::left;
}

void restore(std::vector<KeptRelease>& list, const OpenPromotion& rollback, const std::string& id) {
  auto* left = release_there(list, rollback, id, [](const KeptRelease& one) { return one.stood == Stood::left; });
  if (left != nullptr) left->stood = Stood::verified;
}

}  // namespace

void keep(TagMemory& memory, KeptRelease release) {
  auto& list = memory.releases;
  std::erase_if(list, [&](const KeptRelease& one) { return is_same(one, release); });
  list.insert(list.begin(), std::move(release));
  trim(list);
}

const KeptRelease* standing(const TagMemory& memory) {
  const auto found = std::find_if(memory.releases.begin(), memory.releases.end(),
                                  [](const KeptRelease& one) { return !is_gone(one); });
  return found == memory.releases.end() ? nullptr : &*found;
}

void begin(TagMemory& memory, const Beginning& beginning) {
  memory.app = beginning.app;
  memory.environment = beginning.environment;
  memory.fence = std::max(memory.fence, beginning.fence);
  if (beginning.stands && (memory.releases.empty() || beginning.adopt)) {
    auto stands = *beginning.stands;
    for (const auto& one : memory.releases) {
      if (is_same(one, stands)) stands.number = one.number;
    }
    keep(memory, std::move(stands));
  }
  memory.open = beginning.open;
}

void end(TagMemory& memory, const Ending& ending) {
  if (!memory.open || memory.open->promotion != ending.promotion) return;
  const auto open = *std::exchange(memory.open, std::nullopt);
  memory.fence = std::max(memory.fence, ending.fence);
  const auto number = ending.number != 0 ? ending.number : open.number;
  const auto& before = open.tags.back().before;
  note(memory, {.promotion = open.promotion,
                .kind = open.kind,
                .release = open.release,
                .number = number,
                .tag = open.label,
                .state = ending.state,
                .before = before,
                .after = open.after,
                .tested = open.digest == open.after ? std::string() : open.digest,
                .began = open.began,
                .ended = ending.ended,
                .who = open.who,
                .failure = ending.failure});
  if (ending.hold) memory.hold = ending.hold;
  if (!ending.stood) return;
  if (open.kind == "rollback" && *ending.stood == Stood::verified) leave(memory.releases, open, ending.release_before);
  // A rollback that is undone has left nothing.
  if (open.kind == "rollback" && *ending.stood == Stood::undone) restore(memory.releases, open, ending.release_before);
  keep(memory, {.release = open.release,
                .number = number,
                .digest = open.digest.empty() ? open.after : open.digest,
                .arrived_as = open.digest.empty() || open.digest == open.after ? std::string() : open.after,
                .tag = open.label,
                .pattern_tag = open.pattern_tag,
                .stood = *ending.stood,
                .promotion = open.promotion,
                .at = ending.ended});
}

}  // namespace sluice::memory
