#pragma once
// Arrivals: an engine may push another image than it pulled. Where somebody accepted that, the place has the image
// under the digest that arrived, while the release keeps the one that was tested. Pure.

#include "memory/target_memory.hpp"
#include "oci/digest.hpp"
#include "promotion/plan/plan.hpp"
#include "records/records.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::promotion {

/// The digest in the release of what is at a target under `here`; `here` itself where nothing changed it.
std::optional<oci::Digest> as_released(const memory::TargetMemory& memory, const std::string& image,
                                       const std::optional<oci::Digest>& here);

/// Which of a target's releases tell how an image arrived there.
enum class Arrivals : std::uint8_t {
  of_release,   ///< the one that is brought back
  of_standing,  ///< the one that stands there: what was accepted once needs no engine to stay
  of_any,       ///< all: who accepts another digest takes the one that is there
};

/// The digest under which a target has an image of a release since an engine brought it; empty: its own.
std::optional<oci::Digest> arrived_before(const memory::TargetMemory& memory, const std::string& release,
                                          const std::string& image, const oci::Digest& tested, Arrivals which);

/// Tells the plan what is known of the images that are there before.
void take_released_before(const memory::TargetMemory& memory, PlannedTarget& target);

/// Tells a recorded plan what its journal knows of arrivals.
void recall_arrivals(const std::vector<records::JournalEntry>& journal, Plan& plan);

}  // namespace sluice::promotion
