#pragma once
// Where a workload's object is, and its pod template in it: for those who change workloads.

#include "base/result.hpp"
#include "kube/client.hpp"
#include "openshift/workloads/changes.hpp"

#include <functional>
#include <string_view>

namespace sluice::openshift {

/// Of CronJobs the place of today; update_workload() knows the old one too.
const kube::Resource& resource_of(WorkloadKind kind);

/// Conflict when another object has the name now. An empty uid is any.
Status check_uid(const WorkloadRef& workload, const Json& object);
/// The workload is not there: the name is free, or another object has it.
bool is_gone(const Error& error);

/// The pod spec of the template. Null when the object has none. Borrowed.
Json* pod_spec_of(Json& object, WorkloadKind kind);
/// A container of a pod spec, by name. Null when it is not there. Borrowed.
Json* container_in(Json* pod_spec, std::string_view name, bool init);

/// Client::update_json() of a workload.
Status update_workload(kube::Client& client, const WorkloadRef& workload,
                       const std::function<Result<bool>(Json&)>& change, const net::ExchangeContext& context);

}  // namespace sluice::openshift
