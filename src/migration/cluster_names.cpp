#include "migration/cluster_names.hpp"

#include <algorithm>

namespace sluice::migration {

namespace {

std::string host_of_api(const std::string& api) {
  const auto scheme = api.find("://");
  return scheme == std::string::npos ? api : api.substr(scheme + 3);
}

// The entry of the clusters file, or the context, that is this cluster.
std::string known_name(const SeenCluster& seen, const pipeline::Clusters& clusters) {
  for (const auto& [name, entry] : clusters.entries) {
    if (!seen.registry.empty() && entry.registry == seen.registry) return name;
    if (!seen.server.empty() && !entry.api.empty() && host_of_api(entry.api) == seen.server) return name;
  }
  if (seen.context.empty()) return "";
  const bool known =
      clusters.entries.contains(seen.context) ||
      std::find(clusters.contexts.begin(), clusters.contexts.end(), seen.context) != clusters.contexts.end();
  return known ? seen.context : "";
}

}  // namespace

ClusterNames::ClusterNames(const Notebook& notebook, const ScriptWish& wish, const pipeline::Clusters& clusters,
                           const Route& route) {
  for (const auto& station : route.stations) {
    if (!station.spot.on_cluster) continue;
    if (std::find(keys_.begin(), keys_.end(), station.spot.host) == keys_.end()) keys_.push_back(station.spot.host);
  }
  for (const auto& key : keys_) {
    const auto seen = notebook.clusters.find(key);
    name(key, seen == notebook.clusters.end() ? SeenCluster() : seen->second, wish, clusters);
  }
}

void ClusterNames::name(const std::string& key, const SeenCluster& seen, const ScriptWish& wish,
                        const pipeline::Clusters& clusters) {
  pipeline::Target target;
  target.has_api = true;
  const auto& given = key == keys_.front() ? wish.cluster : wish.to_cluster;
  target.cluster = given.empty() ? known_name(seen, clusters) : given;
  const auto shown = !seen.server.empty() ? seen.server : !seen.registry.empty() ? seen.registry : seen.context;
  if (!target.cluster.empty()) {
    if (given.empty())
      guesses_.push_back("the cluster " + target.cluster + " is the one that the script calls " + shown);
  } else if (keys_.size() == 1 || key.empty()) {
    if (!shown.empty()) {
      guesses_.push_back(
          "no cluster is named: the current context of the kubeconfig counts, and the script means the "
          "cluster of " +
          shown);
    }
  } else if (!seen.registry.empty()) {
    target.has_api = false;
    target.registry = seen.registry;
    guesses_.push_back("the registry " + seen.registry +
                       " stands for its cluster, so that no rollout is followed there; name "
                       "the cluster with --cluster and --to-cluster, or in the clusters file");
  } else {
    return;
  }
  targets_[key] = std::move(target);
}

std::optional<pipeline::Target> ClusterNames::target(const Spot& spot) const {
  pipeline::Target out;
  if (spot.on_cluster) {
    const auto found = targets_.find(spot.host);
    if (found == targets_.end()) return std::nullopt;
    out = found->second;
  } else {
    out.registry = spot.host;
  }
  out.project = spot.project;
  return out;
}

}  // namespace sluice::migration
