#include "cluster/rollout_cause.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::cluster {

namespace {

constexpr std::size_t kMaxQuote = 300;

template <std::size_t N>
bool says_any(std::string_view text, const std::array<std::string_view, N>& words) {
  const auto low = text::lower(text);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return low.find(word) != std::string::npos; });
}

// Digests take the place of what matters, and stand elsewhere in full.
std::string quote(std::string_view text) {
  constexpr std::string_view kStart = "sha256:";
  constexpr std::size_t kShownDigits = 12;
  std::string out;
  for (auto at = text.find(kStart); at != std::string_view::npos; at = text.find(kStart)) {
    const auto digits = text.substr(at + kStart.size());
    const auto count = std::min(digits.find_first_not_of("0123456789abcdef"), digits.size());
    out += text.substr(0, at + kStart.size() + std::min(count, kShownDigits));
    text = digits.substr(count);
  }
  out += text;
  return text::printable(out, kMaxQuote);
}

// Events of one object, the newest first come, first served: counts and order are the server's.
const Event* event_about(const LiveWorkload& live, std::string_view uid, std::string_view reason,
                         std::string_view words = "") {
  const Event* newest = nullptr;
  for (const auto* event : live.warnings) {
    if (event->about_uid() != uid || event->reason() != reason) continue;
    if (!words.empty() && event->message().find(words) == std::string::npos) continue;
    if (newest == nullptr || event->last_seen() >= newest->last_seen()) newest = event;
  }
  return newest;
}

RolloutCause refusal(std::string_view message) {
  constexpr std::string_view kQuota = "exceeded quota";
  const auto at = message.find(kQuota);
  if (at != std::string_view::npos) {
    return {CauseKind::quota, "no more pods can be made: " + quote(message.substr(at))};
  }
  return {CauseKind::pod_refused, "pods are refused: " + quote(message)};
}

// Pods that are missing because nobody lets them be made.
std::optional<RolloutCause> refused_pods(const RolloutDecision& decision, const LiveWorkload& live, std::size_t pods) {
  for (const auto* controller : live.controllers) {
    if (controller->uid() != decision.owner_uid) continue;
    for (const auto& condition : conditions_at(controller->json(), {"status", "conditions"})) {
      if (condition.type == "ReplicaFailure" && condition.is_true()) return refusal(condition.message);
    }
  }
  // Events outlive what they tell of: they count only while pods are missing.
  if (static_cast<std::int64_t>(pods) >= decision.wanted) return std::nullopt;
  const auto of_owner = event_about(live, decision.owner_uid, "FailedCreate");
  if (of_owner != nullptr) return refusal(of_owner->message());
  if (live.object == nullptr) return std::nullopt;
  const auto* of_workload = event_about(live, live.object->uid(), "FailedCreate");
  if (of_workload == nullptr) return std::nullopt;
  return refusal(of_workload->message());
}

std::optional<RolloutCause> unschedulable(const Pod& pod) {
  for (const auto& condition : conditions_at(pod.json(), {"status", "conditions"})) {
    if (condition.type != "PodScheduled" || !condition.is_false() || condition.reason != "Unschedulable") continue;
    return RolloutCause{CauseKind::unschedulable,
                        fmt::format("no node takes the pod {}: {}", pod.name(), quote(condition.message))};
  }
  return std::nullopt;
}

// Whether a registry's words mean that a right is missing. Digits of digests are no status codes.
bool means_denied(std::string_view words) {
  constexpr auto kDenied = std::to_array<std::string_view>({"unauthorized", "authentication required", "access denied",
                                                            "access to the resource is denied", "forbidden",
                                                            "no basic auth", " 401", " 403"});
  return says_any(quote(words), kDenied);
}

