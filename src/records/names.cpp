// The texts of states and kinds, and the exit code that belongs to a state.

#include "records/records.hpp"

#include <array>

namespace sluice::records {

namespace {

constexpr std::array kStates = {
    PromotionState::planned,     PromotionState::waiting,   PromotionState::copying,   PromotionState::switching,
    PromotionState::rolling_out, PromotionState::verifying, PromotionState::succeeded, PromotionState::failed,
    PromotionState::rolled_back, PromotionState::rejected,  PromotionState::expired,   PromotionState::cancelled,
    PromotionState::partial,
};

}  // namespace

std::string_view to_string(PromotionState state) {
  switch (state) {
    case PromotionState::planned:
      return "planned";
    case PromotionState::waiting:
      return "waiting";
    case PromotionState::copying:
      return "copying";
    case PromotionState::switching:
      return "switching";
    case PromotionState::rolling_out:
      return "rolling-out";
    case PromotionState::verifying:
      return "verifying";
    case PromotionState::succeeded:
      return "succeeded";
    case PromotionState::failed:
      return "failed";
    case PromotionState::rolled_back:
      return "rolled-back";
    case PromotionState::rejected:
      return "rejected";
    case PromotionState::expired:
      return "expired";
    case PromotionState::cancelled:
      return "cancelled";
    case PromotionState::partial:
      return "partial";
  }
  return "failed";
}

std::optional<PromotionState> parse_promotion_state(std::string_view text) {
  for (const auto state : kStates) {
    if (to_string(state) == text) return state;
  }
  return std::nullopt;
}

bool is_end(PromotionState state) {
  switch (state) {
    case PromotionState::planned:
    case PromotionState::waiting:
    case PromotionState::copying:
    case PromotionState::switching:
    case PromotionState::rolling_out:
    case PromotionState::verifying:
      return false;
    case PromotionState::succeeded:
    case PromotionState::failed:
    case PromotionState::rolled_back:
    case PromotionState::rejected:
    case PromotionState::expired:
    case PromotionState::cancelled:
    case PromotionState::partial:
      return true;
  }
  return true;
}

int exit_code(PromotionState state) {
  switch (state) {
    case PromotionState::succeeded:
      return 0;
    // Open states that a reader finds at rest were interrupted half way: failed until resumed.
    case PromotionState::copying:
    case PromotionState::switching:
    case PromotionState::rolling_out:
    case PromotionState::verifying:
    case PromotionState::failed:
      return 1;
    case PromotionState::planned:
    case PromotionState::waiting:
    case PromotionState::rejected:
    case PromotionState::expired:
      return 3;
    case PromotionState::partial:
      return 4;
    case PromotionState::rolled_back:
      return 5;
    case PromotionState::cancelled:
      return 130;
  }
  return 1;
}

std::string_view to_string(PromotionKind kind) {
  switch (kind) {
    case PromotionKind::promote:
      return "promote";
    case PromotionKind::rollback:
      return "rollback";
  }
  return "promote";
}

}  // namespace sluice::records
