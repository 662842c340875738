#include "sandbox/workloads/triggers.hpp"

#include "base/text.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/kinds.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace sluice::sandbox {

namespace {

// Go's decoder leaves a member alone that is null or missing, and gives up on one of another type.
bool text_or_absent(const Json& object, std::string_view member) {
  const auto* value = object.find(member);
  return value == nullptr || value->is_null() || value->is_string();
}

bool well_typed(const Json& entry) {
  if (!entry.is_object() || !text_or_absent(entry, "fieldPath")) return false;
  const auto& paused = at(entry, {"paused"});
  if (!paused.is_null() && !paused.is_bool()) return false;
  const auto& from = at(entry, {"from"});
  if (from.is_null()) return true;
  if (!from.is_object()) return false;
  return text_or_absent(from, "kind") && text_or_absent(from, "name") && text_or_absent(from, "namespace") &&
         text_or_absent(from, "apiVersion");
}

Json* find_container(Json& pod_spec, const ContainerSelector& selector) {
  auto* list = pod_spec.find(selector.init ? "initContainers" : "containers");
  auto* containers = list == nullptr ? nullptr : list->elements();
  if (containers == nullptr) return nullptr;
  if (const auto* index = std::get_if<std::size_t>(&selector.which)) {
    return *index < containers->size() ? &(*containers)[*index] : nullptr;
  }
  const auto& name = std::get<std::string>(selector.which);
  const auto found = std::find_if(containers->begin(), containers->end(),
                                  [&](const Json& container) { return text_at(container, {"name"}) == name; });
  return found == containers->end() ? nullptr : &*found;
}

Json* find_pod_spec(std::string_view resource, Json& workload) {
  if (resource == kCronJobs) return find_at(workload, {"spec", "jobTemplate", "spec", "template", "spec"});
  return find_at(workload, {"spec", "template", "spec"});
}

std::optional<Json> with_annotated_images(std::string_view resource, const Json& workload, const TagResolver& resolve) {
  const auto triggers = parse_trigger_annotation(annotation(workload, kTriggerAnnotation));
  if (!triggers) return std::nullopt;
  auto changed = workload;
  auto* pod_spec = find_pod_spec(resource, changed);
  if (pod_spec == nullptr) return std::nullopt;
  for (const auto& trigger : *triggers) {
    if (trigger.paused) continue;
    // A path that leads nowhere stops the whole object: a half-applied change would be worse than none.
    const auto selector = parse_field_path(trigger.field_path, pod_spec_path(resource));
    auto* container = selector ? find_container(*pod_spec, *selector) : nullptr;
    if (container == nullptr) return std::nullopt;
    const auto image = resolve(trigger.ns.empty() ? namespace_of(workload) : trigger.ns, trigger.stream, trigger.tag);
    if (image && !image->empty()) container->set("image", *image);
  }
  if (same_tree(changed, workload)) return std::nullopt;
  return changed;
}

bool is_automatic_image_change(const Json& trigger) {
  return text_at(trigger, {"type"}) == "ImageChange" && flag_at(trigger, {"imageChangeParams", "automatic"});
}

void set_images(Json& pod_spec, const Json& names, const std::string& image) {
  for (const auto* kind : {"containers", "initContainers"}) {
    auto* list = pod_spec.find(kind);
    if (list == nullptr || list->elements() == nullptr) continue;
    for (auto& container : *list->elements()) {
      const auto& name = at(container, {"name"});
      const auto& wanted = names.items();
      if (std::find(wanted.begin(), wanted.end(), name) != wanted.end()) container.set("image", image);
    }
  }
}

std::optional<Json> with_config_images(const Json& config, const TagResolver& resolve) {
  auto changed = config;
  auto* triggers = find_at(changed, {"spec", "triggers"});
  auto* pod_spec = find_at(changed, {"spec", "template", "spec"});
  if (triggers == nullptr || triggers->elements() == nullptr || pod_spec == nullptr) return std::nullopt;
  for (auto& trigger : *triggers->elements()) {
    if (!is_automatic_image_change(trigger)) continue;
    auto& params = *trigger.find("imageChangeParams");
    const auto [stream, tag] = split_tag(text_at(params, {"from", "name"}));
    auto ns = text_at(params, {"from", "namespace"});
    if (ns.empty()) ns = namespace_of(config);
    auto image = resolve(ns, stream, tag);
    if (!image || image->empty()) image = text_at(params, {"lastTriggeredImage"});
    // One trigger that never resolved holds all of them back.
    if (image->empty()) return std::nullopt;
    params.set("lastTriggeredImage", *image);
    set_images(*pod_spec, at(params, {"containerNames"}), *image);
  }
  if (same_tree(changed, config)) return std::nullopt;
  return changed;
}

}  // namespace

