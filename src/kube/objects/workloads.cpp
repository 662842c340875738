#include "kube/objects/workloads.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::kube {

namespace {

constexpr std::size_t kMaxMessage = 400;

void add_containers(std::vector<Container>& out, const Json& spec, std::string_view key, bool init) {
  for (const auto& item : list_at(spec, {key})) {
    out.push_back({item.string_at("name").value_or(""), item.string_at("image").value_or(""), init});
  }
}

std::int64_t number(const Json& json, std::string_view key) { return json.integer_at(key).value_or(0); }

}  // namespace

std::vector<Container> containers_of(const Json* pod_spec) {
  std::vector<Container> out;
  if (pod_spec == nullptr) return out;
  add_containers(out, *pod_spec, "initContainers", true);
  add_containers(out, *pod_spec, "containers", false);
  return out;
}

bool DeploymentConfig::has_config_trigger() const {
  const auto& triggers = list_at(json(), {"spec", "triggers"});
  return std::any_of(triggers.begin(), triggers.end(),
                     [](const Json& trigger) { return trigger.string_at("type") == "ConfigChange"; });
}

std::vector<ImageTrigger> DeploymentConfig::image_triggers() const {
  std::vector<ImageTrigger> out;
  for (const auto& item : list_at(json(), {"spec", "triggers"})) {
    if (item.string_at("type") != "ImageChange") continue;
    ImageTrigger trigger;
    trigger.automatic = flag_at(item, {"imageChangeParams", "automatic"});
    trigger.containers = strings_at(item, {"imageChangeParams", "containerNames"});
    trigger.from = read_source(at(item, {"imageChangeParams", "from"}));
    if (trigger.from.project.empty()) trigger.from.project = project();
    trigger.last_triggered = text_at(item, {"imageChangeParams", "lastTriggeredImage"});
    out.push_back(std::move(trigger));
  }
  return out;
}

std::string DeploymentConfig::latest_controller() const {
  const auto version = latest_version();
  return version > 0 ? name() + "-" + std::to_string(version) : std::string();
}

std::vector<std::string> DeploymentConfig::causes() const {
  std::vector<std::string> out;
  for (const auto& cause : list_at(json(), {"status", "details", "causes"})) {
    out.push_back(cause.string_at("type").value_or(""));
  }
  return out;
}

Replicas DeploymentConfig::replicas() const {
  return {number_at(json(), {"spec", "replicas"}),
          number_at(json(), {"status", "replicas"}),
          number_at(json(), {"status", "updatedReplicas"}),
          number_at(json(), {"status", "readyReplicas"}),
          number_at(json(), {"status", "availableReplicas"}),
          number_at(json(), {"status", "unavailableReplicas"})};
}

std::string_view to_string(RolloutPhase phase) {
  switch (phase) {
    case RolloutPhase::none:
      return "none";
    case RolloutPhase::created:
      return "New";
    case RolloutPhase::pending:
      return "Pending";
    case RolloutPhase::running:
      return "Running";
    case RolloutPhase::complete:
      return "Complete";
    case RolloutPhase::failed:
      return "Failed";
    case RolloutPhase::unknown:
      return "unknown";
  }
  return "unknown";
}

RolloutPhase ReplicationController::phase() const {
  const auto text = annotation("openshift.io/deployment.phase");
  for (const auto phase : {RolloutPhase::created, RolloutPhase::pending, RolloutPhase::running, RolloutPhase::complete,
                           RolloutPhase::failed}) {
    if (text == to_string(phase)) return phase;
  }
  return text.empty() ? RolloutPhase::none : RolloutPhase::unknown;
}

std::int64_t ReplicationController::version() const {
  const auto text = annotation("openshift.io/deployment-config.latest-version");
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? value : 0;
}

Replicas ReplicationController::replicas() const {
  Replicas out;
  out.wanted = number_at(json(), {"spec", "replicas"});
  out.total = number_at(json(), {"status", "replicas"});
  out.ready = number_at(json(), {"status", "readyReplicas"});
  out.available = number_at(json(), {"status", "availableReplicas"});
  return out;
}

std::optional<Condition> Workload::condition(std::string_view type) const {
  for (auto& condition : conditions()) {
    if (condition.type == type) return std::move(condition);
  }
  return std::nullopt;
}

Replicas Deployment::replicas() const {
  return {number_at(json(), {"spec", "replicas"}),
          number_at(json(), {"status", "replicas"}),
          number_at(json(), {"status", "updatedReplicas"}),
          number_at(json(), {"status", "readyReplicas"}),
          number_at(json(), {"status", "availableReplicas"}),
          number_at(json(), {"status", "unavailableReplicas"})};
}

