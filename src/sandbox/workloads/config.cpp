#include "sandbox/workloads/config.hpp"

#include "base/text.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::sandbox {

namespace {

using What = ConfigStep::What;

bool is_image_trigger(const Json& trigger) { return text_at(trigger, {"type"}) == "ImageChange"; }

ObjectRef latest_of(const Json& config, const std::vector<ObjectRef>& controllers) {
  const auto name = controller_name(name_of(config), latest_version(config));
  const auto found = std::find_if(controllers.begin(), controllers.end(),
                                  [&](const ObjectRef& controller) { return name_of(*controller) == name; });
  return found == controllers.end() ? nullptr : *found;
}

// The newest version that came to its end well is the one that serves.
ObjectRef active_of(const std::vector<ObjectRef>& controllers) {
  ObjectRef active;
  for (const auto& controller : controllers) {
    if (phase_of(*controller) != "Complete") continue;
    if (!active || version_of(*controller) > version_of(*active)) active = controller;
  }
  return active;
}

/// Images of containers that the controller's template does not run. Init containers are not compared.
std::vector<std::string> new_images(const Json& config, const Json& controller) {
  std::set<std::string> running;
  for (const auto& container : at(controller, {"spec", "template", "spec", "containers"}).items()) {
    running.insert(text_at(container, {"image"}));
  }
  std::vector<std::string> images;
  for (const auto& container : at(config, {"spec", "template", "spec", "containers"}).items()) {
    auto image = text_at(container, {"image"});
    if (!running.contains(image)) images.push_back(std::move(image));
  }
  return images;
}

Json image_cause(const std::string& image) {
  auto cause = Json::object();
  cause.set("type", "ImageChange");
  set_at(cause, {"imageTrigger", "from", "kind"}, "DockerImage");
  set_at(cause, {"imageTrigger", "from", "name"}, image);
  return cause;
}

/// The pod template of the config's latest controller.
Json controller_template(const Json& config) {
  const auto name = name_of(config);
  const auto full_name = controller_name(name, latest_version(config));
  auto pod_template = at(config, {"spec", "template"});
  set_at(pod_template, {"metadata", "labels", "deployment"}, full_name);
  set_at(pod_template, {"metadata", "labels", "deploymentconfig"}, name);
  annotate(pod_template, kDeploymentName, full_name);
  annotate(pod_template, kConfigName, name);
  annotate(pod_template, kConfigVersion, std::to_string(latest_version(config)));
  return pod_template;
}

/// status.details when a trigger starts a rollout now; null otherwise.
Json trigger_activated(const Json& config, const ObjectRef& latest) {
  const bool image = has_image_trigger(config);
  const bool change = has_config_trigger(config);
  if (flag_at(config, {"spec", "paused"}) || (!image && !change)) return {};
  if (latest_version(config) == 0) {
    // The first rollout is told as a config change even when the images set it off.
    return !image || images_resolved(config) ? details_of("ConfigChange") : Json();
  }
  if (!latest) return {};
  if (image) {
    const auto images = new_images(config, *latest);
    if (!images.empty()) {
      std::vector<Json> causes;
      for (const auto& name : images) causes.push_back(image_cause(name));
      return details_of("ImageChange", std::move(causes));
    }
  }
  // The usual case without reading the encoded config: the controller has just this template.
  if (!change || same_tree(controller_template(config), at(*latest, {"spec", "template"}))) return {};
  const auto encoded = decoded_config(*latest);
  const bool same = !encoded || same_tree(at(*encoded, {"spec", "template"}), at(config, {"spec", "template"}));
  return same ? Json() : details_of("ConfigChange");
}

ConfigStep step_of(What what, ObjectRef controller = nullptr, std::int64_t replicas = 0) {
  ConfigStep step;
  step.what = what;
  step.controller = std::move(controller);
  step.replicas = replicas;
  return step;
}

ConfigStep status_step(bool observed) {
  auto step = step_of(What::status);
  step.observed = observed;
  return step;
}

/// An older controller that the history limit gives up.
ObjectRef surplus_of(const Json& config, const std::vector<ObjectRef>& controllers) {
  const auto limit = at(config, {"spec", "revisionHistoryLimit"}).as_integer();
  if (!limit || *limit < 0) return nullptr;
  const auto active = active_of(controllers);
  std::vector<ObjectRef> old;
  for (const auto& controller : controllers) {
    const bool idle = is_terminated(*controller) && number_at(*controller, {"spec", "replicas"}) == 0 &&
                      number_at(*controller, {"status", "replicas"}) == 0;
    if (idle && controller != active && version_of(*controller) != latest_version(config)) old.push_back(controller);
  }
  if (static_cast<std::int64_t>(old.size()) <= *limit) return nullptr;
  return *std::min_element(old.begin(), old.end(),
                           [](const ObjectRef& a, const ObjectRef& b) { return version_of(*a) < version_of(*b); });
}

/// The active controller follows the config, all others go down to nothing.
ConfigStep reconcile_controllers(const Json& config, const std::vector<ObjectRef>& controllers) {
  const auto active = active_of(controllers);
  for (const auto& controller : controllers) {
    const bool serves = controller == active && !flag_at(config, {"spec", "test"});
    const auto wanted = serves ? number_at(config, {"spec", "replicas"}) : 0;
    if (number_at(*controller, {"spec", "replicas"}) != wanted) return step_of(What::scale, controller, wanted);
  }
  if (auto surplus = surplus_of(config, controllers)) return step_of(What::prune, std::move(surplus));
  return status_step(true);
}

ConfigStep end_older_rollouts(const std::vector<ObjectRef>& controllers) {
  bool waiting = false;
  for (const auto& controller : controllers) {
    if (is_terminated(*controller)) continue;
    if (!is_cancelled(*controller)) return step_of(What::cancel, controller);
    waiting = true;
  }
  return step_of(waiting ? What::nothing : What::create);
}

void progressing(Json& status, const Json& before, const Json& latest, std::string_view now) {
  const auto name = name_of(latest);
  const auto phase = phase_of(latest);
  Condition condition{"Progressing", "", "", ""};
  if (phase == "Pending") {
    condition.status = "Unknown";
    condition.message = fmt::format("replication controller \"{0}\" is waiting for pod \"{0}-deploy\" to run", name);
  } else if (phase == "Running") {
    const auto old_before = number_at(before, {"replicas"}) - number_at(before, {"updatedReplicas"});
    const auto old_now = number_at(status, {"replicas"}) - number_at(status, {"updatedReplicas"});
    const bool moved = number_at(status, {"updatedReplicas"}) > number_at(before, {"updatedReplicas"});
    if (!moved && old_now >= old_before) return;
    refresh_condition(status,
                      {"Progressing", "True", "ReplicationControllerUpdated",
                       fmt::format("replication controller \"{}\" is progressing", name)},
                      now);
    return;
  } else if (phase == "Failed") {
    condition.status = "False";
    condition.reason = is_cancelled(latest) ? "RolloutCancelled" : "ProgressDeadlineExceeded";
    condition.message = is_cancelled(latest)
                            ? fmt::format("rollout of replication controller \"{}\" was cancelled", name)
                            : fmt::format("replication controller \"{}\" has failed progressing", name);
  } else if (phase == "Complete") {
    condition.status = "True";
    condition.reason = "NewReplicationControllerAvailable";
    condition.message = fmt::format("replication controller \"{}\" successfully rolled out", name);
  } else {
    return;
  }
  set_condition(status, condition, now);
}

std::int64_t sum(const std::vector<ObjectRef>& controllers, Path path) {
  std::int64_t total = 0;
  for (const auto& controller : controllers) total += number_at(*controller, path);
  return total;
}

Json string_map(const Json& map) { return map.is_object() ? map : Json::object(); }

}  // namespace

