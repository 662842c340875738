#include "pipeline/parse_targets.hpp"

#include "base/text.hpp"
#include "oci/reference.hpp"
#include "pipeline/fields.hpp"
#include "pipeline/rules.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace sluice::pipeline::detail {

namespace {

constexpr std::size_t kMaxTargets = 100;  // a guess, far above what a person writes
constexpr std::size_t kMaxListed = 20;    // names of clusters in one message

const yaml::Keys& target_keys() {
  static const yaml::Keys kKeys{{"registry", "cluster", "project", "via", "deploy"}, {"workloads"}};
  return kKeys;
}

// `via` and `deploy` with the places where they were written, of the target or of its environment.
struct Manner {
  std::optional<Via> via;
  const yaml::Node* via_node = nullptr;
  Deploy deploy = Deploy::trigger;
  const yaml::Node* deploy_node = nullptr;
};

// What `map` says; of what it does not say, what it inherits.
Result<Manner> read_manner(const yaml::MapReader& map, Manner manner) {
  if (const auto* node = map.find("via")) {
    const auto what = "'via' of " + map.what();
    SLUICE_TRY(const auto text, yaml::as_string(*node, what));
    manner.via = parse_via(text);
    manner.via_node = node;
    if (!manner.via) return unknown_value(*node, what, text, {"tag", "mount", "stream", "import", "docker"});
  }
  if (const auto* node = map.find("deploy")) {
    const auto what = "'deploy' of " + map.what();
    SLUICE_TRY(const auto text, yaml::as_string(*node, what));
    if (text != "trigger" && text != "patch") return unknown_value(*node, what, text, {"trigger", "patch"});
    manner.deploy = text == "patch" ? Deploy::patch : Deploy::trigger;
    manner.deploy_node = node;
  }
  return manner;
}

// A plain registry has no API to ask for tags, imports and workloads.
Status check_manner(const Manner& manner, const Target& target, const std::string& what) {
  if (target.has_api) return {};
  const auto needs_api = [&](const yaml::Node& node, const std::string& wanted) {
    return yaml::error_at(node, wanted + " needs the API of a cluster, and " + what + " is a plain registry");
  };
  if (manner.via && pipeline::needs_api(*manner.via)) {
    return needs_api(*manner.via_node, "via: " + std::string(to_string(*manner.via)))
        .with_hint("name a cluster with an API, or write via: mount, via: stream or via: docker");
  }
  if (manner.deploy == Deploy::patch) {
    return needs_api(*manner.deploy_node, "deploy: patch").with_hint("name a cluster with an API, or remove 'deploy'");
  }
  return {};
}

std::string listed(std::vector<std::string> names) {
  if (names.empty()) return "none";
  const bool cut = names.size() > kMaxListed;
  if (cut) names.resize(kMaxListed);
  // Contexts are named by whoever wrote the kubeconfig, with anything.
  for (auto& name : names) name = text::printable(name, 80);
  return text::join(names, ", ") + (cut ? ", ..." : "");
}

Error unknown_cluster(const std::string& name, const yaml::Node& node, const std::string& what,
                      const Clusters& clusters) {
  if (clusters.contexts_error) {
    return yaml::error_at(node, what + " names the cluster " + in_quotes(name) +
                                    ", which is not in the clusters file, and the kubeconfig cannot be read: " +
                                    text::printable(clusters.contexts_error->sentence(), 500))
        .with_hint("mend the kubeconfig, or add the cluster to the clusters file");
  }
  if (clusters.file.empty() && clusters.contexts.empty()) {
    return yaml::error_at(node, what + " names the cluster " + in_quotes(name) +
                                    ", and there is no clusters file and no such context in the kubeconfig")
        .with_hint(
            "give a clusters file with --clusters, log in with: sluice login https://API:6443 -u USER, or name the "
            "registry instead: registry: HOST[:PORT]");
  }
  std::vector<std::string> entries;
  for (const auto& [known, cluster] : clusters.entries) entries.push_back(known);
  auto names = entries;
  names.insert(names.end(), clusters.contexts.begin(), clusters.contexts.end());
  std::string message = "unknown cluster " + in_quotes(name) + " in " + what;
  if (const auto meant = text::nearest(name, names); !meant.empty()) {
    message += "; did you mean " + in_quotes(meant) + "?";
  }
  std::string hint;
  if (!clusters.file.empty()) hint = "known in " + clusters.file.string() + ": " + listed(std::move(entries));
  if (!clusters.contexts.empty()) {
    hint += (hint.empty() ? "" : "; ") + ("contexts of the kubeconfig: " + listed(clusters.contexts));
  }
  return yaml::error_at(node, std::move(message)).with_hint(std::move(hint));
}

// Which cluster or registry: one of two keys, or neither for the current context of the kubeconfig.
Status read_whereabouts(const yaml::MapReader& map, const Clusters& clusters, Target& target) {
  const auto* registry = map.find("registry");
  const auto* cluster = map.find("cluster");
  if (registry != nullptr && cluster != nullptr) {
    return yaml::error_at(*cluster, map.what() + " has both 'registry' and 'cluster'")
        .with_hint("a cluster's entry names its registry; remove one of them");
  }
  if (registry != nullptr) {
    SLUICE_TRY(target.registry, read_registry(*registry, "'registry' of " + map.what()));
    return {};
  }
  if (cluster == nullptr) {
    target.has_api = true;
    return {};
  }
  SLUICE_TRY(target.cluster, map.required_string("cluster"));
  if (const auto entry = clusters.entries.find(target.cluster); entry != clusters.entries.end()) {
    target.registry = entry->second.registry;
    target.has_api = entry->second.has_api;
    return {};
  }
  if (std::find(clusters.contexts.begin(), clusters.contexts.end(), target.cluster) == clusters.contexts.end()) {
    return unknown_cluster(target.cluster, *cluster, map.what(), clusters);
  }
  target.has_api = true;
  return {};
}

// A project of a cluster is a namespace, and an image of it an image stream: neither has a '/'.
// Source: Kubernetes "Object Names and IDs", RFC 1123 label names; the integrated registry serves NAMESPACE/STREAM
// only.
Status check_names_of_cluster(const yaml::MapReader& map, const TargetScope& scope, const Target& target) {
  const auto& node = *map.find("project");
  if (!is_dns_label(target.project)) {
    return yaml::error_at(node, "'project' of " + map.what() + " is " + in_quotes(target.project) +
                                    ", which no project of a cluster can be called")
        .with_hint("use lower-case letters, digits and '-' between them, at most 63");
  }
  for (const auto& image : scope.images) {
    if (image.find('/') == std::string::npos) continue;
    return yaml::error_at(node, "the image " + in_quotes(image) + " has a '/' in its name, and " + map.what() +
                                    " is a project of a cluster, where images are image streams")
        .with_hint("give the image a name without '/', or name a plain registry: registry: HOST[:PORT]");
  }
  return {};
}

Status check_project(const yaml::MapReader& map, const TargetScope& scope, const Target& target) {
  if (target.has_api) SLUICE_CHECK(check_names_of_cluster(map, scope, target));
  const auto& node = *map.find("project");
  if (const auto checked = oci::check_repository_path(target.project); !checked) {
    return about_field(checked.error(), node, "'project' of " + map.what());
  }
  // The whole path has a limit of its own. Source: distribution, reference grammar, 255 characters.
  const auto longest = std::max_element(scope.images.begin(), scope.images.end(),
                                        [](const auto& a, const auto& b) { return a.size() < b.size(); });
  if (const auto checked = oci::check_repository_path(target.project + "/" + *longest); !checked) {
    return about_field(checked.error(), node, "'project' of " + map.what() + " with image " + in_quotes(*longest));
  }
  return {};
}

// Reads what an environment or an entry of its targets says of one place.
Result<Target> parse_target(const yaml::MapReader& map, const TargetScope& scope, const Manner& manner) {
  Target target;
  target.position = map.node().position();
  SLUICE_CHECK(read_whereabouts(map, scope.clusters, target));
  SLUICE_TRY(target.project, map.required_string("project"));
  SLUICE_CHECK(check_project(map, scope, target));
  SLUICE_CHECK(check_manner(manner, target, map.what()));
  target.via = manner.via;
  target.deploy = manner.deploy;
  return target;
}

// What belongs into the entries of `targets` once there are any.
Status check_no_place(const yaml::MapReader& environment) {
  for (const auto* key : {"registry", "cluster", "project"}) {
    if (const auto* node = environment.find(key)) {
      return yaml::error_at(*node, environment.what() + " has both 'targets' and '" + key + "'")
          .with_hint("move it into the entries of 'targets'");
    }
  }
  return {};
}

}  // namespace

