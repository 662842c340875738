#include "openshift/rollouts/cause.hpp"

#include "base/text.hpp"
#include "openshift/rollouts/events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::openshift {

namespace {

template <std::size_t N>
bool says_any(std::string_view text, const std::array<std::string_view, N>& words) {
  const auto low = text::lower(text);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return low.find(word) != std::string::npos; });
}

std::optional<RolloutCause> unschedulable(const kube::Pod& pod) {
  for (const auto& condition : kube::conditions_at(pod.json(), {"status", "conditions"})) {
    if (condition.type != "PodScheduled" || !condition.is_false() || condition.reason != "Unschedulable") continue;
    return RolloutCause{CauseKind::unschedulable,
                        fmt::format("no node takes the pod {}: {}", pod.name(), quote_words(condition.message))};
  }
  return std::nullopt;
}

// Whether a registry's words mean that a right is missing. Digits of digests are no status codes.
bool means_denied(std::string_view words) {
  constexpr auto kDenied = std::to_array<std::string_view>({"unauthorized", "authentication required", "access denied",
                                                            "access to the resource is denied", "forbidden",
                                                            "no basic auth", " 401", " 403"});
  return says_any(quote_words(words), kDenied);
}

// Whether a registry's words mean that the image is not there: it does not come by waiting.
bool means_absent(std::string_view words) {
  constexpr auto kAbsent = std::to_array<std::string_view>(
      {"manifest unknown", "name unknown", "not found", "does not exist", "no such image", "invalid reference"});
  return says_any(quote_words(words), kAbsent);
}

// These are about the image or the node's rules; no later try fares better.
bool is_final(std::string_view reason) {
  return reason == "InvalidImageName" || reason == "ErrImageNeverPull" || reason == "SignatureValidationFailed";
}

// The image that the pod names for a container; "" when it names none.
std::string image_of(const kube::Pod& pod, const kube::Pod::ContainerStatus& status) {
  for (const auto& container : pod.containers()) {
    if (container.name == status.name && container.init == status.init) return container.image;
  }
  return {};
}

// The registry's words about this container's image: `Failed to pull image "IMAGE": WHY`.
std::string told_of_pull(const kube::Pod& pod, const kube::Pod::ContainerStatus& status, const LiveWorkload& live) {
  const auto image = image_of(pod, status);
  const auto words = "Failed to pull image" + (image.empty() ? std::string() : " \"" + image + "\"");
  const auto* event = event_about(live, pod.uid(), "Failed", pod.created(), words);
  if (event == nullptr) return {};
  const auto message = event->message();
  const auto why = message.find("\": ");
  return why == std::string::npos ? message : message.substr(why + 3);
}

std::optional<RolloutCause> pull_problem(const kube::Pod& pod, const kube::Pod::ContainerStatus& status,
                                         const LiveWorkload& live) {
  constexpr auto kReasons =
      std::to_array<std::string_view>({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
                                       "RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed"});
  if (std::find(kReasons.begin(), kReasons.end(), status.reason) == kReasons.end()) return std::nullopt;
  // While it backs off the state says only that; the event still has the registry's words.
  std::string words = status.message;
  bool vague = status.reason == "ImagePullBackOff" || words.empty();
  if (vague) {
    if (auto said = told_of_pull(pod, status, live); !said.empty()) {
      words = std::move(said);
      vague = false;
    }
  }
  const bool denied = means_denied(words);
  RolloutCause cause{
      denied ? CauseKind::pull_denied : CauseKind::pull_failed,
      fmt::format("the pod {} {} the image of the container {}{}", pod.name(), denied ? "may not pull" : "cannot pull",
                  text::printable(status.name), words.empty() ? "" : ": " + quote_words(words))};
  cause.vague = vague;
  cause.lasting = is_final(status.reason) || (!vague && (denied || means_absent(words)) && !may_pass(words));
  return cause;
}

std::optional<RolloutCause> config_problem(const kube::Pod& pod, const kube::Pod::ContainerStatus& status) {
  constexpr auto kReasons =
      std::to_array<std::string_view>({"CreateContainerConfigError", "CreateContainerError", "RunContainerError",
                                       "PreCreateHookError", "PreStartHookError", "PostStartHookError"});
  if (std::find(kReasons.begin(), kReasons.end(), status.reason) == kReasons.end()) return std::nullopt;
  return RolloutCause{
      CauseKind::config_error,
      fmt::format("the container {} of the pod {} cannot be started: {}{}", text::printable(status.name), pod.name(),
                  text::printable(status.reason), status.message.empty() ? "" : ", " + quote_words(status.message))};
}

