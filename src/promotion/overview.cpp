#include "promotion/overview.hpp"

#include "base/guarded.hpp"
#include "base/task_pool.hpp"
#include "promotion/memory/access.hpp"
#include "promotion/plan/refused_look.hpp"
#include "promotion/plan/rules.hpp"
#include "promotion/targets/arrivals.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

namespace sluice::promotion {

namespace {

constexpr unsigned kAskers = 8;

bool runs_other(const TargetOverview& target) {
  return std::any_of(target.running.begin(), target.running.end(),
                     [](const RunningHere& one) { return !one.right && !one.rolling; });
}

/// What one target shows and remembers. Errors: those of looking.
Status look(Planner& planner, records::Store& store, const pipeline::Pipeline& pipeline, const std::string& tag,
            SideRole role, TargetOverview& out, TargetRemembers& remembers) {
  auto& targets = planner.targets();
  SLUICE_TRY(const auto access, targets.open(out.target));
  out.target = access.target;
  SLUICE_TRY(remembers, remember_target(targets, store, pipeline.images, access.target, tag));
  if (access.side) out.user = targets.user_at(access);
  auto seen = targets.digests(access.target, pipeline.images, tag);
  if (!seen) return explain_unread(targets, access, role, std::move(seen).error());
  const auto& digests = *seen;
  for (std::size_t i = 0; i < digests.size(); ++i) {
    if (digests[i]) out.images.push_back({pipeline.images[i], *digests[i], tag});
  }
  SLUICE_TRY(out.running, what_runs_at(targets, access, pipeline.images, tag));
  return {};
}

// The tags of a pattern could not be read.
Error unread_tags(Planner& planner, const pipeline::Target& target, SideRole role, const Error& error) {
  const auto access = planner.targets().open(target);
  return access ? explain_unread(planner.targets(), *access, role, error) : error;
}

Result<EnvironmentOverview> see(Planner& planner, records::Store& store, const pipeline::Pipeline& pipeline,
                                const pipeline::Environment& environment) {
  EnvironmentOverview out;
  out.name = environment.name;
  const auto tag = planner.tag_shown(environment);
  for (const auto& target : environment.targets) {
    auto& one = out.targets.emplace_back(TargetOverview{.target = target});
    auto& remembers = out.memory.targets.emplace_back();
    remembers.target = target;
    const auto role = &environment == &pipeline.environments.front() ? SideRole::source : SideRole::target;
    const auto seen = tag ? look(planner, store, pipeline, *tag, role, one, remembers)
                          : Status(unread_tags(planner, target, role, tag.error()));
    if (!seen && seen.error().kind() == ErrorKind::cancelled) return seen.error();
    // No tag of the pattern is there yet: nothing is held, and that was seen.
    if (!seen && !(seen.error().kind() == ErrorKind::not_found && !tag)) one.unknown = seen.error();
  }
  out.memory.releases = merge_releases(out.memory.targets);
  planner.learn(environment, out.memory);
  return out;
}

Observed observed_at(const EnvironmentOverview& row, const pipeline::Pipeline& pipeline) {
  Observed out;
  for (std::size_t t = 0; t < row.targets.size(); ++t) {
    const auto& target = row.targets[t];
    if (target.unknown) continue;
    auto& digests = out.digests.emplace_back();
    for (const auto& name : pipeline.images) {
      const auto found = std::find_if(target.images.begin(), target.images.end(),
                                      [&](const records::ReleaseImage& image) { return image.name == name; });
      const auto here = found == target.images.end() ? std::nullopt : std::optional(found->digest);
      digests.push_back(as_released(row.memory.targets[t].memory, name, here));
    }
  }
  return out;
}

// Images of the first environment that no release has, while the others are those of one.
std::size_t newer_than(const EnvironmentOverview& row) {
  if (row.holding.images.empty() || row.memory.releases.empty()) return 0;
  std::set<std::string> known;
  for (const auto& stood : row.memory.releases) {
    for (const auto& image : stood.images) known.insert(image.name + "@" + image.digest);
  }
  return static_cast<std::size_t>(
      std::count_if(row.holding.images.begin(), row.holding.images.end(),
                    [&](const auto& image) { return !known.contains(image.name + "@" + image.digest.text()); }));
}

/// Images of releases that can no longer be had at a plain registry, as "target id release".
using Gone = std::set<std::string>;

std::string gone_key(const pipeline::Target& target, const std::string& release) { return target.id() + " " + release; }

/// One image at one plain registry, and the releases that one may go back to there.
struct AskedThere {
  const pipeline::Target* target = nullptr;
  std::unique_ptr<memory::RegistryMemory> memory;
  std::string image;
  std::vector<std::string> releases{};
  std::vector<std::string> digests{};
};

Status add_asked(Targets& targets, const TargetRemembers& remembers, std::vector<AskedThere>& out) {
  std::map<std::string, AskedThere> asked;
  for (const auto& stood : remembers.memory.releases) {
    if (!memory::is_good(stood.stood)) continue;
    for (const auto& image : stood.images) {
      auto& one = asked[image.name];
      one.releases.push_back(stood.id);
      one.digests.push_back(image.arrived_as.empty() ? image.digest : image.arrived_as);
    }
  }
  for (auto& [image, one] : asked) {
    SLUICE_TRY(one.memory, registry_memory_at(targets, remembers.target));
    if (!one.memory) return {};  // a stream keeps what it remembers
    one.target = &remembers.target;
    one.image = image;
    out.push_back(std::move(one));
  }
  return {};
}

// What was not seen to be there is not offered: a registry may have been cleaned up.
Result<Gone> look_what_is_gone(Targets& targets, const std::vector<EnvironmentOverview>& rows) {
  std::vector<AskedThere> asked;
  for (const auto& row : rows) {
    for (std::size_t t = 0; t < row.targets.size(); ++t) {
      if (!row.targets[t].unknown && !row.memory.targets[t].target.has_api)
        SLUICE_CHECK(add_asked(targets, row.memory.targets[t], asked));
    }
  }
  Guarded<Gone> gone;
  TaskPool pool(targets.stop(), kAskers);
  for (const auto& one : asked) {
    pool.add({.run = [&](const std::stop_token& stop) {
      const auto there = one.memory->there(one.image, one.digests, stop);
      for (std::size_t i = 0; i < one.digests.size(); ++i) {
        if (there && (*there)[i]) continue;
        gone.with([&](Gone& all) { all.insert(gone_key(*one.target, one.releases[i])); });
      }
      return Status();
    }});
  }
  SLUICE_CHECK(pool.finish());
  return gone.with([](Gone& all) { return std::move(all); });
}

std::vector<GoBack> kept_of(const EnvironmentOverview& row, const Gone& gone) {
  std::vector<GoBack> out;
  for (const auto& stood : row.memory.releases) {
    if (!memory::is_good(stood.stood)) continue;
    const bool whole = std::none_of(row.memory.targets.begin(), row.memory.targets.end(), [&](const auto& target) {
      return gone.contains(gone_key(target.target, stood.id));
    });
    if (!whole) continue;
    out.push_back({stood.id, stood.number, stood.images.empty() ? std::string() : stood.images.front().tag});
  }
  return out;
}

std::optional<std::size_t> behind_of(const EnvironmentOverview& row, const EnvironmentOverview& before) {
  if (!row.release || !before.release) return std::nullopt;
  if (row.release->id == before.release->id) return 0;
  std::size_t count = 0;
  for (const auto& stood : before.memory.releases) {
    if (stood.id == row.release->id) return std::max<std::size_t>(count, 1);
    if (memory::is_good(stood.stood)) ++count;
  }
  return std::nullopt;
}

Status judge_row(Planner& planner, records::Store& store, const pipeline::Pipeline& pipeline,
                 const pipeline::Environment& environment, const Gone& gone, EnvironmentOverview& row) {
  const auto observed = observed_at(row, pipeline);
  if (!observed.digests.empty()) {
    const auto tag = planner.tag_shown(environment);
    SLUICE_TRY(row.holding, planner.judge_held(environment, tag ? *tag : std::string(), observed));
  }
  if (row.holding.release) {
    row.release = row.holding.release;
  } else if (!row.holding.images.empty()) {
    SLUICE_TRY(row.release, planner.release_of(environment, row.holding.images));
  }
  SLUICE_TRY(row.hold, hold_of(store, pipeline, environment, row.memory));
  SLUICE_TRY(row.unfinished, unfinished_at(store, pipeline, environment, row.memory));
  for (const auto& target : row.memory.targets) {
    if (const auto* stands = memory::standing(target.memory); stands != nullptr && !row.standing)
      row.standing = *stands;
  }
  auto past = row.memory.promotions();
  if (!past.empty()) row.last = std::move(past.front());
  row.kept = kept_of(row, gone);
  row.newer_images = newer_than(row);
  return {};
}

}  // namespace

const Error* EnvironmentOverview::unknown() const {
  for (const auto& target : targets) {
    if (target.unknown) return &*target.unknown;
  }
  return nullptr;
}

bool EnvironmentOverview::drifted() const {
  if (unfinished || !standing) return false;
  if (!release || release->id != standing->id) return true;
  // Workloads that do not run what a promotion brought are its failure, and nobody else's change.
  if (failed()) return false;
  return std::any_of(targets.begin(), targets.end(), runs_other);
}

bool EnvironmentOverview::failed() const {
  return standing && standing->stood == memory::Stood::failed && release && release->id == standing->id;
}

Result<std::vector<EnvironmentOverview>> look_at_all(Planner& planner, records::Store& store,
                                                     const pipeline::Pipeline& pipeline) {
  std::vector<EnvironmentOverview> out;
  for (const auto& environment : pipeline.environments) {
    SLUICE_TRY(auto row, see(planner, store, pipeline, environment));
    out.push_back(std::move(row));
  }
  SLUICE_TRY(const auto gone, look_what_is_gone(planner.targets(), out));
  // Names of releases are known when all memories are.
  for (std::size_t i = 0; i < out.size(); ++i) {
    SLUICE_CHECK(judge_row(planner, store, pipeline, pipeline.environments[i], gone, out[i]));
    if (i > 0) out[i].behind = behind_of(out[i], out[i - 1]);
  }
  return out;
}

}  // namespace sluice::promotion
