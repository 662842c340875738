#pragma once
// Holds: an environment stays as it is until the hold is lifted. A hold stands at every place of the environment, so
// that everybody sees it; our records hold it where a place remembers nothing.

#include "base/result.hpp"
#include "memory/memory.hpp"
#include "promotion/targets/targets.hpp"
#include "records/store.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::promotion {

struct HoldChange {
  std::optional<memory::Hold> before{};                 ///< what stood there; of the place that was written first
  std::vector<std::pair<std::string, Error>> missed{};  ///< targets that could not be told, and why
};

/// Sets a hold at every place of an environment, or lifts it (empty). What cannot be reached is named, and the rest is
/// done. A memory that cannot be read is written anew: that is how it is mended. Errors: those of the records.
Result<HoldChange> change_hold(Targets& targets, records::Store& store, const pipeline::Pipeline& pipeline,
                               const pipeline::Environment& environment, const std::optional<memory::Hold>& hold);

}  // namespace sluice::promotion