bool has_image_trigger(const Json& config) {
  const auto& triggers = at(config, {"spec", "triggers"}).items();
  return std::any_of(triggers.begin(), triggers.end(), is_image_trigger);
}

bool has_config_trigger(const Json& config) {
  const auto& triggers = at(config, {"spec", "triggers"}).items();
  return std::any_of(triggers.begin(), triggers.end(),
                     [](const Json& trigger) { return text_at(trigger, {"type"}) == "ConfigChange"; });
}

bool images_resolved(const Json& config) {
  const auto& triggers = at(config, {"spec", "triggers"}).items();
  return std::all_of(triggers.begin(), triggers.end(), [](const Json& trigger) {
    return !is_image_trigger(trigger) || !text_at(trigger, {"imageChangeParams", "lastTriggeredImage"}).empty();
  });
}

bool has_valid_images(const Json& config) {
  const auto& containers = at(config, {"spec", "template", "spec", "containers"}).items();
  return std::none_of(containers.begin(), containers.end(),
                      [](const Json& container) { return text::trim(text_at(container, {"image"})).empty(); });
}

std::int64_t latest_version(const Json& config) { return number_at(config, {"status", "latestVersion"}); }

std::string controller_name(std::string_view config, std::int64_t version) {
  return fmt::format("{}-{}", config, version);
}

Fences config_fences(const Json& config, std::int64_t replicas) {
  const auto& strategy = at(config, {"spec", "strategy"});
  if (text_at(strategy, {"type"}) != "Rolling") return {};
  return fences(at(strategy, {"rollingParams", "maxSurge"}), at(strategy, {"rollingParams", "maxUnavailable"}),
                replicas);
}

std::string phase_of(const Json& controller) { return annotation(controller, kPhase); }

bool is_terminated(const Json& controller) {
  const auto phase = phase_of(controller);
  return phase == "Complete" || phase == "Failed";
}

bool is_cancelled(const Json& controller) { return annotation(controller, kCancelled) == "true"; }

