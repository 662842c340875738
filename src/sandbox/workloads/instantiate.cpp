#include "sandbox/workloads/instantiate.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kGroup = "apps.openshift.io";

bool excludes(const Json& request, std::string_view type) {
  const auto& excluded = at(request, {"excludeTriggers"}).items();
  return std::any_of(excluded.begin(), excluded.end(),
                     [&](const Json& entry) { return entry.as_string() == std::string(type); });
}

/// What the image trigger controller would do, and with `force` also for triggers that are not automatic.
void resolve_triggers(Json& config, bool force, const TagResolver& resolve) {
  auto* triggers = find_at(config, {"spec", "triggers"});
  auto* containers = find_at(config, {"spec", "template", "spec", "containers"});
  if (triggers == nullptr || triggers->elements() == nullptr) return;
  if (containers == nullptr || containers->elements() == nullptr) return;
  for (auto& trigger : *triggers->elements()) {
    if (text_at(trigger, {"type"}) != "ImageChange") continue;
    auto& params = make_at(trigger, {"imageChangeParams"});
    if (!force && !flag_at(params, {"automatic"})) continue;
    const auto [stream, tag] = split_tag(text_at(params, {"from", "name"}));
    const auto image = resolve(text_at(params, {"from", "namespace"}), stream, tag);
    if (!image || image->empty() || *image == text_at(params, {"lastTriggeredImage"})) continue;
    const auto& names = at(params, {"containerNames"}).items();
    for (auto& container : *containers->elements()) {
      if (std::find(names.begin(), names.end(), at(container, {"name"})) == names.end()) continue;
      container.set("image", *image);
    }
    params.set("lastTriggeredImage", *image);
  }
}

/// The image of the same trigger in the version before.
std::optional<std::string> image_before(const Json& params, const Json& previous) {
  for (const auto& trigger : at(previous, {"spec", "triggers"}).items()) {
    const auto& old = at(trigger, {"imageChangeParams"});
    if (text_at(trigger, {"type"}) == "ImageChange" &&
        text_at(old, {"from", "name"}) == text_at(params, {"from", "name"}) &&
        text_at(old, {"from", "namespace"}) == text_at(params, {"from", "namespace"})) {
      return text_at(old, {"lastTriggeredImage"});
    }
  }
  return std::nullopt;
}

Json tag_cause(const Json& params) {
  auto cause = Json::object();
  cause.set("type", "ImageChange");
  set_at(cause, {"imageTrigger", "from", "kind"}, "ImageStreamTag");
  set_at(cause, {"imageTrigger", "from", "namespace"}, text_at(params, {"from", "namespace"}));
  set_at(cause, {"imageTrigger", "from", "name"}, text_at(params, {"from", "name"}));
  return cause;
}

std::vector<Json> image_causes(const Json& config, const std::optional<Json>& previous) {
  std::vector<Json> causes;
  bool triggered = false;
  for (const auto& trigger : at(config, {"spec", "triggers"}).items()) {
    const auto& params = at(trigger, {"imageChangeParams"});
    if (text_at(trigger, {"type"}) != "ImageChange" || !flag_at(params, {"automatic"})) continue;
    const auto before = previous ? image_before(params, *previous) : std::nullopt;
    if (latest_version(config) == 0 || (before && *before != text_at(params, {"lastTriggeredImage"}))) triggered = true;
    // From the first trigger that moved on, all later ones are named too.
    if (triggered) causes.push_back(tag_cause(params));
  }
  return causes;
}

/// status.details of what would start now; null: nothing.
Json reason_to_start(const Json& config, const std::optional<Json>& previous) {
  auto causes = image_causes(config, previous);
  if (!causes.empty()) return details_of("ImageChange", std::move(causes));
  const bool changed = latest_version(config) == 0 ||
                       (previous && !same_tree(at(config, {"spec", "template"}), at(*previous, {"spec", "template"})));
  return has_config_trigger(config) && changed ? details_of("ConfigChange") : Json();
}

