// ClusterTarget: what happens with workloads: paused for the switch, started, patched, followed, watched.

#include "openshift/rollouts/watch.hpp"
#include "openshift/streams/state.hpp"
#include "promotion/targets/cluster_target.hpp"
#include "promotion/targets/http_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace sluice::promotion {

using openshift::UseAction;

namespace {

// How long a paused workload is given to take all images (triggers act within a second on an idle cluster).
constexpr std::chrono::seconds kForTemplates{60};
// Pods that are not ready for a moment are no reason to doubt a rollout (a guess).
constexpr std::chrono::seconds kGrace{15};

std::optional<openshift::WorkloadKind> kind_of(std::string_view name) {
  for (const auto kind : {openshift::WorkloadKind::deployment_config, openshift::WorkloadKind::deployment,
                          openshift::WorkloadKind::stateful_set, openshift::WorkloadKind::daemon_set,
                          openshift::WorkloadKind::cron_job}) {
    if (to_string(kind) == name) return kind;
  }
  return std::nullopt;
}

openshift::WorkloadRef ref_of(const openshift::WorkloadUse& use) { return {use.kind, use.project, use.name, use.uid}; }

// What is followed: what rolls by itself or by us, and what should have and now cannot. What follows another tag on
// purpose is nobody's business here.
bool is_followed(const openshift::JudgedUse& judged) {
  if (judged.use.kind == openshift::WorkloadKind::build_config) return false;
  return judged.action != UseAction::none || judged.use.verdict == openshift::TriggerVerdict::fires;
}

void take_result(const openshift::RolloutResult& result, Verdict& verdict) {
  if (openshift::is_good(result.end)) return;
  const bool replaced = result.end == openshift::RolloutEnd::superseded;
  // A failure says more than what was replaced meanwhile.
  if (verdict.good || (verdict.superseded && !replaced)) {
    verdict.sentence = result.sentence;
    verdict.superseded = replaced;
  }
  verdict.good = false;
}

}  // namespace

Json to_json(const openshift::WorkloadRef& workload) {
  return Json::object()
      .set("kind", std::string(to_string(workload.kind)))
      .set("project", workload.project)
      .set("name", workload.name)
      .set("uid", workload.uid);
}

std::optional<openshift::WorkloadRef> workload_from(const Json& detail) {
  const auto kind = kind_of(detail.string_at("kind").value_or(""));
  const auto name = detail.string_at("name");
  if (!kind || !name) return std::nullopt;
  return openshift::WorkloadRef{*kind, detail.string_at("project").value_or(""), *name,
                                detail.string_at("uid").value_or("")};
}

std::vector<openshift::WorkloadRef> ClusterTarget::pauses_of(const TargetUses& uses) {
  std::vector<openshift::WorkloadRef> out;
  for (const auto& workload : merge_uses(uses.judged)) {
    if (!workload.pause) continue;
    const auto use = std::find_if(uses.judged.begin(), uses.judged.end(), [&](const openshift::JudgedUse& one) {
      return to_string(one.use.kind) == workload.kind && one.use.name == workload.name;
    });
    out.push_back(ref_of(use->use));
  }
  return out;
}

Status ClusterTarget::pause(const TargetUses& uses) {
  for (const auto& ref : pauses_of(uses)) {
    // Journaled first: a kill right after leaves a note of what has to be resumed.
    SLUICE_CHECK(journal_.note(records::Step::pause, "", to_json(ref)));
    auto paused = openshift::pause_workload(client(), ref, context());
    if (!paused && paused.error().kind() != ErrorKind::denied) return std::move(paused).error();
    if (paused && *paused) {
      paused_.push_back(ref);
      continue;
    }
    SLUICE_CHECK(journal_.note(records::Step::resumed, "", to_json(ref)));  // not by us: not ours to resume
    say(fmt::format("{} was not paused: {}", ref.shown(),
                    paused ? "somebody else had paused it" : paused.error().message()));
  }
  return {};
}

// By value: the list that is worked off shrinks on the way.
Status ClusterTarget::resume_paused(std::vector<openshift::WorkloadRef> workloads) {
  Status first;
  for (const auto& workload : workloads) {
    // Nobody may stay paused because somebody pressed Ctrl-C.
    auto resumed = openshift::resume_workload(client(), workload, {context().deadline, {}});
    if (resumed) resumed = journal_.note(records::Step::resumed, "", to_json(workload));
    if (!resumed && first) first = std::move(resumed);
    std::erase_if(paused_, [&](const auto& one) { return one.uid == workload.uid && one.name == workload.name; });
  }
  return first;
}

