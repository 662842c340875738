#pragma once
// What a pipeline calls the clusters of a script: the name that was given, the entry of the clusters file with the same
// API or registry, a context of the kubeconfig, else the current context or the registry alone. Pure.

#include "migration/from_script.hpp"
#include "migration/route.hpp"
#include "pipeline/clusters.hpp"
#include "pipeline/pipeline.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::migration {

class ClusterNames {
 public:
  ClusterNames(const Notebook& notebook, const ScriptWish& wish, const pipeline::Clusters& clusters,
               const Route& route);

  /// Nothing for a cluster that cannot be named.
  std::optional<pipeline::Target> target(const Spot& spot) const;
  /// What was guessed, for people.
  const std::vector<std::string>& guesses() const { return guesses_; }

 private:
  void name(const std::string& key, const SeenCluster& seen, const ScriptWish& wish,
            const pipeline::Clusters& clusters);

  std::vector<std::string> keys_;                    // of clusters, in the order of the route
  std::map<std::string, pipeline::Target> targets_;  // by key, without the project
  std::vector<std::string> guesses_;
};

}  // namespace sluice::migration
