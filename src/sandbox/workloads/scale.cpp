#include "sandbox/workloads/scale.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/steps.hpp"

#include <fmt/format.h>

#include <limits>
#include <map>

namespace sluice::sandbox {

namespace {

/// "app=site,tier=web", sorted.
std::string selector_text(const Json& labels) {
  std::map<std::string, std::string> sorted;
  for (const auto& [key, value] : labels.members()) sorted.emplace(key, value.as_string().value_or(""));
  std::string text;
  for (const auto& [key, value] : sorted) text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, value);
  return text;
}

Json scale_status(std::string_view resource, const Json& object) {
  auto status = Json::object();
  status.set("replicas", number_at(object, {"status", "replicas"}));
  auto labels = at(object, {"spec", "selector"});
  if (resource == kDeploymentConfigs) {
    if (!labels.is_object()) labels = Json::object();
    labels.set("deploymentconfig", name_of(object));
    auto text = selector_text(labels);
    status.set("selector", std::move(labels));
    status.set("targetSelector", std::move(text));
    return status;
  }
  const auto& match = at(labels, {"matchLabels"});
  status.set("selector", selector_text(match.is_null() ? labels : match));
  return status;
}

Json scale_of(const World& world, const Resource& resource, const ApiRequest& request, const Json& object) {
  const bool config = resource.traits().resource() == kDeploymentConfigs;
  auto scale = Json::object();
  scale.set("kind", "Scale");
  scale.set("apiVersion", config ? "extensions/v1beta1" : "autoscaling/v1");
  for (const auto* member : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    set_at(scale, {"metadata", member}, at(object, {"metadata", member}));
  }
  if (world.profile == Profile::v3_11) {
    set_at(scale, {"metadata", "selfLink"},
           self_link(resource.traits(), request.ns, request.name, request.legacy) + "/scale");
  }
  set_at(scale, {"spec", "replicas"}, number_at(object, {"spec", "replicas"}));
  scale.set("status", scale_status(resource.traits().resource(), object));
  return scale;
}

}  // namespace

Answer<ApiReply> handle_scale(World& world, const Resource& resource, const ApiRequest& request) {
  const auto& traits = resource.traits();
  const auto key = traits.key(request.ns, request.name);
  auto object = world.store.get(key);
  if (!object) return not_found(traits.group, traits.plural, request.name);
  if (request.verb != "get") {
    auto wanted = request.body;
    if (request.verb == "patch") {
      SLUICE_TRY(wanted, apply_patch(world, request, scale_of(world, resource, request, *object)));
    }
    const auto version = text_at(wanted, {"metadata", "resourceVersion"});
    if (!version.empty() && version != text_at(*object, {"metadata", "resourceVersion"})) {
      return modified(traits.group, traits.plural, request.name);
    }
    const auto replicas = number_at(wanted, {"spec", "replicas"});
    if (replicas < 0 || replicas > std::numeric_limits<std::int32_t>::max()) {
      return invalid(
          "autoscaling", "Scale", request.name,
          {{"FieldValueInvalid", fmt::format("Invalid value: {}: must be greater than or equal to 0", replicas),
            "spec.replicas"}});
    }
    object = write_replicas(world, key, *object, replicas);
  }
  return ApiReply{200, scale_of(world, resource, request, *object), ""};
}

}  // namespace sluice::sandbox
