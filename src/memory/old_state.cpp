#include "memory/old_state.hpp"

#include "base/text.hpp"
#include "memory/changes.hpp"

#include <algorithm>

namespace sluice::memory {

namespace {

openshift::KeptRelease old_release_of(const KeptRelease& kept) {
  return {.number = kept.number,
          .digest = kept.here(),
          .tag = kept.tag,
          .pattern_tag = kept.pattern_tag,
          .promotion = kept.promotion,
          .at = kept.at};
}

KeptRelease from_old(const openshift::KeptRelease& old) {
  KeptRelease out;
  out.number = old.number;
  out.digest = old.digest;
  out.tag = old.tag;
  out.pattern_tag = old.pattern_tag;
  out.promotion = old.promotion;
  out.at = old.at;
  return out;
}

bool is_same(const KeptRelease& kept, const openshift::KeptRelease& old) {
  return kept.number == old.number && kept.here() == old.digest;
}

// A rollback of an older version brings its release to the front, and says so in the hold alone.
void leave(const openshift::TagState& state, std::vector<KeptRelease>& releases) {
  if (!state.hold.starts_with("rolled back to ") || !state.hold.ends_with(" by " + state.promotion)) return;
  const auto stood = std::find_if(releases.begin(), releases.end(), [&](const KeptRelease& one) {
    return one.here() == state.previous && one.promotion != state.promotion;
  });
  if (stood != releases.end() && is_good(stood->stood)) stood->stood = Stood::left;
}

// Older versions keep their releases in the order of promotion, and undo by naming another one as the one that stands:
// what is before it in the list was undone.
std::vector<KeptRelease> releases_of(const openshift::TagState& state, const std::vector<KeptRelease>& known) {
  std::vector<KeptRelease> out;
  const bool stands_in_list = std::any_of(
      state.releases.begin(), state.releases.end(),
      [&](const openshift::KeptRelease& old) { return old.digest == state.digest && !state.digest.empty(); });
  bool before_the_standing = stands_in_list;
  for (const auto& old : state.releases) {
    if (old.digest == state.digest) before_the_standing = false;
    const auto one = std::find_if(known.begin(), known.end(), [&](const auto& kept) { return is_same(kept, old); });
    auto kept = one != known.end() ? *one : from_old(old);
    if (before_the_standing) {
      kept.stood = Stood::undone;
    } else if (!is_good(kept.stood) && kept.promotion != old.promotion) {
      kept.stood = Stood::verified;  // since it was brought again
    }
    kept.promotion = old.promotion;
    kept.at = old.at;
    out.push_back(std::move(kept));
  }
  // It was switched to, and nobody saw it run.
  if (!stands_in_list && state.release > 0 && state.release <= kMaxNumber && !state.digest.empty()) {
    KeptRelease tried;
    tried.number = state.release;
    tried.digest = state.digest;
    tried.stood = Stood::failed;
    tried.promotion = state.promotion;
    out.insert(out.begin(), std::move(tried));
  }
  std::erase_if(out, [](const KeptRelease& one) { return one.number > kMaxNumber; });
  leave(state, out);
  return out;
}

}  // namespace

openshift::TagState old_state_of(const TagMemory& memory) {
  openshift::TagState out;
  out.app = memory.app;
  out.environment = memory.environment;
  if (memory.hold) out.hold = text::printable(memory.hold->reason, kMaxHoldReason);
  const auto* stands = standing(memory);
  if (stands != nullptr) {
    out.release = stands->number;
    out.promotion = stands->promotion;
    out.digest = stands->here();
    if (stands->number != 0) out.releases.push_back(old_release_of(*stands));
  }
  for (const auto& past : memory.promotions) {
    if (stands == nullptr || past.promotion != stands->promotion) continue;
    out.previous = past.before;
  }
  for (const auto& kept : memory.releases) {
    const bool twice = std::any_of(out.releases.begin(), out.releases.end(),
                                   [&](const auto& other) { return other.number == kept.number; });
    if (kept.number == 0 || !is_good(kept.stood) || twice) continue;
    out.releases.push_back(old_release_of(kept));
  }
  return out;
}

void take_over(const openshift::TagState& state, TagMemory& memory) {
  const auto derived = old_state_of(memory);
  if (state == derived) return;
  if (memory.app.empty()) memory.app = state.app;
  if (memory.environment.empty()) memory.environment = state.environment;
  if (state.hold != derived.hold) {
    memory.hold.reset();
    if (!state.hold.empty()) memory.hold = Hold{.reason = state.hold};
  }
  if (state.promotion == derived.promotion && state.digest == derived.digest && state.releases == derived.releases)
    return;
  // Whoever promoted since knows nothing of what was open here.
  memory.open.reset();
  auto releases = releases_of(state, memory.releases);
  const auto place_of = [&](const KeptRelease& kept) {
    return std::find_if(releases.begin(), releases.end(), [&](const KeptRelease& one) {
      return one.here() == kept.here() && (one.number == kept.number || kept.number == 0);
    });
  };
  // The old version keeps numbered releases only: the others stay in front of those that they were in front of.
  auto next = releases.end() - releases.begin();
  for (auto kept = memory.releases.rbegin(); kept != memory.releases.rend(); ++kept) {
    const auto taken = place_of(*kept);
    if (taken != releases.end()) {
      next = taken - releases.begin();
    } else {
      releases.insert(releases.begin() + next, *kept);
    }
  }
  memory.releases.clear();
  for (auto one = releases.rbegin(); one != releases.rend(); ++one) keep(memory, std::move(*one));
}

}  // namespace sluice::memory
