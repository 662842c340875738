#pragma once
// Numbers of releases, claimed at places so that one number never means two contents on any machine.

#include "base/result.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/targets/places.hpp"

#include <cstdint>
#include <stop_token>
#include <string>

namespace sluice::promotion {

/// Gives the place of birth, where it is a plain registry, the id that everybody knows it by, whatever they call the
/// registry. Best effort: who may not write there goes on calling it by its name. Thread: any.
void name_birth_place(Places& places, const Numbering& numbering, const std::stop_token& stop);

/// The number of a release: the one that it has, or the next one, claimed now. 0: we may write to none of the places,
/// or may not read one of them; who may only read gives out no numbers. Errors: those of the places. Thread: any.
Result<std::int64_t> claim_number(Places& places, const Numbering& numbering, const std::string& release,
                                  const std::stop_token& stop);

}  // namespace sluice::promotion
