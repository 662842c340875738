#pragma once
// Reads what the pods of workloads run now.

#include "base/result.hpp"
#include "kube/client.hpp"
#include "openshift/workloads/findings.hpp"
#include "openshift/workloads/workloads.hpp"

#include <string_view>
#include <vector>

namespace sluice::openshift {

/// Of the workloads in `uses`; builds and CronJobs are left out. One list each of pods, ReplicationControllers and
/// ReplicaSets, however many workloads there are. Errors: those of Client::list; kinds that may not be read are left
/// out.
Result<std::vector<RunningWorkload>> read_running(kube::Client& client, std::string_view project,
                                                  const Workloads& workloads, const std::vector<WorkloadUse>& uses,
                                                  const net::ExchangeContext& context);

}  // namespace sluice::openshift
