#include "app/cluster_look.hpp"

#include "base/text.hpp"
#include "findings/catalogue.hpp"
#include "openshift/registry/discovery.hpp"
#include "promotion/plan/refused_look.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

namespace sluice::app {

namespace {

using init::Chain;
using init::SeenProject;
using init::SketchStep;
using init::SketchWish;
using Streams = std::vector<kube::ImageStream>;

// From the first project images are read and pulled; of the others more is to be seen.
constexpr std::string_view kSourceRole = "registry-viewer";
constexpr std::string_view kTargetRole = "view";

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
  auto projects = names_of<kube::Project>(open, session);
  if (projects || !is_refusal(projects.error())) return projects;
  auto namespaces = names_of<kube::Namespace>(open, session);
  if (namespaces || !is_refusal(namespaces.error())) return namespaces;
  return std::vector<std::string>{};
}

std::string user_at(OpenCluster& open, Session& session) {
  const auto user = open.client.who_am_i(session.exchange_context());
  return user ? user->name() : std::string();
}

// The list leaves out what we may see by other rights than those it goes by. Who names a project has it asked for by
// its name; one that we may work in without being shown the project is known by its image streams. `role`: that a
// hidden one needs to be looked at.
Status add_named(OpenCluster& open, Session& session, const std::vector<std::string>& wanted, std::string_view role,
                 std::vector<std::string>& names, std::vector<Finding>& hidden) {
  // Nobody knows any name: each is tried.
  if (names.empty()) return {};
  for (const auto& project : wanted) {
    if (project.empty() || std::find(names.begin(), names.end(), project) != names.end()) continue;
    const auto found = open.client.get<kube::Project>("", project, session.exchange_context());
    if (!found && !is_refusal(found.error())) return found.error();
    bool there = found.ok();
    if (!found && found.error().kind() == ErrorKind::denied) {
      kube::Selection selection;
      selection.project = project;
      there = open.client.first_page_json(kube::ImageStream::kResource, selection, session.exchange_context()).ok();
    }
    if (there) {
      names.push_back(project);
      continue;
    }
    const bool missing = found.error().kind() == ErrorKind::not_found;
    const auto meant = text::nearest(project, names);
    hidden.push_back(findings::make_finding(missing ? "project-missing" : "project-hidden", project,
                                            {{"cluster", open.name.empty() ? open.connection.host() : open.name},
                                             {"user", user_at(open, session)},
                                             {"project", project},
                                             {"role", std::string(role)},
                                             {"meant", meant.empty() ? "" : "; did you mean '" + meant + "'?"}}));
  }
  return {};
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
  kube::Selection selection;
  selection.project = project;
  SLUICE_TRY(auto listed, open.client.list<kube::ImageStream>(selection, look.session.exchange_context()));
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
    return init::several_chains(chains).context(fmt::format("stopped after {} projects", kMaxLookedAt));
  }
  if (with_images.size() != 1) return init::several_chains(with_images.empty() ? chains : with_images);
  return std::move(with_images.front());
}

std::string role_command(std::string_view role, const std::string& user, const std::string& project) {
  return fmt::format("oc policy add-role-to-user {} {} -n {}", role, findings::shell_word(user),
                     findings::shell_word(project));
}

Finding unread(Look& look, const SketchStep& step, bool is_first, const Error& why) {
  return {"project-unread", Severity::warning, step.project, why.message(),
          role_command(is_first ? kSourceRole : kTargetRole, user_at(look.of(step), look.session), step.project)};
}

// Workloads that may not be listed are one note, with the command that shows them.
void settle_unread(Look& look, const Chain& chain, std::vector<Finding>& notes) {
  for (const auto& step : chain.steps) {
    Finding* first = nullptr;
    for (auto& note : notes) {
      if (note.code != "workloads-unread" || note.subject != step.project) continue;
      if (first == nullptr) {
        first = &note;
        note.fix = role_command("view", user_at(look.of(step), look.session), step.project);
      } else {
        first->sentence += "; " + note.sentence;
        note.code.clear();
      }
    }
  }
  std::erase_if(notes, [](const Finding& note) { return note.code.empty(); });
}

