#include "openshift/rollouts/rollout.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace sluice::openshift {

namespace {

using Step = RolloutDecision::Step;

RolloutDecision waiting(std::string what) {
  RolloutDecision out;
  out.what = std::move(what);
  return out;
}

RolloutDecision ended(RolloutEnd end, std::string what) {
  RolloutDecision out;
  out.step = Step::ended;
  out.end = end;
  out.what = std::move(what);
  return out;
}

bool runs_expected(const std::vector<kube::Container>& containers, const std::vector<ExpectedImage>& images) {
  if (images.empty()) return false;
  return std::all_of(images.begin(), images.end(), [&](const ExpectedImage& image) {
    return std::any_of(containers.begin(), containers.end(), [&](const kube::Container& container) {
      return container.name == image.container && container.init == image.init &&
             digest_in(container.image) == image.digest;
    });
  });
}

bool ran_before(const Followed& followed) {
  return !followed.must_roll && runs_expected(followed.before.containers, followed.images);
}

std::string short_digests(const std::vector<ExpectedImage>& images) {
  constexpr std::size_t kShown = 19;  // "sha256:" and twelve digits
  std::vector<std::string> out;
  for (const auto& image : images) {
    auto digest = image.digest.substr(0, kShown);
    if (std::find(out.begin(), out.end(), digest) == out.end()) out.push_back(std::move(digest));
  }
  return text::join(out, ", ");
}

// The template does not have the image, or not yet.
// A template that names neither what it named before nor what the tag stands for: somebody else was quicker.
bool names_a_third(const std::vector<kube::Container>& now, const Followed& followed) {
  const auto image_in = [](const std::vector<kube::Container>& containers, const ExpectedImage& wanted) -> std::string {
    for (const auto& container : containers) {
      if (container.name == wanted.container && container.init == wanted.init) return container.image;
    }
    return {};
  };
  return std::any_of(followed.images.begin(), followed.images.end(), [&](const ExpectedImage& wanted) {
    const auto image = image_in(now, wanted);
    const auto digest = digest_in(image);
    return !digest.empty() && digest != wanted.digest && !wanted.accepted.contains(digest) &&
           image != image_in(followed.before.containers, wanted);
  });
}

RolloutDecision without_image(const std::vector<kube::Container>& now, const Followed& followed,
                              const std::string& seen) {
  if (seen.empty() && names_a_third(now, followed)) {
    return ended(RolloutEnd::superseded,
                 "somebody set another image before " + short_digests(followed.images) + " could roll out");
  }
  if (!seen.empty()) {
    return ended(RolloutEnd::superseded, fmt::format("somebody changed the image after {} had begun to roll out {}",
                                                     seen, short_digests(followed.images)));
  }
  if (followed.verdict == TriggerVerdict::paused) return ended(RolloutEnd::paused, followed.why);
  if (followed.verdict != TriggerVerdict::fires) return ended(RolloutEnd::not_triggered, followed.why);
  return waiting("waiting for the image trigger");
}

RolloutDecision paused_with_image() {
  return ended(RolloutEnd::paused, "it is paused: it has the new image, and rolls it out only when it is resumed");
}

std::int64_t desired_replicas(const kube::DeploymentConfig& config, const kube::ReplicationController& controller) {
  // A config for testing goes back to nothing at the end.
  if (kube::flag_at(config.json(), {"spec", "test"}) && controller.phase() == kube::RolloutPhase::complete) return 0;
  // Once it is complete the config alone decides: an autoscaler may have wanted another number in the middle of it.
  if (controller.phase() == kube::RolloutPhase::complete) return config.replicas().wanted;
  const auto text = controller.annotation("kubectl.kubernetes.io/desired-replicas");
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) return value;
  return config.replicas().wanted;
}

std::string progress(const RolloutDecision& out) {
  auto line = fmt::format("{} of {} pods ready", out.ready, out.wanted);
  if (out.old > 0) line += fmt::format(", {} old {} left", out.old, out.old == 1 ? "pod" : "pods");
  return line;
}

RolloutDecision failed_controller(const kube::ReplicationController& controller, RolloutDecision out) {
  // The controllers of the cluster say it here before the config shows its newer version.
  constexpr std::string_view kReplaced = "newer deployment was found running";
  if (controller.cancelled() && controller.status_reason() == kReplaced) {
    return waiting("waiting for the rollout that replaces " + controller.name());
  }
  out.step = Step::ended;
  out.what = out.end == RolloutEnd::already_running
                 ? controller.name() + " had failed before, and nothing starts it again"
                 : controller.name() + (controller.cancelled() ? " was cancelled" : " failed");
  out.end = RolloutEnd::failed;
  return out;
}

RolloutDecision follow_controller(const kube::DeploymentConfig& config, const kube::ReplicationController& controller,
                                  bool is_new) {
  RolloutDecision out;
  out.rollout = controller.name();
  out.owner_uid = controller.uid();
  out.wanted = desired_replicas(config, controller);
  out.ready = controller.replicas().ready;
  out.old = std::max<std::int64_t>(0, config.replicas().total - controller.replicas().total);
  out.end = is_new ? RolloutEnd::succeeded : RolloutEnd::already_running;
  if (controller.phase() == kube::RolloutPhase::failed) return failed_controller(controller, std::move(out));
  const bool done = controller.phase() == kube::RolloutPhase::complete;
  out.step = done ? Step::complete : Step::rolling;
  out.what = done ? controller.name() + " is complete" : progress(out);
  return out;
}

