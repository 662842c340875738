#include "promotion/leases/taken_over.hpp"

#include "promotion/memory/access.hpp"
#include "promotion/memory/place_keys.hpp"
#include "promotion/steps/step_writer.hpp"
#include "promotion/targets/arrivals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>

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
  bool undoing = false;
  std::string failure{};
  Json plan{};
  std::vector<std::map<std::string, Part>> targets{};
  /// By target, the images whose memory was lost: an image without a part may have begun all the same.
  std::vector<std::set<std::string>> lost{};
  std::vector<memory::TargetMemory> memories{};  ///< by target
};

void take_open(const memory::OpenPromotion& open, const std::string& image, Remembered& out, std::size_t target) {
  out.kind = open.kind;
  out.release = open.release;
  out.number = open.number;
  out.pattern_tag = open.pattern_tag;
  out.began = open.began;
  out.who = open.who;
  out.undoing = out.undoing || open.undoing;
  if (open.plan->is_object()) out.plan = *open.plan;
  out.targets[target][image] = {open.after, open.digest, open.label, open.tags};
}

// The digest that a past promotion brought, as its release has it.
std::string tested_of(const memory::TagMemory& memory, const memory::PastPromotion& past) {
  if (!past.tested.empty()) return past.tested;
  const auto kept = std::find_if(memory.releases.begin(), memory.releases.end(), [&](const memory::KeptRelease& one) {
    return one.release == past.release && one.here() == past.after;
  });
  return kept == memory.releases.end() ? past.after : kept->digest;
}

void take_past(const memory::TagMemory& memory, const memory::PastPromotion& past, const std::string& image,
               const std::string& tag, Remembered& out, std::size_t target) {
  out.kind = past.kind;
  out.release = past.release;
  out.number = past.number;
  out.began = past.began;
  out.who = past.who;
  out.state = past.state;
  out.failure = past.failure;
  out.targets[target][image] = {past.after, tested_of(memory, past), past.tag, {{tag, past.before}}};
}

// It knows of nothing that was promoted there: whoever wrote it last wrote it anew.
bool is_new(const memory::TagMemory& memory) {
  return !memory.open && memory.promotions.empty() && memory.releases.empty();
}

Result<bool> remembered_at(Targets& targets, const pipeline::Pipeline& pipeline,
                           const pipeline::Environment& environment, const std::string& promotion, Remembered& out,
                           std::string& problem) {
  const auto tag = moving_tag(pipeline, environment);
  out = {};
  out.environment = &environment;
  out.targets.resize(environment.targets.size());
  out.lost.resize(environment.targets.size());
  bool open = false;
  bool any = false;
  for (std::size_t t = 0; t < environment.targets.size(); ++t) {
    SLUICE_TRY(const auto place, memory_at(targets, environment.targets[t]));
    SLUICE_TRY(const auto memories, place->read(pipeline.images, targets.stop()));
    out.memories.push_back(memory::join(pipeline.images, tag, memories));
    for (std::size_t i = 0; i < memories.size(); ++i) {
      if (!memories[i].problem.empty() && problem.empty())
        problem = fmt::format("the memory of {}/{} cannot be read: it {}", environment.targets[t].label(),
                              pipeline.images[i], memories[i].problem);
      const auto entry = memories[i].tags.find(tag);
      if (!memories[i].problem.empty() || (entry != memories[i].tags.end() && is_new(entry->second)))
        out.lost[t].insert(pipeline.images[i]);
      if (entry == memories[i].tags.end()) continue;
      if (entry->second.open && entry->second.open->promotion == promotion) {
        take_open(*entry->second.open, pipeline.images[i], out, t);
        any = open = true;
        continue;
      }
      for (const auto& past : entry->second.promotions) {
        if (past.promotion != promotion) continue;
        take_past(entry->second, past, pipeline.images[i], tag, out, t);
        any = true;
      }
    }
  }
  // What one of its images has open has not ended, whatever the others say.
  if (open) out.state.clear();
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
  out.images = remembered_content(known.plan);
  const auto& parts = known.targets.front();
  for (const auto& image : out.images.empty() ? pipeline.images : std::vector<std::string>()) {
    const auto part = parts.find(image);
    if (part == parts.end()) continue;
    auto digest = oci::Digest::parse(part->second.digest);
    if (!digest) return not_enough(promotion, "a digest of " + image + " is missing");
    out.images.push_back({image, std::move(*digest), part->second.tag});
  }
  out.id = records::release_id(out.images);
  if (out.images.empty() || out.id != known.release) return not_enough(promotion, "its images do not give its release");
  return out;
}

