#include "promotion/planner.hpp"

#include "base/text.hpp"
#include "cluster/stream_state.hpp"
#include "promotion/cluster_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::promotion {

namespace {

Result<copy::Item> item_of(const PlannedTarget& target, const PlannedImage& image, places::Place* dest,
                           Places& places) {
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
  item.must_stream = image.must_stream;
  if (target.streams) item.stage_tag = cluster::pin_tag(image.after.text());
  if (target.sets_tags()) return item;
  for (const auto& tag : image.tags) item.tags.push_back(tag.tag);
  return item;
}

}  // namespace

Result<CopyItems> items_of(const Plan& plan, Places& places) {
  CopyItems out;
  for (std::size_t t = 0; t < plan.targets.size(); ++t) {
    const auto& target = plan.targets[t];
    for (std::size_t i = 0; i < target.images.size(); ++i) {
      if (target.images[i].by_api) continue;
      SLUICE_TRY(auto* dest, places.place_of(target.target));
      SLUICE_TRY(auto item, item_of(target, target.images[i], dest, places));
      out.items.push_back(std::move(item));
      out.places.push_back({t, i});
    }
  }
  return out;
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
  // A hold that was set with other records stands on the streams.
  const auto* memory = memory_of(environment);
  if (!hold && memory != nullptr && !memory->hold.empty() && request.kind == records::PromotionKind::promote) {
    out.push_back({.code = "environment-held",
                   .severity = Severity::blocker,
                   .subject = environment.name,
                   .sentence = environment.name + " is on hold: " + text::printable(memory->hold),
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

namespace {

bool has_apis(const Plan& plan) {
  return std::any_of(plan.targets.begin(), plan.targets.end(), [](const PlannedTarget& target) {
    return target.target.has_api ||
           std::any_of(target.images.begin(), target.images.end(), [](const PlannedImage& image) {
             return std::any_of(image.origins.begin(), image.origins.end(),
                                [](const auto& one) { return one.has_api; });
           });
  });
}

// What the manifests say, for the preflight. The architecture of a single image stands in its config, which no survey
// reads: it stays unknown.
ImageKnowledge knowledge_from(const copy::SurveyedItem& item) {
  ImageKnowledge out;
  out.media_type = item.root().media_type;
  for (const auto& manifest : item.manifests) {
    if (!manifest->children.empty()) continue;
    cluster::ImagePart part;
    for (const auto& parent : item.manifests) {
      for (const auto& child : parent->children) {
        if (child.digest != manifest->digest || !child.platform) continue;
        part.os = child.platform->os;
        part.architecture = child.platform->architecture;
      }
    }
    for (const auto& blob : manifest->blobs()) {
      part.layers.push_back({blob.digest.text(), static_cast<std::int64_t>(blob.size_bytes)});
    }
    out.parts.push_back(std::move(part));
  }
  return out;
}

}  // namespace

namespace {

// What the tags stand for, where no API said it. Only when planning: later, the plan's word counts.
void take_tags(const copy::Survey& survey, const std::vector<CopyPlace>& copied, Plan& plan) {
  for (std::size_t k = 0; k < copied.size(); ++k) {
    auto& target = plan.targets[copied[k].target];
    if (target.streams) continue;
    const auto& before = survey.items[k].before;
    for (std::size_t t = 0; t < before.size(); ++t) target.images[copied[k].image].tags[t].before = before[t];
  }
}

}  // namespace

namespace {

// What the copy engine thought of a road is said instead of what the cluster's side did, and beside the rest of it.
void take_considered(const std::vector<copy::ConsideredRoad>& more, PlannedImage& image) {
  for (const auto& road : more) {
    const auto known = std::find_if(image.considered.begin(), image.considered.end(),
                                    [&](const auto& other) { return other.road == road.road; });
    if (known != image.considered.end()) {
      *known = road;
    } else {
      image.considered.push_back(road);
    }
  }
  const auto cost = [](copy::Road road) {
    switch (road) {
      case copy::Road::present:
        return 0;
      case copy::Road::tag:
        return 1;
      case copy::Road::mount:
        return 2;
      case copy::Road::stream:
        return 3;
      case copy::Road::import_images:
        break;
    }
    return 4;
  };
  std::stable_sort(image.considered.begin(), image.considered.end(),
                   [&](const auto& a, const auto& b) { return cost(a.road) < cost(b.road); });
}

}  // namespace

void adopt_survey(const copy::Survey& survey, const std::vector<CopyPlace>& copied, Plan& plan) {
  for (std::size_t k = 0; k < copied.size(); ++k) {
    const auto& item = survey.items[k];
    auto& target = plan.targets[copied[k].target];
    auto& image = target.images[copied[k].image];
    image.road = item.road;
    // Said when it was planned, and again when it was done.
    if (image.why.find(item.why) == std::string::npos) image.why += (image.why.empty() ? "" : "; ") + item.why;
    image.bytes = item.bytes;
    image.blobs = item.blobs;
    image.retries = item.retries;
    take_considered(item.considered, image);
    if (item.root().is_index()) image.platforms = oci::platforms_of(item.root());
    // Runtimes may call an image by its platform's manifest or by its config.
    for (const auto& manifest : item.manifests) {
      image.accepted.insert(manifest->digest.text());
      if (manifest->config) image.accepted.insert(manifest->config->digest.text());
    }
  }
}

namespace {

void note_findings(const copy::Survey& survey, const std::vector<CopyPlace>& copied, Plan& plan) {
  for (std::size_t k = 0; k < copied.size(); ++k) {
    auto& target = plan.targets[copied[k].target];
    const auto& image = target.images[copied[k].image];
    const auto subject = target.target.id() + "/" + image.name + ":" + image.tags.back().tag;
    for (auto& finding : copy::findings_of(survey.items[k], subject)) target.findings.push_back(std::move(finding));
  }
}

}  // namespace

Result<Planned> Planner::plan(const Request& request, bool will_write) {
  SLUICE_TRY(const auto* environment, pipeline_.environment(request.environment));
  if (environment == &pipeline_.environments.front()) {
    return Error(ErrorKind::usage, environment->name + " is where images are born; nothing can be promoted to it")
        .with_hint("promote to " + pipeline_.environments[1].name);
  }
  learn(*environment);
  learn(pipeline_.environments[pipeline_.order_of(*environment) - 1]);
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

  plan.verify = environment->verify;
  plan.rollback_on_failure = environment->rollback_on_failure;
  for (auto& target : plan.targets) SLUICE_CHECK(look_at_tags(targets_, target));
  Planned out{.plan = std::move(plan), .release = std::move(release), .survey = {}, .copied = {}};
  SLUICE_CHECK(look_at_registries(out, will_write));
  Observed observed;
  for (const auto& target : out.plan.targets) {
    auto& digests = observed.digests.emplace_back();
    for (const auto& image : target.images) digests.push_back(image.before());
  }
  std::optional<Error> trouble;
  const auto now = judge(
      pipeline_, moving_tag(pipeline_, *environment), observed,
      [&](const std::vector<records::ReleaseImage>& images) -> std::optional<records::Release> {
        auto found = known_release_with(images);
        if (found) return *found;
        trouble = std::move(found).error();
        return std::nullopt;
      },
      [](const auto&) { return false; });
  if (trouble) return std::move(*trouble);
  SLUICE_CHECK(refuse_backwards(request, *environment, now, out.release));
  SLUICE_TRY(out.plan.findings, findings(request, *environment, out.plan));
  return out;
}

// What the copy engine is to bring, and then everything that could stop the promotion.
Status Planner::look_at_registries(Planned& planned, bool will_write) {
  auto& plan = planned.plan;
  // A registry says only that it refuses, or does not know. The API says what is missing: the project, which right, or
  // that the registry cannot serve what the API knows.
  std::optional<Error> refused;
  auto items = items_of(plan, places_);
  // A registry that is not exposed is something to be mended, with the command that does: a finding like others.
  if (!items && items.error().kind() == ErrorKind::config && has_apis(plan)) {
    const auto& code = items.error().registry_code();
    plan.targets.front().findings.push_back({.code = code.empty() ? "registry-unusable" : code,
                                             .severity = Severity::blocker,
                                             .subject = plan.environment,
                                             .sentence = items.error().message(),
                                             .fix = items.error().hint()});
  } else {
    SLUICE_CHECK(items);
    auto survey = copy::survey(std::move(items->items), will_write, events_, stop_);
    if (survey) {
      planned.survey = std::move(*survey);
      planned.copied = std::move(items->places);
      adopt_survey(planned.survey, planned.copied, plan);
      take_tags(planned.survey, planned.copied, plan);
      note_findings(planned.survey, planned.copied, plan);
    } else if ((survey.error().kind() == ErrorKind::denied || survey.error().kind() == ErrorKind::not_found) &&
               has_apis(plan)) {
      refused = std::move(survey).error();
    } else {
      return std::move(survey).error();
    }
  }
  for (std::size_t t = 0; t < plan.targets.size(); ++t) {
    auto& target = plan.targets[t];
    SLUICE_TRY(auto knowledge, knowledge_of(targets_, target, refused.has_value()));
    for (std::size_t k = 0; k < planned.copied.size(); ++k) {
      if (planned.copied[k].target != t) continue;
      knowledge[planned.copied[k].image] = knowledge_from(planned.survey.items[k]);
    }
    SLUICE_CHECK(look_at_rest(targets_, plan, target, knowledge));
  }
  if (refused && !plan.blocked()) return std::move(*refused);
  return {};
}

}  // namespace sluice::promotion
