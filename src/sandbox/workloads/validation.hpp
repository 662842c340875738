#pragma once
// What the API server refuses about workloads. Pure: objects come defaulted, causes come back.
// Source: validation of Kubernetes pod templates and of OpenShift's apps/v1.

#include "base/json.hpp"
#include "sandbox/core/refusal.hpp"

#include <string_view>
#include <vector>

namespace sluice::sandbox {

std::vector<Cause> check_deployment_config(const Json& config);
/// Deployments, replica sets, stateful sets and daemon sets: `selector` is a LabelSelector.
std::vector<Cause> check_apps_workload(const Json& workload);
/// `selector` is a plain map.
std::vector<Cause> check_replication_controller(const Json& controller);
std::vector<Cause> check_cron_job(const Json& job);
std::vector<Cause> check_pod(const Json& pod);

/// A map of strings as Go prints it: map[string]string{"app":"site"}.
std::string go_map(const Json& map);

}  // namespace sluice::sandbox