// An engine may have made another image of it on the way.
Status take_arrived(const Part& part, const pipeline::Target& target, PlannedImage& image) {
  SLUICE_TRY(auto after, oci::Digest::parse(part.after));
  SLUICE_TRY(image.after, oci::Digest::parse(part.digest.empty() ? part.after : part.digest));
  if (after != image.after) image.take_arrival(std::move(after), target);
  return {};
}

// What was there before is what the places remember, whatever stands there now. An image that had not begun when the
// others had was not touched: tags move when all have begun.
Status take_before(const Remembered& known, const std::string& promotion, Plan& plan) {
  for (std::size_t t = 0; t < plan.targets.size(); ++t) {
    for (auto& image : plan.targets[t].images) {
      const auto part = known.targets[t].find(image.name);
      if (part == known.targets[t].end()) {
        const bool untouched = known.state.empty() && !known.lost[t].contains(image.name);
        if (untouched) continue;
        return not_enough(promotion, "the memory of " + image.name + " was lost");
      }
      std::vector<PlannedTag> tags;
      for (const auto& tag : part->second.tags) {
        std::optional<oci::Digest> before;
        if (!tag.before.empty()) {
          SLUICE_TRY(before, oci::Digest::parse(tag.before));
        }
        tags.push_back({tag.tag, std::move(before)});
      }
      image.tags = std::move(tags);
      if (!part->second.digest.empty() && part->second.after != part->second.digest)
        SLUICE_CHECK(take_arrived(part->second, plan.targets[t].target, image));
    }
    take_released_before(known.memories[t], plan.targets[t]);
  }
  return {};
}

// The roads that were asked for, by target; empty: the plan is not remembered, or is about other targets.
std::vector<std::optional<pipeline::Via>> roads_of(const Remembered& known) {
  std::vector<std::optional<pipeline::Via>> out;
  const auto* targets = known.plan.find("targets");
  if (targets == nullptr || targets->items().size() != known.targets.size()) return out;
  for (const auto& target : targets->items()) {
    const auto via = target.string_at("via");
    out.push_back(via ? pipeline::parse_via(*via) : std::nullopt);
  }
  return out;
}

using Append = std::function<Status(records::Step step, std::string image, Json detail)>;

// Workloads that were to be paused may have been left so.
Status note_pauses(const PlannedTarget& target, const Append& append) {
  if (!target.workloads) return {};
  for (const auto& workload : *target.workloads) {
    if (!workload.pause) continue;
    SLUICE_CHECK(append(records::Step::pause, "",
                        Json::object()
                            .set("kind", workload.kind)
                            .set("project", target.target.project)
                            .set("name", workload.name)
                            .set("uid", "")));
  }
  return {};
}

Status note_switched(const PlannedTarget& target, const Append& append) {
  SLUICE_CHECK(append(records::Step::begin_switch, "", {}));
  for (const auto& image : target.images) {
    for (const auto& tag : image.tags)
      SLUICE_CHECK(append(records::Step::switched, image.name, TagStep{tag.tag, image.after}.to_json()));
  }
  return {};
}

// What stands as before went back already.
Status note_undone(const PlannedTarget& target, const std::vector<std::optional<oci::Digest>>& now,
                   const Append& append) {
  for (std::size_t i = 0; i < now.size(); ++i) {
    const auto& image = target.images[i];
    if (now[i] != image.before() || image.before() == image.after) continue;
    SLUICE_CHECK(append(records::Step::undone, image.name, TagStep{image.tags.back().tag, now[i]}.to_json()));
  }
  return {};
}

/// The steps that the machine which began it has certainly done, as far as its places show.
Status journal(StepWriter& writer, Targets& targets, const Plan& plan, const Remembered& known) {
  targets.forget();
  const auto ended = records::parse_promotion_state(known.state);
  for (const auto& target : plan.targets) {
    const Append append = [&](records::Step step, std::string image, Json detail) {
      return writer.note(
          {.step = step, .target = target.target.id(), .image = std::move(image), .detail = std::move(detail)});
    };
    std::vector<std::string> names;
    for (const auto& image : target.images) names.push_back(image.name);
    SLUICE_TRY(const auto now, targets.digests(target.target, names, target.images.front().tags.back().tag));
    // One that has succeeded moved its tags, whoever moved them since.
    bool switched = ended == PromotionState::succeeded || known.undoing;
    // What stands for a third image was switched as well, or never will be: whoever acts on it looks again.
    for (std::size_t i = 0; i < names.size() && ended != PromotionState::cancelled; ++i)
      switched = switched || now[i] != target.images[i].before();
    SLUICE_CHECK(note_pauses(target, append));
    if (switched) SLUICE_CHECK(note_switched(target, append));
    if (known.undoing) SLUICE_CHECK(note_undone(target, now, append));
  }
  return writer.note({.step = records::Step::taken_over});
}

