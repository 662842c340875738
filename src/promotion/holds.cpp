#include "promotion/holds.hpp"

#include "memory/target_memory.hpp"
#include "promotion/memory/access.hpp"
#include "promotion/memory/local.hpp"
#include "promotion/memory/place_keys.hpp"
#include "promotion/plan/rules.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::promotion {

namespace {

struct Wanted {
  const pipeline::Pipeline& pipeline;
  const pipeline::Environment& environment;
  std::string tag;
  const std::optional<memory::Hold>& hold;
  const std::vector<memory::StoodRelease>& earlier;  ///< what our records tell of the target
};

Status change_at(memory::PlaceMemory& place, const Wanted& wanted, HoldChange& out, const std::stop_token& stop) {
  for (const auto& image : wanted.pipeline.images) {
    SLUICE_CHECK(place.change(
        image,
        [&](memory::RepositoryMemory& memory) -> Status {
          const bool never_was = memory.id.empty() && memory.unknown.is_null() && memory.tags.empty() &&
                                 memory.numbers.empty() && memory.problem.empty();
          if (!std::exchange(memory.problem, {}).empty()) {
            // Written anew: what our own records tell does not count here any more.
            auto& entry = memory.tags[wanted.tag];
            entry.app = wanted.pipeline.app;
            entry.environment = wanted.environment.name;
          }
          const auto found = memory.tags.find(wanted.tag);
          if (found != memory.tags.end() && found->second.hold && !out.before) out.before = found->second.hold;
          if (!wanted.hold) {
            if (found != memory.tags.end()) found->second.hold.reset();
            return {};
          }
          auto& entry = memory.tags[wanted.tag];
          // What remembers a hold counts as the memory of the place: the rest must not be hidden by it.
          if (never_was) memory::remember_earlier(entry, image, wanted.earlier, std::nullopt);
          if (entry.app.empty()) entry.app = wanted.pipeline.app;
          if (entry.environment.empty()) entry.environment = wanted.environment.name;
          entry.hold = wanted.hold;
          return {};
        },
        stop));
  }
  return {};
}

}  // namespace

Result<HoldChange> change_hold(Targets& targets, records::Store& store, const pipeline::Pipeline& pipeline,
                               const pipeline::Environment& environment, const std::optional<memory::Hold>& hold) {
  HoldChange out;
  const auto tag = moving_tag(pipeline, environment);
  for (const auto& target : environment.targets) {
    const auto access = targets.open(target);
    if (!access) {
      out.missed.emplace_back(target.label(), access.error());
      continue;
    }
    const auto keys = place_keys(access->target, pipeline.images, tag);
    SLUICE_TRY(const auto ours, store.holds(keys));
    if (!ours.empty() && !out.before)
      out.before = memory::Hold{ours.front().reason, ours.front().since, memory::who_from(ours.front().who)};
    Result<std::unique_ptr<memory::PlaceMemory>> place = std::unique_ptr<memory::PlaceMemory>();
    if (pipeline.memory.at_place) place = memory_at(targets, access->target);
    auto there = hold;
    if (there) {
      const auto identity = access->side ? targets.user_at(*access) : targets.places().user_of(access->target);
      there->who = told_who(hold->who, pipeline.memory, access->target, identity);
    }
    std::vector<memory::StoodRelease> earlier;
    if (there) {
      SLUICE_TRY(auto ours_told, local_memory(store, access->target, pipeline.images, tag));
      if (!ours_told.promotions.empty()) earlier = std::move(ours_told.releases);
    }
    const Wanted wanted{pipeline, environment, tag, there, earlier};
    const auto told = [&]() -> Status {
      if (!place) return place.error();
      if (*place) return change_at(**place, wanted, out, targets.stop());
      return {};
    }();
    const bool may_not = !told && told.error().kind() == ErrorKind::denied;
    if (!told && !may_not) out.missed.emplace_back(target.label(), told.error());
    if (hold && (may_not || (place && !*place))) {
      for (const auto& key : keys)
        SLUICE_CHECK(store.set_hold({key, hold->reason, hold->since, memory::to_json(hold->who)}));
      if (may_not) out.missed.emplace_back(target.label(), told.error());
    } else if (!hold) {
      SLUICE_CHECK(store.clear_holds(keys));
      if (may_not) out.missed.emplace_back(target.label(), told.error());
    }
  }
  if (hold) return out;
  SLUICE_TRY(const auto old, store.old_hold(pipeline.app, environment.name));
  if (old && !out.before) out.before = memory::Hold{old->reason, old->since, {}};
  SLUICE_CHECK(store.clear_old_hold(pipeline.app, environment.name));
  return out;
}

}  // namespace sluice::promotion
