#include "records/step.hpp"

#include <array>
#include <utility>

namespace sluice::records {

namespace {

// Stable: old records are read by these names.
constexpr auto kNames = std::to_array<std::pair<Step, std::string_view>>({
    {Step::copying, "copying"},
    {Step::content, "content"},
    {Step::arrived, "arrived"},
    {Step::before, "before"},
    {Step::begin_switch, "switch"},
    {Step::switched, "switched"},
    {Step::pause, "pause"},
    {Step::resumed, "resumed"},
    {Step::patch, "patch"},
    {Step::start, "start"},
    {Step::rolling_out, "rolling-out"},
    {Step::verifying, "verifying"},
    {Step::verified, "verified"},
    {Step::put_back, "put-back"},
    {Step::undone, "undone"},
    {Step::put_back_done, "put-back-done"},
    {Step::left, "left"},
    {Step::resume, "resume"},
    {Step::undo, "undo"},
    {Step::ended_alone, "ended-alone"},
    {Step::taken_over, "taken-over"},
    {Step::succeeded, "succeeded"},
    {Step::failed, "failed"},
    {Step::cancelled, "cancelled"},
    {Step::rolled_back, "rolled-back"},
    {Step::rejected, "rejected"},
    {Step::expired, "expired"},
    {Step::partial, "partial"},
});

}  // namespace

std::string_view to_string(Step step) {
  for (const auto& [one, name] : kNames) {
    if (one == step) return name;
  }
  return "";
}

std::optional<Step> parse_step(std::string_view text) {
  for (const auto& [step, name] : kNames) {
    if (name == text) return step;
  }
  return std::nullopt;
}

Step end_step(PromotionState state) { return parse_step(to_string(state)).value_or(Step::failed); }

}  // namespace sluice::records
