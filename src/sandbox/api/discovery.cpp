#include "sandbox/api/discovery.hpp"

#include "sandbox/core/http_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

namespace sluice::sandbox {

namespace {

struct GroupName {
  std::string_view name;
  std::string_view version;
};

// As a 3.11 master lists them.
constexpr std::array kGroups = std::to_array<GroupName>({
    {"apiregistration.k8s.io", "v1"},
    {"extensions", "v1beta1"},
    {"apps", "v1"},
    {"events.k8s.io", "v1beta1"},
    {"authentication.k8s.io", "v1"},
    {"authorization.k8s.io", "v1"},
    {"autoscaling", "v1"},
    {"batch", "v1"},
    {"certificates.k8s.io", "v1beta1"},
    {"networking.k8s.io", "v1"},
    {"policy", "v1beta1"},
    {"authorization.openshift.io", "v1"},
    {"rbac.authorization.k8s.io", "v1"},
    {"storage.k8s.io", "v1"},
    {"admissionregistration.k8s.io", "v1beta1"},
    {"apiextensions.k8s.io", "v1beta1"},
    {"scheduling.k8s.io", "v1beta1"},
    {"apps.openshift.io", "v1"},
    {"build.openshift.io", "v1"},
    {"image.openshift.io", "v1"},
    {"network.openshift.io", "v1"},
    {"oauth.openshift.io", "v1"},
    {"project.openshift.io", "v1"},
    {"quota.openshift.io", "v1"},
    {"route.openshift.io", "v1"},
    {"security.openshift.io", "v1"},
    {"template.openshift.io", "v1"},
    {"user.openshift.io", "v1"},
});
constexpr std::array kGroupsOf4 = std::to_array<GroupName>({
    {"config.openshift.io", "v1"},
    {"imageregistry.operator.openshift.io", "v1"},
});

// The old root of OpenShift's own resources lists more than is played here.
constexpr std::array kLegacy = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"appliedclusterresourcequotas", "AppliedClusterResourceQuota"},
    {"buildconfigs/instantiate", "BuildRequest"},
    {"buildconfigs/instantiatebinary", "BinaryBuildRequestOptions"},
    {"buildconfigs/webhooks", "Build"},
    {"builds", "Build"},
    {"builds/clone", "BuildRequest"},
    {"builds/details", "Build"},
    {"builds/log", "BuildLog"},
    {"clusternetworks", "ClusterNetwork"},
    {"clusterresourcequotas", "ClusterResourceQuota"},
    {"clusterresourcequotas/status", "ClusterResourceQuota"},
    {"clusterrolebindings", "ClusterRoleBinding"},
    {"clusterroles", "ClusterRole"},
    {"egressnetworkpolicies", "EgressNetworkPolicy"},
    {"groups", "Group"},
    {"hostsubnets", "HostSubnet"},
    {"identities", "Identity"},
    {"localresourceaccessreviews", "LocalResourceAccessReview"},
    {"localsubjectaccessreviews", "LocalSubjectAccessReview"},
    {"netnamespaces", "NetNamespace"},
    {"oauthaccesstokens", "OAuthAccessToken"},
    {"oauthauthorizetokens", "OAuthAuthorizeToken"},
    {"oauthclientauthorizations", "OAuthClientAuthorization"},
    {"oauthclients", "OAuthClient"},
    {"podsecuritypolicyreviews", "PodSecurityPolicyReview"},
    {"podsecuritypolicyselfsubjectreviews", "PodSecurityPolicySelfSubjectReview"},
    {"podsecuritypolicysubjectreviews", "PodSecurityPolicySubjectReview"},
    {"processedtemplates", "Template"},
    {"projectrequests", "ProjectRequest"},
    {"projects", "Project"},
    {"resourceaccessreviews", "ResourceAccessReview"},
    {"rolebindingrestrictions", "RoleBindingRestriction"},
    {"rolebindings", "RoleBinding"},
    {"roles", "Role"},
    {"routes", "Route"},
    {"routes/status", "Route"},
    {"selfsubjectrulesreviews", "SelfSubjectRulesReview"},
    {"subjectaccessreviews", "SubjectAccessReview"},
    {"subjectrulesreviews", "SubjectRulesReview"},
    {"templates", "Template"},
    {"useridentitymappings", "UserIdentityMapping"},
    {"users", "User"},
});

