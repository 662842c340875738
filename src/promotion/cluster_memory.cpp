#include "promotion/cluster_memory.hpp"

#include "cluster/stream_state.hpp"
#include "promotion/planner.hpp"

#include <algorithm>

namespace sluice::promotion {

namespace {

const cluster::KeptRelease* kept_in(const cluster::TagState& state, std::int64_t number) {
  const auto found = std::find_if(state.releases.begin(), state.releases.end(),
                                  [&](const cluster::KeptRelease& kept) { return kept.number == number; });
  return found == state.releases.end() ? nullptr : &*found;
}

// A release that every stream remembers; empty when one does not.
std::optional<records::Release> whole(const std::string& app, const std::vector<std::string>& images,
                                      const std::vector<cluster::TagState>& states, std::int64_t number) {
  records::Release release;
  release.app = app;
  release.number = number;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto* kept = kept_in(states[i], number);
    if (kept == nullptr) return std::nullopt;
    auto digest = oci::Digest::parse(kept->digest);
    if (!digest) return std::nullopt;
    release.pattern_tag = kept->pattern_tag;
    release.created_at = kept->at;
    release.images.push_back({images[i], std::move(*digest), kept->tag});
  }
  return release;
}

}  // namespace

std::optional<EnvironmentMemory> memory_of(const std::string& app, const std::vector<std::string>& images,
                                           const std::vector<cluster::TagState>& states) {
  if (states.empty() || states.size() != images.size()) return std::nullopt;
  EnvironmentMemory memory;
  const auto& first = states.front();
  const bool ours = std::all_of(states.begin(), states.end(), [&](const auto& state) { return state.app == app; });
  if (!ours) return std::nullopt;
  memory.hold = first.hold;
  memory.promotion = first.promotion;
  const bool one =
      std::all_of(states.begin(), states.end(), [&](const auto& state) { return state.release == first.release; });
  memory.release = one ? first.release : 0;
  for (const auto& kept : first.releases) {
    auto release = whole(app, images, states, kept.number);
    if (!release) continue;
    memory.releases.push_back(std::move(*release));
    memory.promotions.push_back(kept.promotion);
  }
  return memory;
}

Result<std::optional<EnvironmentMemory>> remember(Targets& targets, const pipeline::Pipeline& pipeline,
                                                  const pipeline::Environment& environment, const std::string& tag) {
  SLUICE_TRY(const auto access, targets.open(environment.targets.front()));
  if (!access.streams) return std::optional<EnvironmentMemory>();
  SLUICE_TRY(const auto streams, targets.streams(access, pipeline.images));
  std::vector<cluster::TagState> states;
  for (const auto& stream : streams) {
    if (!stream) return std::optional<EnvironmentMemory>();
    const auto state = cluster::read_state(*stream);
    const auto found = state.tags.find(tag);
    if (found == state.tags.end()) return std::optional<EnvironmentMemory>();
    states.push_back(found->second);
  }
  return memory_of(pipeline.app, pipeline.images, states);
}

Status Planner::mark_hold(const pipeline::Environment& environment, const std::string& reason) {
  for (const auto& target : environment.targets) {
    SLUICE_TRY(const auto access, targets_.open(target));
    if (!access.streams) continue;
    SLUICE_TRY(const auto streams, targets_.streams(access, pipeline_.images));
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (!streams[i]) continue;
      SLUICE_CHECK(cluster::write_state(
          *access.side.client, target.project, pipeline_.images[i], moving_tag(pipeline_, environment),
          [&](cluster::TagState& state) {
            state.app = pipeline_.app;
            state.environment = environment.name;
            state.hold = reason;
          },
          targets_.context()));
    }
  }
  return {};
}

}  // namespace sluice::promotion
