#include "app/cluster_look.hpp"

#include "base/text.hpp"
#include "cluster/discovery.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace sluice::app {

namespace {

using promotion::Chain;
using promotion::SeenProject;
using promotion::SketchStep;
using promotion::SketchWish;
using Streams = std::vector<cluster::ImageStream>;

// The clusters of one look. The second is the first when only one is named.
struct Look {
  Session& session;
  OpenCluster* here = nullptr;
  OpenCluster* there = nullptr;
  SketchWish wish{};
  std::map<std::string, Streams> streams{};  // of the first cluster's projects, as far as they were read
  std::vector<Finding> notes{};

  OpenCluster& of(const SketchStep& step) const {
    return !wish.to_cluster.empty() && step.cluster == wish.to_cluster ? *there : *here;
  }
};

bool is_refusal(const Error& error) {
  return error.kind() == ErrorKind::denied || error.kind() == ErrorKind::not_found;
}

template <class T>
Result<std::vector<std::string>> names_of(OpenCluster& open, Session& session) {
  SLUICE_TRY(const auto listed, open.client.list<T>({}, session.exchange_context()));
  std::vector<std::string> names;
  for (const auto& project : listed.items) {
    if (project.phase() != "Terminating") names.push_back(project.name());
  }
  return names;
}

// OpenShift lists to everybody the projects that they may see; plain Kubernetes has namespaces, and lists all or none.
// Empty when nobody may list anything.
Result<std::vector<std::string>> project_names(OpenCluster& open, Session& session) {
  auto projects = names_of<cluster::Project>(open, session);
  if (projects || !is_refusal(projects.error())) return projects;
  auto namespaces = names_of<cluster::Namespace>(open, session);
  if (namespaces || !is_refusal(namespaces.error())) return namespaces;
  return std::vector<std::string>{};
}

// How a pipeline names a cluster: an address is none of the names that it may use.
Result<std::string> name_in_pipeline(const std::string& name, const OpenCluster& open) {
  if (name.find("://") == std::string::npos) return name;
  const auto& known = open.connection.access().name;
  if (!known.empty() && known.find("://") == std::string::npos) return known;
  return Error(ErrorKind::config, "a pipeline cannot name the cluster " + text::printable(name, 120))
      .with_hint("name a kubeconfig context, or an entry of the clusters file");
}

Result<Streams> read_streams(Look& look, OpenCluster& open, const std::string& project) {
  cluster::Selection selection;
  selection.project = project;
  SLUICE_TRY(auto listed, open.client.list<cluster::ImageStream>(selection, look.session.exchange_context()));
  return std::move(listed.items);
}

// Those of the first cluster are read once.
Result<Streams> streams_of(Look& look, const SketchStep& step) {
  auto& open = look.of(step);
  if (&open != look.here) return read_streams(look, open, step.project);
  if (const auto known = look.streams.find(step.project); known != look.streams.end()) return known->second;
  SLUICE_TRY(auto streams, read_streams(look, open, step.project));
  return look.streams.emplace(step.project, std::move(streams)).first->second;
}

// Projects of several apps: those whose first project has image streams stay.
Result<Chain> pick_chain(Look& look, std::vector<Chain> chains) {
  if (chains.size() == 1) return std::move(chains.front());
  std::vector<Chain> with_images;
  std::size_t looked_at = 0;
  for (const auto& chain : chains) {
    if (looked_at++ == kMaxLookedAt) break;
    const auto streams = streams_of(look, chain.steps.front());
    if (!streams && !is_refusal(streams.error())) return streams.error();
    if (streams && !streams->empty()) with_images.push_back(chain);
  }
  if (chains.size() > kMaxLookedAt) {
    // One that was not looked at may be meant as well.
    return promotion::several_chains(chains).context(fmt::format("stopped after {} projects", kMaxLookedAt));
  }
  if (with_images.size() != 1) return promotion::several_chains(with_images.empty() ? chains : with_images);
  return std::move(with_images.front());
}

Finding unread(const SketchStep& step, const Error& why) {
  return {"project-unread", Severity::warning, step.project, why.sentence(),
          "ask an administrator of " + step.project + " for the role view"};
}

// What cannot be read of a later project is told; without the first one there is nothing to write.
Result<SeenProject> see(Look& look, const SketchStep& step, bool is_first) {
  SeenProject seen;
  auto streams = streams_of(look, step);
  if (streams) {
    seen.streams = std::move(*streams);
  } else if (is_first && streams.error().kind() == ErrorKind::not_found) {
    return Error(ErrorKind::unsupported, look.of(step).connection.host() + " has no image streams to look at")
        .with_hint("write the pipeline by hand (docs/pipeline.md)");
  } else if (is_first || !is_refusal(streams.error())) {
    return std::move(streams).error();
  } else {
    look.notes.push_back(unread(step, streams.error()));
  }
  SLUICE_TRY(seen.workloads,
             cluster::read_workloads(look.of(step).client, step.project, look.session.exchange_context()));
  return seen;
}

// Between clusters images travel through their registries.
Status look_for_registries(Look& look, const Chain& chain) {
  for (const auto* step : {&chain.steps.front(), &chain.steps.back()}) {
    auto& open = look.of(*step);
    cluster::DiscoveryOptions options;
    options.projects.push_back(step->project);
    SLUICE_TRY(const auto* known, look.session.clusters());
    const auto entry = known->entries.find(step->cluster);
    if (entry != known->entries.end() && !entry->second.registry.empty()) continue;
    SLUICE_TRY(const auto names, cluster::find_registry(open.client, options, look.session.exchange_context()));
    if (!names.host.empty()) continue;
    auto finding = cluster::not_exposed(names, step->cluster.empty() ? open.connection.host() : step->cluster);
    finding.severity = Severity::warning;  // a cluster that pulls by itself may do without
    look.notes.push_back(std::move(finding));
  }
  return {};
}

Result<Look> open_clusters(Session& session, SketchWish wish) {
  Look look{session};
  SLUICE_TRY(look.here, session.cluster(wish.cluster));
  SLUICE_TRY(wish.cluster, name_in_pipeline(wish.cluster, *look.here));
  look.there = look.here;
  if (!wish.to_cluster.empty()) {
    SLUICE_TRY(look.there, session.cluster(wish.to_cluster));
    SLUICE_TRY(wish.to_cluster, name_in_pipeline(wish.to_cluster, *look.there));
    if (wish.to_cluster == wish.cluster) {
      wish.to_cluster.clear();
      look.there = look.here;
    }
  }
  look.wish = std::move(wish);
  return look;
}

}  // namespace

Result<promotion::Sketch> look_at_clusters(Session& session, SketchWish wish) {
  SLUICE_TRY(auto look, open_clusters(session, std::move(wish)));
  promotion::ProjectNames names;
  SLUICE_TRY(names.here, project_names(*look.here, session));
  names.current = look.here->connection.access().project;
  if (!look.wish.to_cluster.empty()) {
    SLUICE_TRY(names.there, project_names(*look.there, session));
  }
  SLUICE_TRY(auto chains, promotion::find_chains(names, look.wish));
  SLUICE_TRY(auto chain, pick_chain(look, std::move(chains)));
  std::vector<SeenProject> seen;
  for (const auto& step : chain.steps) {
    SLUICE_TRY(auto project, see(look, step, seen.empty()));
    seen.push_back(std::move(project));
  }
  if (!look.wish.to_cluster.empty()) SLUICE_CHECK(look_for_registries(look, chain));
  SLUICE_TRY(auto sketch, promotion::sketch_pipeline(chain, seen, look.wish));
  std::move(look.notes.begin(), look.notes.end(), std::back_inserter(sketch.notes));
  return sketch;
}

}  // namespace sluice::app