struct Unplayed {
  std::string_view group;
  std::string_view plural;
  std::string_view kind;
  bool namespaced;
};
// Groups without a kind that is played here are listed by the one that they are known for, with no verbs: clients take
// an empty list for a broken server.
constexpr std::array kUnplayed = std::to_array<Unplayed>({
    {"admissionregistration.k8s.io", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", false},
    {"apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", false},
    {"apiregistration.k8s.io", "apiservices", "APIService", false},
    {"autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler", true},
    {"batch", "jobs", "Job", true},
    {"certificates.k8s.io", "certificatesigningrequests", "CertificateSigningRequest", false},
    {"events.k8s.io", "events", "Event", true},
    {"extensions", "podsecuritypolicies", "PodSecurityPolicy", false},
    {"network.openshift.io", "netnamespaces", "NetNamespace", false},
    {"networking.k8s.io", "networkpolicies", "NetworkPolicy", true},
    {"policy", "poddisruptionbudgets", "PodDisruptionBudget", true},
    {"quota.openshift.io", "clusterresourcequotas", "ClusterResourceQuota", false},
    {"scheduling.k8s.io", "priorityclasses", "PriorityClass", false},
    {"security.openshift.io", "securitycontextconstraints", "SecurityContextConstraints", false},
    {"storage.k8s.io", "storageclasses", "StorageClass", false},
    {"template.openshift.io", "templates", "Template", true},
});

Json string_list(const std::vector<std::string>& values) {
  auto list = Json::array();
  for (const auto& value : values) list.push(value);
  return list;
}

Json version_entry(std::string_view group, std::string_view version) {
  auto entry = Json::object();
  entry.set("groupVersion", fmt::format("{}/{}", group, version));
  entry.set("version", version);
  return entry;
}

// The versions of a group, the preferred one first.
std::vector<std::string> versions_of(const Catalog& catalog, const GroupName& group) {
  std::vector<std::string> versions{std::string(group.version)};
  for (const auto& resource : catalog.all()) {
    const auto& traits = resource->traits();
    if (traits.group == group.name && std::find(versions.begin(), versions.end(), traits.version) == versions.end()) {
      versions.push_back(traits.version);
    }
  }
  return versions;
}

Json group_json(const Catalog& catalog, const GroupName& group) {
  auto json = Json::object();
  json.set("name", group.name);
  auto versions = Json::array();
  for (const auto& version : versions_of(catalog, group)) versions.push(version_entry(group.name, version));
  json.set("versions", std::move(versions));
  json.set("preferredVersion", version_entry(group.name, group.version));
  return json;
}

std::vector<GroupName> groups_of(const World& world) {
  std::vector<GroupName> groups(kGroups.begin(), kGroups.end());
  if (world.profile == Profile::v4) groups.insert(groups.end(), kGroupsOf4.begin(), kGroupsOf4.end());
  return groups;
}

std::map<std::string, Json> resource_entries(const Catalog& catalog, std::string_view group, std::string_view version,
                                             bool legacy) {
  std::map<std::string, Json> entries;
  for (const auto& resource : catalog.all()) {
    const auto& traits = resource->traits();
    if (legacy ? !traits.legacy : traits.group != group || traits.version != version) continue;
    auto entry = Json::object();
    entry.set("name", traits.plural);
    entry.set("singularName", "");
    entry.set("namespaced", traits.namespaced);
    entry.set("kind", traits.kind);
    entry.set("verbs", string_list(traits.verbs));
    if (!traits.short_names.empty()) entry.set("shortNames", string_list(traits.short_names));
    if (!traits.categories.empty()) entry.set("categories", string_list(traits.categories));
    entries.emplace(traits.plural, std::move(entry));
    for (const auto& sub : traits.subresources) {
      auto part = Json::object();
      part.set("name", traits.plural + "/" + sub.name);
      part.set("singularName", "");
      part.set("namespaced", traits.namespaced);
      if (!sub.group.empty()) part.set("group", sub.group);
      if (!sub.version.empty()) part.set("version", sub.version);
      part.set("kind", sub.kind);
      part.set("verbs", string_list(sub.verbs));
      entries.emplace(traits.plural + "/" + sub.name, std::move(part));
    }
  }
  return entries;
}

std::map<std::string, Json> unplayed_entry(std::string_view group) {
  std::map<std::string, Json> entries;
  for (const auto& row : kUnplayed) {
    if (row.group != group) continue;
    auto entry = Json::object();
    entry.set("name", row.plural);
    entry.set("singularName", "");
    entry.set("namespaced", row.namespaced);
    entry.set("kind", row.kind);
    entry.set("verbs", Json::array());
    entries.emplace(row.plural, std::move(entry));
  }
  return entries;
}

ApiReply resource_list(std::map<std::string, Json> entries, std::string_view group_version) {
  auto list = Json::object();
  list.set("kind", "APIResourceList");
  list.set("apiVersion", "v1");
  list.set("groupVersion", group_version);
  auto resources = Json::array();
  for (auto& [name, entry] : entries) resources.push(std::move(entry));
  list.set("resources", std::move(resources));
  return {200, std::move(list), ""};
}

ApiReply legacy_list(const Catalog& catalog) {
  auto entries = resource_entries(catalog, "", "", true);
  for (const auto& [name, kind] : kLegacy) {
    if (entries.contains(std::string(name))) continue;
    auto entry = Json::object();
    entry.set("name", name);
    entry.set("singularName", "");
    entry.set("namespaced", true);
    entry.set("kind", kind);
    entry.set("verbs", Json::array());
    entries.emplace(name, std::move(entry));
  }
  return resource_list(std::move(entries), "v1");
}

ApiReply version_reply(const World& world, bool openshift) {
  auto version = Json::object();
  const bool old = world.profile == Profile::v3_11;
  // As a 3.11 was shipped: "+" says that it is ahead of the release it bears the number of.
  version.set("major", openshift ? "3" : "1");
  version.set("minor", old ? "11+" : "27");
  version.set("gitVersion", openshift ? "v3.11.0+sluice-sandbox"
                            : old     ? "v1.11.0+sluice-sandbox"
                                      : "v1.27.0+sluice-sandbox");
  version.set("gitCommit", "");
  version.set("gitTreeState", "clean");
  version.set("buildDate", "1970-01-01T00:00:00Z");
  version.set("platform", "linux/amd64");
  return {200, std::move(version), ""};
}

ApiReply not_there() { return {404, Json(), "404 page not found\n"}; }

ApiReply group_list(const World& world, const Catalog& catalog) {
  auto list = Json::object();
  list.set("kind", "APIGroupList");
  list.set("apiVersion", "v1");
  auto groups = Json::array();
  for (const auto& group : groups_of(world)) groups.push(group_json(catalog, group));
  list.set("groups", std::move(groups));
  return {200, std::move(list), ""};
}

ApiReply one_group(const World& world, const Catalog& catalog, const std::vector<std::string>& parts) {
  for (const auto& group : groups_of(world)) {
    if (group.name != parts[1]) continue;
    if (parts.size() == 3) {
      auto entries = resource_entries(catalog, group.name, parts[2], false);
      if (entries.empty() && group.version != parts[2]) return not_there();
      if (entries.empty()) entries = unplayed_entry(group.name);
      return resource_list(std::move(entries), parts[1] + "/" + parts[2]);
    }
    auto json = Json::object();
    json.set("kind", "APIGroup");
    json.set("apiVersion", "v1");
    auto described = group_json(catalog, group);
    for (auto& [name, value] : *described.fields()) json.set(name, std::move(value));
    return {200, std::move(json), ""};
  }
  return not_there();
}

}  // namespace

