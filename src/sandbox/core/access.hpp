#pragma once
// Who may do what: users, tokens, and RBAC decisions over the Role and RoleBinding objects in the store.
// Source: Kubernetes RBAC (rbac.authorization.k8s.io/v1) with OpenShift's built-in roles.

#include "base/json.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

class Store;

/// Who sends a request.
struct Caller {
  std::string name = "system:anonymous";
  std::vector<std::string> groups = {"system:unauthenticated"};
  std::string uid;

  bool anonymous() const { return name == "system:anonymous"; }
  bool in_group(std::string_view group) const;
  /// "system:serviceaccount:NS:NAME" with its three groups.
  static Caller service_account(std::string_view ns, std::string_view name);
  /// A person; `extra` beside the groups that every OAuth user has.
  static Caller person(std::string_view name, const std::vector<std::string>& extra = {});
};

/// What a request wants. `resource` may carry its subresource as "imagestreams/layers".
struct Attributes {
  std::string verb;
  std::string group;
  std::string resource;
  std::string subresource;
  std::string ns;  ///< empty: cluster scope
  std::string name;
};

struct Decision {
  bool allowed = false;
  std::string reason;  ///< "RBAC: allowed by ..." or "no RBAC policy matched"
};

Decision decide(const Store& store, const Caller& caller, const Attributes& wanted);
/// The same for a path that is no resource ("/metrics").
Decision decide_path(const Store& store, const Caller& caller, std::string_view verb, std::string_view path);

/// Every resource rule that holds for a caller in a namespace (and in the whole cluster).
std::vector<Json> rules_of(const Store& store, const Caller& caller, std::string_view ns);

/// Puts the built-in ClusterRoles and ClusterRoleBindings into a new store.
/// `v4`: with what 3.11 does not know.
void add_builtin_roles(Store& store, bool v4);
/// The four role bindings that every new project has. `admin` empty: no admin binding.
void add_project_bindings(Store& store, std::string_view project, std::string_view admin);

/// A project whose images everybody who is logged in may see and pull ("openshift").
void add_shared_project(Store& store, std::string_view project);

/// One credential of the sandbox.
struct Token {
  std::string identity;  ///< user name, or "system:serviceaccount:NS:NAME"
  std::optional<std::chrono::system_clock::time_point> expires;
  std::optional<std::uint64_t> requests_left;  ///< knob: dies after so many requests
  bool revoked = false;
};

}  // namespace sluice::sandbox
