// Kinds of the core group and of the groups around it that promotion meets and that need few rules: projects, users,
// secrets, service accounts, routes, quotas, RBAC objects, the configuration of a 4.x cluster.
#include "base/encoding.hpp"
#include "base/text.hpp"
#include "sandbox/api/generic.hpp"
#include "sandbox/api/lists.hpp"
#include "sandbox/core/projects.hpp"
#include "sandbox/core/resource.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"

#include <fmt/format.h>

#include <array>

namespace sluice::sandbox {

namespace {

const std::vector<std::string> kAllVerbs = {"create", "delete", "deletecollection", "get",
                                            "list",   "patch",  "update",           "watch"};

Traits stored(std::string group, std::string plural, std::string kind, bool namespaced = true) {
  Traits traits;
  traits.group = std::move(group);
  traits.plural = std::move(plural);
  traits.kind = std::move(kind);
  traits.namespaced = namespaced;
  traits.verbs = kAllVerbs;
  return traits;
}

Traits with_status(Traits traits) {
  traits.has_status = true;
  traits.subresources.push_back({"status", traits.kind, {"get", "patch", "update"}, "", ""});
  return traits;
}

// --- projects ------------------------------------------------------------------------------------------------------

class Namespaces : public Resource {
 public:
  using Resource::Resource;
  Verdict prepare_create(World& /*world*/, const ApiRequest& /*request*/, Json& object) override {
    set_at(object, {"spec", "finalizers"}, Json(Json::Array{Json("kubernetes")}));
    set_at(object, {"status", "phase"}, "Active");
    return {};
  }
  void created(World& world, const Key& key) override { add_service_accounts(world, key.name); }
  void removed(World& world, const Key& key, const Json& /*last*/) override { clear_project(world, key.name); }
};

// Another view of the namespaces. The list shows those that one may get as `namespaces` of the core group, whatever
// rights to projects one has. Source: openshift, pkg/project/auth (its cache asks for "get namespaces"); a real 3.11.
class Projects final : public Namespaces {
 public:
  using Namespaces::Namespaces;
  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    if (request.verb != "list") return std::nullopt;
    auto items = Json::array();
    for (const auto& object : world.store.list(traits().stored())) {
      const auto name = name_of(*object);
      const Attributes wanted{"get", "", "namespaces", "", name, name};
      if (world.may(request.caller, wanted)) items.push(shown_item(world, *this, *object, request.legacy));
    }
    auto metadata = Json::object();
    if (world.profile == Profile::v3_11) metadata.set("selfLink", self_link(traits(), "", "", request.legacy));
    auto list = Json::object();
    list.set("kind", "ProjectList");
    list.set("apiVersion", api_version(traits(), request.legacy));
    list.set("metadata", std::move(metadata));
    list.set("items", std::move(items));
    return ApiReply{200, std::move(list), ""};
  }
};

class ProjectRequests final : public Resource {
 public:
  using Resource::Resource;
  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    const auto name = name_of(request.body);
    if (!is_project_name(name)) {
      return invalid(traits().group, traits().kind, name,
                     {{"FieldValueInvalid",
                       fmt::format("Invalid value: \"{}\": a DNS-1123 label must consist of lower case alphanumeric "
                                   "characters or '-', and must start and end with an alphanumeric character (e.g. "
                                   "'my-name',  or '123-abc', regex used for validation is "
                                   "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
                                   name),
                       "metadata.name"}});
    }
    if (world.project_exists(name)) return already_exists("project.openshift.io", "project", name);
    auto annotations = Json::object();
    annotations.set("openshift.io/description", text_at(request.body, {"description"}));
    annotations.set("openshift.io/display-name", text_at(request.body, {"displayName"}));
    const auto object = add_project(world, name, request.caller.name, std::move(annotations));
    auto reply = shown(world, *this, object, request.legacy);
    reply.set("kind", "Project");
    return ApiReply{201, std::move(reply), ""};
  }
};

// --- users ---------------------------------------------------------------------------------------------------------

