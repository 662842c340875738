// find_chains() of sketch.hpp: which projects follow each other, by their names.

#include "base/text.hpp"
#include "init/sketch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace sluice::init {

namespace {

constexpr std::size_t kMaxListed = 20;  // names in one message

struct Role {
  std::string_view word;
  int rank;
};
constexpr int kFirst = 0;
constexpr int kLast = 7;
// A guess at what words mean: the order in which most teams use them.
constexpr Role kRoles[] = {{"dev", kFirst},
                           {"devel", kFirst},
                           {"development", kFirst},
                           {"int", 1},
                           {"integration", 1},
                           {"test", 2},
                           {"testing", 2},
                           {"tst", 2},
                           {"qa", 3},
                           {"uat", 4},
                           {"acc", 4},
                           {"stage", 5},
                           {"staging", 5},
                           {"stg", 5},
                           {"pre", 6},
                           {"preprod", 6},
                           {"pre-prod", 6},
                           {"prod", kLast},
                           {"prd", kLast},
                           {"production", kLast},
                           {"live", kLast}};

// A project's name taken apart: "shop-dev" and "dev-shop" are the dev of "shop"; a name without a role is its own stem.
struct Named {
  std::string project;
  std::string stem;
  std::string role{};
  int rank = kLast;
  bool there = false;
};

Named take_apart(const std::string& project, bool there) {
  Named best{project, project, "", kLast, there};
  bool by_end = false;
  for (const auto& [word, rank] : kRoles) {
    const std::string name(word);
    if (project == name) return {project, "", name, rank, there};
    const bool at_end = project.ends_with("-" + name);
    const bool at_start = project.starts_with(name + "-");
    if (!at_end && !at_start) continue;
    // The end says it before the start does, and "pre-prod" before "prod".
    if (by_end && !at_end) continue;
    if (by_end == at_end && name.size() <= best.role.size()) continue;
    by_end = at_end;
    best.role = name;
    best.rank = rank;
    best.stem = at_end ? project.substr(0, project.size() - name.size() - 1) : project.substr(name.size() + 1);
  }
  return best;
}

// Source: OpenShift reserves "openshift-", Kubernetes "kube-"; the others are made by the installer.
bool is_of_the_cluster(std::string_view project) {
  return project == "default" || project == "openshift" || project.starts_with("openshift-") ||
         project.starts_with("kube-");
}

std::string listed(std::vector<std::string> names) {
  std::erase_if(names, is_of_the_cluster);
  if (names.empty()) return "none";
  const bool cut = names.size() > kMaxListed;
  if (cut) names.resize(kMaxListed);
  return text::printable(text::join(names, ", "), 500) + (cut ? ", ..." : "");
}

Status check_there(const std::string& project, const std::vector<std::string>& names, const std::string& cluster) {
  if (names.empty() || std::find(names.begin(), names.end(), project) != names.end()) return {};
  auto message = fmt::format("there is no project '{}'{}, or it may not be seen", text::printable(project, 80),
                             cluster.empty() ? "" : " in " + text::printable(cluster, 120));
  if (const auto meant = text::nearest(project, names); !meant.empty()) message += "; did you mean '" + meant + "'?";
  return Error(ErrorKind::config, std::move(message)).with_hint("projects: " + listed(names));
}

bool has_rank(const std::vector<Named>& group, int rank) {
  return std::any_of(group.begin(), group.end(),
                     [&](const Named& member) { return !member.role.empty() && member.rank == rank; });
}

// "shop" beside "shop-dev" is where images go; beside "shop-prod", where they come from.
void settle_bare(std::vector<Named>& group, std::vector<Finding>& notes) {
  for (const bool there : {true, false}) {
    const auto bare = std::find_if(group.begin(), group.end(),
                                   [&](const Named& member) { return member.role.empty() && member.there == there; });
    if (bare == group.end()) continue;
    if (!has_rank(group, kLast)) {
      bare->role = "prod";
      bare->rank = kLast;
    } else if (!has_rank(group, kFirst)) {
      bare->role = "dev";
      bare->rank = kFirst;
    } else {
      notes.push_back({"project-left-out", Severity::info, bare->project,
                       "the project " + bare->project + " is left out: its name does not tell where it belongs",
                       "name the projects with --from and --to"});
      group.erase(bare);
    }
  }
}

// Names of environments are unique; where a role is there twice, the project's name says more.
void name_steps(std::vector<SketchStep>& steps) {
  std::map<std::string, int, std::less<>> count;
  for (const auto& step : steps) ++count[step.environment];
  std::set<std::string> taken;
  for (auto& step : steps) {
    if (count[step.environment] > 1) step.environment = step.project;
    const auto wanted = step.environment;
    for (int number = 2; !taken.insert(step.environment).second; ++number) {
      step.environment = fmt::format("{}-{}", wanted, number);
    }
  }
}

SketchStep step_of(const Named& member, const SketchWish& wish) {
  const auto& name = member.role.empty() ? member.project : member.role;
  return {name, member.there ? wish.to_cluster : wish.cluster, member.project};
}

// Empty when the projects make no chain.
std::optional<Chain> chain_of(const std::string& stem, std::vector<Named> group, const SketchWish& wish) {
  Chain chain;
  chain.stem = stem;
  settle_bare(group, chain.notes);
  // A role that the second cluster has is played there.
  std::set<int> played;
  for (const auto& member : group) {
    if (member.there) played.insert(member.rank);
  }
  std::erase_if(group, [&](const Named& member) { return !member.there && played.contains(member.rank); });
  std::sort(group.begin(), group.end(), [](const Named& a, const Named& b) {
    return std::tie(a.there, a.rank, a.project) < std::tie(b.there, b.rank, b.project);
  });
  for (const auto& member : group) chain.steps.push_back(step_of(member, wish));
  const bool two_sided = !group.empty() && !group.front().there && group.back().there;
  if (chain.steps.size() < 2 || (!wish.to_cluster.empty() && !two_sided)) return std::nullopt;
  return chain;
}

std::vector<Chain> chains_by_name(const ProjectNames& names, const SketchWish& wish) {
  std::map<std::string, std::vector<Named>> groups;
  for (const bool there : {false, true}) {
    for (const auto& project : there ? names.there : names.here) {
      if (is_of_the_cluster(project)) continue;
      auto named = take_apart(project, there);
      groups[named.stem].push_back(std::move(named));
    }
  }
  std::vector<Chain> chains;
  for (auto& [stem, group] : groups) {
    if (auto chain = chain_of(stem, std::move(group), wish)) chains.push_back(std::move(*chain));
  }
  return chains;
}

bool is_step(const SketchStep& step, const std::string& project, const std::string& cluster) {
  return step.project == project && step.cluster == cluster;
}

// Leaves the steps from `from` on, or the first one and those that were named. False when the chain has none of them.
bool cut_to_wish(Chain& chain, const SketchWish& wish) {
  auto& steps = chain.steps;
  if (!wish.from.empty()) {
    const auto first = std::find_if(steps.begin(), steps.end(),
                                    [&](const SketchStep& step) { return is_step(step, wish.from, wish.cluster); });
    steps.erase(steps.begin(), first);
    return steps.size() >= 2;
  }
  const auto& cluster = wish.to_cluster.empty() ? wish.cluster : wish.to_cluster;
  std::vector<SketchStep> wanted{steps.front()};
  for (const auto& project : wish.to) {
    const auto found = std::find_if(std::next(steps.begin()), steps.end(),
                                    [&](const SketchStep& step) { return is_step(step, project, cluster); });
    if (found == steps.end()) return false;
    wanted.push_back(*found);
  }
  steps = std::move(wanted);
  return true;
}

Result<Chain> chain_as_said(const SketchWish& wish) {
  Chain chain;
  auto first = take_apart(wish.from, false);
  chain.stem = first.role.empty() ? "" : first.stem;
  chain.steps.push_back(step_of(first, wish));
  for (const auto& project : wish.to) {
    auto step = step_of(take_apart(project, !wish.to_cluster.empty()), wish);
    for (const auto& earlier : chain.steps) {
      if (!is_step(earlier, step.project, step.cluster)) continue;
      return Error(ErrorKind::config, "the project " + text::printable(project, 80) + " is named twice")
          .with_hint("an image is promoted from one project to another");
    }
    chain.steps.push_back(std::move(step));
  }
  name_steps(chain.steps);
  return chain;
}

Error no_chain(const ProjectNames& names, const SketchWish& wish) {
  if (names.here.empty()) {
    return Error(ErrorKind::config, "there are no projects to be seen")
        .with_hint("name them: sluice init --from PROJECT --to PROJECT");
  }
  std::string message = "no two projects look like steps of one app, as shop-dev and shop-prod would";
  std::string hint = "name them: sluice init --from PROJECT --to PROJECT";
  if (!wish.from.empty()) {
    message = "the names of the projects do not tell where images of " + text::printable(wish.from, 80) + " go";
    hint = "name it with --to PROJECT";
  } else if (!wish.to.empty()) {
    message =
        "the names of the projects do not tell where images of " + text::printable(wish.to.front(), 80) + " come from";
    hint = "name it with --from PROJECT";
  }
  hint += "; projects: " + listed(names.here);
  if (!wish.to_cluster.empty()) hint += "; of " + text::printable(wish.to_cluster, 80) + ": " + listed(names.there);
  return Error(ErrorKind::config, std::move(message)).with_hint(std::move(hint));
}

// Several apps: the one whose name was said, else the one that the kubeconfig is in.
void narrow(std::vector<Chain>& chains, const ProjectNames& names, const SketchWish& wish) {
  const auto keep = [&](const auto& fits) {
    if (chains.size() > 1 && std::any_of(chains.begin(), chains.end(), fits)) {
      std::erase_if(chains, [&](const Chain& chain) { return !fits(chain); });
    }
  };
  if (!wish.app.empty()) keep([&](const Chain& chain) { return chain.stem == wish.app; });
  if (names.current.empty()) return;
  const auto several = chains.size();
  keep([&](const Chain& chain) {
    return std::any_of(chain.steps.begin(), chain.steps.end(),
                       [&](const SketchStep& step) { return is_step(step, names.current, wish.cluster); });
  });
  if (chains.size() == several) return;
  for (auto& chain : chains) {
    chain.notes.push_back(
        {"guessed-app", Severity::info, names.current,
         "there are projects of several apps; the one of the kubeconfig's project " + names.current + " was taken",
         "name another with --from PROJECT"});
  }
}

std::string arrows(const Chain& chain) {
  std::vector<std::string> names;
  for (const auto& step : chain.steps) names.push_back(step.project);
  return text::join(names, " -> ");
}

}  // namespace

