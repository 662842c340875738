#include "sandbox/control/apply_scenario.hpp"

#include "base/text.hpp"
#include "sandbox/core/projects.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kRbac = "rbac.authorization.k8s.io";

void add_user(World& world, const std::string& name) {
  if (world.users.contains(name)) return;
  auto object = Json::object();
  object.set("identities", Json(Json::Array{Json("local:" + name)}));
  object.set("groups", Json());
  const Key key{"users.user.openshift.io", "", name};
  const auto stored = world.store.create(key, std::move(object));
  User user;
  user.name = name;
  user.uid = uid_of(*stored);
  world.users.emplace(name, std::move(user));
}

Status add_right(World& world, const Scenario::Right& right, std::size_t number) {
  const bool cluster = right.project.empty();
  if (!cluster && !world.project_exists(right.project)) {
    return Error(ErrorKind::config, fmt::format("a right names the project '{}', which does not exist", right.project));
  }
  const auto ns = right.project;
  if (!right.rules.is_null()) {
    const Key role{(cluster ? "clusterroles." : "roles.") + std::string(kRbac), ns, right.role};
    auto object = Json::object();
    object.set("rules", right.rules);
    if (!world.store.get(role)) world.store.create(role, std::move(object));
  }
  const bool own_role = !right.rules.is_null() && !cluster;
  auto binding = Json::object();
  set_at(binding, {"roleRef", "apiGroup"}, kRbac);
  set_at(binding, {"roleRef", "kind"}, own_role ? "Role" : "ClusterRole");
  set_at(binding, {"roleRef", "name"}, right.role);
  auto subject = Json::object();
  subject.set("kind", right.subject_kind);
  if (right.subject_kind == "ServiceAccount") {
    const auto [project, name] = text::cut(right.subject, '/');
    subject.set("name", name);
    subject.set("namespace", project);
  } else {
    subject.set("apiGroup", kRbac);
    subject.set("name", right.subject);
    if (right.subject_kind == "User") add_user(world, right.subject);
  }
  binding.set("subjects", Json(Json::Array{std::move(subject)}));
  auto name = right.binding.empty() ? fmt::format("given-{}", number) : right.binding;
  const auto resource = (cluster ? "clusterrolebindings." : "rolebindings.") + std::string(kRbac);
  if (world.store.get({resource, ns, name})) name += "-" + random_suffix(5);
  world.store.create({resource, ns, name}, std::move(binding));
  return {};
}

// A token of an identity that is known already, or a new one.
std::string token_for(World& world, const std::string& identity) {
  for (const auto& [text, token] : world.tokens) {
    if (token.identity == identity && !token.revoked && !token.expires && !token.requests_left) return text;
  }
  return world.new_token(identity);
}

struct GroupVersion {
  std::string group;
  std::string version;
};
GroupVersion group_version(const std::string& api_version) {
  const auto slash = api_version.find('/');
  if (slash == std::string::npos) return {"", api_version};
  return {api_version.substr(0, slash), api_version.substr(slash + 1)};
}

// `old`: a 3.11, whose own kinds also bear the version "v1" of the time before API groups.
Resource* resource_of(const Catalog& catalog, const Json& manifest, bool old) {
  const auto wanted = group_version(text_at(manifest, {"apiVersion"}));
  const auto kind = text_at(manifest, {"kind"});
  for (const auto& resource : catalog.all()) {
    const auto& traits = resource->traits();
    if (traits.kind != kind) continue;
    const bool legacy = old && traits.legacy && wanted.group.empty() && wanted.version == "v1";
    if (legacy || (traits.group == wanted.group && traits.version == wanted.version)) return resource.get();
  }
  return nullptr;
}

