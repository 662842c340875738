#include "promotion/plan/findings.hpp"

#include "base/text.hpp"
#include "base/wall_clock.hpp"
#include "openshift/streams/lease_rules.hpp"
#include "promotion/memory/place_keys.hpp"
#include "promotion/plan/rules.hpp"
#include "records/process_identity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace sluice::promotion {

namespace {

using records::PromotionState;

std::vector<std::string> keys_of(const pipeline::Pipeline& pipeline, const pipeline::Environment& environment,
                                 const EnvironmentMemory& memory) {
  std::vector<std::string> out;
  const auto tag = moving_tag(pipeline, environment);
  for (const auto& remembers : memory.targets) {
    auto keys = place_keys(remembers.target, pipeline.images, tag);
    out.insert(out.end(), std::make_move_iterator(keys.begin()), std::make_move_iterator(keys.end()));
  }
  return out;
}

bool remembers_nothing(const TargetRemembers& target) { return !target.at_place; }

Finding held(const pipeline::Environment& environment, const memory::Hold& hold) {
  const auto by = memory::shown(hold.who);
  return {.code = "environment-held",
          .severity = Severity::blocker,
          .subject = environment.name,
          .sentence = fmt::format("{} is on hold{}: {}", environment.name, by.empty() ? "" : " by " + by,
                                  text::printable(hold.reason)),
          .fix = "sluice unhold " + environment.name};
}

// A hold may stand in what cannot be read: nothing goes there until somebody has looked.
Finding unreadable(const pipeline::Environment& environment, const std::string& problem) {
  return {.code = "memory-unreadable",
          .severity = Severity::blocker,
          .subject = environment.name,
          .sentence = problem + "; a hold may stand there",
          .fix = fmt::format("look who wrote it; then write it anew with sluice unhold {0}, or sluice hold {0}",
                             environment.name)};
}

Finding unfinished(const pipeline::Environment& environment, const Unfinished& open, bool back) {
  const auto& id = open.promotion.promotion;
  if (open.runs) {
    return {.code = "promotion-running",
            .severity = Severity::blocker,
            .subject = environment.name,
            .sentence = fmt::format("promotion {} to {} is running: {}", id, environment.name, open.by),
            .fix = "wait for it: add --wait, or look with sluice status"};
  }
  // One that ended here without the place hearing of it: who knows the end may go over it.
  if (open.ended) {
    return {
        .code = "promotion-unfinished",
        .severity = Severity::warning,
        .subject = environment.name,
        .sentence = fmt::format("promotion {} ended, and {} could not be told; it is told now", id, environment.name),
        .fix = ""};
  }
  return {.code = "promotion-unfinished",
          // Going back is the brake: it goes over what lies half way.
          .severity = back ? Severity::warning : Severity::blocker,
          .subject = environment.name,
          .sentence = fmt::format("promotion {} to {} was interrupted{}{}", id, environment.name,
                                  open.state.empty() ? "" : " while " + open.state,
                                  open.by.empty() ? "" : "; " + open.by + " began it"),
          .fix = "sluice resume " + id + ", or sluice undo " + id};
}

// Times are whole seconds, and ids sort by age.
bool came_after(const memory::PastPromotion& one, const records::Promotion& other) {
  return one.began != other.created_at ? one.began > other.created_at : one.promotion > other.id;
}

void pins_taken(const Plan& plan, std::vector<Finding>& out) {
  for (const auto& target : plan.targets) {
    for (const auto& image : target.images) {
      for (const auto& tag : image.tags) {
        if (&tag == &image.tags.back() || !tag.before || tag.before == image.after) continue;
        out.push_back(
            {.code = "pin-taken",
             .severity = Severity::blocker,
             .subject = target.target.id() + "/" + image.name + ":" + tag.tag,
             .sentence = fmt::format("the tag {} stands for another image there ({}), and a version tag is never moved",
                                     tag.tag, tag.before->brief()),
             .fix = "give the release a tag of its own"});
      }
    }
  }
}

}  // namespace

Result<std::optional<memory::Hold>> hold_of(records::Store& store, const pipeline::Pipeline& pipeline,
                                            const pipeline::Environment& environment, const EnvironmentMemory& memory) {
  if (auto hold = memory.hold()) return hold;
  // Our records hold what no place remembers.
  if (std::none_of(memory.targets.begin(), memory.targets.end(), remembers_nothing))
    return std::optional<memory::Hold>();
  return recorded_hold(store, keys_of(pipeline, environment, memory), pipeline.app, environment.name);
}