std::pair<std::string, std::string> split_tag(std::string_view name) {
  const auto [stream, tag] = text::cut(name, ':');
  return {std::string(stream), std::string(tag)};
}

std::optional<std::vector<AnnotationTrigger>> parse_trigger_annotation(std::string_view text) {
  const auto parsed = parse_json(text, {.max_bytes = std::size_t{256} * 1024, .max_depth = 16, .max_values = 4096});
  if (!parsed || !parsed->is_array()) return std::nullopt;
  std::vector<AnnotationTrigger> triggers;
  std::set<std::string> paths;
  for (const auto& entry : parsed->items()) {
    if (!well_typed(entry)) return std::nullopt;
    AnnotationTrigger trigger;
    trigger.field_path = text_at(entry, {"fieldPath"});
    if (!paths.insert(trigger.field_path).second) return std::nullopt;
    if (text_at(entry, {"from", "kind"}) != "ImageStreamTag" || !text_at(entry, {"from", "apiVersion"}).empty()) {
      continue;
    }
    std::tie(trigger.stream, trigger.tag) = split_tag(text_at(entry, {"from", "name"}));
    if (trigger.stream.empty()) continue;
    trigger.ns = text_at(entry, {"from", "namespace"});
    trigger.paused = flag_at(entry, {"paused"});
    triggers.push_back(std::move(trigger));
  }
  return triggers;
}

std::optional<ContainerSelector> parse_field_path(std::string_view field_path, std::string_view pod_spec_path) {
  const auto take = [&field_path](std::string_view prefix) {
    if (!field_path.starts_with(prefix)) return false;
    field_path.remove_prefix(prefix.size());
    return true;
  };
  ContainerSelector selector;
  if (!take(pod_spec_path)) return std::nullopt;
  if (take(".initContainers[")) {
    selector.init = true;
  } else if (!take(".containers[")) {
    return std::nullopt;
  }
  constexpr std::string_view kEnd = "].image";
  if (!field_path.ends_with(kEnd)) return std::nullopt;
  field_path.remove_suffix(kEnd.size());
  if (take("?(@.name==\"")) {
    if (!field_path.ends_with("\")")) return std::nullopt;
    field_path.remove_suffix(2);
    if (field_path.empty() || field_path.find('"') != std::string_view::npos) return std::nullopt;
    selector.which = std::string(field_path);
    return selector;
  }
  std::size_t index = 0;
  const std::string digits(field_path);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return std::nullopt;
  selector.which = index;
  return selector;
}

std::string_view pod_spec_path(std::string_view resource) {
  return resource == kCronJobs ? "spec.jobTemplate.spec.template.spec" : "spec.template.spec";
}

std::optional<Json> with_images(std::string_view resource, const Json& workload, const TagResolver& resolve) {
  if (resource == kDeploymentConfigs) return with_config_images(workload, resolve);
  return with_annotated_images(resource, workload, resolve);
}

std::vector<std::pair<std::string, std::string>> streams_of(std::string_view resource, const Json& workload) {
  std::vector<std::pair<std::string, std::string>> streams;
  const auto own = namespace_of(workload);
  if (resource != kDeploymentConfigs) {
    const auto text = annotation(workload, kTriggerAnnotation);
    if (text.empty()) return streams;
    const auto triggers = parse_trigger_annotation(text);
    if (!triggers) return streams;
    for (const auto& trigger : *triggers) streams.emplace_back(trigger.ns.empty() ? own : trigger.ns, trigger.stream);
    return streams;
  }
  for (const auto& trigger : at(workload, {"spec", "triggers"}).items()) {
    if (text_at(trigger, {"type"}) != "ImageChange") continue;
    const auto ns = text_at(trigger, {"imageChangeParams", "from", "namespace"});
    streams.emplace_back(ns.empty() ? own : ns,
                         split_tag(text_at(trigger, {"imageChangeParams", "from", "name"})).first);
  }
  return streams;
}

}  // namespace sluice::sandbox