// How a container ended last: "exit code 137 (OOMKilled)".
std::string last_end(const kube::Pod& pod, const kube::Pod::ContainerStatus& status) {
  for (const auto& item :
       kube::list_at(pod.json(), {"status", status.init ? "initContainerStatuses" : "containerStatuses"})) {
    if (item.string_at("name") != status.name) continue;
    const auto* facts = kube::at(item, {"state", "terminated"});
    if (facts == nullptr || !facts->is_object()) facts = kube::at(item, {"lastState", "terminated"});
    if (facts == nullptr || !facts->is_object()) return {};
    const auto reason = facts->string_at("reason").value_or("");
    const bool telling = !reason.empty() && reason != "Error" && reason != "Completed";
    return fmt::format(" with exit code {}{}", facts->integer_at("exitCode").value_or(0),
                       telling ? " (" + text::printable(reason) + ")" : "");
  }
  return {};
}

std::optional<RolloutCause> crash(const kube::Pod& pod, const kube::Pod::ContainerStatus& status) {
  const bool loops = status.reason == "CrashLoopBackOff";
  const bool failed = status.state == "terminated" && (!status.init || status.exit_code.value_or(0) != 0);
  const bool again = status.restarts > 0 && !status.ready && !status.init;
  if (!loops && !failed && !again) return std::nullopt;
  return crash_of(pod, status);
}

// When a container that runs was started; "" when the pod does not say.
std::string started_at(const kube::Pod& pod, const kube::Pod::ContainerStatus& status) {
  for (const auto& item : kube::list_at(pod.json(), {"status", "containerStatuses"})) {
    if (item.string_at("name") == status.name) return kube::text_at(item, {"state", "running", "startedAt"});
  }
  return {};
}

// What a probe said, in our words: the message may hold the output of a command or the body of an answer, and so
// anything at all. Of an HTTP probe the status code is safe ("Readiness probe failed: HTTP probe failed with
// statuscode: 503").
std::string failed_probe(std::string_view message) {
  const auto which = message.starts_with("Liveness")  ? "liveness"
                     : message.starts_with("Startup") ? "startup"
                                                      : "readiness";
  constexpr std::string_view kStatus = " probe failed: HTTP probe failed with statuscode: ";
  const auto at = message.find(kStatus);
  const auto first = message.substr(0, std::min(at, message.size())).find_first_of(" :");
  std::string code;
  if (at != std::string_view::npos && first == std::string_view::npos) {
    const auto digits = message.substr(at + kStatus.size()).substr(0, 3);
    const bool is_code = digits.size() == 3 && digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (is_code) code = fmt::format(" (HTTP status {})", digits);
  }
  return fmt::format("its {} probe fails{}", which, code);
}

std::optional<RolloutCause> probe(const kube::Pod& pod, const kube::Pod::ContainerStatus& status,
                                  const LiveWorkload& live) {
  if (status.init || status.ready || status.state != "running") return std::nullopt;
  // Not being ready is how every container begins; only the probe's own word about this start makes it a cause.
  const auto* event = event_about(live, pod.uid(), "Unhealthy", started_at(pod, status));
  if (event == nullptr) return std::nullopt;
  return RolloutCause{CauseKind::probe,
                      fmt::format("the container {} of the pod {} runs and is not ready: {}",
                                  text::printable(status.name), pod.name(), failed_probe(event->message())),
                      pod.name(), status.name};
}

