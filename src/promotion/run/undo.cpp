// Runner: resume and undo, and everything that puts back.

#include "promotion/plan/attachments.hpp"
#include "promotion/plan/cluster_plan.hpp"
#include "promotion/run/work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::promotion {

using records::PromotionState;

namespace {

// What somebody else changed since is no reason to call a target half put back.
bool is_not_ours(const Finding& finding) { return finding.code == "undo-not-ours"; }

}  // namespace

// Empty: the tag is what it was before, or was never ours. Else what stands in the way.
std::optional<Finding> Runner::put_back_tag(Work& work, const PlannedTarget& target, const PlannedImage& image,
                                            const PlannedTag& tag, places::Place& place) {
  if (tag.before == image.after) return std::nullopt;
  const auto repository = repository_of(target.target, image.name);
  const auto name = places::ManifestName::tag(tag.tag);
  const auto where = target.target.id() + "/" + image.name + ":" + tag.tag;
  const auto again = "sluice undo " + work.promotion.id;
  // The user may have asked to stop; what was switched is put back all the same, bounded by the usual time-outs. A read
  // that lags behind must not pass for a tag that was never switched.
  const copy::ReadBack how{.pauses = options_.pauses};
  // Where it began to go back a while ago, nothing lags any more.
  const auto id = target.target.id();
  const bool went_back = work.back_already || work.undone_before.contains(id);
  const bool pushed = !went_back && work.pushed.contains({id, image.name, tag.tag});
  const auto now = pushed ? copy::read_back(place, repository, name, image.after, how, {})
                          : place.digest_of(repository, name, {}, image.after.algorithm());
  if (!now) {
    return Finding{"undo-unknown", Severity::warning, where, "cannot be looked at: " + now.error().sentence(), again};
  }
  // Never switched, put back already, or somebody else's by now. What was pushed and still reads back as before may
  // only lag behind: the old manifest is written again, which is harmless where it is right.
  const bool may_lag = pushed && *now == tag.before;
  if (*now != image.after && !may_lag) {
    if (*now == tag.before || &tag != &image.tags.back()) return std::nullopt;
    return not_ours(target, image, *now ? (*now)->text() : std::string());
  }
  if (!tag.before) {
    return Finding{
        "undo-nothing-before", Severity::warning, where,
        "there was nothing before, and a registry cannot take a single tag away without risk to its siblings",
        "leave it, or delete it in the registry"};
  }
  const auto put = [&]() -> Status {
    SLUICE_CHECK(copy::put_back(place, repository, tag.tag, *tag.before, how, {}));
    return note(work, records::Step::undone, target.target.id(), image.name, TagStep{tag.tag, tag.before}.to_json());
  }();
  // It reads as before, and the place takes no such write from us: then it did not take ours either.
  if (put || (may_lag && copy::is_refusal(put.error()))) return std::nullopt;
  return Finding{"undo-failed", Severity::warning, where, put.error().sentence(), again};
}

bool Runner::put_back_tags(Work& work, std::size_t target) {
  const auto& planned = work.plan.targets[target];
  const auto items = work.items_of(target);
  if (items.empty()) return true;
  bool clean = true;
  auto& place = *work.survey.items[items.front()].item.dest;
  for (const auto& image : planned.images) {
    for (const auto& tag : image.tags) {
      auto problem = put_back_tag(work, planned, image, tag, place);
      if (!problem) continue;
      // A version tag that stays is a name more; workloads follow the last one.
      const bool may_stay = problem->code == "undo-nothing-before" && &tag != &image.tags.back();
      clean = clean && (may_stay || is_not_ours(*problem));
      work.findings.push_back(std::move(*problem));
    }
  }
  return clean;
}