bool knows_group(const World& world, std::string_view group) {
  if (group.empty()) return true;
  for (const auto& known : groups_of(world)) {
    if (known.name == group) return true;
  }
  return false;
}

std::optional<ApiReply> discover(const World& world, const Catalog& catalog, std::string_view path) {
  const auto parts = path_segments(path);
  if (parts.empty()) return std::nullopt;
  if (parts[0] == "apis") {
    if (parts.size() == 1) return group_list(world, catalog);
    if (parts.size() <= 3) return one_group(world, catalog, parts);
    return std::nullopt;
  }
  if (parts[0] == "api" && parts.size() <= 2) {
    if (parts.size() == 2) {
      return parts[1] == "v1" ? resource_list(resource_entries(catalog, "", "v1", false), "v1") : not_there();
    }
    auto versions = Json::object();
    versions.set("kind", "APIVersions");
    versions.set("versions", string_list({"v1"}));
    versions.set("serverAddressByClientCIDRs", Json::array());
    return ApiReply{200, std::move(versions), ""};
  }
  if (parts[0] == "oapi" && world.profile == Profile::v3_11 && parts.size() == 2 && parts[1] == "v1") {
    return legacy_list(catalog);
  }
  if (parts[0] == "version" && parts.size() == 1) return version_reply(world, false);
  if (parts[0] == "version" && parts.size() == 2 && parts[1] == "openshift" && world.profile == Profile::v3_11) {
    return version_reply(world, true);
  }
  return std::nullopt;
}

}  // namespace sluice::sandbox
