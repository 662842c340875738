#include "sandbox/workloads/validation.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/triggers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace sluice::sandbox {

namespace {

using Causes = std::vector<Cause>;

void required(Causes& causes, std::string field, std::string_view detail = "") {
  causes.push_back({"FieldValueRequired", detail.empty() ? "Required value" : fmt::format("Required value: {}", detail),
                    std::move(field)});
}

void bad(Causes& causes, std::string field, std::string_view shown, std::string_view why) {
  causes.push_back({"FieldValueInvalid", fmt::format("Invalid value: {}: {}", shown, why), std::move(field)});
}

void unsupported(Causes& causes, std::string field, std::string_view value, std::string_view supported) {
  causes.push_back({"FieldValueNotSupported",
                    fmt::format("Unsupported value: \"{}\": supported values: {}", value, supported),
                    std::move(field)});
}

std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text); }

/// `filled_later`: containers whose image an ImageChange trigger will set.
void check_containers(Causes& causes, const Json& spec, const std::string& path,
                      const std::set<std::string>& filled_later) {
  const auto& containers = at(spec, {"containers"}).items();
  if (containers.empty()) required(causes, path + ".containers");
  std::set<std::string> names;
  for (std::size_t i = 0; i < containers.size(); ++i) {
    const auto here = fmt::format("{}.containers[{}]", path, i);
    const auto name = text_at(containers[i], {"name"});
    if (name.empty()) {
      required(causes, here + ".name");
    } else if (!names.insert(name).second) {
      causes.push_back({"FieldValueDuplicate", fmt::format("Duplicate value: \"{}\"", name), here + ".name"});
    }
    if (text_at(containers[i], {"image"}).empty() && !filled_later.contains(name)) required(causes, here + ".image");
  }
}

bool selects(const Json& selector, const Json& labels) {
  return std::all_of(selector.members().begin(), selector.members().end(), [&](const auto& wanted) {
    const auto* value = labels.find(wanted.first);
    return value != nullptr && *value == wanted.second;
  });
}

void check_count(Causes& causes, const Json& object, Path path, std::string field) {
  const auto value = number_at(object, path);
  if (value < 0) bad(causes, field, std::to_string(value), "must be greater than or equal to 0");
  // The API keeps counts in 32 bits.
  if (value > std::numeric_limits<std::int32_t>::max()) {
    bad(causes, std::move(field), std::to_string(value), "must fit into 32 bits");
  }
}

void check_template(Causes& causes, const Json& object, const Json& selector,
                    const std::set<std::string>& filled_later = {}) {
  const auto& pod_template = at(object, {"spec", "template"});
  if (!pod_template.is_object()) return required(causes, "spec.template");
  const auto& labels = at(pod_template, {"metadata", "labels"});
  if (!selector.members().empty() && !selects(selector, labels)) {
    bad(causes, "spec.template.metadata.labels", go_map(labels), "`selector` does not match template `labels`");
  }
  check_containers(causes, at(pod_template, {"spec"}), "spec.template.spec", filled_later);
  const auto policy = text_at(pod_template, {"spec", "restartPolicy"});
  if (policy != "Always") unsupported(causes, "spec.template.spec.restartPolicy", policy, "\"Always\"");
}

void check_image_trigger(Causes& causes, const Json& params, const std::string& path) {
  if (!params.is_object()) return required(causes, path);
  const auto kind = text_at(params, {"from", "kind"});
  const auto name = text_at(params, {"from", "name"});
  if (kind != "ImageStreamTag") {
    bad(causes, path + ".from.kind", in_quotes(kind), "kind must be an ImageStreamTag");
  }
  if (name.empty()) {
    required(causes, path + ".from.name");
  } else {
    const auto [stream, tag] = split_tag(name);
    if (stream.empty() || tag.empty() || tag.find(':') != std::string::npos) {
      bad(causes, path + ".from.name", in_quotes(name), "must be in the form of <name>:<tag>");
    }
  }
  if (at(params, {"containerNames"}).items().empty()) required(causes, path + ".containerNames");
}

