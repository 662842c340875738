#include "promotion/planner.hpp"

#include "copy/crew.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace sluice::promotion {

Result<std::vector<copy::Item>> items_of(const Plan& plan, Places& places) {
  std::vector<copy::Item> items;
  for (const auto& target : plan.targets) {
    SLUICE_TRY(auto* dest, places.place_of(target.target));
    for (const auto& image : target.images) {
      copy::Item item{.label = image.name,
                      .origins = {},
                      .name = places::ManifestName::digest(image.after),
                      .dest = dest,
                      .dest_repository = repository_of(target.target, image.name),
                      .tags = {}};
      for (const auto& origin : image.origins) {
        SLUICE_TRY(auto* place, places.place_of(origin));
        item.origins.push_back({place, repository_of(origin, image.name)});
      }
      for (const auto& tag : image.tags) item.tags.push_back(tag.tag);
      items.push_back(std::move(item));
    }
  }
  return items;
}

// All images of one target under one tag, at once.
Result<std::vector<records::ReleaseImage>> Planner::resolve(const pipeline::Target& target, const std::string& tag) {
  SLUICE_TRY(auto* place, places_.place_of(target));
  std::vector<places::Access> accesses;
  for (const auto& image : pipeline_.images) accesses.push_back({repository_of(target, image), false});
  place->expect(accesses);
  std::vector<std::optional<oci::Digest>> digests(pipeline_.images.size());
  copy::Crew crew(stop_);
  for (std::size_t i = 0; i < digests.size(); ++i) {
    crew.add({.hosts = {place},
              .moves_bytes = false,
              .rank = copy::Rank::call(),
              .run = [&, i](const std::stop_token& stop) -> Status {
                SLUICE_TRY(digests[i], place->digest_of(repository_of(target, pipeline_.images[i]),
                                                        places::ManifestName::tag(tag), stop));
                return {};
              }});
  }
  SLUICE_CHECK(crew.finish());
  std::vector<records::ReleaseImage> images;
  for (std::size_t i = 0; i < digests.size(); ++i) {
    const auto where = target.id() + "/" + pipeline_.images[i] + ":" + tag;
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
  SLUICE_TRY(auto* place, places_.place_of(target));
  std::vector<std::vector<std::string>> tags(pipeline_.images.size());
  copy::Crew crew(stop_);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    crew.add({.hosts = {place},
              .moves_bytes = false,
              .rank = copy::Rank::call(),
              .run = [&, i](const std::stop_token& stop) -> Status {
                SLUICE_TRY(tags[i], place->tags(repository_of(target, pipeline_.images[i]), stop));
                return {};
              }});
  }
  SLUICE_CHECK(crew.finish());
  return newest_common_tag(pipeline_.source.tag, pipeline_.images, tags).context(target.id());
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
  SLUICE_TRY(auto known, store_.release_with(pipeline_.app, release.images));
  // The same digests under another version tag are another release: their pin differs.
  if (known && known->pattern_tag == release.pattern_tag && (!release.pattern_tag || known->images == release.images))
    return *known;
  return release;
}

Result<records::Release> Planner::keep(records::Release release) {
  if (release.number != 0) return release;
  return store_.find_or_create_release(std::move(release));
}

Result<Holding> Planner::observe(const pipeline::Environment& environment) {
  auto tag = moving_tag(pipeline_, environment);
  if (&environment == &pipeline_.environments.front()) {
    auto born = source_tag();
    if (!born && born.error().kind() == ErrorKind::not_found) return Holding{};
    SLUICE_TRY(tag, std::move(born));
  }
  Observed observed;
  copy::Crew crew(stop_);
  observed.digests.assign(environment.targets.size(), std::vector<std::optional<oci::Digest>>(pipeline_.images.size()));
  for (std::size_t t = 0; t < environment.targets.size(); ++t) {
    SLUICE_TRY(auto* place, places_.place_of(environment.targets[t]));
    std::vector<places::Access> accesses;
    for (const auto& image : pipeline_.images)
      accesses.push_back({repository_of(environment.targets[t], image), false});
    place->expect(accesses);
    for (std::size_t i = 0; i < pipeline_.images.size(); ++i) {
      crew.add({.hosts = {place},
                .moves_bytes = false,
                .rank = copy::Rank::call(),
                .run = [&, place, t, i](const std::stop_token& stop) -> Status {
                  const auto repository = repository_of(environment.targets[t], pipeline_.images[i]);
                  SLUICE_TRY(observed.digests[t][i],
                             place->digest_of(repository, places::ManifestName::tag(tag), stop));
                  return {};
                }});
    }
  }
  SLUICE_CHECK(crew.finish());
  SLUICE_TRY(const auto releases, store_.releases(pipeline_.app, 1000));
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
        auto found = store_.release_with(pipeline_.app, images);
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
  return Error(ErrorKind::not_found, "no earlier release of " + pipeline_.app + " is recorded for " + environment.name)
      .with_hint("name one: sluice rollback --to " + environment.name + " --release N (see: sluice releases)");
}

