// Runner: what the places of a promotion hear of it.

#include "memory/stream_memory.hpp"
#include "promotion/memory/local.hpp"
#include "promotion/plan/findings.hpp"
#include "promotion/plan/release_choice.hpp"
#include "promotion/run/work.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::promotion {

using records::PromotionState;

namespace {

std::optional<memory::Stood> how_it_stands(PromotionState target, bool switched) {
  if (target == PromotionState::succeeded) return memory::Stood::verified;
  if (target == PromotionState::rolled_back) return memory::Stood::undone;
  if (switched) return memory::Stood::failed;
  return std::nullopt;
}

// What our records tell of a target that remembers nothing, the release that stood last first.
Result<std::vector<memory::StoodRelease>> recorded_releases(records::Store& store, const PlannedTarget& target) {
  if (target.images.empty()) return std::vector<memory::StoodRelease>();
  std::vector<std::string> images;
  for (const auto& image : target.images) images.push_back(image.name);
  SLUICE_TRY(auto ours, local_memory(store, target.target, images, target.images.front().tags.back().tag));
  // Without a promotion that ended they tell no more than the tags do.
  return ours.promotions.empty() ? std::vector<memory::StoodRelease>() : std::move(ours.releases);
}

}  // namespace

Status Runner::lease_targets(Work& work) {
  if (!work.writes) return {};
  for (std::size_t t = 0; t < work.plan.targets.size(); ++t) {
    if (work.cluster(t) != nullptr && work.plan.targets[t].streams)
      SLUICE_CHECK(work.cluster(t)->take_lease(work.promotion.id, options_.leases));
  }
  return {};
}

void Runner::ask_for_number(Work& work) {
  // Going back gives out no number: it would make what was there before look newer than what came after it.
  if (work.plan.kind != records::PromotionKind::promote) return;
  if (!work.writes || work.release.number != 0 || work.plan.numbering.places.empty()) return;
  work.claiming = std::make_unique<Work::Claiming>();
  auto& claiming = *work.claiming;
  claiming.numbering = work.plan.numbering;
  claiming.release = work.release.id;
  auto& places = targets_.places();
  claiming.naming = std::jthread([this, &places, &claiming] { name_birth_place(places, claiming.numbering, stop_); });
  claiming.thread = std::jthread([this, &places, &claiming] {
    claiming.number = claim_number(places, claiming.numbering, claiming.release, stop_);
  });
}

// A release does without a number; who it belongs to is settled without one.
void Runner::take_number(Work& work) {
  const auto claiming = std::exchange(work.claiming, nullptr);
  if (!claiming) return;
  claiming->naming.join();
  claiming->thread.join();
  if (!claiming->number || *claiming->number == 0) return;
  const auto number = *claiming->number;
  work.release.number = number;
  work.plan.release = work.promotion.number = number;
  static_cast<void>(store_.label_release(work.plan.app, work.release.id, claiming->numbering.line, number));
}

Status Runner::begin_at_places(Work& work) {
  if (!work.writes) return {};
  MemoryWriter::Begin begin{.promotion = work.promotion,
                            .release = work.release,
                            .who = options_.who,
                            .fences = {},
                            .adopts = work.adopts,
                            .goes_over = work.goes_over,
                            .take_over = options_.leases.take_over,
                            .undoing = work.undoing,
                            .pauses = work.pauses,
                            .earlier = work.earlier,
                            .hold = {}};
  if (!work.earlier.empty()) {
    SLUICE_TRY(begin.hold, recorded_hold(store_, work.places(), work.plan.app, work.plan.environment));
  }
  for (std::size_t t = 0; t < work.plan.targets.size(); ++t)
    begin.fences.push_back(work.cluster(t) == nullptr ? 0 : work.cluster(t)->fence());
  SLUICE_CHECK(work.memory->begin(work.plan, begin));
  work.places_told = true;
  for (auto& finding : work.memory->take_findings()) work.findings.push_back(std::move(finding));
  return recall_paused(work);
}

// What another machine paused stands at the place. It goes into the journal, so that it is not forgotten here either.
Status Runner::recall_paused(Work& work) {
  for (std::size_t t = 0; t < work.plan.targets.size(); ++t) {
    const auto& target = work.plan.targets[t].target;
    auto& paused = work.left_paused[target.id()];
    for (const auto& told : work.memory->left_paused(t).items()) {
      const auto workload = workload_from(Json(told).set("project", target.project));
      const bool known = !workload || std::any_of(paused.begin(), paused.end(), [&](const auto& one) {
        return one.kind == workload->kind && one.name == workload->name;
      });
      if (known) continue;
      SLUICE_CHECK(note(work, records::Step::pause, target.id(), {}, to_json(*workload)));
      paused.push_back(*workload);
    }
  }
  return {};
}