// As an administrator's POST. Errors: what the server would answer, as text.
Result<void> post(World& world, const Catalog& catalog, const Json& manifest) {
  auto* resource = resource_of(catalog, manifest, world.profile == Profile::v3_11);
  if (resource == nullptr) {
    return Error(ErrorKind::config, fmt::format("the sandbox has no kind '{}' in '{}'", text_at(manifest, {"kind"}),
                                                text_at(manifest, {"apiVersion"})));
  }
  ApiRequest request;
  request.method = "POST";
  request.verb = "create";
  request.ns = namespace_of(manifest);
  request.body = manifest;
  request.caller = world.caller_of("system:admin");
  if (resource->traits().namespaced && !world.project_exists(request.ns)) {
    return Error(ErrorKind::config, fmt::format("the project '{}' of {} '{}' does not exist", request.ns,
                                                resource->traits().kind, name_of(manifest)));
  }
  if (auto answer = resource->handle(world, request)) {
    if (answer->ok()) return {};
    return Error(ErrorKind::config, answer->error().message);
  }
  auto created = create_object(world, *resource, request, manifest);
  if (created.ok()) return {};
  return Error(ErrorKind::config, created.error().message);
}

}  // namespace

Result<std::map<std::string, std::string>> apply_people(World& world, const Scenario& scenario) {
  std::map<std::string, std::string> tokens;
  for (const auto& wanted : scenario.users) {
    add_user(world, wanted.name);
    auto& user = world.users.find(wanted.name)->second;
    if (!wanted.password.empty()) user.password = wanted.password;
    if (!wanted.groups.empty()) user.groups = wanted.groups;
    if (!wanted.token.empty()) {
      world.add_token(wanted.token, Token{wanted.name, std::nullopt, std::nullopt, false});
      tokens[wanted.name] = wanted.token;
    } else {
      tokens[wanted.name] = token_for(world, wanted.name);
    }
  }
  for (const auto& project : scenario.projects) {
    if (!is_project_name(project.name)) {
      return Error(ErrorKind::config, fmt::format("'{}' is no name for a project", text::printable(project.name)));
    }
    if (world.project_exists(project.name)) continue;
    if (!project.admin.empty()) add_user(world, project.admin);
    add_project(world, project.name, project.admin, project.annotations, project.labels);
  }
  for (const auto& account : scenario.accounts) {
    if (!world.project_exists(account.project)) {
      return Error(ErrorKind::config, fmt::format("the project '{}' of a service account does not exist",
                                                  text::printable(account.project)));
    }
    const Key key{"serviceaccounts", account.project, account.name};
    if (!world.store.get(key)) world.store.create(key, Json::object());
    const auto identity = fmt::format("system:serviceaccount:{}:{}", account.project, account.name);
    tokens[identity] = token_for(world, identity);
  }
  for (std::size_t i = 0; i < scenario.rights.size(); ++i) SLUICE_CHECK(add_right(world, scenario.rights[i], i));
  for (const auto& identity : scenario.tokens) {
    if (!identity.starts_with("system:")) add_user(world, identity);
    tokens[identity] = world.new_token(identity);
  }
  return tokens;
}

Status apply_objects(World& world, const Catalog& catalog, const Scenario& scenario) {
  for (const auto& object : scenario.objects) {
    // What `oc get -o yaml` and `oc process` write holds several objects.
    const bool is_list =
        text_at(object.manifest, {"kind"}) == "List" && text_at(object.manifest, {"apiVersion"}) == "v1";
    const std::vector<Json> manifests =
        is_list ? at(object.manifest, {"items"}).items() : std::vector<Json>{object.manifest};
    for (const auto& manifest : manifests) {
      auto posted = post(world, catalog, manifest);
      if (!posted.ok()) return std::move(posted.error()).at(object.node.position());
    }
  }
  return {};
}

Status apply_workloads(World& world, const Catalog& catalog, const Scenario& scenario) {
  for (const auto& workload : scenario.workloads) {
    SLUICE_CHECK(post(world, catalog, manifest_of(workload, world.profile == Profile::v4)));
  }
  return {};
}

}  // namespace sluice::sandbox
