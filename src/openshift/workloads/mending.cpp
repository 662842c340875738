// The commands that let a tag set the containers of a workload, whatever its triggers are now. Pure.
#include "openshift/workloads/subject.hpp"
#include "openshift/workloads/trigger_fix.hpp"
#include "openshift/workloads/triggers.hpp"

#include <algorithm>
#include <utility>

namespace sluice::openshift::detail {

std::string mended_annotation_command(const Subject& subject, const WorkloadUse& use) {
  Json containers = Json::array();
  Json init = Json::array();
  for (const auto& container : subject.containers) {
    (container.init ? init : containers).push(Json::object().set("name", container.name).set("image", container.image));
  }
  Json spec = Json::object().set("containers", std::move(containers)).set("initContainers", std::move(init));
  for (auto path = pod_spec_path(to_string(subject.kind)); !path.empty();) {
    const auto dot = path.rfind('.');
    const auto name = dot == std::string_view::npos ? path : path.substr(dot + 1);
    spec = Json::object().set(std::string(name), std::move(spec));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
  }
  auto& workload = spec;
  kube::set_at(workload, {"metadata", "annotations", kTriggerAnnotation}, subject.annotation);
  if (!mend_annotation(workload, use)) return {};
  return annotate_command(subject.command(), kube::text_at(workload, {"metadata", "annotations", kTriggerAnnotation}));
}

std::string follow_command(const Subject& subject, const WorkloadUse& use) {
  const bool init = std::any_of(use.containers.begin(), use.containers.end(),
                                [](const BoundContainer& container) { return container.init; });
  // `oc set triggers` knows no init containers of annotated workloads: it would name them as containers.
  if (init && subject.kind != WorkloadKind::deployment_config) return mended_annotation_command(subject, use);
  std::vector<std::string> names;
  for (const auto& container : use.containers) names.push_back(container.name);
  return set_trigger_command(subject.command(), use.tag, names);
}

}  // namespace sluice::openshift::detail
