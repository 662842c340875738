#include "promotion/targets/arrivals.hpp"

#include <utility>

namespace sluice::promotion {

namespace {

std::optional<oci::Digest> parsed(const std::string& text) {
  auto digest = oci::Digest::parse(text);
  return digest ? std::optional(std::move(*digest)) : std::nullopt;
}

// Of one release; empty: it came as it is, or is not of this release.
std::string arrival_in(const memory::StoodRelease& stood, const std::string& image, const std::string& tested) {
  for (const auto& one : stood.images) {
    if (one.name == image && one.digest == tested) return one.arrived_as;
  }
  return {};
}

}  // namespace

std::optional<oci::Digest> as_released(const memory::TargetMemory& memory, const std::string& image,
                                       const std::optional<oci::Digest>& here) {
  if (!here) return here;
  const auto text = here->text();
  for (const auto& stood : memory.releases) {
    for (const auto& one : stood.images) {
      if (one.name != image || one.arrived_as != text) continue;
      if (auto digest = parsed(one.digest)) return digest;
    }
  }
  return here;
}

std::optional<oci::Digest> arrived_before(const memory::TargetMemory& memory, const std::string& release,
                                          const std::string& image, const oci::Digest& tested, Arrivals which) {
  const auto* standing = memory::standing(memory);
  for (const auto& stood : memory.releases) {
    if (which == Arrivals::of_release && stood.id != release) continue;
    if (which == Arrivals::of_standing && &stood != standing) continue;
    if (auto arrived = arrival_in(stood, image, tested.text()); !arrived.empty()) return parsed(arrived);
  }
  return std::nullopt;
}

void take_released_before(const memory::TargetMemory& memory, PlannedTarget& target) {
  for (auto& image : target.images) {
    auto released = as_released(memory, image.name, image.before());
    image.tested_before = released == image.before() ? std::nullopt : std::move(released);
  }
}

void recall_arrivals(const std::vector<records::JournalEntry>& journal, Plan& plan) {
  for (const auto& entry : journal) {
    if (entry.step != records::Step::arrived) continue;
    const auto digest = parsed(entry.detail.string_at("digest").value_or(""));
    for (auto& target : plan.targets) {
      if (!digest || target.target.id() != entry.target) continue;
      for (auto& image : target.images) {
        if (image.name == entry.image) image.take_arrival(*digest, target.target);
      }
    }
  }
}

}  // namespace sluice::promotion
