#pragma once
// What following a rollout and watching it afterwards have in common: what is listed and watched, what the end of a
// watch means, and the last lines of a container. Private to cluster.

#include "base/result.hpp"
#include "kube/client.hpp"
#include "openshift/rollouts/follow.hpp"
#include "openshift/rollouts/rollout.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::openshift {

/// The collections that tell of these workloads, each once.
std::vector<kube::Resource> rollout_resources(const std::vector<const Followed*>& followed);

/// What it means that the watch of `kind` has ended with `error`: an error, or good when it can be done without, or
/// when the deadline has come and there was no connection (`trouble` says why, then).
Status judge_lost_watch(kube::Client& client, std::string_view kind, Error error, std::string& trouble);

/// The log that a cause names; without lines when there are none, or they may not be read. Blocks for some seconds at
/// most: the changes of all workloads wait meanwhile. Precondition: the cause names a pod.
LinesToShow last_lines(kube::Client& client, const std::string& project, const RolloutCause& cause, int lines,
                       const net::ExchangeContext& context);

/// Whether what refused pods would do so still.
enum class Standing : std::uint8_t {
  stands,   ///< it does, or it may not be read: then the cluster's last word holds
  lifted,   ///< it was raised or removed
  unknown,  ///< the server was not there to be asked, or is starting: to be asked again
};
/// Only of a quota can it be asked; everything else stands. Blocks for some seconds at most.
Standing still_stands(kube::Client& client, const std::string& project, const RolloutCause& cause,
                      const net::ExchangeContext& context);

}  // namespace sluice::openshift