Replicas ReplicaSet::replicas() const {
  Replicas out;
  out.wanted = number_at(json(), {"spec", "replicas"});
  out.total = number_at(json(), {"status", "replicas"});
  out.ready = number_at(json(), {"status", "readyReplicas"});
  out.available = number_at(json(), {"status", "availableReplicas"});
  return out;
}

Replicas StatefulSet::replicas() const {
  Replicas out;
  out.wanted = number_at(json(), {"spec", "replicas"});
  out.total = number_at(json(), {"status", "replicas"});
  out.updated = number_at(json(), {"status", "updatedReplicas"});
  out.ready = number_at(json(), {"status", "readyReplicas"});
  out.available = number_at(json(), {"status", "availableReplicas"});
  return out;
}

Replicas DaemonSet::replicas() const {
  return {
      number_at(json(), {"status", "desiredNumberScheduled"}), number_at(json(), {"status", "currentNumberScheduled"}),
      number_at(json(), {"status", "updatedNumberScheduled"}), number_at(json(), {"status", "numberReady"}),
      number_at(json(), {"status", "numberAvailable"}),        number_at(json(), {"status", "numberUnavailable"})};
}

std::vector<ImageTrigger> BuildConfig::image_triggers() const {
  // A trigger without `from` follows the image that the strategy builds on.
  Json strategy_from;
  if (const auto* strategy = at(json(), {"spec", "strategy"})) {
    for (const auto& [key, value] : strategy->members()) {
      if (const auto* from = value.find("from")) strategy_from = *from;
    }
  }
  std::vector<ImageTrigger> out;
  for (const auto& item : list_at(json(), {"spec", "triggers"})) {
    if (item.string_at("type") != "ImageChange") continue;
    ImageTrigger trigger;
    trigger.automatic = !flag_at(item, {"imageChange", "paused"});
    const auto* from = at(item, {"imageChange", "from"});
    trigger.from = read_source(from != nullptr && from->is_object() ? from : &strategy_from);
    if (trigger.from.project.empty()) trigger.from.project = project();
    trigger.last_triggered = text_at(item, {"imageChange", "lastTriggeredImageID"});
    out.push_back(std::move(trigger));
  }
  return out;
}

std::optional<ImageSource> BuildConfig::output() const {
  const auto* to = at(json(), {"spec", "output", "to"});
  if (to == nullptr || !to->is_object()) return std::nullopt;
  auto source = read_source(to);
  if (source.project.empty()) source.project = project();
  return source;
}

std::string Pod::ContainerStatus::digest() const {
  // Runtimes differ: "docker-pullable://host/a/b@sha256:...", "host/a/b@sha256:...", "docker://sha256:...",
  // "sha256:...".
  constexpr std::size_t kHexLength = 64;
  const auto start = image_id.rfind("sha256:");
  if (start == std::string::npos) return {};
  auto digest = image_id.substr(start);
  const auto hex = std::string_view(digest).substr(7);
  if (hex.size() != kHexLength || hex.find_first_not_of("0123456789abcdef") != std::string_view::npos) return {};
  return digest;
}

bool Pod::ready() const {
  for (const auto& condition : conditions_at(json(), {"status", "conditions"})) {
    if (condition.type == "Ready") return condition.is_true();
  }
  return false;
}

std::vector<Pod::ContainerStatus> Pod::statuses() const {
  std::vector<ContainerStatus> out;
  const auto add = [&](std::string_view key, bool init) {
    for (const auto& item : list_at(json(), {"status", key})) {
      ContainerStatus status;
      status.name = item.string_at("name").value_or("");
      status.image = item.string_at("image").value_or("");
      status.image_id = item.string_at("imageID").value_or("");
      status.ready = item.bool_at("ready").value_or(false);
      status.init = init;
      status.restarts = number(item, "restartCount");
      const auto* state = item.find("state");
      if (state != nullptr && !state->members().empty()) {
        const auto& [which, facts] = state->members().front();
        status.state = which;
        status.reason = facts.string_at("reason").value_or("");
        status.message = text::printable(facts.string_at("message").value_or(""), kMaxMessage);
        status.exit_code = facts.integer_at("exitCode");
      }
      out.push_back(std::move(status));
    }
  };
  add("initContainerStatuses", true);
  add("containerStatuses", false);
  return out;
}

}  // namespace sluice::kube