// Of one that has ended the places remember no plan, but all that putting it back takes.
std::optional<Plan> plan_of_ended(const Remembered& known, const pipeline::Pipeline& pipeline) {
  if (known.state.empty()) return std::nullopt;
  Plan plan;
  plan.app = pipeline.app;
  plan.environment = known.environment->name;
  plan.kind = known.kind == "rollback" ? records::PromotionKind::rollback : records::PromotionKind::promote;
  plan.release_id = known.release;
  if (known.number != 0) plan.release = known.number;
  plan.verify = known.environment->verify;
  plan.memory = pipeline.memory;
  plan.rollback_on_failure = known.environment->rollback_on_failure;
  for (const auto& birth : pipeline.environments.front().targets) plan.sources.push_back({.target = birth});
  for (std::size_t t = 0; t < known.targets.size(); ++t) {
    PlannedTarget target;
    target.target = known.environment->targets[t];
    for (const auto& [name, part] : known.targets[t]) {
      auto after = oci::Digest::parse(part.after);
      if (!after) return std::nullopt;
      PlannedImage image{
          .name = name, .after = std::move(*after), .tags = {}, .origins = pipeline.environments.front().targets};
      if (!take_arrived(part, target.target, image)) return std::nullopt;
      target.images.push_back(std::move(image));
    }
    if (target.images.empty()) return std::nullopt;
    plan.targets.push_back(std::move(target));
  }
  return plan;
}

// What the places remember, with the targets as this machine reaches them. Empty: they remember less than that.
Result<std::optional<Plan>> plan_back(const Remembered& known, const pipeline::Pipeline& pipeline, Targets& targets) {
  std::optional<Plan> none;
  auto told = from_remembered(known.plan);
  const auto& places = known.environment->targets;
  auto remembered = told ? std::optional(std::move(*told)) : plan_of_ended(known, pipeline);
  if (!remembered || remembered->targets.size() != places.size()) return none;
  auto plan = std::move(*remembered);
  const auto tag = moving_tag(pipeline, *known.environment);
  for (std::size_t t = 0; t < places.size(); ++t) {
    auto& target = plan.targets[t];
    if (target.target.project != places[t].project) return none;
    SLUICE_TRY(const auto access, targets.open(places[t]));
    target.target = access.target;
    target.streams = access.streams;
    std::vector<std::string> names;
    for (const auto& image : target.images) names.push_back(image.name);
    SLUICE_TRY(const auto now, targets.digests(target.target, names, tag));
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto& image = target.images[i];
      image.tags = {{tag, now[i]}};
      const auto part = known.targets[t].find(image.name);
      if (part == known.targets[t].end()) continue;
      SLUICE_CHECK(take_arrived(part->second, target.target, image));
    }
  }
  return std::optional(std::move(plan));
}

}  // namespace

Status take_from_places(Planner& planner, records::Store& store, const pipeline::Pipeline& pipeline,
                        const std::string& promotion, bool back) {
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
  request.goes_on = true;
  request.roads = roads_of(known);
  request.accepts = accepts_from(known.plan);
  request.leaves_attachments = known.plan.bool_at("leaves_attachments").value_or(false);
  request.digest_may_change = known.plan.bool_at("digest_may_change").value_or(false);
  std::optional<Plan> remembered;
  if (back) {
    SLUICE_TRY(remembered, plan_back(known, pipeline, planner.targets()));
  }
  if (!remembered) {
    SLUICE_TRY(auto planned, planner.plan(request, false));
    remembered = std::move(planned.plan);
  }
  auto& plan = *remembered;
  SLUICE_CHECK(take_before(known, promotion, plan));
  SLUICE_TRY(release, planner.keep(std::move(release)));
  records::Promotion row;
  row.id = promotion;
  row.app = pipeline.app;
  row.environment = plan.environment;
  row.kind = plan.kind;
  row.release = release.id;
  row.number = release.number;
  row.plan_hash = known.plan.string_at("hash").value_or(plan.hash());
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
  StepWriter writer(store, nullptr, {promotion, plan.app, plan.environment}, {});
  SLUICE_CHECK(journal(writer, planner.targets(), plan, known));
  // One that has ended stands as it ended; one that is open was left somewhere on its way.
  const auto state = records::parse_promotion_state(known.state).value_or(PromotionState::switching);
  return writer.advance(state, {.step = records::Step::taken_over}, known.failure);
}

}  // namespace sluice::promotion