// Of all containers of all pods the earliest step that fails: what cannot be pulled cannot crash.
std::optional<RolloutCause> container_problem(const std::vector<const kube::Pod*>& pods, const LiveWorkload& live) {
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

std::optional<RolloutCause> cancelled(const kube::ReplicationController& controller) {
  if (!controller.cancelled()) return std::nullopt;
  return RolloutCause{
      CauseKind::cancelled,
      fmt::format("the rollout {} was cancelled{}", controller.name(),
                  controller.status_reason().empty() ? "" : " (" + text::printable(controller.status_reason()) + ")")};
}

std::optional<RolloutCause> deployer_problem(const kube::ReplicationController& controller, const LiveWorkload& live) {
  const auto reason = controller.status_reason();
  constexpr auto kFailures = std::to_array<std::string_view>({"unable to create", "no longer exists", "unrelated pod"});
  if (controller.phase() == kube::RolloutPhase::failed && says_any(reason, kFailures)) {
    return RolloutCause{CauseKind::deployer,
                        fmt::format("the deployer of {} failed: {}", controller.name(), quote_words(reason))};
  }
  if (live.deployer == nullptr) return std::nullopt;
  auto of_pod = container_problem({live.deployer}, live);
  if (!of_pod) return std::nullopt;
  // It ends with an error because the rollout failed as often as it is the reason for that.
  if (of_pod->kind == CauseKind::crash_loop || of_pod->kind == CauseKind::probe) return std::nullopt;
  RolloutCause cause{CauseKind::deployer, "the deployer cannot work: " + of_pod->sentence};
  cause.vague = of_pod->vague;
  cause.lasting = of_pod->lasting;
  return cause;
}

// A StatefulSet waits for every pod before it goes on, also for one of before that will never be ready.
// Source: Kubernetes, StatefulSets, "Forced rollback".
std::optional<RolloutCause> held_up(const std::vector<const kube::Pod*>& new_ones, const LiveWorkload& live) {
  std::vector<const kube::Pod*> old;
  for (const auto* pod : live.pods) {
    const bool is_new = std::find(new_ones.begin(), new_ones.end(), pod) != new_ones.end();
    if (!is_new && !pod->is_deleted()) old.push_back(pod);
  }
  auto cause = container_problem(old, live);
  if (cause) cause->sentence = "a pod of before holds the rollout up until somebody deletes it: " + cause->sentence;
  return cause;
}

// A rollout that failed removes its pods: how they stood when they were seen last is the best that is known.
std::optional<RolloutCause> cause_of_gone(const RolloutDecision& decision, const LiveWorkload& live) {
  if (decision.step != RolloutDecision::Step::ended || decision.end != RolloutEnd::failed) return std::nullopt;
  std::vector<const kube::Pod*> pods;
  for (const auto* pod : live.gone) {
    const auto owner = pod->controller();
    if (owner && owner->uid == decision.owner_uid) pods.push_back(pod);
  }
  return container_problem(pods, live);
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

RolloutCause crash_of(const kube::Pod& pod, const kube::Pod::ContainerStatus& status) {
  RolloutCause cause{
      CauseKind::crash_loop,
      fmt::format("the {}container {} of the pod {} ends{} after its start{}", status.init ? "init " : "",
                  text::printable(status.name), pod.name(), last_end(pod, status),
                  status.restarts > 0 ? fmt::format(", restarts: {}", status.restarts) : ""),
      pod.name(), status.name};
  // The one that runs by now has not said yet what is wrong with it.
  cause.previous = status.state != "terminated" && status.restarts > 0;
  return cause;
}

std::optional<RolloutCause> first_cause(const RolloutDecision& decision, const Followed& followed,
                                        const LiveWorkload& live) {
  if (decision.owner_uid.empty()) {
    const bool is_awaited = decision.step == RolloutDecision::Step::waiting;
    return is_awaited ? refused_controller(followed, live) : std::nullopt;
  }
  std::optional<kube::ReplicationController> controller;
  if (followed.before.kind == WorkloadKind::deployment_config) {
    for (const auto* candidate : live.controllers) {
      if (candidate->uid() == decision.owner_uid) controller.emplace(candidate->json());
    }
  }
  if (controller) {
    if (auto cause = cancelled(*controller)) return cause;
    if (auto cause = deployer_problem(*controller, live)) return cause;
  }
  const auto since = beginning_of(decision, followed, live);
  const auto pods = new_pods(decision, followed, live);
  // How containers stand is true now; an event was true once. So a crash with its exit code comes before any event,
  // and a probe, which is known by an event alone, comes last.
  auto of_containers = container_problem(pods, live);
  if (of_containers && of_containers->kind != CauseKind::probe) return of_containers;
  if (controller) {
    if (auto cause = refused_deployer(*controller, live, since)) return cause;
  }
  if (auto cause = refused_pods(decision, live, pods, since)) return cause;
  if (of_containers) return of_containers;
  if (followed.before.kind == WorkloadKind::stateful_set) return held_up(pods, live);
  return pods.empty() ? cause_of_gone(decision, live) : std::nullopt;
}

}  // namespace sluice::openshift
