#include "promotion/steps/step_writer.hpp"

namespace sluice::promotion {

using records::JournalEntry;
using records::PromotionState;

Json TagStep::to_json() const {
  return Json::object().set("tag", tag).set("digest", digest ? Json(digest->text()) : Json());
}

TagStep TagStep::of(const JournalEntry& entry) {
  TagStep out{entry.detail.string_at("tag").value_or(""), std::nullopt};
  if (auto digest = oci::Digest::parse(entry.detail.string_at("digest").value_or(""))) out.digest = std::move(*digest);
  return out;
}

RecordedStep StepWriter::described(JournalEntry entry, std::optional<PromotionState> state) const {
  auto target = entry.target.empty() || !access_.label_of ? entry.target : access_.label_of(entry.target);
  return {scope_, std::move(entry), std::move(target), state};
}

Result<RecordedStep> StepWriter::record(JournalEntry entry, std::optional<PromotionState> stays) {
  SLUICE_TRY(auto written, store_.append(scope_->promotion, std::move(entry), fences()));
  return described(std::move(written), stays);
}

Result<RecordedStep> StepWriter::record_state(PromotionState state, JournalEntry entry, const std::string& failure) {
  SLUICE_TRY(auto written, store_.advance(scope_->promotion, state, failure, std::move(entry), fences()));
  return described(std::move(written), state);
}

void StepWriter::tell(const RecordedStep& step) const {
  if (events_ != nullptr) events_->recorded(step);
}

Status StepWriter::note(JournalEntry entry) {
  SLUICE_TRY(const auto step, record(std::move(entry)));
  tell(step);
  return {};
}

Status StepWriter::advance(PromotionState state, JournalEntry entry, const std::string& failure) {
  SLUICE_TRY(const auto step, record_state(state, std::move(entry), failure));
  tell(step);
  return {};
}

}  // namespace sluice::promotion
