#pragma once
// The deployer: what its pod does to two ReplicationControllers, and how the pod's phase drives that of the rollout.
// Pure. Source: OpenShift's deployer controller and its rolling and recreate strategies.

#include "base/json.hpp"
#include "sandbox/core/store.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::sandbox {

/// What the deployer controller does next about a rollout.
struct PhaseStep {
  enum class What : std::uint8_t { nothing, create_pod, delete_pod, set_phase };
  What what = What::nothing;
  std::string phase;   ///< for set_phase
  std::string reason;  ///< new status-reason; empty: stays
};
/// `pod`: the deployer pod, or null when there is none.
PhaseStep next_phase(const Json& controller, const ObjectRef& pod);

/// The ReplicationController in its new phase; at Complete the desired count becomes the replica count.
Json with_phase(const Json& controller, const PhaseStep& step);

/// "<controller>-deploy"
std::string deployer_name(std::string_view controller);
/// `image`: that of the deployer of the release. Precondition: `config` is the one that `controller` encodes.
Json make_deployer_pod(const Json& controller, const Json& config, std::string_view image);

/// One move of a running deployer.
struct DeployerMove {
  enum class What : std::uint8_t { wait, scale_new, scale_old, done };
  What what = What::wait;
  std::int64_t replicas = 0;
};
struct DeployerView {
  bool rolling = true;       ///< else all old pods go first
  std::int64_t desired = 0;  ///< of the new controller in the end
  std::int64_t surge = 0;
  std::int64_t unavailable = 0;
  std::int64_t new_replicas = 0;  ///< spec
  std::int64_t new_available = 0;
  std::int64_t old_replicas = 0;  ///< spec, of the version that served until now
  std::int64_t old_pods = 0;
  std::int64_t old_available = 0;
};
DeployerMove next_move(const DeployerView& view);

}  // namespace sluice::sandbox
