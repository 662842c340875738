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

Status StepWriter::note(JournalEntry entry, std::optional<PromotionState> stays) {
  SLUICE_TRY(auto written, store_.append(scope_->promotion, std::move(entry), fences()));
  tell(std::move(written), stays);
  return {};
}

Status StepWriter::advance(PromotionState state, JournalEntry entry, const std::string& failure) {
  SLUICE_TRY(auto written, store_.advance(scope_->promotion, state, failure, std::move(entry), fences()));
  tell(std::move(written), state);
  return {};
}

void StepWriter::tell(JournalEntry entry, std::optional<PromotionState> state) const {
  if (events_ == nullptr) return;
  auto target = entry.target.empty() || !access_.label_of ? entry.target : access_.label_of(entry.target);
  events_->recorded({scope_, std::move(entry), std::move(target), state});
}

}  // namespace sluice::promotion
