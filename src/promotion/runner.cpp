#include "promotion/runner.hpp"

#include "copy/crew.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::promotion {

using records::PromotionState;

struct Runner::Work {
  records::Promotion promotion;
  Plan plan;
  copy::Survey survey{};
  std::unique_ptr<LeaseKeeper> leases{};
  std::vector<TargetOutcome> targets{};
  std::vector<Finding> findings{};
  bool resumed = false;
  /// The targets whose tags were switched, now or by an earlier attempt, and how far: what is not among them is not
  /// ours to put back.
  std::map<std::string, PromotionState> switched{};

  /// The survey's items of one target: they stand in the order of targets and images.
  std::vector<std::size_t> items_of(std::size_t target) const {
    std::size_t first = 0;
    for (std::size_t t = 0; t < target; ++t) first += plan.targets[t].images.size();
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < plan.targets[target].images.size(); ++i) out.push_back(first + i);
    return out;
  }
  std::vector<std::string> target_ids() const {
    std::vector<std::string> out;
    for (const auto& target : plan.targets) out.push_back(target.target.id());
    return out;
  }
  /// Learns from the journal what earlier attempts left switched.
  void recall(const std::vector<records::JournalEntry>& journal) {
    for (const auto& entry : journal) {
      if (entry.step == "switch") switched[entry.target] = PromotionState::switching;
      if (entry.step == "verified") switched[entry.target] = PromotionState::succeeded;
      const auto end = records::parse_promotion_state(entry.step);
      const bool nothing_stands =
          end == PromotionState::failed || end == PromotionState::cancelled || end == PromotionState::rolled_back;
      if (nothing_stands) switched.clear();
    }
  }
  /// How a promotion ends that did not succeed: partial as long as anything stands that it switched.
  PromotionState end_after(const Error& error) const {
    if (!switched.empty()) return PromotionState::partial;
    return error.kind() == ErrorKind::cancelled ? PromotionState::cancelled : PromotionState::failed;
  }
  /// Takes over what the survey, or the copy after it, found out about roads and bytes.
  void adopt_amounts() {
    std::size_t index = 0;
    for (auto& target : plan.targets) {
      for (auto& image : target.images) {
        const auto& item = survey.items[index++];
        image.road = item.road;
        image.why = item.why;
        image.bytes = item.bytes;
      }
    }
  }
};

Status Runner::advance(Work& work, PromotionState state, const std::string& step, const std::string& target) {
  SLUICE_CHECK(store_.advance(work.promotion.id, state, "",
                              {.sequence = 0, .at = 0, .step = step, .target = target, .image = {}, .detail = {}},
                              work.leases->fences()));
  work.promotion.state = state;
  events_.emit({.kind = copy::EventKind::state,
                .image = {},
                .target = target,
                .digest = {},
                .bytes = 0,
                .detail = std::string(to_string(state))});
  return {};
}

Status Runner::note(Work& work, const std::string& step, const std::string& target, const std::string& image,
                    Json detail) {
  return store_.append(
      work.promotion.id,
      {.sequence = 0, .at = 0, .step = step, .target = target, .image = image, .detail = std::move(detail)},
      work.leases->fences());
}

Result<Outcome> Runner::run(Planned planned) {
  Work work{.promotion = {}, .plan = std::move(planned.plan), .survey = std::move(planned.survey)};
  work.plan.release = planned.release.number;
  SLUICE_TRY(work.leases, LeaseKeeper::take(store_, work.target_ids()));
  records::Promotion promotion;
  promotion.app = work.plan.app;
  promotion.environment = work.plan.environment;
  promotion.kind = work.plan.kind;
  promotion.release = planned.release.number;
  promotion.plan_hash = work.plan.hash();
  promotion.plan = to_record(work.plan);
  SLUICE_TRY(work.promotion, store_.add_promotion(std::move(promotion)));
  return drive(work);
}

Outcome Runner::drive(Work& work) {
  for (const auto& target : work.plan.targets) {
    const auto before = work.switched.find(target.target.id());
    work.targets.push_back(
        {target.target.id(), before == work.switched.end() ? PromotionState::planned : before->second});
  }
  // Phase 1: all content to all targets, invisible to workloads.
  auto copied = copy_content(work);
  work.adopt_amounts();
  if (!copied) {
    const auto end = work.end_after(copied.error());
    return finish(work, end, std::move(copied).error());
  }
  // Phase 2: target by target, the next one after the one before is verified.
  for (std::size_t t = 0; t < work.plan.targets.size(); ++t) {
    auto switched = switch_target(work, t);
    if (switched) continue;
    auto error = std::move(switched).error();
    const bool undone = put_back(work, t);
    work.targets[t].state = undone ? PromotionState::failed : PromotionState::partial;
    const auto end = work.end_after(error);
    return finish(work, end, std::move(error));
  }
  return finish(work, PromotionState::succeeded, std::nullopt);
}

