#pragma once
// The life of a DeploymentConfig as decisions over Json: when a rollout starts and why, the ReplicationController that
// it makes, and the status that follows. Pure.
// Source: OpenShift's deploymentconfig controller (openshift-controller-manager, library-go appsutil).

#include "base/json.hpp"
#include "sandbox/core/store.hpp"
#include "sandbox/workloads/counts.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

inline constexpr std::string_view kConfigName = "openshift.io/deployment-config.name";
inline constexpr std::string_view kConfigVersion = "openshift.io/deployment-config.latest-version";
inline constexpr std::string_view kDeploymentName = "openshift.io/deployment.name";
inline constexpr std::string_view kPhase = "openshift.io/deployment.phase";
inline constexpr std::string_view kStatusReason = "openshift.io/deployment.status-reason";
inline constexpr std::string_view kCancelled = "openshift.io/deployment.cancelled";
inline constexpr std::string_view kReplicas = "openshift.io/deployment.replicas";
inline constexpr std::string_view kDesiredReplicas = "kubectl.kubernetes.io/desired-replicas";
inline constexpr std::string_view kEncodedConfig = "openshift.io/encoded-deployment-config";
inline constexpr std::string_view kDeployerName = "openshift.io/deployer-pod.name";
inline constexpr std::string_view kDeployerFor = "openshift.io/deployer-pod-for.name";
inline constexpr std::string_view kDeployerCreated = "openshift.io/deployer-pod.created-at";
inline constexpr std::string_view kDeployerStarted = "openshift.io/deployer-pod.started-at";
inline constexpr std::string_view kDeployerCompleted = "openshift.io/deployer-pod.completed-at";

// Of a DeploymentConfig.
bool has_image_trigger(const Json& config);
bool has_config_trigger(const Json& config);
/// Every ImageChange trigger has been resolved once.
bool images_resolved(const Json& config);
/// Every container has an image that is more than blanks.
bool has_valid_images(const Json& config);
std::int64_t latest_version(const Json& config);
std::string controller_name(std::string_view config, std::int64_t version);
/// maxUnavailable of a rolling strategy; 0 otherwise.
Fences config_fences(const Json& config, std::int64_t replicas);

// Of a ReplicationController that a rollout made.
std::string phase_of(const Json& controller);
bool is_terminated(const Json& controller);
bool is_cancelled(const Json& controller);
std::int64_t version_of(const Json& controller);
/// The DeploymentConfig of that version; empty when the annotation cannot be read.
std::optional<Json> decoded_config(const Json& controller);

/// status.details for a cause: "ConfigChange", "Manual", or "ImageChange" with the given causes.
Json details_of(std::string_view cause, std::vector<Json> causes = {});

/// What to do next with a config. One step at a time, so that every change is one of its own.
struct ConfigStep {
  enum class What : std::uint8_t {
    nothing,        ///< an older rollout is still ending
    cancel,         ///< mark the older rollout `controller` as cancelled
    raise_version,  ///< status.latestVersion + 1, with `details`
    create,         ///< make the ReplicationController of the latest version
    scale,          ///< `controller` to `replicas`
    prune,          ///< delete `controller`: beyond revisionHistoryLimit
    status,         ///< bring the status up to date; `observed` when the generation counts as seen
  };
  What what = What::status;
  ObjectRef controller;
  std::int64_t replicas = 0;
  Json details;
  bool observed = true;
};
/// `controllers`: those that the config owns.
ConfigStep next_step(const Json& config, const std::vector<ObjectRef>& controllers);

/// The ReplicationController of status.latestVersion, with 0 replicas and phase New.
Json make_controller(const Json& config);

/// The status that follows from the controllers; `extra` is a condition to set on top.
Json config_status(const Json& config, const std::vector<ObjectRef>& controllers, bool observed, std::string_view now,
                   const std::optional<Condition>& extra = std::nullopt);

}  // namespace sluice::sandbox
