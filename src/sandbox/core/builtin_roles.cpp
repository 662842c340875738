// The ClusterRoles and bindings that every OpenShift cluster starts with, as far as promotion meets them.
// Source: OpenShift's bootstrap policy; the rules of image-puller, -pusher, -builder, -signer and of the registry
// roles are those that a running 3.11 showed.
#include "base/text.hpp"
#include "sandbox/core/access.hpp"
#include "sandbox/core/store.hpp"
#include "sandbox/core/tree.hpp"

#include <array>
#include <string>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kRbac = "rbac.authorization.k8s.io";

// Lists are separated by blanks; "core" stands for the group without a name.
struct Rule {
  std::string_view role;
  std::string_view verbs;
  std::string_view groups;
  std::string_view resources;
  std::string_view names = "";
};

constexpr std::string_view kAll = "create delete deletecollection get list patch update watch";
constexpr std::string_view kRead = "get list watch";
constexpr std::string_view kImage = "core image.openshift.io";
constexpr std::string_view kApps = "core apps.openshift.io";

constexpr std::array kRules = std::to_array<Rule>({
    {"cluster-admin", "*", "*", "*"},
    {"cluster-reader", kRead, "*", "*"},

    {"system:image-puller", "get", kImage, "imagestreams/layers"},
    {"system:image-pusher", "get update", kImage, "imagestreams/layers"},
    {"system:image-builder", "get update", kImage, "imagestreams/layers"},
    {"system:image-builder", "create", kImage, "imagestreams"},
    {"system:image-builder", "update", "core build.openshift.io", "builds/details"},
    {"system:image-builder", "get", "core build.openshift.io", "builds"},
    {"system:image-signer", "get", kImage, "images imagestreams/layers"},
    {"system:image-signer", "create delete", kImage, "imagesignatures"},
    {"system:image-pruner", "get list", kImage, "images imagestreams"},
    {"system:image-pruner", "delete", kImage, "images"},
    {"system:image-pruner", "update", kImage, "imagestreams/status"},
    {"system:image-pruner", "get list", "core apps.openshift.io apps build.openshift.io batch",
     "pods replicationcontrollers buildconfigs builds deploymentconfigs daemonsets deployments replicasets "
     "statefulsets jobs cronjobs limitranges"},
    {"system:deployer", "delete", "core", "replicationcontrollers"},
    {"system:deployer", "get list watch update", "core", "replicationcontrollers"},
    {"system:deployer", "create get list watch", "core", "pods"},
    {"system:deployer", "get", "core", "pods/log"},
    {"system:deployer", "create list", "core", "events"},
    {"system:deployer", "create update", kImage, "imagestreamtags"},

    {"registry-viewer", kRead, kImage, "imagestreamimages imagestreammappings imagestreams imagestreamtags"},
    {"registry-viewer", "get", kImage, "imagestreams/layers"},
    {"registry-viewer", "get", "core", "namespaces"},
    {"registry-viewer", "get", "core project.openshift.io", "projects"},
    {"registry-editor", kAll, "core", "secrets serviceaccounts"},
    {"registry-editor", kAll, kImage,
     "imagestreamimages imagestreammappings imagestreams imagestreams/secrets imagestreamtags"},
    {"registry-editor", "create", kImage, "imagestreamimports"},
    {"registry-editor", "get update", kImage, "imagestreams/layers"},
    {"registry-editor", "get", "core", "namespaces"},
    {"registry-editor", "get", "core project.openshift.io", "projects"},

    {"shared-resource-viewer", kRead, kImage, "imagestreamimages imagestreams imagestreamtags"},
    {"shared-resource-viewer", "get", kImage, "imagestreams/layers"},
    {"view", kRead, kImage,
     "imagestreamimages imagestreammappings imagestreams imagestreamtags imagetags imagestreams/status"},
    {"view", kRead, kApps, "deploymentconfigs deploymentconfigs/log deploymentconfigs/scale deploymentconfigs/status"},
    {"view", kRead, "core build.openshift.io", "buildconfigs builds"},
    {"view", kRead, "core route.openshift.io", "routes routes/status"},
    {"view", kRead, "core",
     "configmaps endpoints persistentvolumeclaims pods replicationcontrollers replicationcontrollers/scale "
     "serviceaccounts services events limitranges pods/log pods/status replicationcontrollers/status resourcequotas "
     "resourcequotas/status namespaces"},
    {"view", kRead, "apps", "daemonsets deployments deployments/scale replicasets replicasets/scale statefulsets"},
    {"view", kRead, "batch", "cronjobs jobs"},
    {"view", "get", "core project.openshift.io", "projects"},
});