// Resumed only when the template names all new images: sooner, each would be a rollout of its own.
Status ClusterTarget::release_paused(const TargetUses& uses) {
  for (const auto& workload : paused_) {
    std::vector<openshift::AwaitedImage> awaited;
    for (const auto& use : uses.uses) {
      if (use.kind != workload.kind || use.name != workload.name) continue;
      if (use.verdict != openshift::TriggerVerdict::fires) continue;
      for (const auto& container : use.containers) awaited.push_back({container.name, container.init, use.tag.digest});
    }
    const net::ExchangeContext patient{Deadline::after(kForTemplates), targets_.stop()};
    const auto there = openshift::await_template(client(), *access_.side.streams, workload, awaited, patient);
    if (!there || !*there)
      say(fmt::format("{} is resumed although its template does not name all new images yet", workload.shown()));
  }
  return resume_paused(paused_);
}

Status ClusterTarget::patch(const TargetUses& uses) {
  std::map<std::string, std::pair<openshift::WorkloadRef, std::vector<openshift::ContainerImage>>> wanted;
  for (const auto& judged : uses.judged) {
    if (judged.action != UseAction::patch) continue;
    const auto& use = judged.use;
    auto repository = planned_.target.project + "/" + use.tag.stream;
    if (access_.streams) {
      SLUICE_TRY(const auto stream, client().get<kube::ImageStream>(use.project, use.tag.stream, context()));
      repository = stream.repository();
    } else {
      SLUICE_TRY(const auto host, targets_.places().registry_host_of(planned_.target));
      repository = host + "/" + repository;
    }
    auto& entry = wanted[use.shown()];
    entry.first = ref_of(use);
    for (const auto& container : use.containers)
      entry.second.push_back({container.name, container.init, repository + "@" + use.tag.digest});
  }
  for (const auto& [name, entry] : wanted) {
    SLUICE_CHECK(journal_.note(records::Step::patch, "", to_json(entry.first)));
    SLUICE_CHECK(openshift::set_images(client(), entry.first, entry.second, context()));
  }
  return {};
}

Status ClusterTarget::act(const TargetUses& uses) {
  SLUICE_CHECK(patch(uses));
  std::set<std::string> started;
  for (const auto& judged : uses.judged) {
    if (judged.action != UseAction::start || !started.insert(judged.use.shown()).second) continue;
    const auto ref = ref_of(judged.use);
    SLUICE_CHECK(journal_.note(records::Step::start, "", to_json(ref)));
    SLUICE_CHECK(openshift::start_rollout(client(), ref, context()));
  }
  return {};
}

// What there was before the switch, so that no older rollout is taken for the new one.
void ClusterTarget::remember(const PlannedTarget& what, const TargetUses& uses) {
  std::vector<openshift::WorkloadUse> followed;
  std::set<std::string> acted;
  for (const auto& judged : uses.judged) {
    if (!is_followed(judged)) continue;
    auto use = judged.use;
    if (judged.action == UseAction::start || judged.action == UseAction::patch)
      use.verdict = openshift::TriggerVerdict::fires;
    if (judged.action == UseAction::start) acted.insert(use.shown());
    followed.push_back(std::move(use));
  }
  std::vector<openshift::PromotedTag> promoted;
  for (const auto& image : what.images) {
    for (const auto& tag : image.tags)
      promoted.push_back({{what.target.project, image.name, tag.tag, image.after.text()}, image.accepted});
  }
  followed_ = openshift::followed_workloads(uses.workloads, followed, promoted);
  stays_.clear();
  std::copy_if(uses.findings.begin(), uses.findings.end(), std::back_inserter(stays_),
               [](const Finding& finding) { return keeps_other_image(finding) || finding.accepted; });
  const auto now = client().connection().server_time();
  for (auto& one : followed_) {
    one.must_roll = acted.contains(one.before.shown());
    one.before.taken = now;
  }
}

