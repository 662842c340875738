#include "sandbox/workloads/defaults.hpp"

#include "sandbox/core/tree.hpp"

#include <utility>

namespace sluice::sandbox {

namespace {

void default_ports(Json& container) {
  auto* ports = container.find("ports");
  if (ports == nullptr || ports->elements() == nullptr) return;
  for (auto& port : *ports->elements()) default_at(port, {"protocol"}, "TCP");
}

void default_probe(Json& container, std::string_view name) {
  auto* probe = container.find(name);
  if (probe == nullptr || !probe->is_object()) return;
  default_at(*probe, {"timeoutSeconds"}, 1);
  default_at(*probe, {"periodSeconds"}, 10);
  default_at(*probe, {"successThreshold"}, 1);
  default_at(*probe, {"failureThreshold"}, 3);
}

void default_container(Json& container) {
  if (!container.is_object()) return;
  const auto image = text_at(container, {"image"});
  // The API leaves empty strings out.
  if (image.empty()) container.remove("image");
  default_ports(container);
  default_at(container, {"resources"}, Json::object());
  default_probe(container, "livenessProbe");
  default_probe(container, "readinessProbe");
  default_at(container, {"terminationMessagePath"}, "/dev/termination-log");
  default_at(container, {"terminationMessagePolicy"}, "File");
  default_at(container, {"imagePullPolicy"}, default_pull_policy(image));
}

Json percent_rolling() {
  auto params = Json::object();
  params.set("updatePeriodSeconds", 1);
  params.set("intervalSeconds", 1);
  params.set("timeoutSeconds", 600);
  params.set("maxUnavailable", "25%");
  params.set("maxSurge", "25%");
  return params;
}

void default_config_strategy(Json& config) {
  auto& strategy = make_at(config, {"spec", "strategy"});
  default_at(strategy, {"type"}, "Rolling");
  const auto type = text_at(strategy, {"type"});
  if (type == "Rolling") {
    const bool both_missing = at(strategy, {"rollingParams", "maxUnavailable"}).is_null() &&
                              at(strategy, {"rollingParams", "maxSurge"}).is_null();
    auto& params = make_at(strategy, {"rollingParams"});
    auto defaults = percent_rolling();  // named: a temporary would be gone before the first round
    for (auto& [name, value] : *defaults.fields()) {
      // One of the two limits alone means that the other is 0.
      if (!both_missing && name.starts_with("max")) value = 0;
      default_at(params, {name}, std::move(value));
    }
  } else if (type == "Recreate") {
    default_at(strategy, {"recreateParams", "timeoutSeconds"}, 600);
  }
  default_at(strategy, {"resources"}, Json::object());
  default_at(strategy, {"activeDeadlineSeconds"}, 21600);
}

void default_config_triggers(Json& config, std::string_view ns) {
  auto& triggers = make_at(config, {"spec", "triggers"});
  if (triggers.is_null()) {
    auto change = Json::object();
    change.set("type", "ConfigChange");
    triggers.push(std::move(change));
  }
  if (triggers.elements() == nullptr) return;
  for (auto& trigger : *triggers.elements()) {
    auto* params = trigger.find("imageChangeParams");
    if (params == nullptr || !params->is_object()) continue;
    if (text_at(*params, {"from", "kind"}).empty()) set_at(*params, {"from", "kind"}, "ImageStreamTag");
    if (text_at(*params, {"from", "namespace"}).empty()) set_at(*params, {"from", "namespace"}, ns);
    if (!flag_at(*params, {"automatic"})) params->remove("automatic");
    if (text_at(*params, {"lastTriggeredImage"}).empty()) params->remove("lastTriggeredImage");
  }
}

// A `paused` of false is left out, as the API does.
void drop_false(Json& object, Path path) {
  const auto& value = at(object, path);
  if (value.is_null() || value == Json(false)) remove_at(object, path);
}

void default_selector(Json& object) {
  const auto& selector = at(object, {"spec", "selector"});
  if (!selector.is_null() && !selector.members().empty()) return;
  const auto labels = at(object, {"spec", "template", "metadata", "labels"});
  if (!labels.is_null()) set_at(object, {"spec", "selector"}, labels);
}

void default_spec_template(Json& object) {
  auto* pod_template = find_at(object, {"spec", "template"});
  if (pod_template != nullptr && pod_template->is_object()) default_template(*pod_template);
}

}  // namespace

std::string_view default_pull_policy(std::string_view image) {
  // Text that is no reference has no tag either, but the server then takes the careful default.
  if (image.find_first_not_of(' ') == std::string_view::npos) return "IfNotPresent";
  if (image.find('@') != std::string_view::npos) return "IfNotPresent";
  const auto slash = image.rfind('/');
  const auto last = slash == std::string_view::npos ? image : image.substr(slash + 1);
  const auto colon = last.find(':');
  return colon == std::string_view::npos || last.substr(colon + 1) == "latest" ? "Always" : "IfNotPresent";
}

void default_pod_spec(Json& spec) {
  for (const auto* kind : {"initContainers", "containers"}) {
    auto* list = spec.find(kind);
    if (list == nullptr || list->elements() == nullptr) continue;
    for (auto& container : *list->elements()) default_container(container);
  }
  default_at(spec, {"restartPolicy"}, "Always");
  default_at(spec, {"terminationGracePeriodSeconds"}, 30);
  default_at(spec, {"dnsPolicy"}, "ClusterFirst");
  const auto account = text_at(spec, {"serviceAccountName"});
  if (!account.empty()) set_at(spec, {"serviceAccount"}, account);
  default_at(spec, {"securityContext"}, Json::object());
  default_at(spec, {"schedulerName"}, "default-scheduler");
}

void default_template(Json& pod_template) {
  set_at(pod_template, {"metadata", "creationTimestamp"}, Json());
  auto& spec = make_at(pod_template, {"spec"});
  if (!spec.is_object()) spec = Json::object();
  default_pod_spec(spec);
}

void default_deployment_config(Json& config, std::string_view ns) {
  default_config_strategy(config);
  default_config_triggers(config, ns);
  default_at(config, {"spec", "replicas"}, 0);
  default_at(config, {"spec", "revisionHistoryLimit"}, 10);
  default_at(config, {"spec", "test"}, false);
  drop_false(config, {"spec", "paused"});
  default_spec_template(config);
  default_selector(config);
}

void default_replication_controller(Json& controller) {
  default_at(controller, {"spec", "replicas"}, 1);
  default_spec_template(controller);
  default_selector(controller);
}

void default_deployment(Json& deployment) {
  default_at(deployment, {"spec", "replicas"}, 1);
  default_at(deployment, {"spec", "strategy", "type"}, "RollingUpdate");
  if (text_at(deployment, {"spec", "strategy", "type"}) == "RollingUpdate") {
    default_at(deployment, {"spec", "strategy", "rollingUpdate", "maxUnavailable"}, "25%");
    default_at(deployment, {"spec", "strategy", "rollingUpdate", "maxSurge"}, "25%");
  }
  default_at(deployment, {"spec", "revisionHistoryLimit"}, 10);
  default_at(deployment, {"spec", "progressDeadlineSeconds"}, 600);
  drop_false(deployment, {"spec", "paused"});
  default_spec_template(deployment);
}

void default_replica_set(Json& set) {
  default_at(set, {"spec", "replicas"}, 1);
  default_spec_template(set);
}

void default_stateful_set(Json& set) {
  default_at(set, {"spec", "replicas"}, 1);
  default_at(set, {"spec", "podManagementPolicy"}, "OrderedReady");
  default_at(set, {"spec", "updateStrategy", "type"}, "RollingUpdate");
  if (text_at(set, {"spec", "updateStrategy", "type"}) == "RollingUpdate") {
    default_at(set, {"spec", "updateStrategy", "rollingUpdate", "partition"}, 0);
  }
  default_at(set, {"spec", "revisionHistoryLimit"}, 10);
  default_spec_template(set);
}

void default_daemon_set(Json& set) {
  default_at(set, {"spec", "updateStrategy", "type"}, "RollingUpdate");
  if (text_at(set, {"spec", "updateStrategy", "type"}) == "RollingUpdate") {
    default_at(set, {"spec", "updateStrategy", "rollingUpdate", "maxUnavailable"}, 1);
  }
  default_at(set, {"spec", "revisionHistoryLimit"}, 10);
  default_spec_template(set);
}

void default_cron_job(Json& job) {
  default_at(job, {"spec", "concurrencyPolicy"}, "Allow");
  default_at(job, {"spec", "suspend"}, false);
  default_at(job, {"spec", "successfulJobsHistoryLimit"}, 3);
  default_at(job, {"spec", "failedJobsHistoryLimit"}, 1);
  set_at(job, {"spec", "jobTemplate", "metadata", "creationTimestamp"}, Json());
  auto* pod_template = find_at(job, {"spec", "jobTemplate", "spec", "template"});
  if (pod_template != nullptr && pod_template->is_object()) default_template(*pod_template);
}

void default_build_config(Json& config) {
  default_at(config, {"spec", "runPolicy"}, "Serial");
  auto& triggers = make_at(config, {"spec", "triggers"});
  if (!triggers.is_array()) triggers = Json::array();
  for (auto& trigger : *triggers.elements()) {
    if (text_at(trigger, {"type"}) == "ImageChange") default_at(trigger, {"imageChange"}, Json::object());
  }
  default_at(config, {"spec", "source"}, Json::object());
  default_at(config, {"spec", "output"}, Json::object());
  default_at(config, {"spec", "resources"}, Json::object());
  default_at(config, {"spec", "postCommit"}, Json::object());
  default_at(config, {"spec", "nodeSelector"}, Json());
}

void default_pod(Json& pod) {
  auto& spec = make_at(pod, {"spec"});
  if (!spec.is_object()) spec = Json::object();
  default_at(spec, {"serviceAccountName"}, "default");
  default_pod_spec(spec);
}

}  // namespace sluice::sandbox