void check_triggers(Causes& causes, const Json& config) {
  const auto& triggers = at(config, {"spec", "triggers"}).items();
  for (std::size_t i = 0; i < triggers.size(); ++i) {
    const auto path = fmt::format("spec.triggers[{}]", i);
    const auto type = text_at(triggers[i], {"type"});
    if (type.empty()) required(causes, path + ".type");
    if (type == "ImageChange")
      check_image_trigger(causes, at(triggers[i], {"imageChangeParams"}), path + ".imageChangeParams");
  }
}

void check_strategy(Causes& causes, const Json& strategy) {
  const auto type = text_at(strategy, {"type"});
  if (type == "Custom") {
    if (!at(strategy, {"customParams"}).is_object()) required(causes, "spec.strategy.customParams");
    return;
  }
  if (type != "Rolling") return;
  for (const auto* name : {"intervalSeconds", "updatePeriodSeconds", "timeoutSeconds"}) {
    const auto value = number_at(strategy, {"rollingParams", name});
    if (value < 1) {
      bad(causes, fmt::format("spec.strategy.rollingParams.{}", name), std::to_string(value), "must be >0");
    }
  }
}

std::set<std::string> containers_with_trigger(const Json& config) {
  std::set<std::string> names;
  for (const auto& trigger : at(config, {"spec", "triggers"}).items()) {
    if (text_at(trigger, {"type"}) != "ImageChange") continue;
    for (const auto& name : at(trigger, {"imageChangeParams", "containerNames"}).items()) {
      names.insert(name.as_string().value_or(""));
    }
  }
  return names;
}

}  // namespace

std::string go_map(const Json& map) {
  std::map<std::string, std::string> sorted;
  for (const auto& [key, value] : map.members()) sorted.emplace(key, value.as_string().value_or(""));
  if (sorted.empty()) return "map[string]string(nil)";
  std::string text;
  for (const auto& [key, value] : sorted) {
    text += fmt::format("{}\"{}\":\"{}\"", text.empty() ? "" : ", ", key, value);
  }
  return fmt::format("map[string]string{{{}}}", text);
}

Causes check_deployment_config(const Json& config) {
  Causes causes;
  check_triggers(causes, config);
  const auto& selector = at(config, {"spec", "selector"});
  if (selector.members().empty()) bad(causes, "spec.selector", go_map(selector), "selector cannot be empty");
  check_template(causes, config, selector, containers_with_trigger(config));
  check_count(causes, config, {"spec", "replicas"}, "spec.replicas");
  check_strategy(causes, at(config, {"spec", "strategy"}));
  return causes;
}

Causes check_apps_workload(const Json& workload) {
  Causes causes;
  check_count(causes, workload, {"spec", "replicas"}, "spec.replicas");
  const auto& selector = at(workload, {"spec", "selector"});
  if (selector.is_null()) {
    required(causes, "spec.selector");
  } else if (at(selector, {"matchLabels"}).members().empty() && at(selector, {"matchExpressions"}).items().empty()) {
    bad(causes, "spec.selector",
        "v1.LabelSelector{MatchLabels:map[string]string(nil), "
        "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}",
        "empty selector is not valid for deployment");
  }
  check_template(causes, workload, at(selector, {"matchLabels"}));
  return causes;
}

Causes check_replication_controller(const Json& controller) {
  Causes causes;
  check_count(causes, controller, {"spec", "replicas"}, "spec.replicas");
  const auto& selector = at(controller, {"spec", "selector"});
  if (selector.members().empty()) required(causes, "spec.selector");
  check_template(causes, controller, selector);
  return causes;
}

Causes check_cron_job(const Json& job) {
  Causes causes;
  if (text_at(job, {"spec", "schedule"}).empty()) required(causes, "spec.schedule");
  const auto& spec = at(job, {"spec", "jobTemplate", "spec", "template", "spec"});
  const auto* path = "spec.jobTemplate.spec.template.spec";
  check_containers(causes, spec, path, {});
  const auto policy = text_at(spec, {"restartPolicy"});
  if (policy != "OnFailure" && policy != "Never") {
    unsupported(causes, std::string(path) + ".restartPolicy", policy, "\"OnFailure\", \"Never\"");
  }
  return causes;
}

Causes check_pod(const Json& pod) {
  Causes causes;
  check_containers(causes, at(pod, {"spec"}), "spec", {});
  return causes;
}

}  // namespace sluice::sandbox