// What edit and admin have beside view.
constexpr std::array kEditRules = std::to_array<Rule>({
    {"edit", kAll, kImage,
     "imagestreamimages imagestreammappings imagestreams imagestreams/secrets imagestreamtags imagetags"},
    {"edit", "create", kImage, "imagestreamimports"},
    {"edit", "get update", kImage, "imagestreams/layers"},
    {"edit", kAll, kApps, "deploymentconfigs deploymentconfigs/scale"},
    {"edit", "create", kApps, "deploymentconfigrollbacks deploymentconfigs/instantiate deploymentconfigs/rollback"},
    {"edit", "get", kApps, "deploymentconfigs/log deploymentconfigs/status"},
    {"edit", kAll, "core build.openshift.io", "buildconfigs builds"},
    {"edit", "create", "core build.openshift.io", "buildconfigs/instantiate builds/clone"},
    {"edit", kAll, "core route.openshift.io", "routes"},
    {"edit", kAll, "core",
     "configmaps endpoints persistentvolumeclaims pods pods/exec replicationcontrollers "
     "replicationcontrollers/scale secrets serviceaccounts services"},
    {"edit", kAll, "apps", "daemonsets deployments deployments/scale replicasets replicasets/scale statefulsets"},
    {"edit", "create", "apps", "deployments/rollback"},
    {"edit", kAll, "batch", "cronjobs jobs"},
});

constexpr std::array kAdminRules = std::to_array<Rule>({
    {"admin", kAll, "core rbac.authorization.k8s.io authorization.openshift.io", "roles rolebindings"},
    {"admin", "create", "core authorization.k8s.io authorization.openshift.io",
     "localsubjectaccessreviews localresourceaccessreviews subjectaccessreviews"},
    {"admin", "create", "core", "serviceaccounts/token"},
    {"admin", "delete get patch update", "core project.openshift.io", "projects"},
});

// Not in 3.11.
constexpr std::string_view kSelfReview = "authentication.k8s.io";

// What everybody may do.
constexpr std::array kBasicRules = std::to_array<Rule>({
    {"basic-user", "get", "core user.openshift.io", "users", "~"},
    {"basic-user", "list", "core project.openshift.io", "projectrequests"},
    {"basic-user", "list watch", "core project.openshift.io", "projects"},
    {"basic-user", "create", kSelfReview, "selfsubjectreviews"},
    {"basic-user", "get list delete", "oauth.openshift.io", "useroauthaccesstokens"},
    {"self-access-reviewer", "create", "core authorization.k8s.io authorization.openshift.io",
     "selfsubjectaccessreviews selfsubjectrulesreviews"},
    {"oauth-token-deleter", "delete", "oauth.openshift.io", "oauthaccesstokens oauthauthorizetokens"},
    {"self-provisioner", "create", "core project.openshift.io", "projectrequests"},
});

Json strings(std::string_view text) {
  auto list = Json::array();
  for (const auto& word : text::split(text, ' ')) {
    if (!word.empty()) list.push(word == "core" ? Json("") : Json(word));
  }
  return list;
}

void add_rule(Store& store, const Rule& rule, std::string_view role) {
  auto entry = Json::object();
  entry.set("verbs", strings(rule.verbs));
  entry.set("apiGroups", strings(rule.groups));
  entry.set("resources", strings(rule.resources));
  if (!rule.names.empty()) entry.set("resourceNames", strings(rule.names));
  const Key key{"clusterroles." + std::string(kRbac), "", std::string(role)};
  const auto known = store.get(key);
  auto object = known ? *known : Json::object();
  make_at(object, {"rules"}).push(std::move(entry));
  if (known) {
    store.replace(key, std::move(object));
  } else {
    store.create(key, std::move(object));
  }
}