// The version counts, and what its controller runs; conditions are those of the rollout before while a new one begins.
RolloutDecision decide_config(const Followed& followed, const LiveWorkload& live, const std::string& seen) {
  const kube::DeploymentConfig config(live.object->json());
  const auto latest = config.latest_version();
  const auto name = config.latest_controller();
  const kube::Object* newest = nullptr;
  for (const auto* controller : live.controllers) {
    if (controller->name() == name) newest = controller;
  }
  const bool has_image = runs_expected(config.containers(), followed.images);
  const bool is_new = latest > followed.before.latest_version;
  // The snapshot may have fallen between a new version and its controller, which then was made with the new image.
  const bool made_meanwhile = has_image && !followed.must_roll;
  if (newest != nullptr && (is_new || ran_before(followed) || made_meanwhile)) {
    const kube::ReplicationController controller(newest->json());
    if (runs_expected(controller.containers(), followed.images)) {
      return follow_controller(config, controller, is_new);
    }
    if (!seen.empty() && !has_image) {
      return ended(RolloutEnd::superseded, fmt::format("{} replaced {} with another image", name, seen));
    }
  }
  if (!has_image) return without_image(config.containers(), followed, seen);
  if (config.paused()) return paused_with_image();
  return waiting(is_new ? "rollout " + std::to_string(latest) + " is about to begin"
                        : "it has the new image, waiting for the rollout");
}

// The replica set of the present template: the one with the deployment's revision.
const kube::Object* current_set(const kube::Deployment& deployment, const LiveWorkload& live) {
  for (const auto* candidate : live.controllers) {
    const kube::ReplicaSet set(candidate->json());
    if (!set.revision().empty() && set.revision() == deployment.revision()) return candidate;
  }
  return nullptr;
}

// True once the controller has seen the template that has the image.
bool is_observed(const kube::Workload& workload, const Followed& followed) {
  if (followed.must_roll && workload.generation() <= followed.before.generation) return false;
  return workload.observed_generation() >= workload.generation();
}

RolloutDecision decide_deployment(const Followed& followed, const LiveWorkload& live, const std::string& seen) {
  const kube::Deployment deployment(live.object->json());
  if (!runs_expected(deployment.containers(), followed.images))
    return without_image(deployment.containers(), followed, seen);
  const auto* newest = current_set(deployment, live);
  if (!is_observed(deployment, followed)) return waiting("it has the new image, waiting for the rollout");
  const bool set_runs_it =
      newest != nullptr && runs_expected(kube::ReplicaSet(newest->json()).containers(), followed.images);
  if (deployment.paused() && !set_runs_it) return paused_with_image();
  if (!set_runs_it) return waiting("it has the new image, waiting for its replica set");
  const kube::ReplicaSet set(newest->json());
  const auto counts = deployment.replicas();
  RolloutDecision out;
  out.rollout = set.name();
  out.owner_uid = set.uid();
  out.wanted = counts.wanted;
  out.ready = set.replicas().ready;
  out.old = std::max<std::int64_t>(0, counts.total - counts.updated);
  out.end = ran_before(followed) && deployment.revision() == followed.before.revision ? RolloutEnd::already_running
                                                                                      : RolloutEnd::succeeded;
  const auto progressing = deployment.condition("Progressing");
  if (progressing && progressing->reason == "ProgressDeadlineExceeded") {
    out.step = Step::ended;
    out.end = RolloutEnd::failed;
    out.timed_out = true;
    out.what = fmt::format("{} made no progress within the deadline of the Deployment", set.name());
    return out;
  }
  const bool done = counts.updated >= counts.wanted && out.old == 0 && counts.available >= counts.updated;
  out.step = done ? Step::complete : Step::rolling;
  out.what = done ? set.name() + " is complete" : progress(out);
  return out;
}

// What StatefulSets and DaemonSets have in common, up to where their counters differ.
std::optional<RolloutDecision> before_set_rolls(const Followed& followed, const kube::Workload& set,
                                                const kube::Replicas& counts, const std::string& seen) {
  if (!runs_expected(set.containers(), followed.images)) return without_image(set.containers(), followed, seen);
  if (!is_observed(set, followed)) return waiting("it has the new image, waiting for the rollout");
  const bool by_hand = kube::text_at(set.json(), {"spec", "updateStrategy", "type"}) == "OnDelete";
  if (by_hand && counts.updated < counts.wanted) {
    return ended(RolloutEnd::on_delete,
                 fmt::format("it has the new image; {} of {} pods wait until somebody deletes them",
                             counts.wanted - counts.updated, counts.wanted));
  }
  return std::nullopt;
}