std::optional<RolloutCause> pull_problem(const Pod& pod, const Pod::ContainerStatus& status, const LiveWorkload& live) {
  constexpr auto kReasons =
      std::to_array<std::string_view>({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
                                       "RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed"});
  if (std::find(kReasons.begin(), kReasons.end(), status.reason) == kReasons.end()) return std::nullopt;
  // While it backs off the state says only that; the event still has the registry's words.
  std::string_view words = status.message;
  bool vague = status.reason == "ImagePullBackOff" || words.empty();
  std::string said;
  if (vague) {
    if (const auto* event = event_about(live, pod.uid(), "Failed", "Failed to pull image")) {
      said = event->message();
      words = said;
      // "Failed to pull image "IMAGE": WHY"
      if (const auto why = words.find("\": "); why != std::string_view::npos) words.remove_prefix(why + 3);
      vague = false;
    }
  }
  const bool denied = means_denied(words);
  RolloutCause cause{
      denied ? CauseKind::pull_denied : CauseKind::pull_failed,
      fmt::format("the pod {} {} the image of the container {}{}", pod.name(), denied ? "may not pull" : "cannot pull",
                  text::printable(status.name), words.empty() ? "" : ": " + quote(words))};
  cause.vague = vague;
  return cause;
}

std::optional<RolloutCause> config_problem(const Pod& pod, const Pod::ContainerStatus& status) {
  constexpr auto kReasons =
      std::to_array<std::string_view>({"CreateContainerConfigError", "CreateContainerError", "RunContainerError",
                                       "PreCreateHookError", "PreStartHookError", "PostStartHookError"});
  if (std::find(kReasons.begin(), kReasons.end(), status.reason) == kReasons.end()) return std::nullopt;
  return RolloutCause{
      CauseKind::config_error,
      fmt::format("the container {} of the pod {} cannot be started: {}{}", text::printable(status.name), pod.name(),
                  text::printable(status.reason), status.message.empty() ? "" : ", " + quote(status.message))};
}

// How a container ended last: "exit code 137 (OOMKilled)".
std::string last_end(const Pod& pod, const Pod::ContainerStatus& status) {
  for (const auto& item :
       list_at(pod.json(), {"status", status.init ? "initContainerStatuses" : "containerStatuses"})) {
    if (item.string_at("name") != status.name) continue;
    const auto* facts = at(item, {"state", "terminated"});
    if (facts == nullptr || !facts->is_object()) facts = at(item, {"lastState", "terminated"});
    if (facts == nullptr || !facts->is_object()) return {};
    const auto reason = facts->string_at("reason").value_or("");
    const bool telling = !reason.empty() && reason != "Error" && reason != "Completed";
    return fmt::format(" with exit code {}{}", facts->integer_at("exitCode").value_or(0),
                       telling ? " (" + text::printable(reason) + ")" : "");
  }
  return {};
}

std::optional<RolloutCause> crash(const Pod& pod, const Pod::ContainerStatus& status) {
  const bool loops = status.reason == "CrashLoopBackOff";
  const bool failed = status.state == "terminated" && (!status.init || status.exit_code.value_or(0) != 0);
  const bool again = status.restarts > 0 && !status.ready && !status.init;
  if (!loops && !failed && !again) return std::nullopt;
  return crash_of(pod, status);
}

std::optional<RolloutCause> probe(const Pod& pod, const Pod::ContainerStatus& status, const LiveWorkload& live) {
  if (status.init || status.ready || status.state != "running") return std::nullopt;
  // Not being ready is how every container begins; only the probe's own word makes it a cause.
  const auto* event = event_about(live, pod.uid(), "Unhealthy");
  if (event == nullptr) return std::nullopt;
  return RolloutCause{CauseKind::probe,
                      fmt::format("the container {} of the pod {} runs and is not ready: {}",
                                  text::printable(status.name), pod.name(), quote(event->message())),
                      pod.name(), status.name};
}

// Of all containers of all pods the earliest step that fails: what cannot be pulled cannot crash.
std::optional<RolloutCause> container_problem(const std::vector<const Pod*>& pods, const LiveWorkload& live) {
  std::optional<RolloutCause> first;
  const auto take = [&](std::optional<RolloutCause> found) {
    if (found && (!first || found->kind < first->kind)) first = std::move(found);
  };
  for (const auto* pod : pods) {
    take(unschedulable(*pod));
    for (const auto& status : pod->statuses()) {
      take(pull_problem(*pod, status, live));
      take(config_problem(*pod, status));
      take(crash(*pod, status));
      take(probe(*pod, status, live));
    }
  }
  return first;
}

std::optional<RolloutCause> cancelled(const ReplicationController& controller) {
  if (!controller.cancelled()) return std::nullopt;
  return RolloutCause{
      CauseKind::cancelled,
      fmt::format("the rollout {} was cancelled{}", controller.name(),
                  controller.status_reason().empty() ? "" : " (" + text::printable(controller.status_reason()) + ")")};
}