Json role_ref(std::string_view role) {
  auto ref = Json::object();
  ref.set("apiGroup", kRbac);
  ref.set("kind", "ClusterRole");
  ref.set("name", role);
  return ref;
}

Json subject(std::string_view kind, std::string_view name) {
  auto entry = Json::object();
  entry.set("kind", kind);
  entry.set("apiGroup", kRbac);
  entry.set("name", name);
  return entry;
}

Json account(std::string_view ns, std::string_view name) {
  auto entry = Json::object();
  entry.set("kind", "ServiceAccount");
  entry.set("name", name);
  entry.set("namespace", ns);
  return entry;
}

void bind(Store& store, std::string_view ns, std::string_view binding, std::string_view role, Json::Array subjects) {
  auto object = Json::object();
  object.set("subjects", std::move(subjects));
  object.set("roleRef", role_ref(role));
  const auto resource = (ns.empty() ? "clusterrolebindings." : "rolebindings.") + std::string(kRbac);
  store.create({resource, std::string(ns), std::string(binding)}, std::move(object));
}

void add_path_role(Store& store) {
  auto rule = Json::object();
  rule.set("verbs", strings("get"));
  rule.set("nonResourceURLs", strings("/ /api /api/* /apis /apis/* /oapi /oapi/* /version /version/* /healthz "
                                      "/healthz/* /.well-known /.well-known/* /openapi/v2 /swagger*"));
  auto role = Json::object();
  make_at(role, {"rules"}).push(std::move(rule));
  store.create({"clusterroles." + std::string(kRbac), "", "system:discovery"}, std::move(role));
  auto everything = Json::object();
  everything.set("verbs", strings("*"));
  everything.set("nonResourceURLs", strings("*"));
  const Key admin{"clusterroles." + std::string(kRbac), "", "cluster-admin"};
  auto object = *store.get(admin);
  make_at(object, {"rules"}).push(std::move(everything));
  store.replace(admin, std::move(object));
}

}  // namespace

void add_builtin_roles(Store& store, bool v4) {
  for (const auto& rule : kRules) add_rule(store, rule, rule.role);
  for (const auto& rule : kRules) {
    if (rule.role != "view") continue;
    add_rule(store, rule, "edit");
    add_rule(store, rule, "admin");
  }
  for (const auto& rule : kEditRules) {
    add_rule(store, rule, "edit");
    add_rule(store, rule, "admin");
  }
  for (const auto& rule : kAdminRules) add_rule(store, rule, "admin");
  for (const auto& rule : kBasicRules) {
    if (v4 || rule.groups != kSelfReview) add_rule(store, rule, rule.role);
  }
  add_path_role(store);
  bind(store, "", "cluster-admins", "cluster-admin", {subject("Group", "system:masters")});
  bind(store, "", "basic-users", "basic-user", {subject("Group", "system:authenticated")});
  bind(store, "", "self-provisioners", "self-provisioner", {subject("Group", "system:authenticated:oauth")});
  // Whoever has a token may end it: logging out needs no other right.
  bind(store, "", "oauth-token-deleters", "oauth-token-deleter",
       {subject("Group", "system:authenticated"), subject("Group", "system:unauthenticated")});
  bind(store, "", "self-access-reviewers", "self-access-reviewer",
       {subject("Group", "system:authenticated"), subject("Group", "system:unauthenticated")});
  bind(store, "", "system:discovery", "system:discovery",
       {subject("Group", "system:authenticated"), subject("Group", "system:unauthenticated")});
}

void add_shared_project(Store& store, std::string_view project) {
  bind(store, project, "shared-resource-viewers", "shared-resource-viewer", {subject("Group", "system:authenticated")});
}

void add_project_bindings(Store& store, std::string_view project, std::string_view admin) {
  if (!admin.empty()) bind(store, project, "admin", "admin", {subject("User", admin)});
  bind(store, project, "system:image-pullers", "system:image-puller",
       {subject("Group", "system:serviceaccounts:" + std::string(project))});
  bind(store, project, "system:image-builders", "system:image-builder", {account(project, "builder")});
  bind(store, project, "system:deployers", "system:deployer", {account(project, "deployer")});
}

}  // namespace sluice::sandbox