class Users final : public Resource {
 public:
  using Resource::Resource;
  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    if (request.verb != "get" || request.name != "~") return std::nullopt;
    const auto& caller = request.caller;
    auto groups = Json::array();
    for (const auto& group : caller.groups) groups.push(group);
    const auto stored = world.store.get(traits().key("", caller.name));
    if (stored) {
      auto user = shown(world, *this, stored, request.legacy);
      user.set("groups", std::move(groups));
      return ApiReply{200, std::move(user), ""};
    }
    // Service accounts and certificate users have no stored object.
    auto user = Json::object();
    user.set("kind", traits().kind);
    user.set("apiVersion", api_version(traits(), request.legacy));
    set_at(user, {"metadata", "name"}, caller.name);
    if (world.profile == Profile::v3_11) {
      set_at(user, {"metadata", "selfLink"}, self_link(traits(), "", caller.name, request.legacy));
    }
    if (!caller.uid.empty()) set_at(user, {"metadata", "uid"}, caller.uid);
    set_at(user, {"metadata", "creationTimestamp"}, Json());
    user.set("identities", Json());
    user.set("groups", std::move(groups));
    return ApiReply{200, std::move(user), ""};
  }
};

class OAuthAccessTokens final : public Resource {
 public:
  using Resource::Resource;
  void removed(World& world, const Key& key, const Json& /*last*/) override { world.revoke(key.name); }
};

// Everybody's own tokens (4.6 and later).
class UserOAuthAccessTokens final : public Resource {
 public:
  using Resource::Resource;
  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    if (request.verb == "list") return std::nullopt;
    const auto object = world.store.get(traits().key("", request.name));
    if (!object || text_at(*object, {"userName"}) != request.caller.name) {
      return not_found(traits().group, traits().plural, request.name);
    }
    return std::nullopt;
  }
  void removed(World& world, const Key& key, const Json& /*last*/) override { world.revoke(key.name); }
};

// --- secrets and service accounts ----------------------------------------------------------------------------------

class Secrets final : public Resource {
 public:
  using Resource::Resource;
  Verdict prepare_create(World& /*world*/, const ApiRequest& /*request*/, Json& object) override {
    default_at(object, {"type"}, "Opaque");
    encode_texts(object);
    return {};
  }
  Verdict prepare_update(World& /*world*/, const ApiRequest& /*request*/, const Json& /*before*/,
                         Json& object) override {
    encode_texts(object);
    return {};
  }
  void removed(World& world, const Key& /*key*/, const Json& last) override {
    const auto token = encoding::decode_base64(text_at(last, {"data", "token"}));
    if (token.ok() && !token->empty()) world.revoke(*token);
  }

 private:
  // What is sent as text is stored encoded.
  static void encode_texts(Json& object) {
    for (const auto& [name, value] : at(object, {"stringData"}).members()) {
      set_at(object, {"data", name}, encoding::base64(value.as_string().value_or("")));
    }
    object.remove("stringData");
  }
};

class ServiceAccounts final : public Resource {
 public:
  using Resource::Resource;
  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    if (request.subresource != "token") return std::nullopt;
    const auto account = world.store.get(traits().key(request.ns, request.name));
    if (!account) return not_found("", traits().plural, request.name);
    const std::chrono::seconds life{number_at(request.body, {"spec", "expirationSeconds"}, 3600)};
    if (life < std::chrono::seconds(600)) {
      return invalid("authentication.k8s.io", "TokenRequest", "",
                     {{"FieldValueInvalid",
                       fmt::format("Invalid value: {}: may not specify a duration less than 10 minutes", life.count()),
                       "spec.expirationSeconds"}});
    }
    auto reply = request.body;
    set_at(reply, {"metadata", "creationTimestamp"}, Json());
    set_at(reply, {"spec", "expirationSeconds"}, life.count());
    set_at(reply, {"status", "token"},
           world.new_token(fmt::format("system:serviceaccount:{}:{}", request.ns, request.name), life));
    set_at(reply, {"status", "expirationTimestamp"}, rfc3339(world.now() + life));
    return ApiReply{201, std::move(reply), ""};
  }
};

// --- routes --------------------------------------------------------------------------------------------------------

class Routes final : public Resource {
 public:
  using Resource::Resource;
  Verdict prepare_create(World& /*world*/, const ApiRequest& request, Json& object) override {
    if (text_at(object, {"spec", "host"}).empty()) {
      set_at(object, {"spec", "host"}, fmt::format("{}-{}.apps.sandbox.test", name_of(object), request.ns));
      annotate(object, "openshift.io/host.generated", "true");
    }
    default_at(object, {"spec", "to", "kind"}, "Service");
    default_at(object, {"spec", "to", "weight"}, 100);
    default_at(object, {"spec", "wildcardPolicy"}, "None");
    set_at(object, {"status", "ingress"}, Json());
    return {};
  }
};

// --- RBAC ----------------------------------------------------------------------------------------------------------

