#include "sandbox/workloads/kinds.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/counts.hpp"

#include <array>

namespace sluice::sandbox {

namespace {

struct Known {
  std::string_view resource;
  TypeName type;
};

constexpr auto kKnown = std::to_array<Known>({
    {kDeploymentConfigs, {"apps.openshift.io/v1", "DeploymentConfig"}},
    {kReplicationControllers, {"v1", "ReplicationController"}},
    {kDeployments, {"apps/v1", "Deployment"}},
    {kReplicaSets, {"apps/v1", "ReplicaSet"}},
    {kStatefulSets, {"apps/v1", "StatefulSet"}},
    {kDaemonSets, {"apps/v1", "DaemonSet"}},
    {kPods, {"v1", "Pod"}},
});

}  // namespace

TypeName type_of(std::string_view resource) {
  for (const auto& known : kKnown) {
    if (known.resource == resource) return known.type;
  }
  return {"", ""};
}

std::string_view resource_of_kind(std::string_view kind) {
  for (const auto& known : kKnown) {
    if (known.type.kind == kind) return known.resource;
  }
  return "";
}

Key key_of(std::string_view resource, const Json& object) {
  return {std::string(resource), namespace_of(object), name_of(object)};
}

const Json& controller_of(const Json& object) {
  static const Json kNone;
  for (const auto& owner : at(object, {"metadata", "ownerReferences"}).items()) {
    if (flag_at(owner, {"controller"})) return owner;
  }
  return kNone;
}

Json owner_reference(std::string_view resource, const Json& owner, bool controls) {
  const auto type = type_of(resource);
  auto reference = Json::object();
  reference.set("apiVersion", type.api_version);
  reference.set("kind", type.kind);
  reference.set("name", name_of(owner));
  reference.set("uid", uid_of(owner));
  if (controls) {
    reference.set("controller", true);
    reference.set("blockOwnerDeletion", true);
  }
  return reference;
}

Key controller_key(const Json& object) {
  const auto& owner = controller_of(object);
  return {std::string(resource_of_kind(text_at(owner, {"kind"}))), namespace_of(object), text_at(owner, {"name"})};
}

void count_template_change(const Json& before, Json& after) {
  annotate(after, kTemplateGeneration, std::to_string(number_in(annotation(before, kTemplateGeneration)) + 1));
}

void OwnerIndex::observe(const Change& change) {
  if (change.key.resource != resource_) return;
  const auto old_owner = change.before ? text_at(controller_of(*change.before), {"uid"}) : std::string();
  const auto new_owner =
      change.what == Change::What::deleted ? std::string() : text_at(controller_of(*change.object), {"uid"});
  if (!old_owner.empty() && old_owner != new_owner) {
    const auto found = by_owner_.find(old_owner);
    if (found != by_owner_.end()) {
      found->second.erase(change.key);
      if (found->second.empty()) by_owner_.erase(found);
    }
  }
  if (!new_owner.empty()) by_owner_[new_owner].insert(change.key);
}

std::vector<ObjectRef> OwnerIndex::owned(const Store& store, const std::string& owner_uid) const {
  std::vector<ObjectRef> objects;
  const auto found = by_owner_.find(owner_uid);
  if (found == by_owner_.end()) return objects;
  for (const auto& key : found->second) {
    auto object = store.get(key);
    if (object && text_at(controller_of(*object), {"uid"}) == owner_uid) objects.push_back(std::move(object));
  }
  return objects;
}

}  // namespace sluice::sandbox