bool Runner::put_back(Work& work, std::size_t target) {
  const auto id = work.plan.targets[target].target.id();
  auto* cluster = work.cluster(target);
  if (!work.switched.contains(id)) {
    // Nothing moved yet, but something may be paused.
    return cluster == nullptr || cluster->resume_all().ok();
  }
  // Who lost the lease keeps his hands off. Records that fail otherwise are no reason to leave a target half switched.
  auto ours = note(work, records::Step::put_back, id);
  if (cluster != nullptr && (ours || ours.error().kind() != ErrorKind::conflict)) {
    if (auto held = cluster->confirm_lease(); !held) ours = std::move(held);
  }
  if (!ours && ours.error().kind() == ErrorKind::conflict) {
    work.findings.push_back({"undo-not-ours", Severity::warning, id, ours.error().sentence(), "sluice status"});
    return false;
  }
  bool clean = true;
  if (cluster != nullptr) {
    auto problems = cluster->put_back(work.promotion.id, [&] { return put_back_tags(work, target); });
    clean = std::all_of(problems.begin(), problems.end(), is_not_ours);
    for (auto& problem : problems) work.findings.push_back(std::move(problem));
  } else {
    clean = put_back_tags(work, target);
  }
  if (clean) {
    static_cast<void>(note(work, records::Step::put_back_done, id));
    work.switched.erase(id);
  }
  return clean;
}

bool Runner::follow_back(Work& work, std::size_t target) {
  auto* cluster = work.cluster(target);
  if (cluster == nullptr) return true;
  auto verdict = cluster->follow();
  const auto id = work.plan.targets[target].target.id();
  const auto again = "sluice status";
  if (!verdict) {
    work.findings.push_back({"undo-not-seen", Severity::warning, id, verdict.error().sentence(), again});
    return false;
  }
  work.targets[target].rollouts = std::move(verdict->rollouts);
  for (auto& finding : work.cluster(target)->take_findings()) work.findings.push_back(std::move(finding));
  if (verdict->good) return true;
  work.findings.push_back({"undo-not-running", Severity::warning, id, verdict->sentence, again});
  return false;
}

namespace {

// Leaves the plan one target; gives the ids of the others.
Result<std::set<std::string>> leave_only(const std::string& name, Plan& plan) {
  std::set<std::string> others;
  if (name.empty()) return others;
  std::vector<pipeline::Target> targets;
  for (const auto& target : plan.targets) targets.push_back(target.target);
  SLUICE_TRY(const auto meant, target_meant(name, plan.environment, targets));
  for (std::size_t t = 0; t < targets.size(); ++t) {
    if (t != meant) others.insert(targets[t].id());
  }
  const auto kept = plan.targets[meant];
  plan.targets = {kept};
  return others;
}

}  // namespace

Result<Runner::Work> Runner::reopen(const std::string& id, const std::string& only) {
  SLUICE_TRY(auto found, store_.promotion(id));
  if (!found) return Error(ErrorKind::not_found, "there is no promotion " + id).with_hint("see: sluice history");
  SLUICE_TRY(const auto newer, store_.promotions_at(found->places, 1));
  if (!newer.empty() && newer.front().id != id) {
    return Error(ErrorKind::usage,
                 fmt::format("promotion {} came after {} in {}", newer.front().id, id, found->environment))
        .with_hint("act on that one, or use sluice rollback");
  }
  SLUICE_TRY(auto plan, from_record(found->plan));
  Work work{.promotion = std::move(*found), .plan = std::move(plan)};
  work.resumed = true;
  SLUICE_TRY(work.left_out, leave_only(only, work.plan));
  SLUICE_TRY(const auto journal, store_.journal(id));
  work.recall(journal);
  SLUICE_TRY(const auto release, store_.release(work.promotion.app, work.promotion.release));
  if (release) work.release = *release;
  if (work.promotion.number != 0) work.release.number = work.promotion.number;
  return work;
}

