#include "memory/target_memory.hpp"

#include "memory/changes.hpp"
#include "oci/content_id.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::memory {

namespace {

const TagMemory& entry_of(const RepositoryMemory& memory, const std::string& tag) {
  static const TagMemory nothing;
  const auto found = memory.tags.find(tag);
  return found == memory.tags.end() ? nothing : found->second;
}

// Versions before 0.2 knew numbers only, and gave one to two contents on two machines: then the promotion tells.
const KeptRelease* same_number(const TagMemory& tag, const KeptRelease& wanted) {
  const KeptRelease* found = nullptr;
  for (const auto& one : tag.releases) {
    if (!one.release.empty() || one.number != wanted.number) continue;
    if (one.promotion == wanted.promotion) return &one;
    if (found != nullptr) return nullptr;
    found = &one;
  }
  return found;
}

const KeptRelease* same_release(const TagMemory& tag, const KeptRelease& wanted) {
  if (wanted.release.empty()) return same_number(tag, wanted);
  const auto found = std::find_if(tag.releases.begin(), tag.releases.end(),
                                  [&](const KeptRelease& one) { return one.release == wanted.release; });
  return found == tag.releases.end() ? nullptr : &*found;
}

std::optional<StoodRelease> whole(const KeptRelease& kept, const std::vector<std::string>& images,
                                  const std::vector<const TagMemory*>& tags) {
  StoodRelease out{.id = kept.release,
                   .number = kept.number,
                   .images = {},
                   .pattern_tag = kept.pattern_tag,
                   .stood = kept.stood,
                   .promotion = kept.promotion,
                   .at = kept.at};
  std::map<std::string, std::string> content;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto* one = same_release(*tags[i], kept);
    if (one == nullptr) continue;
    out.images.push_back({images[i], one->digest, one->arrived_as, one->tag});
    content.emplace(images[i], one->digest);
  }
  const auto id = oci::content_id(content);
  // Without an id only a release of all images is known to be whole.
  if (out.id.empty() && out.images.size() == images.size()) out.id = id;
  if (out.id != id) return std::nullopt;
  return out;
}

}  // namespace

void remember_earlier(TagMemory& entry, const std::string& image, const std::vector<StoodRelease>& earlier,
                      const std::optional<KeptRelease>& stands) {
  for (auto stood = earlier.rbegin(); stood != earlier.rend(); ++stood) {
    const auto one = std::find_if(stood->images.begin(), stood->images.end(),
                                  [&](const StoodImage& other) { return other.name == image; });
    if (one == stood->images.end()) continue;
    keep(entry, {.release = stood->id,
                 .number = stood->number,
                 .digest = one->digest,
                 .arrived_as = one->arrived_as,
                 .tag = one->tag,
                 .pattern_tag = stood->pattern_tag,
                 .stood = stood->stood,
                 .promotion = stood->promotion,
                 .at = stood->at});
  }
  const auto* last = standing(entry);
  if (!stands || (last != nullptr && last->release == stands->release)) return;
  const auto known = std::find_if(entry.releases.begin(), entry.releases.end(),
                                  [&](const KeptRelease& one) { return one.release == stands->release; });
  auto now_there = known == entry.releases.end() ? *stands : *known;
  if (!is_good(now_there.stood)) now_there.stood = Stood::adopted;
  keep(entry, std::move(now_there));
}

TargetMemory join(const std::vector<std::string>& images, const std::string& tag,
                  const std::vector<RepositoryMemory>& memories) {
  TargetMemory out;
  std::vector<const TagMemory*> tags;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto& memory = memories[i];
    tags.push_back(&entry_of(memory, tag));
    out.kept = out.kept || memory.tags.contains(tag);
    if (!memory.problem.empty() && out.problem.empty())
      out.problem = "the memory of " + images[i] + " cannot be read: it " + memory.problem;
    if (tags.back()->hold && !out.hold) out.hold = tags.back()->hold;
    const auto& open = tags.back()->open;
    // Older versions left the plan at the head alone.
    if (open && (!out.open || (out.open->promotion == open->promotion && open->plan->is_object()))) out.open = open;
  }
  if (tags.empty()) return out;
  const auto* lead =
      *std::max_element(tags.begin(), tags.end(), [](const auto* a, const auto* b) { return a->fence < b->fence; });
  if (lead->open && (!out.open || out.open->promotion != lead->open->promotion)) out.open = lead->open;
  out.fence = lead->fence;
  out.promotions = lead->promotions;
  for (const auto& kept : lead->releases) {
    if (auto release = whole(kept, images, tags)) out.releases.push_back(std::move(*release));
  }
  return out;
}

const StoodRelease* standing(const TargetMemory& memory) {
  const auto found = std::find_if(memory.releases.begin(), memory.releases.end(), [](const StoodRelease& one) {
    return one.stood != Stood::undone && one.stood != Stood::left;
  });
  return found == memory.releases.end() ? nullptr : &*found;
}

const StoodRelease* release_before(const std::vector<StoodRelease>& releases, const std::string& present) {
  const auto found = std::find_if(releases.begin(), releases.end(),
                                  [&](const StoodRelease& one) { return is_good(one.stood) && one.id != present; });
  return found == releases.end() ? nullptr : &*found;
}

}  // namespace sluice::memory