class Bindings final : public Resource {
 public:
  using Resource::Resource;
  Verdict prepare_create(World& /*world*/, const ApiRequest& /*request*/, Json& object) override {
    default_at(object, {"roleRef", "apiGroup"}, traits().group);
    if (auto* subjects = find_at(object, {"subjects"}); subjects != nullptr && subjects->is_array()) {
      for (auto& subject : *subjects->elements()) {
        if (text_at(subject, {"kind"}) != "ServiceAccount") default_at(subject, {"apiGroup"}, traits().group);
      }
    }
    return {};
  }
};

void add_rbac(Catalog& catalog) {
  const std::string group = "rbac.authorization.k8s.io";
  catalog.add(std::make_unique<Resource>(stored(group, "roles", "Role")));
  catalog.add(std::make_unique<Resource>(stored(group, "clusterroles", "ClusterRole", false)));
  catalog.add(std::make_unique<Bindings>(stored(group, "rolebindings", "RoleBinding")));
  catalog.add(std::make_unique<Bindings>(stored(group, "clusterrolebindings", "ClusterRoleBinding", false)));
}

void add_projects(Catalog& catalog) {
  catalog.add(std::make_unique<Namespaces>(stored("", "namespaces", "Namespace", false)));
  auto projects = stored("project.openshift.io", "projects", "Project", false);
  projects.stored_as = "namespaces";
  projects.legacy = true;
  catalog.add(std::make_unique<Projects>(std::move(projects)));
  auto requests = stored("project.openshift.io", "projectrequests", "ProjectRequest", false);
  requests.verbs = {"create", "list"};
  requests.legacy = true;
  catalog.add(std::make_unique<ProjectRequests>(std::move(requests)));
}

void add_users(Catalog& catalog, bool v4) {
  auto users = stored("user.openshift.io", "users", "User", false);
  users.legacy = true;
  catalog.add(std::make_unique<Users>(std::move(users)));
  catalog.add(std::make_unique<Resource>(stored("user.openshift.io", "groups", "Group", false)));
  auto tokens = stored("oauth.openshift.io", "oauthaccesstokens", "OAuthAccessToken", false);
  tokens.legacy = true;
  catalog.add(std::make_unique<OAuthAccessTokens>(std::move(tokens)));
  if (!v4) return;
  auto own = stored("oauth.openshift.io", "useroauthaccesstokens", "UserOAuthAccessToken", false);
  own.stored_as = "oauthaccesstokens.oauth.openshift.io";
  own.verbs = {"delete", "get", "list", "watch"};
  catalog.add(std::make_unique<UserOAuthAccessTokens>(std::move(own)));
}

void add_cluster_config(Catalog& catalog) {
  catalog.add(std::make_unique<Resource>(with_status(stored("config.openshift.io", "images", "Image", false))));
  catalog.add(std::make_unique<Resource>(
      with_status(stored("config.openshift.io", "clusterversions", "ClusterVersion", false))));
  catalog.add(std::make_unique<Resource>(
      with_status(stored("imageregistry.operator.openshift.io", "configs", "Config", false))));
}

}  // namespace

void add_core_resources(Catalog& catalog, const World& world) {
  const bool v4 = world.profile == Profile::v4;
  add_projects(catalog);
  add_users(catalog, v4);
  add_rbac(catalog);
  catalog.add(std::make_unique<Secrets>(stored("", "secrets", "Secret")));
  auto accounts = stored("", "serviceaccounts", "ServiceAccount");
  accounts.short_names = {"sa"};
  if (v4) accounts.subresources.push_back({"token", "TokenRequest", {"create"}, "authentication.k8s.io", "v1"});
  catalog.add(std::make_unique<ServiceAccounts>(std::move(accounts)));
  catalog.add(std::make_unique<Resource>(stored("", "configmaps", "ConfigMap")));
  catalog.add(std::make_unique<Resource>(stored("", "services", "Service")));
  catalog.add(std::make_unique<Resource>(stored("", "endpoints", "Endpoints")));
  catalog.add(std::make_unique<Resource>(stored("", "persistentvolumeclaims", "PersistentVolumeClaim")));
  catalog.add(std::make_unique<Resource>(stored("", "limitranges", "LimitRange")));
  catalog.add(std::make_unique<Resource>(with_status(stored("", "resourcequotas", "ResourceQuota"))));
  catalog.add(std::make_unique<Resource>(stored("", "nodes", "Node", false)));
  auto routes = with_status(stored("route.openshift.io", "routes", "Route"));
  routes.legacy = true;
  catalog.add(std::make_unique<Routes>(std::move(routes)));
  if (!v4) return;
  add_cluster_config(catalog);
  add_image_policies(catalog);
}

}  // namespace sluice::sandbox
