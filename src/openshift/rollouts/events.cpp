#include "openshift/rollouts/events.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::openshift {

namespace {

constexpr std::size_t kMaxQuote = 300;
// "2026-11-29T12:00:00": API servers write UTC, so the texts compare as the times do.
constexpr std::size_t kSeconds = 19;

bool is_older(std::string_view time, std::string_view than) {
  if (time.size() < kSeconds || than.size() < kSeconds) return false;
  return time.substr(0, kSeconds) < than.substr(0, kSeconds);
}

bool has(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

// A deployer that is there already is all that was wanted. Source: 3.11 writes it now and then when two of its workers
// meet, with no consequence.
bool is_harmless(std::string_view message) { return has(message, "already exists"); }

// Whether the message names the deployer pod of another rollout: `pods "web-1-deploy"`.
bool names_another_deployer(std::string_view message, std::string_view deployer) {
  constexpr std::string_view kEnd = "-deploy\"";
  return has(message, kEnd) && !has(message, fmt::format("\"{}\"", deployer));
}

// A pod that was made later shows that the refusal is over.
bool is_over(const kube::Event& event, const std::vector<const kube::Pod*>& pods) {
  const auto seen = event.last_seen();
  return std::any_of(pods.begin(), pods.end(), [&](const kube::Pod* pod) { return is_older(seen, pod->created()); });
}

}  // namespace

std::string beginning_of(const RolloutDecision& decision, const Followed& followed, const LiveWorkload& live) {
  for (const auto* controller : live.controllers) {
    if (controller->uid() != decision.owner_uid) continue;
    // A replica set that an earlier rollout made and this one uses again is older than the rollout.
    const bool used_again = !controller->annotation("deployment.kubernetes.io/revision-history").empty();
    if (!used_again && !controller->created().empty()) return controller->created();
  }
  return followed.before.taken;
}

const kube::Event* event_about(const LiveWorkload& live, std::string_view uid, std::string_view reason,
                               std::string_view since, std::string_view words) {
  const kube::Event* newest = nullptr;
  for (const auto* event : live.warnings) {
    if (event->about_uid() != uid || event->reason() != reason) continue;
    if (is_older(event->last_seen(), since)) continue;
    if (!words.empty() && !has(event->message(), words)) continue;
    if (newest == nullptr || event->last_seen() >= newest->last_seen()) newest = event;
  }
  return newest;
}

std::string quote_words(std::string_view text) {
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

bool may_pass(std::string_view words) {
  constexpr auto kPassing = std::to_array<std::string_view>(
      {"timeout", "timed out", "deadline exceeded", "connection refused", "connection reset", "no such host",
       "no route to host", "unexpected eof", "temporarily", "too many requests", "internal error", "failed calling",
       "etcdserver", "service unavailable", "bad gateway", "the object has been modified"});
  const auto low = text::lower(words);
  return std::any_of(kPassing.begin(), kPassing.end(), [&](std::string_view word) { return has(low, word); });
}

std::optional<RolloutCause> refusal(std::string_view message) {
  if (is_harmless(message)) return std::nullopt;
  constexpr std::string_view kQuota = "exceeded quota";
  const auto at = message.find(kQuota);
  RolloutCause cause =
      at != std::string_view::npos
          ? RolloutCause{CauseKind::quota, "no more pods can be made: " + quote_words(message.substr(at))}
          : RolloutCause{CauseKind::pod_refused, "pods are refused: " + quote_words(message)};
  cause.lasting = !may_pass(message);
  return cause;
}

std::optional<RolloutCause> refused_deployer(const kube::Object& controller, const LiveWorkload& live,
                                             std::string_view since) {
  if (live.deployer != nullptr) return std::nullopt;
  const auto deployer = controller.name() + "-deploy";
  for (const auto& uid : {controller.uid(), live.object != nullptr ? live.object->uid() : std::string()}) {
    const auto* event = event_about(live, uid, "FailedCreate", since, "deployer pod");
    if (event == nullptr) event = event_about(live, uid, "FailedCreate", since, deployer);
    if (event == nullptr || names_another_deployer(event->message(), deployer)) continue;
    if (auto cause = refusal(event->message())) return cause;
  }
  return std::nullopt;
}

std::optional<RolloutCause> refused_pods(const RolloutDecision& decision, const LiveWorkload& live,
                                         const std::vector<const kube::Pod*>& pods, std::string_view since) {
  for (const auto* controller : live.controllers) {
    if (controller->uid() != decision.owner_uid) continue;
    for (const auto& condition : kube::conditions_at(controller->json(), {"status", "conditions"})) {
      if (condition.type != "ReplicaFailure" || !condition.is_true()) continue;
      if (auto cause = refusal(condition.message)) return cause;
    }
  }
  // Events outlive what they tell of: they count only while pods are missing.
  if (static_cast<std::int64_t>(pods.size()) >= decision.wanted) return std::nullopt;
  std::vector<std::string> about{decision.owner_uid};
  const bool by_controller = std::any_of(live.controllers.begin(), live.controllers.end(),
                                         [&](const kube::Object* one) { return one->uid() == decision.owner_uid; });
  if (!by_controller && live.object != nullptr) about.push_back(live.object->uid());
  for (const auto& uid : about) {
    const auto* event = event_about(live, uid, "FailedCreate", since);
    if (event == nullptr || is_over(*event, pods)) continue;
    if (auto cause = refusal(event->message())) return cause;
  }
  return std::nullopt;
}

std::optional<RolloutCause> refused_controller(const Followed& followed, const LiveWorkload& live) {
  if (live.object == nullptr) return std::nullopt;
  for (const auto& condition : kube::conditions_at(live.object->json(), {"status", "conditions"})) {
    // Of a Deployment, as long as it is so.
    if (condition.type != "Progressing" || condition.reason != "ReplicaSetCreateError") continue;
    if (!is_harmless(condition.message)) {
      return RolloutCause{CauseKind::pod_refused, "its replica set is refused: " + quote_words(condition.message)};
    }
  }
  if (followed.before.kind != WorkloadKind::deployment_config) return std::nullopt;
  const auto* event = event_about(live, live.object->uid(), "DeploymentCreationFailed", followed.before.taken);
  if (event == nullptr || is_harmless(event->message())) return std::nullopt;
  return RolloutCause{CauseKind::pod_refused, "the rollout is refused: " + quote_words(event->message())};
}

}  // namespace sluice::openshift