Status check_born_there(const yaml::MapReader& map) {
  for (const auto* key : {"via", "deploy", "verify", "on-failure", "accept"}) {
    if (const auto* node = map.find(key)) {
      return yaml::error_at(*node, map.what() + " is where images are born and takes no '" + key + "'")
          .with_hint("nothing is promoted to the first environment; remove '" + std::string(key) + "'");
    }
  }
  return {};
}

Result<std::vector<Target>> parse_targets(const yaml::MapReader& environment, const TargetScope& scope) {
  SLUICE_TRY(const auto inherited, read_manner(environment, {}));
  std::vector<Target> targets;
  const auto* list = environment.find("targets");
  if (list == nullptr) {
    SLUICE_TRY(auto only, parse_target(environment, scope, inherited));
    targets.push_back(std::move(only));
    return targets;
  }
  SLUICE_CHECK(check_no_place(environment));
  const auto what = "'targets' of " + environment.what();
  if (list->kind != yaml::Node::Kind::sequence || list->items.empty()) {
    return yaml::error_at(*list, what + " must be a list with at least one entry")
        .with_hint("write for example: targets: [{registry: registry.example.com, project: shop}]");
  }
  if (list->items.size() > kMaxTargets) {
    return yaml::error_at(*list, what + " has more than " + std::to_string(kMaxTargets) + " entries");
  }
  for (const auto& item : list->items) {
    const auto label = "target " + std::to_string(targets.size() + 1) + " of " + environment.what();
    SLUICE_TRY(const auto map, yaml::MapReader::open(item, label, target_keys()));
    if (scope.is_first) SLUICE_CHECK(check_born_there(map));
    SLUICE_TRY(const auto manner, read_manner(map, inherited));
    SLUICE_TRY(auto target, parse_target(map, scope, manner));
    targets.push_back(std::move(target));
  }
  SLUICE_CHECK(check_unique(targets, environment.what()));
  return targets;
}

}  // namespace sluice::pipeline::detail
