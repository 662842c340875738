#include "sandbox/workloads/logs.hpp"

#include "base/text.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/workloads/config.hpp"
#include "sandbox/workloads/counts.hpp"
#include "sandbox/workloads/deployer.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/outcome.hpp"
#include "sandbox/workloads/pod.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kUsualCrash = "panic: dial tcp: lookup database: no such host";

std::string query(const ApiRequest& request, std::string_view name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? "" : found->second;
}

bool asked(const ApiRequest& request, std::string_view name) {
  const auto value = query(request, name);
  return value == "true" || value == "1";
}

/// The last lines only, when tailLines says so.
std::string cut_to_tail(const std::string& log, const ApiRequest& request) {
  const auto wanted = query(request, "tailLines");
  if (wanted.empty()) return log;
  auto left = number_in(wanted);
  if (left <= 0) return "";
  for (auto i = log.size(); i > 1; --i) {
    if (log[i - 2] == '\n' && --left == 0) return log.substr(i - 1);
  }
  return log;
}

std::string deployer_log(const World& world, const Json& pod) {
  const auto name = annotation(pod, kDeploymentName);
  const auto controller = world.store.get({std::string(kReplicationControllers), namespace_of(pod), name});
  const auto config = controller ? decoded_config(*controller) : std::nullopt;
  const auto wanted = config ? number_at(*config, {"spec", "replicas"}) : 0;
  auto log = fmt::format("--> Scaling {} to {}\n", name, wanted);
  const auto phase = text_at(pod, {"status", "phase"});
  if (phase == "Succeeded") return log + "--> Success\n";
  log += fmt::format("--> Waiting up to 10m0s for pods in rc {} to become ready\n", name);
  if (phase != "Failed") return log;
  const auto limit =
      number_at(config.value_or(Json::object()), {"spec", "strategy", "rollingParams", "timeoutSeconds"}, 600);
  return log + fmt::format(
                   "error: update acceptor rejected {0}: pods for rc '{1}/{0}' took longer than {2} seconds to "
                   "become available\n",
                   name, namespace_of(pod), limit);
}

std::string container_log(const World& world, const Json& pod, bool ended) {
  if (!label(pod, kDeployerFor).empty()) return deployer_log(world, pod);
  std::string log = "starting\n";
  if (!ended) return log + (pod_is_ready(pod) ? "listening on port 8080\n" : "");
  const auto outcome = outcome_of(world, kPods, pod);
  return log + (outcome.log.empty() ? std::string(kUsualCrash) : outcome.log) + "\n";
}

const Json& status_of_container(const Json& pod, std::string_view name) {
  static const Json kNone;
  for (const auto& status : at(pod, {"status", "containerStatuses"}).items()) {
    if (text_at(status, {"name"}) == name) return status;
  }
  return kNone;
}

Answer<std::string> container_name(const Json& pod, const ApiRequest& request) {
  const auto name = query(request, "container");
  const auto& containers = at(pod, {"spec", "containers"}).items();
  if (name.empty() && containers.size() == 1) return text_at(containers.front(), {"name"});
  std::vector<std::string> names;
  for (const auto& container : containers) names.push_back(text_at(container, {"name"}));
  if (name.empty()) {
    return bad_request(fmt::format("a container name must be specified for pod {}, choose one of: [{}]", name_of(pod),
                                   text::join(names, " ")));
  }
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return bad_request(fmt::format("container {} is not valid for pod {}", name, name_of(pod)));
  }
  return name;
}

Answer<ApiReply> log_of(const World& world, const Json& pod, const ApiRequest& request) {
  SLUICE_TRY(const auto name, container_name(pod, request));
  const auto& status = status_of_container(pod, name);
  const bool previous = asked(request, "previous");
  if (previous && at(status, {"lastState", "terminated"}).is_null()) {
    return bad_request(fmt::format("previous terminated container \"{}\" in pod \"{}\" not found", name, name_of(pod)));
  }
  const auto reason = text_at(status, {"state", "waiting", "reason"});
  const bool crashed = reason == "CrashLoopBackOff" || !at(status, {"state", "terminated"}).is_null();
  if (!previous && !reason.empty() && !crashed) {
    const bool pull = reason == "ErrImagePull" || reason == "ImagePullBackOff";
    return bad_request(fmt::format("container \"{}\" in pod \"{}\" is waiting to start: {}", name, name_of(pod),
                                   pull ? "trying and failing to pull image" : reason));
  }
  return ApiReply{200, Json(), cut_to_tail(container_log(world, pod, previous || crashed), request)};
}

}  // namespace

Answer<ApiReply> pod_log(const World& world, const ApiRequest& request) {
  const auto pod = world.store.get({std::string(kPods), request.ns, request.name});
  if (!pod) return not_found("", "pods", request.name);
  return log_of(world, *pod, request);
}

Answer<ApiReply> config_log(const World& world, const ApiRequest& request) {
  const auto config = world.store.get({std::string(kDeploymentConfigs), request.ns, request.name});
  if (!config) return not_found("apps.openshift.io", "deploymentconfigs", request.name);
  auto version = latest_version(*config);
  if (const auto wanted = query(request, "version"); !wanted.empty()) {
    version = number_in(wanted);
  } else if (asked(request, "previous")) {
    --version;
  }
  if (version <= 0 || version > latest_version(*config)) {
    return bad_request(fmt::format("no deployment exists for deploymentConfig \"{}\"", request.name));
  }
  const auto name = controller_name(request.name, version);
  const auto controller = world.store.get({std::string(kReplicationControllers), request.ns, name});
  if (!controller) return not_found("", "replicationcontrollers", name);
  // The flags chose the version; the pod is asked for its present log.
  auto inner = request;
  inner.query.erase("previous");
  if (phase_of(*controller) == "Complete") {
    for (const auto& pod : world.store.list(kPods, request.ns)) {
      if (text_at(controller_of(*pod), {"uid"}) == uid_of(*controller)) return log_of(world, *pod, inner);
    }
  }
  const auto pod = world.store.get({std::string(kPods), request.ns, deployer_name(name)});
  if (!pod) return not_found("", "pods", deployer_name(name));
  return log_of(world, *pod, inner);
}

}  // namespace sluice::sandbox