std::int64_t version_of(const Json& controller) { return number_in(annotation(controller, kConfigVersion)); }

std::optional<Json> decoded_config(const Json& controller) {
  auto config = parse_json(annotation(controller, kEncodedConfig));
  if (!config || !config->is_object()) return std::nullopt;
  return *std::move(config);
}

Json details_of(std::string_view cause, std::vector<Json> causes) {
  auto details = Json::object();
  details.set("message", cause == "ImageChange"    ? "image change"
                         : cause == "ConfigChange" ? "config change"
                                                   : "manual change");
  if (causes.empty()) {
    auto only = Json::object();
    only.set("type", cause);
    causes.push_back(std::move(only));
  }
  details.set("causes", Json(std::move(causes)));
  return details;
}

ConfigStep next_step(const Json& config, const std::vector<ObjectRef>& controllers) {
  const bool initial = latest_version(config) == 0;
  if (initial && !has_image_trigger(config) && !has_config_trigger(config)) return status_step(true);
  const auto latest = latest_of(config, controllers);
  if (!latest) {
    const auto ending = end_older_rollouts(controllers);
    if (ending.what != What::create) return ending;
  }
  if (!has_valid_images(config)) return status_step(true);
  auto details = trigger_activated(config, latest);
  if (!details.is_null()) {
    auto step = step_of(What::raise_version);
    step.details = std::move(details);
    return step;
  }
  // Competing with a deployer that still runs would undo its work.
  if (latest) return is_terminated(*latest) ? reconcile_controllers(config, controllers) : status_step(false);
  if (initial || flag_at(config, {"spec", "paused"})) return status_step(true);
  return step_of(What::create);
}

Json make_controller(const Json& config) {
  const auto name = name_of(config);
  const auto version = std::to_string(latest_version(config));
  const auto full_name = controller_name(name, latest_version(config));
  auto controller = Json::object();
  set_at(controller, {"metadata", "generation"}, 1);
  set_at(controller, {"metadata", "labels"}, string_map(at(config, {"metadata", "labels"})));
  set_at(controller, {"metadata", "labels", kConfigName}, name);
  annotate(controller, kConfigName, name);
  annotate(controller, kConfigVersion, version);
  annotate(controller, kPhase, "New");
  annotate(controller, kDesiredReplicas, std::to_string(number_at(config, {"spec", "replicas"})));
  annotate(controller, kReplicas, "0");
  const auto why = text_at(config, {"status", "details", "message"});
  if (!why.empty()) annotate(controller, kStatusReason, why);
  const auto type = type_of(kDeploymentConfigs);
  auto encoded = Json::object();
  encoded.set("kind", type.kind);
  encoded.set("apiVersion", type.api_version);
  for (const auto& [member, value] : config.members()) encoded.set(member, value);
  annotate(controller, kEncodedConfig, encoded.dump());
  make_at(controller, {"metadata", "ownerReferences"}).push(owner_reference(kDeploymentConfigs, config, true));

  set_at(controller, {"spec", "replicas"}, 0);
  const auto min_ready = number_at(config, {"spec", "minReadySeconds"});
  if (min_ready > 0) set_at(controller, {"spec", "minReadySeconds"}, min_ready);
  set_at(controller, {"spec", "selector"}, string_map(at(config, {"spec", "selector"})));
  set_at(controller, {"spec", "selector", "deployment"}, full_name);
  set_at(controller, {"spec", "selector", "deploymentconfig"}, name);
  set_at(controller, {"spec", "template"}, controller_template(config));
  set_at(controller, {"status", "replicas"}, 0);
  return controller;
}

Json config_status(const Json& config, const std::vector<ObjectRef>& controllers, bool observed, std::string_view now,
                   const std::optional<Condition>& extra) {
  const auto& before = at(config, {"status"});
  auto status = status_copy(config);
  const auto latest = latest_of(config, controllers);
  const auto available = sum(controllers, {"status", "availableReplicas"});
  const auto wanted = number_at(config, {"spec", "replicas"});
  if (observed) status.set("observedGeneration", number_at(config, {"metadata", "generation"}));
  status.set("replicas", sum(controllers, {"status", "replicas"}));
  status.set("updatedReplicas", latest ? number_at(*latest, {"status", "replicas"}) : 0);
  status.set("availableReplicas", available);
  status.set("unavailableReplicas", std::max<std::int64_t>(0, sum(controllers, {"spec", "replicas"}) - available));
  set_count(status, "readyReplicas", sum(controllers, {"status", "readyReplicas"}));
  const bool enough = available > 0 && available >= wanted - config_fences(config, wanted).unavailable;
  set_condition(status,
                {"Available", enough ? "True" : "False", "",
                 enough ? "Deployment config has minimum availability."
                        : "Deployment config does not have minimum availability."},
                now);
  if (latest) progressing(status, before, *latest, now);
  if (extra) set_condition(status, *extra, now);
  return status;
}

}  // namespace sluice::sandbox