// Nobody stays paused because an earlier attempt was killed: that comes before anything else.
Status Runner::resume_left_paused(Work& work) {
  for (std::size_t t = 0; t < work.plan.targets.size(); ++t) {
    auto* cluster = work.cluster(t);
    const auto left = work.left_paused.find(work.plan.targets[t].target.id());
    if (cluster == nullptr || left == work.left_paused.end()) continue;
    SLUICE_CHECK(cluster->resume_paused(left->second));
  }
  return {};
}

// What somebody else moved since is found before anything is written; right before the switch it is looked at again.
Status Runner::check_all_unchanged(Work& work) {
  for (std::size_t t = 0; t < work.plan.targets.size(); ++t) {
    const auto& planned = work.plan.targets[t];
    if (planned.streams) {
      SLUICE_CHECK(work.cluster(t)->check_unchanged(true));
      continue;
    }
    std::vector<std::string> names;
    for (const auto& image : planned.images) names.push_back(image.name);
    const auto& tag = planned.images.front().tags.back().tag;
    SLUICE_TRY(const auto now, targets_.digests(planned.target, names, tag));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto& image = planned.images[i];
      if (now[i] == image.before() || now[i] == image.after) continue;
      return changed_since(planned.target.label() + "/" + image.name + ":" + tag, image.before(), now[i]);
    }
  }
  return {};
}

Result<Outcome> Runner::resume(const std::string& id, const std::string& only) {
  SLUICE_TRY(auto work, reopen(id, only));
  SLUICE_CHECK(open_clusters(work));
  // Who is refused writes nothing.
  SLUICE_CHECK(check_places(work, false));
  SLUICE_CHECK(check_all_unchanged(work));
  SLUICE_CHECK(take_leases(work));
  SLUICE_CHECK(begin_at_places(work));
  SLUICE_CHECK(resume_left_paused(work));
  SLUICE_TRY(auto items, items_of(work.plan, targets_.places()));
  SLUICE_TRY(work.survey, copy::survey(std::move(items.items), true, events_, stop_));
  work.copied = std::move(items.places);
  adopt_survey(work.survey, work.copied, work.plan);
  for (auto& target : work.plan.targets) {
    SLUICE_CHECK(knowledge_of(targets_, target));
    SLUICE_CHECK(look_at_stream_attachments(targets_, work.plan, target));
  }
  SLUICE_CHECK(note(work, records::Step::resume));
  ask_for_number(work);
  return drive(work);
}

// What each tag stands for that this promotion moved. Errors: conflict, when nothing of it stands any more; usage, when
// it has ended and moved nothing.
Status Runner::check_ours(Work& work) {
  const auto& promotion = work.promotion;
  const bool ended = records::is_end(promotion.state) && promotion.state != PromotionState::partial && !work.open_there;
  if (ended && work.switched.empty()) {
    return Error(ErrorKind::usage,
                 fmt::format("promotion {} moved nothing: it ended as {}", promotion.id, to_string(promotion.state)))
        .with_hint("see: sluice history");
  }
  bool stands = !work.undone_before.empty();
  bool before = false;
  std::optional<Finding> foreign;
  for (const auto& planned : work.plan.targets) {
    if (!work.switched.contains(planned.target.id())) continue;
    std::vector<std::string> names;
    for (const auto& image : planned.images) names.push_back(image.name);
    targets_.forget();
    SLUICE_TRY(const auto now, targets_.digests(planned.target, names, planned.images.front().tags.back().tag));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto& image = planned.images[i];
      const bool is_before = now[i] == image.before();
      before = before || is_before;
      stands = stands || (now[i] == image.after && !is_before);
      if (now[i] == image.after || is_before || foreign) continue;
      foreign = not_ours(planned, image, now[i] ? now[i]->text() : std::string());
    }
  }
  work.undoing = stands;
  if (stands || (!ended && (before || !foreign))) return {};
  if (!foreign) {
    // Somebody else put it back: it is undone all the same, and nobody goes back to it.
    work.back_already = true;
    work.findings.push_back({"undo-back-already", Severity::info, work.plan.environment,
                             "what was there before stands there already: nothing was put back", ""});
    return {};
  }
  return Error(ErrorKind::conflict,
               fmt::format("nothing of promotion {} stands any more: {}", promotion.id, foreign->sentence))
      .with_hint("go back with: sluice rollback --to " + work.plan.environment)
      .with_registry_code(foreign->code);
}

