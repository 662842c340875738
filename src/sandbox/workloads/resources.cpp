#include "sandbox/workloads/resources.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/workloads/defaults.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/scale.hpp"
#include "sandbox/workloads/validation.hpp"

#include <utility>

namespace sluice::sandbox {

namespace {

/// A kind that is stored, defaulted and checked, and moved by a controller.
class StoredWorkload final : public Resource {
 public:
  struct Rules {
    void (*defaults)(Json&) = nullptr;
    std::vector<Cause> (*check)(const Json&) = nullptr;
    Json first_status = Json::object();
    bool fixed_selector = false;   ///< spec.selector may not change
    bool counts_template = false;  ///< daemon sets
  };
  StoredWorkload(Traits traits, Rules rules) : Resource(std::move(traits)), rules_(std::move(rules)) {}

  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    if (request.subresource == "scale") return handle_scale(world, *this, request);
    return std::nullopt;
  }

  Verdict prepare_create(World& /*world*/, const ApiRequest& /*request*/, Json& object) override {
    rules_.defaults(object);
    if (traits().has_status) object.set("status", rules_.first_status);
    if (rules_.counts_template) annotate(object, kTemplateGeneration, "1");
    return check(object);
  }

  Verdict prepare_update(World& /*world*/, const ApiRequest& request, const Json& before, Json& object) override {
    if (request.subresource == "status") return {};
    rules_.defaults(object);
    if (rules_.fixed_selector && !same_tree(at(before, {"spec", "selector"}), at(object, {"spec", "selector"}))) {
      return invalid(
          traits().group, traits().kind, name_of(object),
          {{"FieldValueInvalid", "Invalid value: " + at(object, {"spec", "selector"}).dump() + ": field is immutable",
            "spec.selector"}});
    }
    if (rules_.counts_template) {
      annotate(object, kTemplateGeneration, annotation(before, kTemplateGeneration));
      if (!same_tree(at(before, {"spec", "template"}), at(object, {"spec", "template"}))) {
        count_template_change(before, object);
      }
    }
    return check(object);
  }

  std::optional<std::string> field(const Json& object, std::string_view path) const override {
    if (path != "status.replicas") return std::nullopt;
    return std::to_string(number_at(object, {"status", "replicas"}));
  }

 private:
  Verdict check(const Json& object) const {
    if (rules_.check == nullptr) return {};
    auto causes = rules_.check(object);
    if (causes.empty()) return {};
    return invalid(traits().group, traits().kind, name_of(object), std::move(causes));
  }

  Rules rules_;
};

Traits kind_of(std::string group, std::string plural, std::string kind, std::string short_name) {
  Traits traits;
  traits.group = std::move(group);
  traits.plural = std::move(plural);
  traits.kind = kind;
  traits.verbs = all_verbs();
  traits.short_names = {std::move(short_name)};
  traits.categories = {"all"};
  traits.counts_generation = true;
  traits.has_status = true;
  traits.subresources = {{"status", std::move(kind), {"get", "patch", "update"}, "", ""}};
  return traits;
}

Traits with_scale(Traits traits) {
  traits.subresources.insert(traits.subresources.begin(),
                             {"scale", "Scale", {"get", "patch", "update"}, "autoscaling", "v1"});
  return traits;
}

Json counts(std::initializer_list<std::string_view> names) {
  auto status = Json::object();
  for (const auto name : names) status.set(name, 0);
  return status;
}

void add(Catalog& catalog, Traits traits, StoredWorkload::Rules rules) {
  catalog.add(std::make_unique<StoredWorkload>(std::move(traits), std::move(rules)));
}

void add_cron_jobs(Catalog& catalog, const World& world) {
  auto traits = kind_of("batch", "cronjobs", "CronJob", "cj");
  if (world.profile == Profile::v3_11) traits.version = "v1beta1";
  // Their jobs do not run here; a promotion only changes the template.
  traits.counts_generation = world.profile == Profile::v4;
  add(catalog, std::move(traits), {default_cron_job, check_cron_job});
}

void add_build_configs(Catalog& catalog) {
  auto traits = kind_of("build.openshift.io", "buildconfigs", "BuildConfig", "bc");
  traits.legacy = true;
  traits.counts_generation = false;
  traits.subresources.clear();
  add(catalog, std::move(traits), {default_build_config, nullptr, counts({"lastVersion"})});
}

}  // namespace

std::vector<std::string> all_verbs() {
  return {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
}

void add_workload_resources(Catalog& catalog, const World& world) {
  catalog.add(make_deployment_configs());
  catalog.add(make_pods());
  catalog.add(make_events());
  add(catalog, with_scale(kind_of("", "replicationcontrollers", "ReplicationController", "rc")),
      {default_replication_controller, check_replication_controller, counts({"replicas"})});
  add(catalog, with_scale(kind_of("apps", "deployments", "Deployment", "deploy")),
      {default_deployment, check_apps_workload, Json::object(), true});
  add(catalog, with_scale(kind_of("apps", "replicasets", "ReplicaSet", "rs")),
      {default_replica_set, check_apps_workload, counts({"replicas"}), true});
  add(catalog, with_scale(kind_of("apps", "statefulsets", "StatefulSet", "sts")),
      {default_stateful_set, check_apps_workload, counts({"replicas"}), true});
  add(catalog, kind_of("apps", "daemonsets", "DaemonSet", "ds"),
      {default_daemon_set, check_apps_workload,
       counts({"currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"}), true, true});
  add_cron_jobs(catalog, world);
  add_build_configs(catalog);
}

}  // namespace sluice::sandbox
