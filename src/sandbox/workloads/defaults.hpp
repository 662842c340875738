#pragma once
// What the API server adds to workloads that are written short: the defaults of each kind. Pure.
// Source: the defaulting functions of the Kubernetes API (core/v1, apps/v1, batch) and of OpenShift (apps/v1,
// build/v1).

#include "base/json.hpp"

#include <string>
#include <string_view>

namespace sluice::sandbox {

/// "Always" for a tag "latest" or none, else "IfNotPresent".
std::string_view default_pull_policy(std::string_view image);
void default_pod_spec(Json& spec);
/// A pod template: metadata.creationTimestamp is null in all of them.
void default_template(Json& pod_template);

/// `ns` becomes the namespace of triggers that name none.
void default_deployment_config(Json& config, std::string_view ns);
void default_replication_controller(Json& controller);
void default_deployment(Json& deployment);
void default_replica_set(Json& set);
void default_stateful_set(Json& set);
void default_daemon_set(Json& set);
void default_cron_job(Json& job);
void default_build_config(Json& config);
void default_pod(Json& pod);

}  // namespace sluice::sandbox