Result<std::vector<Chain>> find_chains(const ProjectNames& names, const SketchWish& wish) {
  if (!wish.from.empty()) SLUICE_CHECK(check_there(wish.from, names.here, wish.cluster));
  const bool second = !wish.to_cluster.empty();
  for (const auto& project : wish.to) {
    SLUICE_CHECK(check_there(project, second ? names.there : names.here, second ? wish.to_cluster : wish.cluster));
  }
  if (!wish.from.empty() && !wish.to.empty()) {
    SLUICE_TRY(auto chain, chain_as_said(wish));
    return std::vector<Chain>{std::move(chain)};
  }
  std::vector<Chain> chains;
  for (auto& chain : chains_by_name(names, wish)) {
    const bool any_will_do = wish.from.empty() && wish.to.empty();
    if (any_will_do || cut_to_wish(chain, wish)) chains.push_back(std::move(chain));
  }
  if (chains.empty()) return no_chain(names, wish);
  narrow(chains, names, wish);
  for (auto& chain : chains) {
    name_steps(chain.steps);
    chain.notes.push_back({"guessed-order", Severity::info, "",
                           "the order " + arrows(chain) + " was guessed from the names of the projects", ""});
  }
  return chains;
}

Error several_chains(const std::vector<Chain>& chains) {
  std::vector<std::string> found;
  for (const auto& chain : chains) {
    if (found.size() == kMaxListed) break;
    found.push_back(arrows(chain));
  }
  const bool cut = found.size() < chains.size();
  return Error(ErrorKind::config,
               fmt::format("there are projects of {} apps, and nothing tells which is meant", chains.size()))
      .with_hint("name the first project: sluice init --from PROJECT; found: " +
                 text::printable(text::join(found, "; "), 1000) + (cut ? "; ..." : ""));
}

}  // namespace sluice::init
