#pragma once
// The steps of a promotion, as its journal names them. docs/architecture.md, "The life of a promotion".

#include "records/promotion_state.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::records {

/// A new one needs a migration of the records, even an empty one: versions before it refuse the records as a whole
/// then, and not one journal. What was begun or done. A step that names an action ("pause", "switch") is written before
/// it is carried out, one that names a result ("switched", "resumed") after.
enum class Step : std::uint8_t {
  copying,        ///< content is on its way to the targets
  content,        ///< all content is there
  arrived,        ///< an image stands there under another digest: `digest`
  before,         ///< what every tag of a target stands for now
  begin_switch,   ///< the tags of a target are about to move
  switched,       ///< one tag moved: a TagStep
  pause,          ///< a workload is about to be paused
  resumed,        ///< it is not paused by us any more
  patch,          ///< a workload's images are about to be set
  start,          ///< a rollout is about to be started
  rolling_out,    ///< the workloads of a target are followed
  verifying,      ///< they run; checks and the watch time began
  verified,       ///< a target is done
  put_back,       ///< what was there before is about to be put back at a target
  undone,         ///< one tag stands for what it stood for before: a TagStep
  put_back_done,  ///< nothing of a target is left switched
  left,           ///< the attempt ended, the promotion did not: `why`
  resume,         ///< another attempt began
  undo,           ///< an undo began
  ended_alone,    ///< it ended at one target while others are left
  taken_over,     ///< another machine had begun it; the steps before were read off its places
  succeeded,
  failed,
  cancelled,
  rolled_back,
  rejected,
  expired,
  partial,
};

/// As the journal spells it: "begin_switch" is "switch", all others are their own names with dashes.
std::string_view to_string(Step step);
/// Empty for a step that this version does not know.
std::optional<Step> parse_step(std::string_view text);

/// The step that a promotion ends with. Precondition: is_end(state).
Step end_step(PromotionState state);

}  // namespace sluice::records
