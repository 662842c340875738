#pragma once
// What a workload's pods will be like, as one hash: the pod template without the images that a promotion sets. Pure.

#include "base/json.hpp"
#include "openshift/workloads/workloads.hpp"

#include <compare>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace sluice::openshift {

/// A container of a pod template.
struct ContainerName {
  std::string name;
  bool init = false;
  friend auto operator<=>(const ContainerName&, const ContainerName&) = default;
};

/// The object of a list; null when it is not there. Borrowed.
const Json* object_in(const Workloads& workloads, WorkloadKind kind, std::string_view name);

/// "sha256:..." over the canonical JSON of the pod template (of a CronJob that of its jobs), without the image of each
/// container in `set_by_plan`; of a DeploymentConfig also of its strategy, whose hooks run commands. Not in it:
/// replicas, triggers, whether it is paused. Empty where there is no template (a BuildConfig).
std::optional<std::string> template_hash(WorkloadKind kind, const Json& object,
                                         const std::set<ContainerName>& set_by_plan);

}  // namespace sluice::openshift
