// DeploymentConfigs: stored like any kind, with the subresources that start rollouts.
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/resolve.hpp"
#include "sandbox/workloads/config.hpp"
#include "sandbox/workloads/defaults.hpp"
#include "sandbox/workloads/instantiate.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/logs.hpp"
#include "sandbox/workloads/resources.hpp"
#include "sandbox/workloads/scale.hpp"
#include "sandbox/workloads/validation.hpp"

namespace sluice::sandbox {

namespace {

constexpr std::string_view kGroup = "apps.openshift.io";

TagResolver resolver(const World& world) {
  return [&world](std::string_view ns, std::string_view stream, std::string_view tag) {
    return resolve_tag(world, ns, stream, tag);
  };
}

Json no_status() {
  auto status = Json::object();
  for (const auto* count : {"latestVersion", "observedGeneration", "replicas", "updatedReplicas", "availableReplicas",
                            "unavailableReplicas"}) {
    status.set(count, 0);
  }
  return status;
}

class DeploymentConfigs final : public Resource {
 public:
  using Resource::Resource;

  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    if (request.subresource == "instantiate") return instantiate(world, request);
    if (request.subresource == "rollback") return rollback(world, request);
    if (request.subresource == "scale") return handle_scale(world, *this, request);
    if (request.subresource == "log") return config_log(world, request);
    return std::nullopt;
  }

  Verdict prepare_create(World& /*world*/, const ApiRequest& request, Json& object) override {
    default_deployment_config(object, request.ns);
    // Only the controller knows what was rolled out.
    if (auto* triggers = find_at(object, {"spec", "triggers"}); triggers->elements() != nullptr) {
      for (auto& trigger : *triggers->elements()) remove_at(trigger, {"imageChangeParams", "lastTriggeredImage"});
    }
    object.set("status", no_status());
    return check(object, request.legacy);
  }

  bool sees_sent_status() const override { return true; }

  Verdict prepare_update(World& /*world*/, const ApiRequest& request, const Json& before, Json& object) override {
    if (request.subresource == "status") return {};
    // The old way to start a rollout, and still that of a rollback: one version more than is stored.
    const auto version = latest_version(before);
    const bool starts = latest_version(object) == version + 1;
    object.set("status", at(before, {"status"}));
    if (starts) {
      set_at(object, {"status", "latestVersion"}, version + 1);
      set_at(object, {"metadata", "generation"}, number_at(before, {"metadata", "generation"}) + 1);
    }
    default_deployment_config(object, request.ns);
    return check(object, request.legacy);
  }

 private:
  static Verdict check(const Json& object, bool legacy) {
    auto causes = check_deployment_config(object);
    if (causes.empty()) return {};
    return invalid(legacy ? "" : kGroup, "DeploymentConfig", name_of(object), std::move(causes));
  }

  Answer<ApiReply> instantiate(World& world, const ApiRequest& request) const {
    const auto asked = text_at(request.body, {"name"});
    const auto name = asked.empty() ? request.name : asked;
    const auto key = traits().key(request.ns, name);
    const auto config = world.store.get(key);
    if (!config) return not_found(kGroup, traits().plural, name);
    std::optional<Json> previous;
    const auto latest = world.store.get(
        {std::string(kReplicationControllers), request.ns, controller_name(name, latest_version(*config))});
    if (latest) previous = decoded_config(*latest);
    SLUICE_TRY(auto started, instantiated(*config, request.body, previous, resolver(world)));
    if (!started) return ApiReply{204, Json(), ""};
    // A raised version counts as a change of the spec.
    set_at(*started, {"metadata", "generation"}, number_at(*config, {"metadata", "generation"}) + 1);
    return ApiReply{201, shown(world, *this, world.store.replace(key, *std::move(started)), request.legacy), ""};
  }

  Answer<ApiReply> rollback(World& world, const ApiRequest& request) const {
    const auto name = text_at(request.body, {"name"});
    if (name.empty()) {
      return invalid(kGroup, "DeploymentConfigRollback", "",
                     {{"FieldValueRequired", "Required value: name of the deployment config is missing", "name"}});
    }
    const auto config = world.store.get(traits().key(request.ns, name));
    if (!config) {
      return rollback_refused(name, "cannot get deployment config \"" + name + "\": deploymentconfigs." +
                                        std::string(kGroup) + " \"" + name + "\" not found");
    }
    SLUICE_TRY(auto computed, rolled_back(*config, request.body, [&](const std::string& controller) {
                 return world.store.get({std::string(kReplicationControllers), request.ns, controller});
               }));
    auto object = shown(world, *this, std::make_shared<const Json>(std::move(computed)), request.legacy);
    if (world.profile == Profile::v3_11) {
      set_at(object, {"metadata", "selfLink"},
             self_link(traits(), request.ns, request.name, request.legacy) + "/rollback");
    }
    return ApiReply{201, std::move(object), ""};
  }
};

}  // namespace

std::unique_ptr<Resource> make_deployment_configs() {
  Traits traits;
  traits.group = kGroup;
  traits.plural = "deploymentconfigs";
  traits.kind = "DeploymentConfig";
  traits.verbs = all_verbs();
  traits.short_names = {"dc"};
  traits.categories = {"all"};
  traits.legacy = true;
  traits.counts_generation = true;
  traits.has_status = true;
  traits.needs_version = true;
  traits.subresources = {
      {"instantiate", "DeploymentRequest", {"create"}, "", ""},
      {"log", "DeploymentLog", {"get"}, "", ""},
      {"rollback", "DeploymentConfigRollback", {"create"}, "", ""},
      {"scale", "Scale", {"get", "patch", "update"}, "extensions", "v1beta1"},
      {"status", "DeploymentConfig", {"get", "patch", "update"}, "", ""},
  };
  return std::make_unique<DeploymentConfigs>(std::move(traits));
}

}  // namespace sluice::sandbox
