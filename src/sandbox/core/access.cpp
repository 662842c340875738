#include "sandbox/core/access.hpp"

#include "sandbox/core/store.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kRbac = "rbac.authorization.k8s.io";
constexpr std::string_view kServiceAccount = "system:serviceaccount:";

bool lists(const Json& rule, std::string_view member, std::string_view wanted) {
  const auto* list = rule.find(member);
  if (list == nullptr) return false;
  return std::any_of(list->items().begin(), list->items().end(), [&](const Json& entry) {
    const auto text = entry.as_string().value_or("");
    return text == "*" || text == wanted;
  });
}

bool names_resource(const Json& rule, const std::string& resource) {
  if (lists(rule, "resources", resource)) return true;
  // "*/scale" means that subresource of everything.
  const auto slash = resource.find('/');
  return slash != std::string::npos && lists(rule, "resources", "*" + resource.substr(slash));
}

bool rule_allows(const Json& rule, const Attributes& wanted, const std::string& resource) {
  if (!lists(rule, "verbs", wanted.verb) || !lists(rule, "apiGroups", wanted.group)) return false;
  if (!names_resource(rule, resource)) return false;
  const auto& names = at(rule, {"resourceNames"});
  return names.items().empty() || (!wanted.name.empty() && lists(rule, "resourceNames", wanted.name));
}

bool path_matches(std::string_view pattern, std::string_view path) {
  if (pattern.ends_with('*')) return path.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == path;
}

bool rule_allows_path(const Json& rule, std::string_view verb, std::string_view path) {
  if (!lists(rule, "verbs", verb)) return false;
  const auto& urls = at(rule, {"nonResourceURLs"}).items();
  return std::any_of(urls.begin(), urls.end(),
                     [&](const Json& url) { return path_matches(url.as_string().value_or(""), path); });
}

// Which subject of a binding the caller is: "User \"ann\"", or "" for none.
std::string matching_subject(const Json& binding, const Caller& caller) {
  for (const auto& subject : at(binding, {"subjects"}).items()) {
    const auto kind = text_at(subject, {"kind"});
    const auto name = text_at(subject, {"name"});
    if (kind == "User" && name == caller.name) return fmt::format("User \"{}\"", name);
    if (kind == "Group" && caller.in_group(name)) return fmt::format("Group \"{}\"", name);
    if (kind == "ServiceAccount") {
      const auto ns = text_at(subject, {"namespace"});
      const auto full = fmt::format("{}{}:{}", kServiceAccount, ns, name);
      if (full == caller.name) return fmt::format("ServiceAccount \"{}/{}\"", name, ns);
    }
  }
  return "";
}

ObjectRef role_of(const Store& store, const Json& binding, const std::string& ns) {
  const auto kind = text_at(binding, {"roleRef", "kind"});
  const auto name = text_at(binding, {"roleRef", "name"});
  if (kind == "Role") return store.get({"roles." + std::string(kRbac), ns, name});
  return store.get({"clusterroles." + std::string(kRbac), "", name});
}

// Looks through the bindings of one scope for a rule that `allows`.
template <class Allows>
std::optional<Decision> search(const Store& store, const Caller& caller, const std::string& ns, Allows&& allows) {
  const bool cluster = ns.empty();
  const auto resource = (cluster ? "clusterrolebindings." : "rolebindings.") + std::string(kRbac);
  for (const auto& binding : store.list(resource, ns)) {
    const auto subject = matching_subject(*binding, caller);
    if (subject.empty()) continue;
    const auto role = role_of(store, *binding, ns);
    if (!role) continue;
    const auto& rules = at(*role, {"rules"}).items();
    if (std::none_of(rules.begin(), rules.end(), allows)) continue;
    const auto name = cluster ? name_of(*binding) : name_of(*binding) + "/" + ns;
    return Decision{
        true,
        fmt::format("RBAC: allowed by {} \"{}\" of {} \"{}\" to {}", cluster ? "ClusterRoleBinding" : "RoleBinding",
                    name, text_at(*binding, {"roleRef", "kind"}), text_at(*binding, {"roleRef", "name"}), subject)};
  }
  return std::nullopt;
}

constexpr std::string_view kDenied = "no RBAC policy matched";

}  // namespace

bool Caller::in_group(std::string_view group) const {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

Caller Caller::service_account(std::string_view ns, std::string_view name) {
  return {fmt::format("{}{}:{}", kServiceAccount, ns, name),
          {"system:authenticated", "system:serviceaccounts", fmt::format("system:serviceaccounts:{}", ns)},
          ""};
}

Caller Caller::person(std::string_view name, const std::vector<std::string>& extra) {
  Caller caller{std::string(name), {"system:authenticated", "system:authenticated:oauth"}, ""};
  caller.groups.insert(caller.groups.begin(), extra.begin(), extra.end());
  return caller;
}

Decision decide(const Store& store, const Caller& caller, const Attributes& wanted) {
  const auto resource = wanted.subresource.empty() ? wanted.resource : wanted.resource + "/" + wanted.subresource;
  const auto allows = [&](const Json& rule) { return rule_allows(rule, wanted, resource); };
  if (auto decision = search(store, caller, "", allows)) return *decision;
  if (!wanted.ns.empty()) {
    if (auto decision = search(store, caller, wanted.ns, allows)) return *decision;
  }
  return {false, std::string(kDenied)};
}

std::vector<Json> rules_of(const Store& store, const Caller& caller, std::string_view ns) {
  std::vector<Json> rules;
  const auto keep = [&](const Json& rule) {
    if (rule.find("resources") != nullptr) rules.push_back(rule);
    return false;  // go on to the next one
  };
  search(store, caller, "", keep);
  if (!ns.empty()) search(store, caller, std::string(ns), keep);
  return rules;
}

Decision decide_path(const Store& store, const Caller& caller, std::string_view verb, std::string_view path) {
  const auto allows = [&](const Json& rule) { return rule_allows_path(rule, verb, path); };
  if (auto decision = search(store, caller, "", allows)) return *decision;
  return {false, std::string(kDenied)};
}

}  // namespace sluice::sandbox
