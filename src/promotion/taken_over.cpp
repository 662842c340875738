#include "promotion/taken_over.hpp"

#include "promotion/memory_access.hpp"
#include "promotion/place_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

namespace sluice::promotion {

namespace {

using records::PromotionState;

/// What one place remembers of the promotion.
struct Part {
  std::string after;
  std::string digest;
  std::string tag;
  std::vector<memory::OpenTag> tags;
};

/// What all places remember of it: by target, then by image.
struct Remembered {
  const pipeline::Environment* environment = nullptr;
  std::string kind;
  std::string release;
  std::int64_t number = 0;
  bool pattern_tag = false;
  std::int64_t began = 0;
  memory::Who who{};
  std::string state{};  ///< of one that has ended; empty: it is open
  std::string failure{};
  Json head{};
  std::vector<std::map<std::string, Part>> targets{};
};

void take_open(const memory::OpenPromotion& open, const std::string& image, Remembered& out, std::size_t target) {
  out.kind = open.kind;
  out.release = open.release;
  out.number = open.number;
  out.pattern_tag = open.pattern_tag;
  out.began = open.began;
  out.who = open.who;
  if (open.plan.is_object()) out.head = open.plan;
  out.targets[target][image] = {open.after, open.digest, open.label, open.tags};
}

void take_past(const memory::PastPromotion& past, const std::string& image, const std::string& tag, Remembered& out,
               std::size_t target) {
  out.kind = past.kind;
  out.release = past.release;
  out.number = past.number;
  out.began = past.began;
  out.who = past.who;
  out.state = past.state;
  out.failure = past.failure;
  out.targets[target][image] = {past.after, past.after, past.tag, {{tag, past.before}}};
}

Result<bool> remembered_at(Targets& targets, const pipeline::Pipeline& pipeline,
                           const pipeline::Environment& environment, const std::string& promotion, Remembered& out,
                           std::string& problem) {
  const auto tag = moving_tag(pipeline, environment);
  out = {};
  out.environment = &environment;
  out.targets.resize(environment.targets.size());
  bool any = false;
  for (std::size_t t = 0; t < environment.targets.size(); ++t) {
    SLUICE_TRY(const auto place, memory_at(targets, environment.targets[t]));
    SLUICE_TRY(const auto memories, place->read(pipeline.images, targets.stop()));
    for (std::size_t i = 0; i < memories.size(); ++i) {
      if (!memories[i].problem.empty() && problem.empty())
        problem = fmt::format("the memory of {}/{} cannot be read: it {}", environment.targets[t].label(),
                              pipeline.images[i], memories[i].problem);
      const auto entry = memories[i].tags.find(tag);
      if (entry == memories[i].tags.end()) continue;
      if (entry->second.open && entry->second.open->promotion == promotion) {
        take_open(*entry->second.open, pipeline.images[i], out, t);
        any = true;
        continue;
      }
      for (const auto& past : entry->second.promotions) {
        if (past.promotion != promotion) continue;
        take_past(past, pipeline.images[i], tag, out, t);
        any = true;
      }
    }
  }
  return any;
}

Error not_enough(const std::string& promotion, const std::string& why) {
  return Error(ErrorKind::blocked, fmt::format("promotion {} was begun by another machine, and its places do not "
                                               "remember enough of it: {}",
                                               promotion, why))
      .with_hint("go on there, or promote again, or go back with sluice rollback");
}

Result<records::Release> release_of(const Remembered& known, const pipeline::Pipeline& pipeline,
                                    const std::string& promotion) {
  records::Release out;
  out.app = pipeline.app;
  out.number = known.number;
  out.pattern_tag = known.pattern_tag;
  out.adopted = true;
  out.origin = known.environment->name;
  for (const auto& image : pipeline.images) {
    const auto part = known.targets.front().find(image);
    if (part == known.targets.front().end()) continue;
    auto digest = oci::Digest::parse(part->second.digest);
    if (!digest) return not_enough(promotion, "a digest of " + image + " is missing");
    out.images.push_back({image, std::move(*digest), part->second.tag});
  }
  out.id = records::release_id(out.images);
  if (out.images.empty() || out.id != known.release) return not_enough(promotion, "its images do not give its release");
  return out;
}

// What was there before is what the places remember, whatever stands there now.
Status take_before(const Remembered& known, const std::string& promotion, Plan& plan) {
  for (std::size_t t = 0; t < plan.targets.size(); ++t) {
    for (auto& image : plan.targets[t].images) {
      const auto part = known.targets[t].find(image.name);
      if (part == known.targets[t].end()) return not_enough(promotion, "it had not begun everywhere");
      std::vector<PlannedTag> tags;
      for (const auto& tag : part->second.tags) {
        std::optional<oci::Digest> before;
        if (!tag.before.empty()) {
          SLUICE_TRY(before, oci::Digest::parse(tag.before));
        }
        tags.push_back({tag.tag, std::move(before)});
      }
      image.tags = std::move(tags);
    }
  }
  return {};
}

using Append = std::function<Status(std::string step, std::string image, Json detail)>;

// Workloads that were to be paused may have been left so.
Status note_pauses(const PlannedTarget& target, const Append& append) {
  if (!target.workloads) return {};
  for (const auto& workload : *target.workloads) {
    if (!workload.pause) continue;
    SLUICE_CHECK(append("pause", "",
                        Json::object()
                            .set("kind", workload.kind)
                            .set("project", target.target.project)
                            .set("name", workload.name)
                            .set("uid", "")));
  }
  return {};
}

Status note_switched(const PlannedTarget& target, const Append& append) {
  SLUICE_CHECK(append("switch", "", {}));
  for (const auto& image : target.images) {
    for (const auto& tag : image.tags)
      SLUICE_CHECK(
          append("switched", image.name, Json::object().set("tag", tag.tag).set("digest", image.after.text())));
  }
  return {};
}

/// The steps that the machine which began it has certainly done, as far as its places show.
/// `arrived`: it has succeeded, so that its tags moved, whoever moved them since.
Status journal(records::Store& store, Targets& targets, const Plan& plan, const std::string& promotion, bool arrived) {
  targets.forget();
  for (const auto& target : plan.targets) {
    const Append append = [&](std::string step, std::string image, Json detail) {
      return store.append(promotion, {0, 0, std::move(step), target.target.id(), std::move(image), std::move(detail)},
                          {});
    };
    std::vector<std::string> names;
    for (const auto& image : target.images) names.push_back(image.name);
    SLUICE_TRY(const auto now, targets.digests(target.target, names, target.images.front().tags.back().tag));
    bool switched = arrived;
    // What stands for a third image was switched as well, or never will be: whoever acts on it looks again.
    for (std::size_t i = 0; i < names.size(); ++i) switched = switched || now[i] != target.images[i].before();
    SLUICE_CHECK(note_pauses(target, append));
    if (switched) SLUICE_CHECK(note_switched(target, append));
  }
  return store.append(promotion, {0, 0, "taken-over", {}, {}, {}}, {});
}

}  // namespace

Status take_from_places(Planner& planner, records::Store& store, const pipeline::Pipeline& pipeline,
                        const std::string& promotion) {
  Remembered known;
  bool found = false;
  std::string problem;
  for (const auto& environment : pipeline.environments) {
    if (found || &environment == &pipeline.environments.front()) continue;
    SLUICE_TRY(found, remembered_at(planner.targets(), pipeline, environment, promotion, known, problem));
  }
  if (!found && !problem.empty()) return Error(ErrorKind::blocked, problem).with_hint("see: sluice doctor");
  if (!found) {
    return Error(ErrorKind::not_found,
                 "there is no promotion " + promotion + " in the records, and no place of the pipeline remembers it")
        .with_hint("see: sluice history");
  }
  SLUICE_TRY(auto release, release_of(known, pipeline, promotion));
  Request request{.environment = known.environment->name};
  request.kind = known.kind == "rollback" ? records::PromotionKind::rollback : records::PromotionKind::promote;
  request.exactly = release;
  request.take_over = true;
  SLUICE_TRY(auto planned, planner.plan(request, false));
  auto& plan = planned.plan;
  SLUICE_CHECK(take_before(known, promotion, plan));
  SLUICE_TRY(release, planner.keep(std::move(release)));
  records::Promotion row;
  row.id = promotion;
  row.app = pipeline.app;
  row.environment = plan.environment;
  row.kind = plan.kind;
  row.release = release.id;
  row.number = release.number;
  row.plan_hash = known.head.string_at("hash").value_or(plan.hash());
  row.plan = to_record(plan);
  row.created_at = known.began;
  row.who = memory::to_json(known.who);
  for (const auto& target : plan.targets) {
    for (const auto& image : target.images) {
      const auto keys = place_keys(target.target, {image.name}, image.tags.back().tag);
      row.places.insert(row.places.end(), keys.begin(), keys.end());
    }
  }
  SLUICE_CHECK(store.add_promotion(std::move(row)));
  SLUICE_CHECK(journal(store, planner.targets(), plan, promotion, known.state == to_string(PromotionState::succeeded)));
  // One that has ended stands as it ended; one that is open was left somewhere on its way.
  const auto state = records::parse_promotion_state(known.state).value_or(PromotionState::switching);
  return store.advance(promotion, state, known.failure, {0, 0, "taken-over", {}, {}, {}}, {});
}

}  // namespace sluice::promotion
