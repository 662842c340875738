#pragma once
// The two ways in which a client asks for a rollout: deploymentconfigs/instantiate and deploymentconfigs/rollback.
// Pure; the caller reads and stores. Source: OpenShift's apps.openshift.io registry (instantiate, rollback).

#include "base/json.hpp"
#include "sandbox/core/refusal.hpp"
#include "sandbox/core/store.hpp"
#include "sandbox/workloads/triggers.hpp"

#include <functional>
#include <optional>
#include <string>

namespace sluice::sandbox {

/// The config with its latestVersion raised; empty when there is nothing to roll out (HTTP 204).
/// `previous`: the config of the latest version, for comparing; empty when there was none.
/// Errors: 422 when it is paused, 400 when a trigger has never been resolved.
Answer<std::optional<Json>> instantiated(const Json& config, const Json& request, const std::optional<Json>& previous,
                                         const TagResolver& resolve);

/// The config that a rollback asks for. It is only computed: the client stores it.
/// `controller`: the ReplicationController of a name, or null. Errors: 422 on the field name.
Answer<Json> rolled_back(const Json& config, const Json& request,
                         const std::function<ObjectRef(const std::string&)>& controller);

/// 422 of a DeploymentConfigRollback, on its name.
Refusal rollback_refused(const std::string& name, const std::string& why);

}  // namespace sluice::sandbox
