#include "cli/view/attachment.hpp"

#include "oci/attachment.hpp"

#include <fmt/format.h>

namespace sluice::cli {

namespace {

using States = std::optional<std::vector<copy::AttachmentState>>;

struct Sorted {
  std::vector<oci::AttachmentKind> along;
  std::vector<oci::AttachmentKind> stay;
  std::size_t arrived = 0;
};

Sorted sorted(const std::vector<copy::AttachmentState>& attachments) {
  Sorted out;
  for (const auto& one : attachments) {
    (one.goes_along ? out.along : out.stay).push_back(one.what.kind);
    if (one.goes_along && one.arrived) ++out.arrived;
  }
  return out;
}

}  // namespace

std::string attachments_text(const States& attachments) {
  if (!attachments) return {};
  const auto all = sorted(*attachments);
  std::string out;
  if (!all.along.empty())
    out = fmt::format("{} of {} arrived: {}", all.arrived, all.along.size(), oci::counted(all.along));
  if (!all.stay.empty()) {
    out += fmt::format("{}{} at the source: {}", out.empty() ? "" : "; ",
                       all.stay.size() == 1 ? "1 stays" : std::to_string(all.stay.size()) + " stay",
                       oci::counted(all.stay));
  }
  return out.empty() ? "none" : out;
}

std::string planned_attachments_text(const States& attachments) {
  if (!attachments) return {};
  const auto all = sorted(*attachments);
  std::string out;
  if (!all.along.empty()) out = oci::counted(all.along) + (all.along.size() == 1 ? " goes along" : " go along");
  if (!all.stay.empty()) {
    out += (out.empty() ? "" : "; ") + oci::counted(all.stay) + (all.stay.size() == 1 ? " stays" : " stay");
  }
  return out;
}

}  // namespace sluice::cli