namespace {

// The way back: every image to what its watched tag stood for. Images that were not there before are left out.
PlannedTarget reversed(const PlannedTarget& planned) {
  auto back = planned;
  std::erase_if(back.images, [](const PlannedImage& image) { return !image.before(); });
  for (auto& image : back.images) {
    image.tags = {image.tags.back()};
    const auto old = *image.tags.back().before;
    image.tags.back().before = image.after;
    image.after = old;
    image.accepted.clear();
  }
  return back;
}

}  // namespace

Status ClusterTarget::switch_over(const std::function<Status()>& begun, const std::function<Status()>& push) {
  SLUICE_TRY(const auto uses,
             judge_target(access_, planned_, {.follow = plan_.verify.rollout, .accepts = plan_.accepts}, context()));
  remember(planned_, uses);
  SLUICE_CHECK(pause(uses));
  SLUICE_CHECK(begun());
  SLUICE_CHECK(planned_.sets_tags() ? move_tags() : push());
  SLUICE_CHECK(release_paused(uses));
  return act(uses);
}

// The images whose moving tag stands for neither what was promoted nor what was there before.
std::vector<std::string> ClusterTarget::foreign_tags(std::vector<Finding>& findings) {
  std::vector<std::string> names;
  for (const auto& image : planned_.images) names.push_back(image.name);
  const auto streams = targets_.streams(access_, names);
  std::vector<std::string> out;
  if (!streams) return out;  // told by whoever moves the tags
  for (std::size_t i = 0; i < planned_.images.size(); ++i) {
    const auto& image = planned_.images[i];
    const auto& tag = image.tags.back();
    const auto top = (*streams)[i] ? (*streams)[i]->top(tag.tag) : std::nullopt;
    const auto stands = top ? top->image : std::string();
    if (stands == image.after.text() || stands == (tag.before ? tag.before->text() : std::string())) continue;
    out.push_back(image.name);
    findings.push_back(not_ours(planned_, image, stands));
  }
  return out;
}

PlannedTarget ClusterTarget::way_back(std::vector<Finding>& findings) {
  auto back = reversed(planned_);
  // What somebody else changed since is theirs: nothing is rolled for it, and nothing is waited for.
  for (const auto& foreign : foreign_tags(findings)) {
    std::erase_if(back.images, [&](const PlannedImage& image) { return image.name == foreign; });
  }
  return back;
}

Result<std::vector<openshift::WorkloadRef>> ClusterTarget::pauses_to_put_back() {
  std::vector<Finding> told_later;
  SLUICE_TRY(const auto uses, judge_target(access_, way_back(told_later), back_wish(), context()));
  return pauses_of(uses);
}

std::vector<Finding> ClusterTarget::put_back(const std::string& promotion, const std::function<bool()>& push_back) {
  std::vector<Finding> problems;
  const auto trouble = [&](const Status& status) {
    if (status) return;
    problems.push_back({"undo-failed", Severity::warning, planned_.target.label(), status.error().sentence(),
                        "sluice undo " + promotion});
  };
  trouble(resume_paused(paused_));
  const auto back = way_back(problems);
  const auto uses = judge_target(access_, back, back_wish(), {context().deadline, {}});
  followed_.clear();
  if (uses) {
    remember(back, *uses);
    trouble(pause(*uses));
  } else {
    trouble(uses.error());
  }
  if (!planned_.sets_tags()) {
    // What it could not do it has told already, as findings of its own.
    if (!push_back()) trouble(Error(ErrorKind::conflict, "not all tags could be put back"));
  } else {
    for (const auto& image : planned_.images) {
      for (const auto& tag : image.tags) {
        if (auto problem = move_back(image, tag, promotion)) problems.push_back(std::move(*problem));
      }
    }
  }
  if (uses) {
    trouble(release_paused(*uses));
    trouble(act(*uses));
  }
  return problems;
}