// What cannot be read of a project is told; without the first one there is nothing to write, and it is read empty.
Result<SeenProject> see(Look& look, const SketchStep& step, bool is_first) {
  SeenProject seen;
  auto streams = streams_of(look, step);
  if (streams) {
    seen.streams = std::move(*streams);
  } else if (is_first && streams.error().kind() == ErrorKind::not_found) {
    return Error(ErrorKind::unsupported, look.of(step).connection.host() + " has no image streams to look at")
        .with_hint("write the pipeline by hand (docs/pipeline.md)");
  } else if (!is_refusal(streams.error())) {
    return std::move(streams).error();
  } else {
    look.notes.push_back(unread(look, step, is_first, streams.error()));
  }
  SLUICE_TRY(seen.workloads,
             openshift::read_workloads(look.of(step).client, step.project, look.session.exchange_context()));
  return seen;
}

// Between clusters images travel through their registries.
Status look_for_registries(Look& look, const Chain& chain) {
  for (const auto* step : {&chain.steps.front(), &chain.steps.back()}) {
    auto& open = look.of(*step);
    openshift::DiscoveryOptions options;
    options.projects.push_back(step->project);
    SLUICE_TRY(const auto* known, look.session.clusters());
    const auto entry = known->entries.find(step->cluster);
    if (entry != known->entries.end() && !entry->second.registry.empty()) continue;
    SLUICE_TRY(const auto names, openshift::find_registry(open.client, options, look.session.exchange_context()));
    if (!names.host.empty()) continue;
    auto finding = openshift::not_exposed(names, step->cluster.empty() ? open.connection.host() : step->cluster);
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

Result<init::Sketch> look_at_clusters(Session& session, SketchWish wish) {
  SLUICE_TRY(auto look, open_clusters(session, std::move(wish)));
  init::ProjectNames names;
  SLUICE_TRY(names.here, project_names(*look.here, session));
  names.current = look.here->connection.access().project;
  if (!look.wish.to_cluster.empty()) {
    SLUICE_TRY(names.there, project_names(*look.there, session));
  }
  std::vector<Finding> hidden;
  SLUICE_CHECK(add_named(*look.here, session, {look.wish.from}, kSourceRole, names.here, hidden));
  auto& there = look.wish.to_cluster.empty() ? names.here : names.there;
  SLUICE_CHECK(add_named(*look.there, session, look.wish.to, kTargetRole, there, hidden));
  auto found = init::find_chains(names, look.wish);
  if (!found && !hidden.empty()) {
    return std::move(found).error().with_detail(std::make_shared<promotion::FindingsBehind>(std::move(hidden)));
  }
  SLUICE_TRY(auto chains, std::move(found));
  SLUICE_TRY(auto chain, pick_chain(look, std::move(chains)));
  std::vector<SeenProject> seen;
  for (const auto& step : chain.steps) {
    SLUICE_TRY(auto project, see(look, step, seen.empty()));
    seen.push_back(std::move(project));
  }
  const auto& first = chain.steps.front().project;
  const auto blind = std::find_if(look.notes.begin(), look.notes.end(), [&](const Finding& note) {
    return note.code == "project-unread" && note.subject == first;
  });
  if (blind != look.notes.end()) {
    auto error = Error(ErrorKind::denied, blind->sentence).with_hint(blind->fix);
    return std::move(error).with_detail(std::make_shared<promotion::FindingsBehind>(std::move(look.notes)));
  }
  if (!look.wish.to_cluster.empty()) SLUICE_CHECK(look_for_registries(look, chain));
  SLUICE_TRY(auto sketch, init::sketch_pipeline(chain, seen, look.wish));
  std::move(look.notes.begin(), look.notes.end(), std::back_inserter(sketch.notes));
  settle_unread(look, chain, sketch.notes);
  return sketch;
}

}  // namespace sluice::app
