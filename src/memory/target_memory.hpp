#pragma once
// What a target remembers: the memories of its repositories, put together. Pure.

#include "memory/memory.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::memory {

/// One image of a release that stood at a target.
struct StoodImage {
  std::string name;
  std::string digest;
  std::string arrived_as{};  ///< its digest there where the way changed it
  std::string tag{};
  friend bool operator==(const StoodImage&, const StoodImage&) = default;
};

/// A release that stood at a target, with all its images. An adopted one holds the images that were there.
struct StoodRelease {
  std::string id;
  std::int64_t number = 0;
  std::vector<StoodImage> images;  ///< in the order that was asked for
  bool pattern_tag = false;
  Stood stood = Stood::verified;
  std::string promotion{};
  std::int64_t at = 0;
  friend bool operator==(const StoodRelease&, const StoodRelease&) = default;
};

struct TargetMemory {
  std::int64_t fence = 0;
  std::vector<StoodRelease> releases{};  ///< the one that stood last first; what is not whole is not among them
  std::vector<PastPromotion> promotions{};
  std::optional<Hold> hold{};           ///< of any of its places
  std::optional<OpenPromotion> open{};  ///< with the plan, where its head remembers it
  std::string problem{};                ///< a sentence: one of the memories cannot be read
  bool kept = false;                    ///< there is a memory, also when it says nothing
  bool empty() const { return !kept && releases.empty() && promotions.empty() && !hold && !open && problem.empty(); }
};

/// A tag's memory that never was begins with what records tell of the target: else the first promotion that is
/// remembered would be the first one at all. `earlier`: the release that stood last first. `stands`: what is there now,
/// where that is known; it comes first, whoever brought it.
void remember_earlier(TagMemory& entry, const std::string& image, const std::vector<StoodRelease>& earlier,
                      const std::optional<KeptRelease>& stands);

/// `memories` has one entry per image. The repository with the highest fence says how things went; each repository says
/// which digest its image has. A release whose images do not give its id is not whole.
TargetMemory join(const std::vector<std::string>& images, const std::string& tag,
                  const std::vector<RepositoryMemory>& memories);

/// The release that stands as far as the memory goes: the last one that nobody went away from. Null: none.
const StoodRelease* standing(const TargetMemory& memory);
/// The release that a rollback goes to: the last one that stood verified before the present one. `present`: id of what
/// is there now; empty: images of no release. Null: there is none. Borrowed from the list.
const StoodRelease* release_before(const std::vector<StoodRelease>& releases, const std::string& present);

}  // namespace sluice::memory