Result<Verdict> ClusterTarget::follow() {
  Verdict verdict;
  if (!plan_.verify.rollout) {
    verdict.note = "no rollout was followed, as `verify` says";
    tell_what_stays(verdict);
    return verdict;
  }
  if (followed_.empty()) {
    verdict.note = "no workload of " + planned_.target.label() + " uses the tags, so nothing was seen to run";
    tell_what_stays(verdict);
    return verdict;
  }
  say(fmt::format("waiting for the rollout, {} s at most", plan_.verify.rollout_time.count()));
  const net::ExchangeContext patient{Deadline::after(plan_.verify.rollout_time), targets_.stop()};
  const auto on_progress = [&](const openshift::RolloutProgress& progress) {
    events_.emit({.kind = copy::EventKind::rollout,
                  .image = std::string(openshift::short_name(progress.kind)) + "/" + progress.name,
                  .target = planned_.target.label(),
                  .detail = progress.line});
  };
  openshift::FollowOptions options;
  options.grace = plan_.verify.grace;
  SLUICE_TRY(verdict.rollouts,
             openshift::follow_rollouts(client(), *access_.side.streams, followed_, options, patient, on_progress));
  for (const auto& result : verdict.rollouts) take_result(result, verdict);
  if (verdict.good) tell_what_stays(verdict);
  return verdict;
}

// As it was judged before the switch: what no trigger sets did not change since, nor what was accepted to stay. Pods
// that wait to be deleted are told by the rollout, where it was followed, since somebody may have been quick.
void ClusterTarget::tell_what_stays(const Verdict& verdict) {
  const auto waits = [&](const Finding& finding) {
    return std::any_of(verdict.rollouts.begin(), verdict.rollouts.end(), [&](const openshift::RolloutResult& result) {
      return result.end == openshift::RolloutEnd::on_delete &&
             fmt::format("{} {}", to_string(result.kind), result.name) == finding.subject;
    });
  };
  for (auto finding : stays_) {
    if (finding.code == "waits-for-delete" && plan_.verify.rollout && !waits(finding)) continue;
    finding.severity = Severity::warning;
    findings_.push_back(std::move(finding));
  }
}

Result<Verdict> ClusterTarget::watch(Verdict verdict) {
  if (!plan_.verify.http.empty()) SLUICE_CHECK(check_url(verdict));
  if (!verdict.good || plan_.verify.watch == std::chrono::seconds(0) || followed_.empty()) return verdict;
  const auto on_progress = [&](const openshift::RolloutProgress& progress) {
    events_.emit({.kind = copy::EventKind::rollout,
                  .image = std::string(openshift::short_name(progress.kind)) + "/" + progress.name,
                  .target = planned_.target.label(),
                  .detail = progress.line});
  };
  say(fmt::format("watching {} for {} s", planned_.target.label(), plan_.verify.watch.count()));
  const auto look = [&] {
    const net::ExchangeContext patient{Deadline::after(plan_.verify.watch + kForTemplates), targets_.stop()};
    return openshift::watch_rollouts(client(), *access_.side.streams, followed_, verdict.rollouts, plan_.verify.watch,
                                     kGrace, patient, on_progress);
  };
  auto seen = look();
  if (!seen && seen.error().kind() == ErrorKind::unreachable) {
    // A server that restarts near the end leaves it unseen, and what nobody saw is not proved: once more, from the
    // start.
    say(fmt::format("watching {} anew: {}", planned_.target.label(), seen.error().message()));
    seen = look();
  }
  SLUICE_TRY(const auto watched, std::move(seen));
  for (std::size_t i = 0; i < watched.size(); ++i) {
    if (watched[i].steady) continue;
    if (verdict.good) verdict.sentence = watched[i].sentence;
    verdict.good = false;
    verdict.superseded = watched[i].superseded;
    if (i < verdict.rollouts.size() && watched[i].log) verdict.rollouts[i].log = watched[i].log;
  }
  return verdict;
}

Status ClusterTarget::check_url(Verdict& verdict) {
  auto* exchanger = targets_.places().exchanger_for_checks();
  if (exchanger == nullptr) return Error(ErrorKind::internal, "no HTTP check can be made here");
  const auto url = check_url_of(plan_.verify.http, planned_.target);
  HttpCheck check;
  check.url = url;
  check.allow_local = targets_.places().allow_local_checks();
  const auto status = check_http(*exchanger, check, {Deadline::after(plan_.verify.rollout_time), targets_.stop()});
  if (status) {
    say(fmt::format("{} answers {}", url, *status));
    return {};
  }
  if (status.error().kind() == ErrorKind::cancelled) return status.error();
  verdict.good = false;
  verdict.sentence = "the HTTP check failed: " + status.error().message();
  return {};
}

}  // namespace sluice::promotion
