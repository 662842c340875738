#pragma once
// What a promotion changes in the memory of one moving tag: when it begins, when it ends, when it is undone. Pure.

#include "memory/memory.hpp"

#include <optional>
#include <string>

namespace sluice::memory {

/// A promotion begins, or is taken up again. Everything is written before the first tag moves.
struct Beginning {
  std::string app;
  std::string environment;
  std::int64_t fence = 0;
  OpenPromotion open;
  /// What stands there, as a release of its own: kept when nothing was remembered of this tag so far.
  std::optional<KeptRelease> stands{};
  bool adopt = false;  ///< keep it whatever is remembered of this tag: with the other images that is no whole release
};
void begin(TagMemory& memory, const Beginning& beginning);

/// How a promotion ended for this tag.
struct Ending {
  std::string promotion;
  std::string state;  ///< as records name it
  std::int64_t ended = 0;
  std::int64_t number = 0;  ///< that was claimed meanwhile
  std::int64_t fence = 0;
  std::string failure{};
  /// How the release fared that it brought; empty: its tag never moved.
  std::optional<Stood> stood{};
  /// Id of the release that was there before: what a rollback goes away from. Empty: the tag's image alone tells.
  std::string release_before{};
  /// A rollback that succeeded keeps the environment where it is.
  std::optional<Hold> hold{};
};
/// Nothing happens where another promotion is open, or none.
void end(TagMemory& memory, const Ending& ending);

/// Puts a release in front of those that stood here, each once. When there are more than kKeptReleases, those go first
/// that nobody goes back to, then the oldest.
void keep(TagMemory& memory, KeptRelease release);

/// The release that stands as far as the memory goes. Null: none.
const KeptRelease* standing(const TagMemory& memory);

}  // namespace sluice::memory