void Runner::end_at_places(Work& work) {
  if (!work.writes || !records::is_end(work.promotion.state)) return;
  // Half there: it stays open for resume and undo, on any machine. At one target that was asked for alone it has ended.
  auto told = work.promotion;
  if (!work.left_out.empty() && !work.targets.empty()) told.state = work.targets.front().state;
  if (!records::is_end(told.state) || told.state == PromotionState::partial) return;
  std::vector<EndAtTarget> ends;
  for (std::size_t t = 0; t < work.plan.targets.size(); ++t) {
    const auto id = work.plan.targets[t].target.id();
    const bool switched = work.switched.contains(id);
    if (work.untouched.contains(id)) {
      ends.push_back({std::nullopt});
      continue;
    }
    ends.push_back(
        {how_it_stands(t < work.targets.size() ? work.targets[t].state : PromotionState::planned, switched)});
  }
  if (work.release.number != 0) work.promotion.number = told.number = work.release.number;
  const auto hold = hold_after(work);
  for (auto& finding : work.memory->end(work.plan, told, ends, hold)) work.findings.push_back(std::move(finding));
  if (!work.left_out.empty()) static_cast<void>(note(work, records::Step::ended_alone, work.targets.front().target));
  if (hold) hold_in_records(work, *hold);
  if (work.promotion.state != PromotionState::succeeded) return;
  for (std::size_t t = 0; t < work.plan.targets.size(); ++t) {
    if (work.cluster(t) == nullptr || !work.plan.targets[t].streams) continue;
    // Care, not duty: a pin that stays keeps an image a little longer.
    static_cast<void>(work.cluster(t)->drop_outdated_pins());
  }
}

// Whoever goes back does not want the next pipeline run to bring the same again.
std::optional<memory::Hold> Runner::hold_after(const Work& work) const {
  if (work.plan.kind != records::PromotionKind::rollback || work.promotion.state != PromotionState::succeeded)
    return std::nullopt;
  return memory::Hold{
      fmt::format("rolled back to {} by {}", name_of(work.plan.app, work.promotion.number, work.promotion.release),
                  work.promotion.id),
      work.promotion.ended_at, options_.who};
}

namespace {

// Somebody else went on with it, and their engine pushed another image: that counts, since the places were told before
// a tag moved.
void take_told_arrivals(const std::map<std::pair<std::size_t, std::string>, std::string>& told, Plan& plan) {
  for (std::size_t t = 0; t < plan.targets.size(); ++t) {
    for (auto& image : plan.targets[t].images) {
      const auto known = told.find({t, image.name});
      if (known == told.end() || known->second == image.of_release().text()) continue;
      auto digest = oci::Digest::parse(known->second);
      if (digest && *digest != image.after) image.take_arrival(std::move(*digest), plan.targets[t].target);
    }
  }
}

}  // namespace

// Where no place remembers anything, our records hold it.
void Runner::hold_in_records(Work& work, const memory::Hold& hold) {
  for (std::size_t t = 0; t < work.plan.targets.size(); ++t) {
    if (work.memory->remembers(t)) continue;
    const auto& target = work.plan.targets[t];
    for (const auto& image : target.images) {
      const auto keys = place_keys(target.target, {image.name}, image.tags.back().tag);
      const auto held = store_.set_hold({keys.front(), hold.reason, hold.since, memory::to_json(hold.who)});
      if (!held)
        work.findings.push_back({"state-not-kept", Severity::warning, target.target.label(), held.error().sentence(),
                                 "sluice hold " + work.plan.environment});
    }
  }
}

// The places know how a promotion ended when another machine ended it, and that it is open when this one was cut off
// before it could tell them.
Status Runner::check_places(Work& work, bool undoing) {
  SLUICE_TRY(auto standing, work.memory->standing(work.plan, work.promotion));
  if (!standing.hold && !standing.silent.empty()) {
    SLUICE_TRY(standing.hold, recorded_hold(store_, work.places(), work.plan.app, work.plan.environment));
  }
  const auto told = records::parse_promotion_state(standing.ended);
  const auto state = told ? *told : work.promotion.state;
  if (!standing.open) work.promotion.state = state;
  // Whoever ended it so saw that nothing had moved.
  if (!standing.open && told == PromotionState::cancelled) work.switched.clear();
  if (!standing.open && !undoing && state == PromotionState::succeeded)
    return Error(ErrorKind::usage, "promotion " + work.promotion.id + " has succeeded; there is nothing to resume");
  if (!standing.newer.empty()) {
    return Error(ErrorKind::usage, fmt::format("promotion {} came after {} in {}", standing.newer, work.promotion.id,
                                               work.plan.environment))
        .with_hint("act on that one, or use sluice rollback");
  }
  if (!standing.open && state == PromotionState::rolled_back) {
    return Error(ErrorKind::usage, "promotion " + work.promotion.id + " was undone")
        .with_hint("promote again: sluice promote --to " + work.plan.environment);
  }
  work.open_there = standing.open;
  take_told_arrivals(standing.after, work.plan);
  if (undoing && standing.undoing) {
    // Somebody else began to put it back: what stands as before went back.
    for (const auto& target : work.plan.targets) {
      if (work.switched.contains(target.target.id())) work.undone_before.insert(target.target.id());
    }
  }
  work.earlier.resize(work.plan.targets.size());
  for (const auto silent : standing.silent) {
    SLUICE_TRY(work.earlier[silent], recorded_releases(store_, work.plan.targets[silent]));
  }
  if (standing.hold && work.plan.kind == records::PromotionKind::promote) {
    return Error(ErrorKind::blocked, fmt::format("{} is on hold: {}", work.plan.environment, standing.hold->reason))
        .with_hint("sluice unhold " + work.plan.environment);
  }
  return {};
}

Result<Outcome> Runner::give_up(Work& work, Error error) {
  const auto end = work.end_after(error);
  // Who came too late hears why, as with a lease.
  if (error.kind() == ErrorKind::busy || error.kind() == ErrorKind::blocked) {
    static_cast<void>(finish(work, end, error));
    return error;
  }
  return finish(work, end, std::move(error));
}

}  // namespace sluice::promotion