std::optional<RolloutCause> deployer_problem(const ReplicationController& controller, const LiveWorkload& live) {
  const auto reason = controller.status_reason();
  constexpr auto kFailures = std::to_array<std::string_view>({"unable to create", "no longer exists", "unrelated pod"});
  if (controller.phase() == RolloutPhase::failed && says_any(reason, kFailures)) {
    return RolloutCause{CauseKind::deployer,
                        fmt::format("the deployer of {} failed: {}", controller.name(), quote(reason))};
  }
  for (const auto& uid : {controller.uid(), live.object != nullptr ? live.object->uid() : std::string()}) {
    const auto* event = event_about(live, uid, "FailedCreate", controller.name() + "-deploy");
    if (event == nullptr) event = event_about(live, uid, "FailedCreate", "deployer pod");
    if (event != nullptr && live.deployer == nullptr) return refusal(event->message());
  }
  if (live.deployer == nullptr) return std::nullopt;
  auto of_pod = container_problem({live.deployer}, live);
  if (!of_pod) return std::nullopt;
  // It ends with an error because the rollout failed as often as it is the reason for that.
  if (of_pod->kind == CauseKind::crash_loop || of_pod->kind == CauseKind::probe) return std::nullopt;
  return RolloutCause{CauseKind::deployer, "the deployer cannot work: " + of_pod->sentence};
}

// A StatefulSet waits for every pod before it goes on, also for one of before that will never be ready.
// Source: Kubernetes, StatefulSets, "Forced rollback".
std::optional<RolloutCause> held_up(const std::vector<const Pod*>& new_ones, const LiveWorkload& live) {
  std::vector<const Pod*> old;
  for (const auto* pod : live.pods) {
    const bool is_new = std::find(new_ones.begin(), new_ones.end(), pod) != new_ones.end();
    if (!is_new && !pod->is_deleted()) old.push_back(pod);
  }
  auto cause = container_problem(old, live);
  if (cause) cause->sentence = "a pod of before holds the rollout up until somebody deletes it: " + cause->sentence;
  return cause;
}

}  // namespace

std::string_view to_string(CauseKind kind) {
  switch (kind) {
    case CauseKind::cancelled:
      return "rollout-cancelled";
    case CauseKind::quota:
      return "quota-exceeded";
    case CauseKind::pod_refused:
      return "pod-refused";
    case CauseKind::unschedulable:
      return "unschedulable";
    case CauseKind::pull_denied:
      return "image-pull-denied";
    case CauseKind::pull_failed:
      return "image-pull-failed";
    case CauseKind::config_error:
      return "container-config-error";
    case CauseKind::crash_loop:
      return "crash-loop";
    case CauseKind::probe:
      return "probe-failing";
    case CauseKind::deployer:
      return "deployer-failed";
    case CauseKind::deadline:
      return "deadline-exceeded";
  }
  return "";
}

RolloutCause crash_of(const Pod& pod, const Pod::ContainerStatus& status) {
  return {
      CauseKind::crash_loop,
      fmt::format("the container {} of the pod {} ends{} after its start{}", text::printable(status.name), pod.name(),
                  last_end(pod, status), status.restarts > 0 ? fmt::format(", restarts: {}", status.restarts) : ""),
      pod.name(), status.name};
}

std::optional<RolloutCause> first_cause(const RolloutDecision& decision, const Followed& followed,
                                        const LiveWorkload& live) {
  if (decision.owner_uid.empty()) return std::nullopt;
  std::optional<ReplicationController> controller;
  if (followed.before.kind == WorkloadKind::deployment_config) {
    for (const auto* candidate : live.controllers) {
      if (candidate->uid() == decision.owner_uid) controller.emplace(candidate->json());
    }
  }
  if (controller) {
    if (auto cause = cancelled(*controller)) return cause;
  }
  const auto pods = new_pods(decision, followed, live);
  if (controller) {
    if (auto cause = deployer_problem(*controller, live)) return cause;
  }
  if (auto cause = refused_pods(decision, live, pods.size())) return cause;
  if (auto cause = container_problem(pods, live)) return cause;
  if (followed.before.kind == WorkloadKind::stateful_set) return held_up(pods, live);
  return std::nullopt;
}

}  // namespace sluice::cluster
