#include "promotion/history.hpp"

#include "promotion/memory/place_keys.hpp"
#include "promotion/plan/rules.hpp"

#include <algorithm>
#include <set>

namespace sluice::promotion {

namespace {

memory::PastPromotion past_of(const records::Promotion& promotion) {
  memory::PastPromotion out;
  out.promotion = promotion.id;
  out.kind = std::string(to_string(promotion.kind));
  out.release = promotion.release;
  out.number = promotion.number;
  out.state = std::string(to_string(promotion.state));
  out.began = promotion.created_at;
  out.ended = promotion.ended_at;
  out.who = memory::who_from(promotion.who);
  out.failure = promotion.failure;
  return out;
}

std::string target_of(const EnvironmentMemory& memory, const std::string& promotion) {
  if (memory.targets.size() < 2) return {};
  std::string out;
  for (const auto& target : memory.targets) {
    const bool here = std::any_of(target.memory.promotions.begin(), target.memory.promotions.end(),
                                  [&](const auto& one) { return one.promotion == promotion; });
    if (here) out += (out.empty() ? "" : ", ") + target.target.label();
  }
  return out;
}

Status add_environment(Planner& planner, records::Store& store, const pipeline::Pipeline& pipeline,
                       const pipeline::Environment& environment, std::size_t limit, Told& out) {
  std::set<std::string> seen;
  const auto add = [&](HistoryEntry entry) {
    if (seen.insert(entry.past.promotion).second) out.entries.push_back(std::move(entry));
  };
  std::vector<std::string> keys;
  const auto tag = moving_tag(pipeline, environment);
  const auto memory = planner.memory_of(environment);
  if (!memory) out.unknown.emplace_back(environment.name, memory.error());
  for (std::size_t t = 0; t < environment.targets.size(); ++t) {
    const auto more = place_keys(memory ? (*memory)->targets[t].target : environment.targets[t], pipeline.images, tag);
    keys.insert(keys.end(), more.begin(), more.end());
  }
  SLUICE_TRY(const auto ours, store.promotions_at(keys, limit));
  if (memory) {
    for (auto& past : (*memory)->promotions()) {
      HistoryEntry entry{std::move(past), environment.name};
      entry.target = target_of(**memory, entry.past.promotion);
      const auto known =
          std::find_if(ours.begin(), ours.end(), [&](const auto& one) { return one.id == entry.past.promotion; });
      if (known != ours.end()) {
        entry.plan = known->plan_hash;
        // Ours say what became of one that the place does not know to have gone on.
        if (entry.past.failure.empty()) entry.past.failure = known->failure;
      }
      add(std::move(entry));
    }
    if (const auto open = (*memory)->open();
        open && std::none_of(ours.begin(), ours.end(), [&](const auto& one) { return one.id == open->promotion; })) {
      HistoryEntry entry{{}, environment.name};
      entry.past.promotion = open->promotion;
      entry.past.kind = open->kind;
      entry.past.release = open->release;
      entry.past.number = open->number;
      entry.past.state = (*memory)->lease() ? "running" : "interrupted";
      entry.past.began = open->began;
      entry.past.who = open->who;
      add(std::move(entry));
    }
  }
  for (const auto& promotion : ours) {
    HistoryEntry entry{past_of(promotion), environment.name};
    entry.plan = promotion.plan_hash;
    add(std::move(entry));
  }
  return {};
}

}  // namespace

Result<Told> history_of(Planner& planner, records::Store& store, const pipeline::Pipeline& pipeline,
                        const std::string& environment, std::size_t limit) {
  Told out;
  for (const auto& one : pipeline.environments) {
    if (!environment.empty() && one.name != environment) continue;
    if (environment.empty() && &one == &pipeline.environments.front()) continue;
    SLUICE_CHECK(add_environment(planner, store, pipeline, one, limit, out));
  }
  std::stable_sort(out.entries.begin(), out.entries.end(), [](const auto& a, const auto& b) {
    // Ids sort by age, and times are whole seconds.
    return a.past.began != b.past.began ? a.past.began > b.past.began : a.past.promotion > b.past.promotion;
  });
  if (out.entries.size() > limit) out.entries.resize(limit);
  return out;
}

Result<std::vector<records::Release>> releases_of(Planner& planner, records::Store& store,
                                                  const pipeline::Pipeline& pipeline, std::size_t limit) {
  SLUICE_TRY(auto out, store.releases(pipeline.app, limit));
  for (const auto& environment : pipeline.environments) {
    const auto memory = planner.memory_of(environment);
    if (!memory) continue;
    for (const auto& stood : (*memory)->releases) {
      const auto known =
          std::find_if(out.begin(), out.end(), [&](const records::Release& one) { return one.id == stood.id; });
      if (known != out.end()) {
        if (known->number == 0) known->number = stood.number;
        continue;
      }
      auto release = release_from(stood, pipeline.app, environment.name);
      if (!release) continue;
      release->created_at = stood.at;
      out.push_back(std::move(*release));
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.number != b.number ? a.number > b.number : a.created_at > b.created_at;
  });
  if (out.size() > limit) out.resize(limit);
  return out;
}

}  // namespace sluice::promotion
