#pragma once
// Numbers of releases, claimed at places so that one number never means two contents on any machine.

#include "base/result.hpp"
#include "promotion/targets.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::promotion {

/// Where the numbers of a line are given out.
struct Numbering {
  std::string line;   ///< the app and the place of birth of its first image
  std::string image;  ///< the repository that keeps the claims
  /// The place of birth, then the first target. Of image streams the first that we may write to gives the number; both
  /// are read, since others may have other rights (memory/ledger_claim.hpp). A registry gives numbers as the place of
  /// birth alone: a claim there is seen by everybody at once, so nobody can compare it with another place first.
  std::vector<pipeline::Target> places;
  std::int64_t at_least = 0;  ///< the largest number that is known to be given out
};

/// Gives the place of birth, where it is a plain registry, the id that everybody knows it by, whatever they call the
/// registry. Best effort: who may not write there goes on calling it by its name.
void name_birth_place(Targets& targets, const Numbering& numbering);

/// The number of a release: the one that it has, or the next one, claimed now. 0: we may write to none of the places,
/// or may not read one of them; who may only read gives out no numbers. Errors: those of the places.
Result<std::int64_t> claim_number(Targets& targets, const Numbering& numbering, const std::string& release);

}  // namespace sluice::promotion
