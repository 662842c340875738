#pragma once
// The life of a Deployment as decisions over Json: its replica sets, how a rolling update moves them, and the status
// that follows. Pure. Source: Kubernetes' deployment controller.

#include "base/json.hpp"
#include "sandbox/core/store.hpp"
#include "sandbox/workloads/counts.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

inline constexpr std::string_view kRevision = "deployment.kubernetes.io/revision";
inline constexpr std::string_view kTemplateHash = "pod-template-hash";

struct DeploymentStep {
  enum class What : std::uint8_t {
    status,  ///< nothing to move: bring the status up to date
    create,  ///< make the replica set of this template with `replicas`
    scale,   ///< `set` to `replicas`
    number,  ///< `set` becomes `revision`
    prune,   ///< delete `set`: beyond revisionHistoryLimit
  };
  What what = What::status;
  ObjectRef set;
  std::int64_t replicas = 0;
  std::int64_t revision = 0;
};
/// `sets`: those that the deployment owns.
DeploymentStep next_step_of_deployment(const Json& deployment, const std::vector<ObjectRef>& sets);

/// The set whose template is the deployment's; null when there is none yet.
ObjectRef current_set(const Json& deployment, const std::vector<ObjectRef>& sets);

Json make_replica_set(const Json& deployment, std::int64_t replicas, std::int64_t revision);
std::int64_t next_revision(const std::vector<ObjectRef>& sets);

/// A short name for a pod template, in letters that names may have.
std::string template_hash(const Json& pod_template);

/// `created`: a set was made just now.
Json deployment_status(const Json& deployment, const std::vector<ObjectRef>& sets, std::string_view now, bool created);

/// How long until progressDeadlineSeconds runs out; empty when nothing is waited for.
std::optional<std::chrono::seconds> time_to_deadline(const Json& deployment, TimePoint now);

}  // namespace sluice::sandbox