void raise_version(Json& config) { set_at(config, {"status", "latestVersion"}, latest_version(config) + 1); }

void copy_member(const Json& from, Json& to, std::string_view member) {
  const auto& value = at(from, {"spec", member});
  if (value.is_null()) {
    remove_at(to, {"spec", member});
  } else {
    set_at(to, {"spec", member}, value);
  }
}

}  // namespace

Answer<std::optional<Json>> instantiated(const Json& config, const Json& request, const std::optional<Json>& previous,
                                         const TagResolver& resolve) {
  const auto name = name_of(config);
  if (flag_at(config, {"spec", "paused"})) {
    return invalid(kGroup, "DeploymentRequest", name,
                   {{"FieldValueInvalid",
                     fmt::format("Invalid value: true: deployment config \"{}\" is paused - unpause to request a new "
                                 "deployment",
                                 name),
                     "spec.paused"}});
  }
  auto result = config;
  const bool force = flag_at(request, {"force"});
  if (flag_at(request, {"latest"}) && !excludes(request, "ImageChange")) resolve_triggers(result, force, resolve);
  if (!images_resolved(result)) {
    return bad_request(
        fmt::format("cannot trigger a deployment for \"{}\" because it contains unresolved images", name));
  }
  auto details = force ? details_of("Manual") : reason_to_start(result, previous);
  if (details.is_null()) return std::optional<Json>();
  set_at(result, {"status", "details"}, std::move(details));
  raise_version(result);
  return std::optional<Json>(std::move(result));
}

Refusal rollback_refused(const std::string& name, const std::string& why) {
  return invalid(kGroup, "DeploymentConfigRollback", name,
                 {{"FieldValueInvalid", fmt::format("Invalid value: \"{}\": {}", name, why), "name"}});
}

Answer<Json> rolled_back(const Json& config, const Json& request,
                         const std::function<ObjectRef(const std::string&)>& controller) {
  const auto name = name_of(config);
  const auto latest = latest_version(config);
  const auto asked = number_at(request, {"spec", "revision"});
  if (asked < 0) {
    return invalid(
        kGroup, "DeploymentConfigRollback", name,
        {{"FieldValueInvalid", fmt::format("Invalid value: {}: must be non-negative", asked), "spec.revision"}});
  }
  if (latest == 0) return rollback_refused(name, "cannot rollback an undeployed config");
  if (latest == 1) {
    return rollback_refused(name,
                            fmt::format("no previous deployment exists for \"{}/{}\"", namespace_of(config), name));
  }
  if (asked == latest) return rollback_refused(name, fmt::format("version {} is already the latest", asked));
  const auto target_name = controller_name(name, asked > 0 ? asked : latest - 1);
  const auto target = controller(target_name);
  if (!target) return rollback_refused(name, fmt::format("replicationcontrollers \"{}\" not found", target_name));
  const auto old = decoded_config(*target);
  if (!old) return rollback_refused(name, "couldn't decode deployment config from deployment");

  auto result = config;
  for (const auto& [key, value] : at(request, {"updatedAnnotations"}).members()) {
    annotate(result, key, value.as_string().value_or(""));
  }
  if (flag_at(request, {"spec", "includeTemplate"})) copy_member(*old, result, "template");
  if (flag_at(request, {"spec", "includeTriggers"})) copy_member(*old, result, "triggers");
  if (flag_at(request, {"spec", "includeStrategy"})) copy_member(*old, result, "strategy");
  if (flag_at(request, {"spec", "includeReplicationMeta"})) {
    copy_member(*old, result, "replicas");
    copy_member(*old, result, "selector");
  }
  // Otherwise the image that is being left would be rolled out again at once.
  if (auto* triggers = find_at(result, {"spec", "triggers"}); triggers != nullptr && triggers->elements() != nullptr) {
    for (auto& trigger : *triggers->elements()) remove_at(trigger, {"imageChangeParams", "automatic"});
  }
  raise_version(result);
  return result;
}

}  // namespace sluice::sandbox
