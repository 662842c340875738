#include "base/task_pool.hpp"
#include "copy/prove.hpp"
#include "copy/publish.hpp"
#include "places/registry_error.hpp"
#include "promotion/run/work.hpp"
#include "promotion/targets/engine_road.hpp"
#include "records/promotion_id.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <thread>
#include <utility>

namespace sluice::promotion {

using records::PromotionState;
using records::Step;

namespace {

// As people know it.
std::string label_of(const Plan& plan, const std::string& id) {
  const auto found = std::find_if(plan.targets.begin(), plan.targets.end(),
                                  [&](const PlannedTarget& target) { return target.target.id() == id; });
  return found == plan.targets.end() ? id : found->target.label();
}

}  // namespace

void Runner::open_journal(Work& work) {
  const copy::EventScope scope{work.promotion.id, work.plan.app, work.plan.environment};
  events_.set_scope(scope);
  work.steps = std::make_unique<StepWriter>(
      store_, &events_, scope,
      StepWriter::Access{.fences = [&work] { return work.leases->fences(); },
                         .label_of = [&work](const std::string& id) { return label_of(work.plan, id); }});
}

Status Runner::advance(Work& work, PromotionState state, Step step, const std::string& target) {
  SLUICE_CHECK(work.steps->advance(state, {.step = step, .target = target}));
  work.promotion.state = state;
  return {};
}

// Whatever is put back is in the outcome as well.
Status Runner::note(Work& work, Step step, const std::string& target, const std::string& image, Json detail) {
  records::JournalEntry entry{.step = step, .target = target, .image = image, .detail = std::move(detail)};
  if (step == Step::undone) {
    auto undone = TagStep::of(entry);
    work.put_back.push_back({target, image, std::move(undone.tag), std::move(undone.digest)});
  }
  auto written = work.steps->note(entry);
  // The tag went back, whoever could not write that down.
  if (!written && step == Step::undone) work.steps->tell(work.steps->described(std::move(entry)));
  return written;
}

Result<Outcome> Runner::run(Planned planned) {
  Work work{.promotion = {}, .plan = std::move(planned.plan), .survey = std::move(planned.survey)};
  work.copied = std::move(planned.copied);
  work.release = std::move(planned.release);
  work.memories = std::move(planned.memories);
  work.writes = planned.writes;
  work.goes_over = std::move(planned.goes_over);
  work.adopts = std::move(planned.adopts);
  work.earlier = std::move(planned.earlier);
  targets_.adopt(planned.groups);
  // Known before it is recorded: others read it on the streams.
  work.promotion.id = records::new_promotion_id();
  SLUICE_CHECK(open_clusters(work));
  SLUICE_CHECK(take_leases(work));
  records::Promotion promotion;
  promotion.id = work.promotion.id;
  promotion.app = work.plan.app;
  promotion.environment = work.plan.environment;
  promotion.kind = work.plan.kind;
  promotion.release = work.release.id;
  promotion.number = work.release.number;
  promotion.plan_hash = work.plan.hash();
  promotion.plan = to_record(work.plan);
  promotion.places = work.places();
  promotion.who = memory::to_json(options_.who);
  SLUICE_TRY(work.promotion, store_.add_promotion(std::move(promotion)));
  work.promotion.plan = {};  // see read_again()
  set_out(work);
  auto [begun, copied] = begin_and_copy(work);
  adopt_survey(work.survey, work.copied, work.plan);
  if (!begun) return give_up(work, std::move(begun).error());
  // An interrupted promotion that this one replaces may have left something paused.
  if (auto woken = resume_left_paused(work); !woken) return give_up(work, std::move(woken).error());
  if (!copied) {
    const auto end = work.end_after(copied.error());
    return finish(work, end, std::move(copied).error());
  }
  return switch_all(work);
}

// A cluster hears of it in two calls, before anything is done. At registries a memory has to settle first: that goes on
// beside the copying, which whoever is refused there stops. Both have ended before a tag moves; the number comes later.
Runner::Ready Runner::begin_and_copy(Work& work) {
  Ready out;
  std::stop_source copying;
  const std::stop_callback on_stop(stop_, [&] { copying.request_stop(); });
  const bool apis = std::any_of(work.plan.targets.begin(), work.plan.targets.end(),
                                [](const PlannedTarget& target) { return target.target.has_api; });
  if (apis) out.begun = begin_at_places(work);
  if (!out.begun) return out;
  out.copied = advance(work, PromotionState::copying, Step::copying);
  if (!out.copied) return out;
  ask_for_number(work);
  {
    const std::jthread beside([&] {
      if (!apis) out.begun = begin_at_places(work);
      if (!out.begun) copying.request_stop();
    });
    out.copied = copy_content(work, copying.get_token());
  }
  if (out.begun && out.copied) out.copied = take_arrivals(work);
  if (out.begun && out.copied) out.copied = stage_at_clusters(work);
  return out;
}

namespace {

// As the records have it now, without the plan: that is at hand, and as JSON it takes two KiB for each image.
void read_again(records::Store& store, records::Promotion& promotion) {
  if (auto fresh = store.promotion(promotion.id); fresh && *fresh) promotion = std::move(**fresh);
  promotion.plan = {};
}

}  // namespace

Status Runner::take_leases(Work& work) {
  const auto take = [&]() -> Status {
    auto taken = [&]() -> Status {
      SLUICE_TRY(work.leases, LeaseKeeper::take(store_, work.places(), options_.leases.taking()));
      return lease_targets(work);
    }();
    // Who waits holds nothing that others may wait for.
    if (!taken) SLUICE_CHECK(open_clusters(work));
    if (!taken) work.leases.reset();
    return taken;
  };
  const auto say = [&](std::string line) {
    events_.emit({.kind = copy::EventKind::note, .target = work.plan.environment, .detail = std::move(line)});
  };
  return take_in_turn(options_.leases, work.plan.environment, take, say, stop_);
}

// Each target with an API.
Status Runner::open_clusters(Work& work) {
  open_journal(work);
  work.clusters.clear();
  for (auto& target : work.plan.targets) {
    auto& made = work.clusters.emplace_back();
    SLUICE_TRY(auto access, targets_.open(target.target));
    if (!access.side) continue;
    const auto id = target.target.id();
    TargetJournal journal{[&work, id](Step step, const std::string& image, Json detail) {
      return note(work, step, id, image, std::move(detail));
    }};
    made = std::make_unique<ClusterTarget>(targets_, std::move(access), work.plan, target, std::move(journal), events_);
  }
  work.memory = std::make_unique<MemoryWriter>(targets_);
  return work.memory->open(work.plan, work.memories);
}

void Runner::set_out(Work& work) {
  for (const auto& target : work.plan.targets) {
    const auto before = work.switched.find(target.target.id());
    work.targets.push_back(
        {target.target.id(), before == work.switched.end() ? PromotionState::planned : before->second});
  }
}

Outcome Runner::drive(Work& work) {
  set_out(work);
  // Phase 1: all content to all targets, invisible to workloads.
  const auto copied = [&]() -> Status {
    SLUICE_CHECK(advance(work, PromotionState::copying, Step::copying));
    SLUICE_CHECK(copy_content(work, stop_));
    SLUICE_CHECK(take_arrivals(work));
    return stage_at_clusters(work);
  }();
  adopt_survey(work.survey, work.copied, work.plan);
  if (!copied) {
    const auto end = work.end_after(copied.error());
    return finish(work, end, copied.error());
  }
  return switch_all(work);
}

Outcome Runner::switch_all(Work& work) {
  // Phase 2: target by target, the next one after the one before is verified.
  for (std::size_t t = 0; t < work.plan.targets.size(); ++t) {
    if (auto setback = bring(work, t)) return end_with(work, t, std::move(*setback));
  }
  return finish(work, work.ended_elsewhere() ? PromotionState::succeeded : PromotionState::partial, std::nullopt);
}

Status Runner::copy_content(Work& work, const std::stop_token& stop) {
  auto options = options_.carry;
  // One image at one target has nobody to wait for: its manifest goes out under its tag right away.
  options.stage_roots = work.survey.items.size() > 1;
  SLUICE_TRY(const auto arrivals,
             carry_through_engine(targets_.places(), work.survey, work.copied, work.plan, events_, stop));
  for (const auto& arrival : arrivals) SLUICE_CHECK(note_arrival(work, arrival, stop));
  SLUICE_CHECK(copy::carry(work.survey, options, events_, stop));
  // What counts as present may be gone: nobody could pull what the tags will stand for.
  std::vector<std::size_t> all(work.survey.items.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return copy::prove(work.survey, all, {.retry_times = options.retry_times, .mounted = true}, events_, stop);
}

Status Runner::note_arrival(Work& work, const Arrival& arrival, const std::stop_token& stop) {
  auto& item = work.survey.items[arrival.item];
  SLUICE_CHECK(note(work, Step::arrived, work.plan.targets[work.copied[arrival.item].target].target.id(),
                    work.image_of(arrival.item).name,
                    Json::object().set("digest", arrival.digest.text()).set("tested", item.root().digest.text())));
  auto there = item.item;
  there.name = places::ManifestName::digest(arrival.digest);
  there.origins = {{there.dest, there.dest_repository}};
  there.by_engine = false;
  SLUICE_TRY(auto looked, copy::survey({std::move(there)}, true, events_, stop));
  auto& found = looked.items.front();
  item.item = std::move(found.item);
  item.origin = std::move(found.origin);
  item.manifests = std::move(found.manifests);
  item.lost_platforms.clear();
  work.arrivals.push_back(arrival);
  return {};
}

Status Runner::take_arrivals(Work& work) {
  if (work.arrivals.empty()) return {};
  for (auto& arrival : std::exchange(work.arrivals, {})) {
    const auto& at = work.copied[arrival.item];
    auto& target = work.plan.targets[at.target];
    target.images[at.image].take_arrival(std::move(arrival.digest), target.target);
    work.findings.push_back(std::move(arrival.finding));
  }
  return work.writes ? work.memory->tell_arrivals(work.plan, work.promotion.id) : Status();
}

Status Runner::stage_at_clusters(Work& work) {
  for (const auto& target : work.clusters) {
    if (!target || !target->planned().streams) continue;
    const auto staged = target->stage();
    for (auto& finding : target->take_findings()) work.findings.push_back(std::move(finding));
    SLUICE_CHECK(staged);
  }
  return note(work, Step::content);
}

// Switches one target and sees it run. Empty: it does.
std::optional<Runner::Setback> Runner::bring(Work& work, std::size_t target) {
  if (auto switched = switch_target(work, target); !switched) return Setback{std::move(switched).error()};
  if (work.cluster(target) != nullptr) {
    if (auto setback = verify_target(work, target)) return setback;
  }
  // There is no API behind a plain registry: what was read back is the verification, and no rollout was observed.
  const auto id = work.plan.targets[target].target.id();
  auto noted = work.promotion.state == PromotionState::verifying
                   ? note(work, Step::verified, id)
                   : advance(work, PromotionState::verifying, Step::verified, id);
  if (!noted) return Setback{std::move(noted).error()};
  work.targets[target].state = work.switched[id] = PromotionState::succeeded;
  return std::nullopt;
}

namespace {

// Some registries say 403 where 404 is meant: of a tag that was not there when it was planned that is no news.
Result<std::optional<oci::Digest>> tag_now(const copy::SurveyedItem& item, const PlannedTag& tag,
                                           HashAlgorithm algorithm, const std::stop_token& stop) {
  auto now = item.item.dest->digest_of(item.item.dest_repository, places::ManifestName::tag(tag.tag), stop, algorithm);
  if (!now && !tag.before && places::means_missing(now.error())) return std::optional<oci::Digest>();
  return now;
}

}  // namespace

Error changed_since(const std::string& where, const std::optional<oci::Digest>& before,
                    const std::optional<oci::Digest>& now) {
  const auto brief = [](const std::optional<oci::Digest>& digest) {
    return digest ? digest->brief() : std::string("nothing");
  };
  return Error(ErrorKind::blocked, fmt::format("{} changed since the plan: it stood for {} and stands for {} now",
                                               where, brief(before), brief(now)))
      .with_hint("look who did that, then plan again");
}

// A target that somebody else changed since the plan stops the promotion; what we switched ourselves may stand.
Status Runner::check_unchanged(Work& work, std::size_t target) {
  if (work.plan.targets[target].streams) return work.cluster(target)->check_unchanged(work.resumed);
  TaskPool pool(stop_);
  for (const auto index : work.items_of(target)) {
    auto& item = work.survey.items[index];
    const auto& image = work.image_of(index);
    for (std::size_t t = 0; t < image.tags.size(); ++t) {
      pool.add({.hosts = {item.item.dest}, .run = [&item, &image, &work, t](const std::stop_token& stop) -> Status {
                  const auto& tag = image.tags[t];
                  SLUICE_TRY(const auto now, tag_now(item, tag, image.after.algorithm(), stop));
                  item.before[t] = now;
                  if (now == tag.before || (work.resumed && now == image.after)) return {};
                  return changed_since(
                      fmt::format("{}/{}:{}", item.item.dest->name(), item.item.dest_repository, tag.tag), tag.before,
                      now);
                }});
    }
  }
  return pool.finish();
}

Status Runner::push_tags(Work& work, std::size_t target) {
  const auto id = work.plan.targets[target].target.id();
  Guarded<std::vector<std::pair<std::string, std::string>>> written;  // image, tag
  const auto switched = [&](const copy::SurveyedItem& item, const std::string& tag) {
    if (work.writes && tag == item.item.tags.back()) work.memory->tag_written(target, item.item.label, item.root());
    return note(work, Step::switched, id, item.item.label, TagStep{tag, item.root().digest}.to_json());
  };
  const auto may_stand = [&](const copy::SurveyedItem& item, const std::string& tag) {
    written.with([&](auto& tags) { tags.emplace_back(item.item.label, tag); });
  };
  const copy::PublishOptions options{
      .may_stand = may_stand, .retry_times = options_.carry.retry_times, .pauses = options_.pauses};
  auto published = copy::publish(work.survey, work.items_of(target), switched, options, events_, stop_);
  written.with([&](const auto& tags) {
    for (const auto& [image, tag] : tags) work.pushed.emplace(id, image, tag);
  });
  return published;
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
  SLUICE_CHECK(note(work, Step::before, id, {}, std::move(before)));
  const auto begun = [&]() -> Status {
    SLUICE_CHECK(advance(work, PromotionState::switching, Step::begin_switch, id));
    work.targets[target].state = work.switched[id] = PromotionState::switching;
    return {};
  };
  auto* cluster = work.cluster(target);
  if (cluster != nullptr) {
    return cluster->switch_over(begun, [&] { return push_tags(work, target); });
  }
  SLUICE_CHECK(begun());
  return push_tags(work, target);
}

std::optional<Runner::Setback> Runner::verify_target(Work& work, std::size_t target) {
  auto& cluster = *work.cluster(target);
  auto& outcome = work.targets[target];
  if (auto noted = advance(work, PromotionState::rolling_out, Step::rolling_out, outcome.target); !noted)
    return Setback{std::move(noted).error()};
  outcome.state = PromotionState::rolling_out;
  auto verdict = cluster.follow();
  if (verdict && verdict->good) {
    if (auto noted = advance(work, PromotionState::verifying, Step::verifying, outcome.target); !noted)
      return Setback{std::move(noted).error()};
    outcome.state = PromotionState::verifying;
    verdict = cluster.watch(std::move(*verdict));
  }
  if (!verdict) return Setback{std::move(verdict).error()};
  // Whoever took the lease over decides what becomes of the target.
  if (auto ours = verdict->good ? cluster.still_ours() : cluster.confirm_lease(); !ours)
    return Setback{std::move(ours).error()};
  outcome.rollouts = std::move(verdict->rollouts);
  outcome.note = std::move(verdict->note);
  for (auto& finding : cluster.take_findings()) work.findings.push_back(std::move(finding));
  if (!verdict->good) {
    return Setback{Error(ErrorKind::conflict, std::move(verdict->sentence)), true, verdict->superseded};
  }
  return std::nullopt;
}

// What becomes of the promotion when one of its targets did not come to its end.
Outcome Runner::end_with(Work& work, std::size_t target, Setback setback) {
  const auto id = work.plan.targets[target].target.id();
  auto& state = work.targets[target].state;
  if (setback.verified_bad) {
    if (work.plan.rollback_on_failure && !setback.superseded) return roll_back(work, target, std::move(setback));
    state = PromotionState::failed;
    // The tags of this target stand, for somebody to look at; when an earlier one succeeded, the release is half there.
    const bool others = work.switched.size() > (work.switched.contains(id) ? 1U : 0U);
    if (others) return finish(work, PromotionState::partial, std::move(setback.error));
    return finish(work, PromotionState::failed,
                  std::move(setback.error).with_hint("put back what was there: sluice undo " + work.promotion.id));
  }
  // Nobody knows how the rollout goes on. It does so without us, and `resume` looks again.
  if (state == PromotionState::rolling_out || state == PromotionState::verifying)
    return leave_open(work, std::move(setback.error));
  const bool undone = put_back(work, target);
  state = undone ? PromotionState::failed : PromotionState::partial;
  const auto end = work.end_after(setback.error);
  return finish(work, end, std::move(setback.error));
}

Outcome Runner::roll_back(Work& work, std::size_t target, Setback setback) {
  const auto rollouts = work.targets[target].rollouts;
  const bool undone = put_back(work, target) && follow_back(work, target);
  work.targets[target].rollouts = rollouts;
  work.targets[target].state = undone ? PromotionState::rolled_back : PromotionState::partial;
  const bool all_back = undone && work.switched.empty();
  return finish(work, all_back ? PromotionState::rolled_back : PromotionState::partial, std::move(setback.error));
}

// The end stands in the records; what is told about it is what they say.
Outcome Runner::finish(Work& work, PromotionState state, std::optional<Error> error) {
  const auto sentence = error ? error->sentence() : std::string();
  auto recorded = work.steps->record_state(state, {.step = records::end_step(state)}, sentence);
  if (recorded) {
    work.last = std::move(*recorded);
    work.promotion.state = state;
    work.promotion.failure = sentence;
  } else if (!error) {
    error = std::move(recorded).error();  // the work is done, but nobody will know: that is not success
  }
  read_again(store_, work.promotion);
  take_number(work);
  end_at_places(work);
  return conclude(work, std::move(error));
}

// Not at its end: the state stays what it is.
Outcome Runner::leave_open(Work& work, Error error) {
  // The state that it is left in is told once more.
  auto recorded = work.steps->record({.step = Step::left, .detail = Json::object().set("why", error.sentence())},
                                     work.promotion.state);
  if (recorded) work.last = std::move(*recorded);
  const auto resume = "sluice resume " + work.promotion.id;
  auto hint = error.hint();
  if (hint.empty()) hint = "look again: " + resume;
  if (hint.find("sluice resume") == std::string::npos) hint += ", then: " + resume;
  return conclude(work, std::move(error).with_hint(std::move(hint)));
}

Outcome Runner::conclude(Work& work, std::optional<Error> error) {
  take_number(work);
  work.clusters.clear();
  work.leases.reset();
  // Last of all: whoever hears of the end finds the leases free. Where the records refuse to take it, the state that
  // they have is told.
  work.steps->tell(work.last ? *work.last : work.steps->described({.step = Step::left}, work.promotion.state));
  read_again(store_, work.promotion);
  return {std::move(work.promotion), std::move(work.plan),     std::move(work.targets), std::move(error),
          std::move(work.findings),  std::move(work.put_back), work.places_told};
}

}  // namespace sluice::promotion
