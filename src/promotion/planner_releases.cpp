// Planner: which release is meant, and what an environment holds.

#include "promotion/planner.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::promotion {

// All images of one target under one tag, at once.
Result<std::vector<records::ReleaseImage>> Planner::resolve(const pipeline::Target& target, const std::string& tag) {
  SLUICE_TRY(const auto digests, targets_.digests(target, pipeline_.images, tag));
  std::vector<records::ReleaseImage> images;
  for (std::size_t i = 0; i < digests.size(); ++i) {
    const auto where = target.label() + "/" + pipeline_.images[i] + ":" + tag;
    if (!digests[i]) {
      return Error(ErrorKind::not_found, "there is no image " + where)
          .with_hint("push it first, or check `source.tag` and `images` in " + pipeline_.file.string());
    }
    images.push_back({.name = pipeline_.images[i], .digest = *digests[i], .tag = tag});
  }
  return images;
}

// The tag under which images are found at their birth: the source's own, or the newest that its pattern matches.
Result<std::string> Planner::source_tag() {
  const auto& target = pipeline_.environments.front().targets.front();
  if (!pipeline_.source.is_pattern()) return pipeline_.source.tag;
  SLUICE_TRY(const auto tags, targets_.tags(target, pipeline_.images));
  return newest_common_tag(pipeline_.source.tag, pipeline_.images, tags).context(target.label());
}

Result<records::Release> Planner::release_from_source(bool store_it) {
  const auto& birth = pipeline_.environments.front();
  const auto& target = birth.targets.front();
  SLUICE_TRY(const auto tag, source_tag());
  SLUICE_TRY(auto images, resolve(target, tag));
  records::Release release{.number = 0,
                           .app = pipeline_.app,
                           .images = std::move(images),
                           .pattern_tag = pipeline_.source.is_pattern(),
                           .adopted = false,
                           .origin = birth.name,
                           .created_at = 0};
  if (store_it) return keep(std::move(release));
  SLUICE_TRY(auto known, known_release_with(release.images));
  // The same digests under another version tag are another release: their pin differs.
  if (known && known->pattern_tag == release.pattern_tag && (!release.pattern_tag || known->images == release.images))
    return *known;
  return release;
}

Result<records::Release> Planner::keep(records::Release release) {
  // What the clusters remember comes first, so that numbers go on where they stood.
  for (const auto& [name, memory] : memories_) {
    for (const auto& learned : memory.releases) SLUICE_CHECK(store_.adopt_release(learned));
  }
  if (release.number != 0) return release;
  return store_.find_or_create_release(std::move(release));
}

// Best effort: what cannot be read is not remembered, and whoever needs it hears why when it is really read.
void Planner::learn(const pipeline::Environment& environment) {
  if (memories_.contains(environment.name)) return;
  auto memory = remember(targets_, pipeline_, environment, moving_tag(pipeline_, environment));
  if (memory && *memory) memories_.emplace(environment.name, std::move(**memory));
}

const EnvironmentMemory* Planner::memory_of(const pipeline::Environment& environment) {
  learn(environment);
  const auto found = memories_.find(environment.name);
  return found == memories_.end() ? nullptr : &found->second;
}

// Those of the records, and those that only the clusters remember; newest first.
Result<std::vector<records::Release>> Planner::known_releases() {
  SLUICE_TRY(auto releases, store_.releases(pipeline_.app, 1000));
  for (const auto& [name, memory] : memories_) {
    for (const auto& learned : memory.releases) {
      const bool known = std::any_of(releases.begin(), releases.end(), [&](const auto& release) {
        return release.number == learned.number || release.images == learned.images;
      });
      if (!known) releases.push_back(learned);
    }
  }
  std::sort(releases.begin(), releases.end(), [](const auto& a, const auto& b) { return a.number > b.number; });
  return releases;
}

Result<std::optional<records::Release>> Planner::known_release_with(const std::vector<records::ReleaseImage>& images) {
  SLUICE_TRY(const auto releases, known_releases());
  for (const auto& release : releases) {
    const bool same =
        release.images.size() == images.size() && std::all_of(images.begin(), images.end(), [&](const auto& image) {
          return std::any_of(release.images.begin(), release.images.end(), [&](const auto& other) {
            return other.name == image.name && other.digest == image.digest;
          });
        });
    if (same) return std::optional(release);
  }
  return std::optional<records::Release>();
}