// The places hear which workloads will be paused, so that nobody stays paused when we die.
void Runner::foresee_pauses(Work& work) {
  for (std::size_t t = 0; t < work.plan.targets.size(); ++t) {
    auto& pauses = work.pauses.emplace_back(Json::array());
    auto* cluster = work.cluster(t);
    if (cluster == nullptr || !work.switched.contains(work.plan.targets[t].target.id())) continue;
    // Who cannot look pauses nothing either.
    const auto workloads = cluster->pauses_to_put_back();
    for (const auto& one : workloads ? *workloads : std::vector<openshift::WorkloadRef>())
      pauses.push(Json::object().set("kind", to_string(one.kind)).set("name", one.name));
  }
}

Result<Outcome> Runner::undo(const std::string& id, const std::string& only) {
  SLUICE_TRY(auto work, reopen(id, only));
  SLUICE_CHECK(open_clusters(work));
  SLUICE_CHECK(check_places(work, true));
  // Only tags that were pushed are put back through a registry.
  auto only_pushed = work.plan;
  for (auto& target : only_pushed.targets) {
    if (!target.sets_tags()) continue;
    for (auto& image : target.images) image.by_api = true;
  }
  SLUICE_TRY(auto items, items_of(only_pushed, targets_.places()));
  for (auto& item : items.items) item.dest->expect({{item.dest_repository, true}});
  for (auto& item : items.items) work.survey.items.push_back({.item = std::move(item)});
  work.copied = std::move(items.places);
  SLUICE_CHECK(check_ours(work));
  foresee_pauses(work);
  SLUICE_CHECK(take_leases(work));
  SLUICE_CHECK(begin_at_places(work));
  SLUICE_CHECK(resume_left_paused(work));
  SLUICE_CHECK(advance(work, PromotionState::switching, records::Step::undo));
  for (const auto& target : work.plan.targets) work.targets.push_back({target.target.id(), PromotionState::partial});
  bool clean = true;
  bool any_back = work.back_already || !work.undone_before.empty();
  for (std::size_t t = work.plan.targets.size(); t-- > 0;) {
    const bool was_switched = work.switched.contains(work.plan.targets[t].target.id());
    const auto before = work.put_back.size();
    bool undone = put_back(work, t);
    if (!was_switched && !work.undone_before.contains(work.plan.targets[t].target.id()))
      work.untouched.insert(work.plan.targets[t].target.id());
    // Nothing is waited for where nothing went back, now or in an earlier attempt.
    const bool went_back =
        work.put_back.size() > before || work.undone_before.contains(work.plan.targets[t].target.id());
    any_back = any_back || went_back;
    if (undone && was_switched && went_back) undone = follow_back(work, t);
    work.targets[t].state = undone ? PromotionState::rolled_back : PromotionState::partial;
    clean = clean && undone;
  }
  return end_undo(work, clean, any_back);
}

Outcome Runner::end_undo(Work& work, bool clean, bool went_back) {
  if (!clean)
    return finish(work, PromotionState::partial, Error(ErrorKind::conflict, "not everything could be put back"));
  // At other targets it is as it was.
  if (!work.ended_elsewhere()) return finish(work, PromotionState::partial, std::nullopt);
  if (went_back) return finish(work, PromotionState::rolled_back, std::nullopt);
  for (auto& target : work.targets) target.state = PromotionState::cancelled;
  work.findings.push_back({"undo-nothing-moved", Severity::info, work.plan.environment,
                           "the promotion had moved nothing: there was nothing to put back", ""});
  return finish(work, PromotionState::cancelled, std::nullopt);
}

}  // namespace sluice::promotion
