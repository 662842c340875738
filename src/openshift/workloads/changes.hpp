#pragma once
// What is written to workloads: pausing, resuming, starting a rollout, setting images by digest, mending triggers.

#include "base/result.hpp"
#include "kube/client.hpp"
#include "net/reply_stream.hpp"
#include "openshift/workloads/workloads.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::openshift {

/// One workload by name. `uid`: only if it is still this one; may be empty.
struct WorkloadRef {
  WorkloadKind kind = WorkloadKind::deployment;
  std::string project;
  std::string name;
  std::string uid{};
  std::string shown() const { return std::string(to_string(kind)) + " " + name; }
};

/// Whether the kind has `spec.paused`: DeploymentConfig and Deployment.
bool can_pause(WorkloadKind kind);

/// False when somebody had paused it already: then it is not ours to resume. Errors: denied, not_found, conflict (uid).
Result<bool> pause_workload(kube::Client& client, const WorkloadRef& workload, const net::ExchangeContext& context);
/// Good when it is not paused, or gone.
Status resume_workload(kube::Client& client, const WorkloadRef& workload, const net::ExchangeContext& context);

/// A container, and the digest that its template is to name.
struct AwaitedImage {
  std::string container;
  bool init = false;
  std::string digest;
};
/// Waits until the template of a (paused) workload names all digests. True when it does; false when the deadline of
/// `context` came first. Watches; asks nothing in a loop. Errors: denied, not_found, unauthenticated, cancelled.
Result<bool> await_template(kube::Client& client, net::ReplyStreams& streams, const WorkloadRef& workload,
                            const std::vector<AwaitedImage>& images, const net::ExchangeContext& context);

/// Starts a rollout of what the template and its triggers say: instantiate for a DeploymentConfig, the restart
/// annotation of kubectl for the others (a CronJob has none: usage). Errors: blocked (it is paused), denied, not_found.
Status start_rollout(kube::Client& client, const WorkloadRef& workload, const net::ExchangeContext& context);

struct ContainerImage {
  std::string container;
  bool init = false;
  std::string pull_spec;  ///< with a digest
};
/// `deploy: patch`: sets images in the template, all in one write. Nothing is written when they are right already. The
/// same write starts the rollout of a DeploymentConfig that has no trigger to do it.
/// Errors: denied, not_found (the container too), conflict.
Status set_images(kube::Client& client, const WorkloadRef& workload, const std::vector<ContainerImage>& images,
                  const net::ExchangeContext& context);

/// Writes the trigger that follows the tag: on the DeploymentConfig itself, or as annotation. Other triggers stay as
/// they are; a misspelt or malformed one for the same container is replaced. Does not resume what is paused. Gives back
/// what was done in a clause ("an ImageChange trigger on web:live was added"). Errors: usage (nothing to mend, or
/// nobody can tell the container), denied, conflict.
Result<std::string> fix_trigger(kube::Client& client, const WorkloadUse& use, const net::ExchangeContext& context);

}  // namespace sluice::openshift