Result<Holding> Planner::observe(const pipeline::Environment& environment) {
  auto tag = moving_tag(pipeline_, environment);
  if (&environment == &pipeline_.environments.front()) {
    auto born = source_tag();
    if (!born && born.error().kind() == ErrorKind::not_found) return Holding{};
    SLUICE_TRY(tag, std::move(born));
  }
  Observed observed;
  for (const auto& target : environment.targets) {
    SLUICE_TRY(auto digests, targets_.digests(target, pipeline_.images, tag));
    observed.digests.push_back(std::move(digests));
  }
  SLUICE_TRY(const auto releases, known_releases());
  const auto in_some_release = [&](const records::ReleaseImage& image) {
    return std::any_of(releases.begin(), releases.end(), [&](const records::Release& release) {
      return std::any_of(release.images.begin(), release.images.end(), [&](const records::ReleaseImage& other) {
        return other.name == image.name && other.digest == image.digest;
      });
    });
  };
  std::optional<Error> trouble;
  auto holding = judge(
      pipeline_, tag, observed,
      [&](const std::vector<records::ReleaseImage>& images) -> std::optional<records::Release> {
        auto found = known_release_with(images);
        if (found) return *found;
        trouble = std::move(found).error();
        return std::nullopt;
      },
      in_some_release);
  if (trouble) return std::move(*trouble);
  return holding;
}

Result<records::Release> Planner::held_by_predecessor(const pipeline::Environment& environment) {
  const auto order = pipeline_.order_of(environment);
  const auto& before = pipeline_.environments[order - 1];
  SLUICE_TRY(auto holding, observe(before).context("looking at what " + before.name + " holds"));
  switch (holding.kind) {
    case Holding::Kind::release:
      return *holding.release;
    case Holding::Kind::nothing:
      return Error(ErrorKind::not_found, before.name + " holds nothing that could be promoted to " + environment.name)
          .with_hint("promote to it first: sluice promote --to " + before.name);
    case Holding::Kind::mixed:
      return Error(ErrorKind::blocked, before.name + " holds no single release: " + holding.why)
          .with_hint("promote a release to it, or name the one you mean: --release N");
    case Holding::Kind::unknown:
      break;
  }
  SLUICE_TRY(const auto promotions, store_.promotions(pipeline_.app, before.name, 1));
  if (!promotions.empty()) {
    return Error(ErrorKind::blocked,
                 fmt::format("{} drifted: it holds images that no promotion brought there (the last one brought {} {})",
                             before.name, pipeline_.app, promotions.front().release))
        .with_hint("promote a release to it again, or name the one you mean: --release N");
  }
  return records::Release{.number = 0,
                          .app = pipeline_.app,
                          .images = holding.images,
                          .pattern_tag = false,
                          .adopted = true,
                          .origin = before.name,
                          .created_at = 0};
}

Result<records::Release> Planner::release_before(const pipeline::Environment& environment, const Holding& now) {
  SLUICE_TRY(const auto promotions, store_.promotions(pipeline_.app, environment.name, 200));
  for (const auto& promotion : promotions) {
    if (promotion.state != records::PromotionState::succeeded) continue;
    if (now.release && promotion.release == now.release->number) continue;
    SLUICE_TRY(auto release, store_.release(pipeline_.app, promotion.release));
    if (release) return *release;
  }
  // An agent without these records: the streams remember the last ones.
  if (const auto memory = memories_.find(environment.name); memory != memories_.end()) {
    for (const auto& release : memory->second.releases) {
      if (!now.release || release.number != now.release->number) return release;
    }
  }
  return Error(ErrorKind::not_found, "no earlier release of " + pipeline_.app + " is recorded for " + environment.name)
      .with_hint("name one: sluice rollback --to " + environment.name + " --release N (see: sluice releases)");
}

Result<records::Release> Planner::choose(const Request& request, const pipeline::Environment& environment) {
  if (request.release) {
    SLUICE_TRY(const auto releases, known_releases());
    for (const auto& release : releases) {
      if (release.number == *request.release) return release;
    }
    return Error(ErrorKind::not_found, fmt::format("there is no release {} {}", pipeline_.app, *request.release))
        .with_hint("see: sluice releases");
  }
  if (request.kind == records::PromotionKind::rollback) {
    SLUICE_TRY(const auto now, observe(environment));
    return release_before(environment, now);
  }
  if (pipeline_.order_of(environment) == 1) return release_from_source(false);
  return held_by_predecessor(environment);
}

Status Planner::refuse_backwards(const Request& request, const pipeline::Environment& environment, const Holding& now,
                                 const records::Release& release) {
  if (request.release || request.kind == records::PromotionKind::rollback || !now.release || release.number == 0)
    return {};
  if (release.number >= now.release->number) return {};
  return Error(ErrorKind::usage,
               fmt::format("{} holds {} {}, and this would bring the older {} {} there", environment.name,
                           pipeline_.app, now.release->number, pipeline_.app, release.number))
      .with_hint(fmt::format("say so: --release {0}, or sluice rollback --to {1} --release {0}", release.number,
                             environment.name));
}

}  // namespace sluice::promotion