Result<std::optional<memory::Hold>> recorded_hold(records::Store& store, const std::vector<std::string>& places,
                                                  const std::string& app, const std::string& environment) {
  SLUICE_TRY(const auto holds, store.holds(places));
  if (!holds.empty()) {
    const auto& hold = holds.front();
    return std::optional(memory::Hold{hold.reason, hold.since, memory::who_from(hold.who)});
  }
  SLUICE_TRY(const auto old, store.old_hold(app, environment));
  if (!old) return std::optional<memory::Hold>();
  return std::optional(memory::Hold{old->reason, old->since, {}});
}

Result<std::optional<Unfinished>> unfinished_at(records::Store& store, const pipeline::Pipeline& pipeline,
                                                const pipeline::Environment& environment,
                                                const EnvironmentMemory& memory) {
  Unfinished out;
  const auto lease = memory.lease();
  const auto open = memory.open();
  SLUICE_TRY(const auto ours, store.promotions_at(keys_of(pipeline, environment, memory), 1));
  if (open) {
    out.promotion = *open;
    out.by = memory::shown(open->who);
    out.since = open->began;
  } else if (lease) {
    out.promotion.promotion = lease->promotion;
  } else if (!ours.empty() && (!records::is_end(ours.front().state) || ours.front().state == PromotionState::partial)) {
    // Cut off before the place heard of it. Another machine may have ended it, or gone over it since then.
    const auto past = memory.promotions();
    const bool over = std::any_of(past.begin(), past.end(), [&](const memory::PastPromotion& one) {
      return one.promotion == ours.front().id || came_after(one, ours.front());
    });
    if (over) return std::optional<Unfinished>();
    out.promotion.promotion = ours.front().id;
    out.promotion.kind = std::string(to_string(ours.front().kind));
    out.promotion.release = ours.front().release;
    out.promotion.number = ours.front().number;
    out.since = ours.front().created_at;
  } else {
    return std::optional<Unfinished>();
  }
  if (!ours.empty() && ours.front().id == out.promotion.promotion) {
    out.here = true;
    // One that ended here was cut off before the place heard of it.
    out.ended = records::is_end(ours.front().state) && ours.front().state != PromotionState::partial;
    if (!out.ended) out.state = std::string(to_string(ours.front().state));
  }
  if (lease) {
    out.held.holder = lease->holder;
    out.held.who = lease->who;
    out.held.since = lease->since;
    out.held.left = openshift::seconds_left(*lease, seconds_now());
  } else if (open && is_at_work(*open)) {
    out.held.holder = open->holder;
    out.held.who = out.by;
    out.held.since = open->began;
    out.held.left = open->until - seconds_now();
  } else if (out.here) {
    // Of this machine, where the place keeps neither lease nor memory.
    for (const auto& key : keys_of(pipeline, environment, memory)) {
      SLUICE_TRY(const auto ours_now, store.lease(key));
      if (!ours_now || ours_now->holder == records::this_process()) continue;
      out.held.holder = ours_now->holder;
      out.held.left = std::max<std::int64_t>(ours_now->expires_at - seconds_now(), 0);
      break;
    }
  }
  if (!out.held.holder.empty()) {
    out.runs = true;
    out.held.promotion = out.promotion.promotion;
    out.by = records::describe_holder(out.held.holder) + (out.by.empty() ? "" : ", " + out.by);
  }
  return std::optional(std::move(out));
}

Result<std::vector<Finding>> findings_for(records::Store& store, const pipeline::Pipeline& pipeline,
                                          const pipeline::Environment& environment, const EnvironmentMemory& memory,
                                          bool take_over, const Plan& plan) {
  std::vector<Finding> out;
  const bool back = plan.kind == records::PromotionKind::rollback;
  if (const auto problem = memory.problem(); !problem.empty()) out.push_back(unreadable(environment, problem));
  SLUICE_TRY(const auto hold, hold_of(store, pipeline, environment, memory));
  if (hold && !back) out.push_back(held(environment, *hold));
  SLUICE_TRY(const auto open, unfinished_at(store, pipeline, environment, memory));
  if (open) {
    out.push_back(unfinished(environment, *open, back));
    if (take_over) out.back().severity = Severity::warning;
  }
  if (!plan.memory.at_place) {
    out.push_back({"memory-local", Severity::info, environment.name,
                   "memory: local keeps what is promoted in the records of this machine: other machines do not see it, "
                   "and are not seen",
                   ""});
  }
  pins_taken(plan, out);
  return out;
}

}  // namespace sluice::promotion