Result<records::Release> Planner::choose(const Request& request, const pipeline::Environment& environment) {
  if (request.release) {
    SLUICE_TRY(auto release, store_.release(pipeline_.app, *request.release));
    if (release) return *release;
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

std::vector<pipeline::Target> Planner::origins_for(const pipeline::Environment& environment,
                                                   const pipeline::Target& target, records::PromotionKind kind) const {
  std::vector<pipeline::Target> out;
  const auto add = [&](const pipeline::Target& origin) {
    const bool twice =
        std::any_of(out.begin(), out.end(), [&](const auto& other) { return other.id() == origin.id(); });
    if (!twice) out.push_back(origin);
  };
  // What is rolled back to was there before; everything else comes from the environment before, or further back.
  if (kind == records::PromotionKind::rollback) add(target);
  for (auto order = pipeline_.order_of(environment); order-- > 0;) {
    for (const auto& origin : pipeline_.environments[order].targets) add(origin);
  }
  for (const auto& origin : environment.targets) add(origin);
  return out;
}

Result<std::vector<Finding>> Planner::findings(const Request& request, const pipeline::Environment& environment,
                                               const Plan& plan) {
  std::vector<Finding> out;
  SLUICE_TRY(const auto hold, store_.hold(pipeline_.app, environment.name));
  if (hold && request.kind == records::PromotionKind::promote) {
    out.push_back({.code = "environment-held",
                   .severity = Severity::blocker,
                   .subject = environment.name,
                   .sentence = environment.name + " is on hold: " + hold->reason,
                   .fix = "sluice unhold " + environment.name});
  }
  SLUICE_TRY(const auto promotions, store_.promotions(pipeline_.app, environment.name, 1));
  if (!promotions.empty()) {
    const auto& last = promotions.front();
    if (!records::is_end(last.state) || last.state == records::PromotionState::partial) {
      out.push_back({.code = "promotion-unfinished",
                     .severity = Severity::blocker,
                     .subject = environment.name,
                     .sentence = fmt::format("promotion {} to {} stopped while {}", last.id, environment.name,
                                             to_string(last.state)),
                     .fix = "sluice resume " + last.id + ", or sluice undo " + last.id});
    }
  }
  for (const auto& target : plan.targets) {
    for (const auto& image : target.images) {
      for (const auto& tag : image.tags) {
        if (&tag == &image.tags.back() || !tag.before || tag.before == image.after) continue;
        out.push_back(
            {.code = "pin-taken",
             .severity = Severity::blocker,
             .subject = target.target.id() + "/" + image.name + ":" + tag.tag,
             .sentence = fmt::format("the tag {} stands for another image there ({}), and a version tag is never moved",
                                     tag.tag, tag.before->brief()),
             .fix = "give the release a tag of its own"});
      }
    }
  }
  return out;
}

Result<Planned> Planner::plan(const Request& request, bool will_write) {
  SLUICE_TRY(const auto* environment, pipeline_.environment(request.environment));
  if (environment == &pipeline_.environments.front()) {
    return Error(ErrorKind::usage, environment->name + " is where images are born; nothing can be promoted to it")
        .with_hint("promote to " + pipeline_.environments[1].name);
  }
  SLUICE_TRY(auto release, choose(request, *environment));

  Plan plan;
  plan.app = pipeline_.app;
  plan.environment = environment->name;
  plan.kind = request.kind;
  if (release.number != 0) plan.release = release.number;
  for (const auto& target : environment->targets) {
    PlannedTarget planned{.target = target, .images = {}, .findings = {}};
    for (const auto& name : pipeline_.images) {
      const auto found = std::find_if(release.images.begin(), release.images.end(),
                                      [&](const auto& image) { return image.name == name; });
      if (found == release.images.end()) {
        return Error(ErrorKind::conflict, fmt::format("release {} {} has no image {}, which the pipeline names",
                                                      pipeline_.app, release.number, name))
            .with_hint("it was made from another list of images; make a new one: sluice release create");
      }
      PlannedImage image{
          .name = name, .after = found->digest, .tags = {}, .origins = origins_for(*environment, target, request.kind)};
      for (auto& tag : tags_to_write(pipeline_, *environment, release, name))
        image.tags.push_back({std::move(tag), std::nullopt});
      planned.images.push_back(std::move(image));
    }
    plan.targets.push_back(std::move(planned));
  }

  SLUICE_TRY(auto items, items_of(plan, places_));
  SLUICE_TRY(auto survey, copy::survey(std::move(items), will_write, events_, stop_));
  std::size_t index = 0;
  Observed observed;
  for (auto& target : plan.targets) {
    auto& digests = observed.digests.emplace_back();
    for (auto& image : target.images) {
      const auto& surveyed = survey.items[index++];
      for (std::size_t t = 0; t < image.tags.size(); ++t) image.tags[t].before = surveyed.before[t];
      image.road = surveyed.road;
      image.why = surveyed.why;
      image.bytes = surveyed.bytes;
      digests.push_back(image.before());
    }
  }
  SLUICE_TRY(const auto known, store_.releases(pipeline_.app, 1000));
  const auto now = judge(
      pipeline_, moving_tag(pipeline_, *environment), observed,
      [&](const std::vector<records::ReleaseImage>& images) -> std::optional<records::Release> {
        for (const auto& candidate : known) {
          const bool same =
              candidate.images.size() == images.size() &&
              std::all_of(images.begin(), images.end(), [&](const auto& image) {
                return std::any_of(candidate.images.begin(), candidate.images.end(), [&](const auto& other) {
                  return other.name == image.name && other.digest == image.digest;
                });
              });
          if (same) return candidate;
        }
        return std::nullopt;
      },
      [](const auto&) { return false; });
  SLUICE_CHECK(refuse_backwards(request, *environment, now, release));
  SLUICE_TRY(plan.findings, findings(request, *environment, plan));
  return Planned{std::move(plan), std::move(release), std::move(survey)};
}

}  // namespace sluice::promotion
