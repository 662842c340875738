#pragma once
// What runs images: DeploymentConfigs with their controllers, and the workloads of Kubernetes.
// Source: github.com/openshift/api apps/v1/types.go, build/v1/types.go; k8s.io/api apps/v1, batch/v1, core/v1.

#include "kube/objects/images.hpp"
#include "kube/objects/object.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::kube {

struct Container {
  std::string name;
  std::string image;
  bool init = false;
};
/// Containers and init containers of a pod spec.
std::vector<Container> containers_of(const Json* pod_spec);

/// An ImageChange trigger of a DeploymentConfig or BuildConfig.
struct ImageTrigger {
  bool automatic = false;
  std::vector<std::string> containers;
  ImageSource from;
  std::string last_triggered;  ///< the pull spec that it was last resolved to
};

/// Names of the counters differ from kind to kind; what they count does not.
struct Replicas {
  std::int64_t wanted = 0;
  std::int64_t total = 0;
  std::int64_t updated = 0;
  std::int64_t ready = 0;
  std::int64_t available = 0;
  std::int64_t unavailable = 0;
};

class DeploymentConfig : public Object {
 public:
  static constexpr Resource kResource{"apps.openshift.io", "v1", "deploymentconfigs", "DeploymentConfig"};
  using Object::Object;

  bool paused() const { return flag_at(json(), {"spec", "paused"}); }
  bool has_config_trigger() const;
  std::vector<ImageTrigger> image_triggers() const;
  std::vector<Container> containers() const { return containers_of(at(json(), {"spec", "template", "spec"})); }
  std::int64_t latest_version() const { return number_at(json(), {"status", "latestVersion"}); }
  std::int64_t observed_generation() const { return number_at(json(), {"status", "observedGeneration"}); }
  /// "NAME-VERSION", the controller of the newest rollout; empty before the first.
  std::string latest_controller() const;
  std::vector<Condition> conditions() const { return conditions_at(json(), {"status", "conditions"}); }
  /// Types of the causes of the newest rollout: "ImageChange", "ConfigChange", "Manual".
  std::vector<std::string> causes() const;
  Replicas replicas() const;
  Labels selector() const { return texts_at(json(), {"spec", "selector"}); }
};

/// Where a rollout of a DeploymentConfig is; moves forward only.
enum class RolloutPhase : std::uint8_t { none, created, pending, running, complete, failed, unknown };
std::string_view to_string(RolloutPhase phase);

class ReplicationController : public Object {
 public:
  static constexpr Resource kResource{"", "v1", "replicationcontrollers", "ReplicationController"};
  using Object::Object;

  RolloutPhase phase() const;
  /// "image change", "cancelled by the user", ...
  std::string status_reason() const { return annotation("openshift.io/deployment.status-reason"); }
  bool cancelled() const { return annotation("openshift.io/deployment.cancelled") == "true"; }
  std::string deployment_config() const { return annotation("openshift.io/deployment-config.name"); }
  std::int64_t version() const;
  std::string deployer_pod() const { return annotation("openshift.io/deployer-pod.name"); }
  std::vector<Container> containers() const { return containers_of(at(json(), {"spec", "template", "spec"})); }
  Labels selector() const { return texts_at(json(), {"spec", "selector"}); }
  Replicas replicas() const;
};

/// A Deployment, StatefulSet, DaemonSet or ReplicaSet: template, counters and conditions.
class Workload : public Object {
 public:
  using Object::Object;
  std::vector<Container> containers() const { return containers_of(at(json(), {"spec", "template", "spec"})); }
  Labels selector() const { return texts_at(json(), {"spec", "selector", "matchLabels"}); }
  std::int64_t observed_generation() const { return number_at(json(), {"status", "observedGeneration"}); }
  std::vector<Condition> conditions() const { return conditions_at(json(), {"status", "conditions"}); }
  std::optional<Condition> condition(std::string_view type) const;
  /// Of the annotation that image triggers stand in; "" when there is none. See triggers.hpp.
  std::string trigger_annotation() const { return annotation("image.openshift.io/triggers"); }
};

class Deployment : public Workload {
 public:
  static constexpr Resource kResource{"apps", "v1", "deployments", "Deployment"};
  using Workload::Workload;
  bool paused() const { return flag_at(json(), {"spec", "paused"}); }
  std::string revision() const { return annotation("deployment.kubernetes.io/revision"); }
  Replicas replicas() const;
};

class ReplicaSet : public Workload {
 public:
  static constexpr Resource kResource{"apps", "v1", "replicasets", "ReplicaSet"};
  using Workload::Workload;
  std::string revision() const { return annotation("deployment.kubernetes.io/revision"); }
  Replicas replicas() const;
};

class StatefulSet : public Workload {
 public:
  static constexpr Resource kResource{"apps", "v1", "statefulsets", "StatefulSet"};
  using Workload::Workload;
  std::string current_revision() const { return text_at(json(), {"status", "currentRevision"}); }
  std::string update_revision() const { return text_at(json(), {"status", "updateRevision"}); }
  /// Pods below this number keep the old template; 0 as a rule.
  std::int64_t partition() const { return number_at(json(), {"spec", "updateStrategy", "rollingUpdate", "partition"}); }
  Replicas replicas() const;
};

class DaemonSet : public Workload {
 public:
  static constexpr Resource kResource{"apps", "v1", "daemonsets", "DaemonSet"};
  using Workload::Workload;
  Replicas replicas() const;
};

class CronJob : public Object {
 public:
  static constexpr Resource kResource{"batch", "v1", "cronjobs", "CronJob"};
  /// Before Kubernetes 1.21, which is OpenShift 3.11 up to 4.7.
  static constexpr Resource kOldResource{"batch", "v1beta1", "cronjobs", "CronJob"};
  using Object::Object;
  std::vector<Container> containers() const {
    return containers_of(at(json(), {"spec", "jobTemplate", "spec", "template", "spec"}));
  }
  std::string trigger_annotation() const { return annotation("image.openshift.io/triggers"); }
  bool suspended() const { return flag_at(json(), {"spec", "suspend"}); }
};

class BuildConfig : public Object {
 public:
  static constexpr Resource kResource{"build.openshift.io", "v1", "buildconfigs", "BuildConfig"};
  using Object::Object;
  /// `automatic` is the opposite of `paused`; a trigger without `from` follows the strategy's own image.
  std::vector<ImageTrigger> image_triggers() const;
  /// Where its images go.
  std::optional<ImageSource> output() const;
};

class Pod : public Object {
 public:
  static constexpr Resource kResource{"", "v1", "pods", "Pod"};
  using Object::Object;

  struct ContainerStatus {
    std::string name;
    std::string image;     ///< what the runtime calls it
    std::string image_id;  ///< "docker-pullable://HOST/prod/web@sha256:...", or a digest alone
    bool ready = false;
    bool init = false;
    std::int64_t restarts = 0;
    std::string state;    ///< "waiting", "running", "terminated"; "" when unknown
    std::string reason;   ///< "ImagePullBackOff", "CrashLoopBackOff", "Error", ...
    std::string message;  ///< made printable
    std::optional<std::int64_t> exit_code;
    /// The digest within image_id; empty when there is none.
    std::string digest() const;
  };
  std::string phase() const { return text_at(json(), {"status", "phase"}); }
  bool ready() const;
  std::vector<Container> containers() const { return containers_of(at(json(), {"spec"})); }
  std::vector<ContainerStatus> statuses() const;
  bool is_deleted() const { return !text_at(json(), {"metadata", "deletionTimestamp"}).empty(); }
};

}  // namespace sluice::kube