Status Runner::copy_content(Work& work) {
  SLUICE_CHECK(advance(work, PromotionState::copying, "copying"));
  auto options = options_;
  // One image at one target has nobody to wait for: its manifest goes out under its tag right away.
  options.stage_roots = work.survey.items.size() > 1;
  SLUICE_CHECK(copy::carry(work.survey, options, events_, stop_));
  return note(work, "content", {}, {}, {});
}

// A target that somebody else changed since the plan stops the promotion; what we switched ourselves may stand.
Status Runner::check_unchanged(Work& work, std::size_t target) {
  copy::Crew crew(stop_);
  const auto items = work.items_of(target);
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto& item = work.survey.items[items[i]];
    const auto& image = work.plan.targets[target].images[i];
    for (std::size_t t = 0; t < image.tags.size(); ++t) {
      crew.add({.hosts = {item.item.dest},
                .moves_bytes = false,
                .rank = copy::Rank::call(),
                .run = [&item, &image, &work, t](const std::stop_token& stop) -> Status {
                  const auto& tag = image.tags[t];
                  SLUICE_TRY(const auto now, item.item.dest->digest_of(item.item.dest_repository,
                                                                       places::ManifestName::tag(tag.tag), stop));
                  item.before[t] = now;
                  if (now == tag.before || (work.resumed && now == image.after)) return {};
                  const auto brief = [](const std::optional<oci::Digest>& digest) {
                    return digest ? digest->brief() : std::string("nothing");
                  };
                  return Error(ErrorKind::blocked,
                               fmt::format("{}/{}:{} changed since the plan: it stood for {} and stands for {} now",
                                           item.item.dest->name(), item.item.dest_repository, tag.tag,
                                           brief(tag.before), brief(now)))
                      .with_hint("look who did that, then plan again");
                }});
    }
  }
  return crew.finish();
}

Status Runner::switch_target(Work& work, std::size_t target) {
  const auto id = work.plan.targets[target].target.id();
  SLUICE_CHECK(check_unchanged(work, target));
  Json before = Json::array();
  for (const auto& image : work.plan.targets[target].images) {
    for (const auto& tag : image.tags) {
      before.push(Json::object()
                      .set("image", image.name)
                      .set("tag", tag.tag)
                      .set("before", tag.before ? Json(tag.before->text()) : Json()));
    }
  }
  SLUICE_CHECK(note(work, "before", id, {}, std::move(before)));
  SLUICE_CHECK(advance(work, PromotionState::switching, "switch", id));
  work.targets[target].state = work.switched[id] = PromotionState::switching;
  const auto switched = [&](const copy::SurveyedItem& item, const std::string& tag) {
    return note(work, "switched", id, item.item.label,
                Json::object().set("tag", tag).set("digest", item.root().digest.text()));
  };
  SLUICE_CHECK(copy::publish(work.survey, work.items_of(target), switched, events_, stop_));
  // There is no API behind a plain registry: what was read back is the verification, and no rollout was observed.
  SLUICE_CHECK(advance(work, PromotionState::verifying, "verified", id));
  work.targets[target].state = work.switched[id] = PromotionState::succeeded;
  return {};
}

// Empty: the tag is what it was before, or was never ours. Else what stands in the way.
std::optional<Finding> Runner::put_back_tag(Work& work, const PlannedTarget& target, const PlannedImage& image,
                                            const PlannedTag& tag, places::Place& place) {
  if (tag.before == image.after) return std::nullopt;
  const auto repository = repository_of(target.target, image.name);
  const auto name = places::ManifestName::tag(tag.tag);
  const auto where = target.target.id() + "/" + image.name + ":" + tag.tag;
  const auto again = "sluice undo " + work.promotion.id;
  // The user may have asked to stop; what was switched is put back all the same, bounded by the usual time-outs.
  const auto now = place.digest_of(repository, name, {});
  if (!now) {
    return Finding{"undo-unknown", Severity::warning, where, "cannot be looked at: " + now.error().sentence(), again};
  }
  if (*now != image.after) return std::nullopt;  // never switched, or put back already
  if (!tag.before) {
    return Finding{
        "undo-nothing-before", Severity::warning, where,
        "there was nothing before, and a registry cannot take a single tag away without risk to its siblings",
        "leave it, or delete it in the registry"};
  }
  const auto put = [&]() -> Status {
    SLUICE_TRY(const auto old, place.manifest(repository, places::ManifestName::digest(*tag.before), {}));
    SLUICE_CHECK(place.put_manifest(repository, name, old, {}));
    SLUICE_TRY(const auto back, place.digest_of(repository, name, {}));
    if (back != tag.before) return Error(ErrorKind::integrity, where + " does not read back as what was put back");
    return note(work, "undone", target.target.id(), image.name,
                Json::object().set("tag", tag.tag).set("digest", tag.before->text()));
  }();
  if (put) return std::nullopt;
  return Finding{"undo-failed", Severity::warning, where, put.error().sentence(), again};
}