RolloutDecision decide_stateful_set(const Followed& followed, const LiveWorkload& live, const std::string& seen) {
  const kube::StatefulSet set(live.object->json());
  const auto counts = set.replicas();
  if (auto early = before_set_rolls(followed, set, counts, seen)) return *std::move(early);
  RolloutDecision out;
  out.rollout = set.update_revision();
  out.owner_uid = set.uid();
  out.pod_hash = set.update_revision();
  const auto kept = std::clamp<std::int64_t>(set.partition(), 0, std::max<std::int64_t>(0, counts.wanted));
  out.wanted = counts.wanted - kept;
  out.old = std::max<std::int64_t>(0, counts.total - counts.updated - kept);
  out.ready = std::max<std::int64_t>(0, std::min(counts.updated, counts.ready - kept - out.old));
  out.end = ran_before(followed) && set.update_revision() == followed.before.revision ? RolloutEnd::already_running
                                                                                      : RolloutEnd::succeeded;
  const bool revision_done = kept > 0 || set.update_revision() == set.current_revision();
  const bool done = counts.ready >= counts.wanted && counts.updated >= out.wanted && revision_done;
  // Pods that ran before an update to the same revision are not counted as updated by all releases.
  const bool settled = counts.ready >= counts.wanted && kept == 0 && set.update_revision() == set.current_revision();
  out.step = done || settled ? Step::complete : Step::rolling;
  out.what = out.step == Step::complete ? out.rollout + " is complete" : progress(out);
  if (kept > 0) out.what += fmt::format(" ({} stay on the old image by its partition)", kept);
  return out;
}

RolloutDecision decide_daemon_set(const Followed& followed, const LiveWorkload& live, const std::string& seen) {
  const kube::DaemonSet set(live.object->json());
  const auto counts = set.replicas();
  if (auto early = before_set_rolls(followed, set, counts, seen)) return *std::move(early);
  RolloutDecision out;
  out.rollout = fmt::format("generation {}", set.generation());
  out.owner_uid = set.uid();
  out.wanted = counts.wanted;
  out.old = std::max<std::int64_t>(0, counts.total - counts.updated);
  out.ready = std::max<std::int64_t>(0, std::min(counts.updated, counts.available));
  const bool unchanged = set.generation() == followed.before.generation;
  out.end = ran_before(followed) && unchanged ? RolloutEnd::already_running : RolloutEnd::succeeded;
  const bool done = counts.updated >= counts.wanted && counts.available >= counts.wanted;
  out.step = done ? Step::complete : Step::rolling;
  out.what = done ? "every node has been updated" : progress(out);
  return out;
}

RolloutDecision decide_cron_job(const Followed& followed, const LiveWorkload& live, const std::string& seen) {
  const kube::CronJob job(live.object->json());
  if (!runs_expected(job.containers(), followed.images)) return without_image(job.containers(), followed, seen);
  return ended(RolloutEnd::next_run, "it has the new image: its next job runs it");
}

}  // namespace

std::string_view to_string(RolloutEnd end) {
  switch (end) {
    case RolloutEnd::succeeded:
      return "succeeded";
    case RolloutEnd::already_running:
      return "already-running";
    case RolloutEnd::next_run:
      return "next-run";
    case RolloutEnd::superseded:
      return "superseded";
    case RolloutEnd::failed:
      return "failed";
    case RolloutEnd::timed_out:
      return "timed-out";
    case RolloutEnd::wrong_image:
      return "wrong-image";
    case RolloutEnd::paused:
      return "paused";
    case RolloutEnd::not_triggered:
      return "not-triggered";
    case RolloutEnd::on_delete:
      return "waits-for-delete";
    case RolloutEnd::gone:
      return "gone";
  }
  return "";
}

bool is_good(RolloutEnd end) {
  return end == RolloutEnd::succeeded || end == RolloutEnd::already_running || end == RolloutEnd::next_run ||
         end == RolloutEnd::on_delete;
}

std::optional<RolloutDecision> decided_before(const Followed& followed) {
  if (followed.verdict == TriggerVerdict::fires || ran_before(followed)) return std::nullopt;
  return without_image({}, followed, "");
}

RolloutDecision decide_rollout(const Followed& followed, const LiveWorkload& live, const std::string& seen) {
  if (live.deleted) return ended(RolloutEnd::gone, "it was deleted");
  if (live.object == nullptr) return waiting("waiting to see it");
  if (live.object->uid() != followed.before.uid) {
    return ended(RolloutEnd::gone, "it was deleted, and another one has its name now");
  }
  switch (followed.before.kind) {
    case WorkloadKind::deployment_config:
      return decide_config(followed, live, seen);
    case WorkloadKind::deployment:
      return decide_deployment(followed, live, seen);
    case WorkloadKind::stateful_set:
      return decide_stateful_set(followed, live, seen);
    case WorkloadKind::daemon_set:
      return decide_daemon_set(followed, live, seen);
    case WorkloadKind::cron_job:
      return decide_cron_job(followed, live, seen);
    case WorkloadKind::build_config:
      break;
  }
  return ended(RolloutEnd::not_triggered, "builds are not followed");
}

}  // namespace sluice::openshift
