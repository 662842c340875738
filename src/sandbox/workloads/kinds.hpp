#pragma once
// The kinds that run containers, by the names under which the store keeps them, and what ties one to another.

#include "base/json.hpp"
#include "sandbox/core/store.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

inline constexpr std::string_view kDeploymentConfigs = "deploymentconfigs.apps.openshift.io";
inline constexpr std::string_view kReplicationControllers = "replicationcontrollers";
inline constexpr std::string_view kDeployments = "deployments.apps";
inline constexpr std::string_view kReplicaSets = "replicasets.apps";
inline constexpr std::string_view kStatefulSets = "statefulsets.apps";
inline constexpr std::string_view kDaemonSets = "daemonsets.apps";
inline constexpr std::string_view kCronJobs = "cronjobs.batch";
inline constexpr std::string_view kPods = "pods";
inline constexpr std::string_view kEvents = "events";
inline constexpr std::string_view kResourceQuotas = "resourcequotas";

/// How references to an object of a resource name its type.
struct TypeName {
  std::string_view api_version;
  std::string_view kind;
};
TypeName type_of(std::string_view resource);

Key key_of(std::string_view resource, const Json& object);

/// The entry of metadata.ownerReferences that names the controller; null when there is none. Borrowed.
const Json& controller_of(const Json& object);
/// An ownerReferences entry for `owner`; `controls` adds controller and blockOwnerDeletion.
Json owner_reference(std::string_view resource, const Json& owner, bool controls);
/// The store's name of the resource that a reference's kind stands for; "" for kinds that are not here.
std::string_view resource_of_kind(std::string_view kind);
/// The key of the controller; its resource is empty when there is none.
Key controller_key(const Json& object);

/// Daemon sets count the changes of their template in an annotation.
inline constexpr std::string_view kTemplateGeneration = "deprecated.daemonset.template.generation";
void count_template_change(const Json& before, Json& after);

/// Which objects of one resource belong to which controller. Fed with every change, so that no reconcile has to look
/// through a whole project.
class OwnerIndex {
 public:
  explicit OwnerIndex(std::string_view resource) : resource_(resource) {}
  void observe(const Change& change);
  /// What the owner of this uid controls and the store still has, by name.
  std::vector<ObjectRef> owned(const Store& store, const std::string& owner_uid) const;

 private:
  std::string resource_;
  std::map<std::string, std::set<Key>> by_owner_;
};

}  // namespace sluice::sandbox
