#pragma once
// How a trigger is mended, without a cluster: what the triggers of an object become, and what was done, in a clause.
// Writing it: fix_trigger() in workload_changes.hpp. Pure.

#include "base/json.hpp"
#include "base/result.hpp"
#include "openshift/workloads/workloads.hpp"

#include <string>

namespace sluice::openshift {

/// Changes `spec.triggers` of a DeploymentConfig. Triggers for other containers stay as they are.
/// Errors: usage (nothing to mend; nobody can tell the container).
Result<std::string> mend_config_triggers(Json& config, const WorkloadUse& use);

/// Changes the annotation of any other workload. Triggers for other containers stay as they are, letter by letter.
/// Errors: usage (nothing to mend; nobody can tell the container; a trigger for another container is malformed).
Result<std::string> mend_annotation(Json& workload, const WorkloadUse& use);

}  // namespace sluice::openshift
