#pragma once
// Where a promotion stands.

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::records {

/// planned -> waiting -> copying -> switching -> rolling-out -> verifying -> succeeded; the rest are ends.
enum class PromotionState : std::uint8_t {
  planned,
  waiting,
  copying,
  switching,
  rolling_out,
  verifying,
  succeeded,
  failed,
  rolled_back,
  rejected,
  expired,
  cancelled,
  partial,
};
/// "rolling-out"; stable, used in records, JSON and the CLI.
std::string_view to_string(PromotionState state);
std::optional<PromotionState> parse_promotion_state(std::string_view text);
/// succeeded, failed, rolled-back, rejected, expired, cancelled, partial.
bool is_end(PromotionState state);
/// The exit code of a promotion that stands in this state (README.md, "Exit codes").
int exit_code(PromotionState state);

}  // namespace sluice::records