bool Runner::put_back(Work& work, std::size_t target) {
  const auto& planned = work.plan.targets[target];
  const auto id = planned.target.id();
  if (!work.switched.contains(id)) return true;
  // Who lost the lease keeps his hands off. Records that fail otherwise are no reason to leave a target half switched.
  const auto ours = note(work, "put-back", id, {}, {});
  if (!ours && ours.error().kind() == ErrorKind::conflict) {
    work.findings.push_back({"undo-not-ours", Severity::warning, id, ours.error().sentence(), "sluice status"});
    return false;
  }
  bool clean = true;
  auto& place = *work.survey.items[work.items_of(target).front()].item.dest;
  for (const auto& image : planned.images) {
    for (const auto& tag : image.tags) {
      auto problem = put_back_tag(work, planned, image, tag, place);
      if (!problem) continue;
      clean = false;
      work.findings.push_back(std::move(*problem));
    }
  }
  if (clean) work.switched.erase(id);
  return clean;
}

Outcome Runner::finish(Work& work, PromotionState state, std::optional<Error> error) {
  const auto sentence = error ? error->sentence() : std::string();
  auto recorded = store_.advance(
      work.promotion.id, state, sentence,
      {.sequence = 0, .at = 0, .step = std::string(to_string(state)), .target = {}, .image = {}, .detail = {}},
      work.leases->fences());
  if (recorded) {
    work.promotion.state = state;
    work.promotion.failure = sentence;
  } else if (!error) {
    error = std::move(recorded).error();  // the work is done, but nobody will know: that is not success
  }
  work.leases.reset();
  events_.emit({.kind = copy::EventKind::state,
                .image = {},
                .target = {},
                .digest = {},
                .bytes = 0,
                .detail = std::string(to_string(work.promotion.state))});
  if (auto fresh = store_.promotion(work.promotion.id); fresh && *fresh) work.promotion = **fresh;
  return {std::move(work.promotion), std::move(work.plan), std::move(work.targets), std::move(error),
          std::move(work.findings)};
}

Result<Runner::Work> Runner::reopen(const std::string& id, bool undoing) {
  SLUICE_TRY(auto found, store_.promotion(id));
  if (!found) return Error(ErrorKind::not_found, "there is no promotion " + id).with_hint("see: sluice history");
  if (!undoing && found->state == PromotionState::succeeded) {
    return Error(ErrorKind::usage, "promotion " + id + " has succeeded; there is nothing to resume");
  }
  if (found->state == PromotionState::rolled_back) {
    return Error(ErrorKind::usage, "promotion " + id + " was undone")
        .with_hint("promote again: sluice promote --to " + found->environment);
  }
  SLUICE_TRY(const auto newer, store_.promotions(found->app, found->environment, 1));
  if (!newer.empty() && newer.front().id != id) {
    return Error(ErrorKind::usage,
                 fmt::format("promotion {} came after {} in {}", newer.front().id, id, found->environment))
        .with_hint("act on that one, or use sluice rollback");
  }
  SLUICE_TRY(auto plan, from_record(found->plan));
  Work work{.promotion = std::move(*found), .plan = std::move(plan)};
  work.resumed = true;
  SLUICE_TRY(const auto journal, store_.journal(id));
  work.recall(journal);
  SLUICE_TRY(work.leases, LeaseKeeper::take(store_, work.target_ids()));
  return work;
}

Result<Outcome> Runner::resume(const std::string& id) {
  SLUICE_TRY(auto work, reopen(id, false));
  SLUICE_TRY(auto items, items_of(work.plan, places_));
  SLUICE_TRY(work.survey, copy::survey(std::move(items), true, events_, stop_));
  work.adopt_amounts();
  SLUICE_CHECK(note(work, "resume", {}, {}, {}));
  return drive(work);
}

Result<Outcome> Runner::undo(const std::string& id) {
  SLUICE_TRY(auto work, reopen(id, true));
  SLUICE_TRY(auto items, items_of(work.plan, places_));
  for (auto& item : items) item.dest->expect({{item.dest_repository, true}});
  for (auto& item : items) work.survey.items.push_back({.item = std::move(item)});
  SLUICE_CHECK(advance(work, PromotionState::switching, "undo"));
  bool clean = true;
  for (std::size_t t = work.plan.targets.size(); t-- > 0;) {
    const bool undone = put_back(work, t);
    work.targets.insert(work.targets.begin(), {work.plan.targets[t].target.id(),
                                               undone ? PromotionState::rolled_back : PromotionState::partial});
    clean = clean && undone;
  }
  if (clean) return finish(work, PromotionState::rolled_back, std::nullopt);
  return finish(work, PromotionState::partial, Error(ErrorKind::conflict, "not everything could be put back"));
}

}  // namespace sluice::promotion
