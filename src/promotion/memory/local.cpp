#include "promotion/memory/local.hpp"

#include "memory/changes.hpp"
#include "promotion/memory/place_keys.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/targets/arrivals.hpp"

#include <algorithm>
#include <optional>

namespace sluice::promotion {

namespace {

using memory::Stood;
using records::PromotionState;

constexpr std::size_t kMostPromotions = 200;  // enough to find five releases that were good

bool is_this(const pipeline::Target& recorded, const pipeline::Target& target) {
  return recorded.id() == target.id() || (!target.place.empty() && recorded.place == target.place);
}

/// What the journal tells of a target's tags.
struct Switched {
  bool ever = false;
  bool still = false;  ///< they stand as the promotion left them: a failure alone does not tell
};

Result<Switched> switched_at(records::Store& store, const std::string& promotion, const std::string& target) {
  SLUICE_TRY(const auto journal, store.journal(promotion));
  Switched out;
  for (const auto& entry : journal) {
    if (entry.target != target) continue;
    if (entry.step == records::Step::begin_switch) out.ever = out.still = true;
    if (entry.step == records::Step::put_back_done) out.still = false;
  }
  return out;
}

Result<std::optional<Stood>> how_it_stood(records::Store& store, const records::Promotion& promotion,
                                          const std::string& target) {
  switch (promotion.state) {
    case PromotionState::succeeded:
      return std::optional(Stood::verified);
    case PromotionState::rolled_back: {
      SLUICE_TRY(const auto switched, switched_at(store, promotion.id, target));
      return switched.ever ? std::optional(Stood::undone) : std::nullopt;
    }
    case PromotionState::failed:
    case PromotionState::partial: {
      SLUICE_TRY(const auto switched, switched_at(store, promotion.id, target));
      return switched.still ? std::optional(Stood::failed) : std::nullopt;
    }
    default:
      return std::optional<Stood>();
  }
}

memory::Beginning beginning_of(const records::Promotion& promotion, const PlannedTarget& target,
                               const PlannedImage& image, const std::string& tag) {
  memory::Beginning out;
  out.app = promotion.app;
  out.environment = promotion.environment;
  out.open = {.promotion = promotion.id,
              .kind = std::string(to_string(promotion.kind)),
              .release = promotion.release,
              .number = promotion.number,
              .label = tag,
              .began = promotion.created_at,
              .who = memory::who_from(promotion.who),
              .head = target.images.front().name,
              .digest = image.of_release().text(),
              .after = image.after.text()};
  if (image.tags.size() > 1) {
    out.open.label = image.tags.front().tag;
    out.open.pattern_tag = true;
  }
  for (const auto& planned : image.tags)
    out.open.tags.push_back({planned.tag, planned.before ? planned.before->text() : std::string()});
  if (image.before()) {
    out.stands = memory::KeptRelease{.release = target.id_before(), .digest = image.before()->text()};
    out.stands->tag = tag;
    out.stands->stood = Stood::adopted;
    out.stands->at = promotion.created_at;
  }
  return out;
}

}  // namespace

Result<memory::TargetMemory> local_memory(records::Store& store, const pipeline::Target& target,
                                          const std::vector<std::string>& images, const std::string& tag) {
  SLUICE_TRY(auto promotions, store.promotions_at(place_keys(target, images, tag), kMostPromotions));
  std::reverse(promotions.begin(), promotions.end());
  std::vector<memory::RepositoryMemory> memories(images.size());
  for (const auto& promotion : promotions) {
    auto plan = from_record(promotion.plan);
    if (!plan) continue;  // of another version: whoever acts on it hears so
    if (plan->digest_may_change) {
      SLUICE_TRY(const auto journal, store.journal(promotion.id));
      recall_arrivals(journal, *plan);
    }
    const auto planned = std::find_if(plan->targets.begin(), plan->targets.end(),
                                      [&](const PlannedTarget& one) { return is_this(one.target, target); });
    if (planned == plan->targets.end()) continue;
    SLUICE_TRY(const auto stood, how_it_stood(store, promotion, planned->target.id()));
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto image = std::find_if(planned->images.begin(), planned->images.end(), [&](const PlannedImage& one) {
        return one.name == images[i] && one.tags.back().tag == tag;
      });
      if (image == planned->images.end()) continue;
      auto& entry = memories[i].tags[tag];
      memory::begin(entry, beginning_of(promotion, *planned, *image, tag));
      if (!records::is_end(promotion.state) || promotion.state == PromotionState::partial) continue;
      memory::end(entry, {.promotion = promotion.id,
                          .state = std::string(to_string(promotion.state)),
                          .ended = promotion.ended_at,
                          .number = promotion.number,
                          .fence = 0,
                          .failure = promotion.failure,
                          .stood = stood,
                          .release_before = planned->id_before(),
                          .hold = {}});
    }
  }
  return memory::join(images, tag, memories);
}

}  // namespace sluice::promotion
