#include "promotion/plan/planner.hpp"

#include "base/lease_held.hpp"
#include "base/wall_clock.hpp"
#include "openshift/streams/lease_rules.hpp"
#include "openshift/streams/state.hpp"
#include "promotion/plan/attachments.hpp"
#include "promotion/plan/cluster_plan.hpp"
#include "promotion/plan/findings.hpp"
#include "promotion/plan/refused_look.hpp"
#include "promotion/targets/arrivals.hpp"
#include "promotion/targets/engine_road.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

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
  item.must_stream = target.target.via == pipeline::Via::stream;
  item.by_engine = target.target.via == pipeline::Via::docker;
  item.attachments_held = target.attachments_held;
  // What an engine brings is pinned through the API, where we may.
  const bool pinned_later = item.by_engine && target.sets_tags();
  if (target.streams && !pinned_later) item.stage_tag = openshift::pin_tag(image.after.text());
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
      // What one goes back to was here before, with all that belongs to it.
      if (plan.kind != records::PromotionKind::rollback)
        item.attachments = plan.leaves_attachments ? copy::Attachments::leave : copy::Attachments::carry;
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
  const auto add_all = [&](const pipeline::Environment& from) {
    const auto known = memories_.find(from.name);
    for (std::size_t t = 0; t < from.targets.size(); ++t)
      add(known == memories_.end() ? from.targets[t] : known->second.targets[t].target);
  };
  // What is rolled back to was there before; everything else comes from the environment before, or further back.
  if (kind == records::PromotionKind::rollback) {
    add(target);
    add_all(environment);
  }
  for (auto order = pipeline_.order_of(environment); order-- > 0;) add_all(pipeline_.environments[order]);
  add_all(environment);
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
    openshift::ImagePart part;
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
  std::stable_sort(image.considered.begin(), image.considered.end(),
                   [](const auto& a, const auto& b) { return a.road < b.road; });
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
    image.attachments = survey.attachments_of(k);
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

namespace {

// A release of other images than the pipeline names: what was adopted from a place leaves those that were not there.
Finding left_alone(const pipeline::Target& target, const std::string& image) {
  return {"image-left-alone", Severity::warning, target.label() + "/" + image,
          image + " was not there when this release was adopted; it stays as it is", ""};
}

Error lacks_image(const records::Release& release, const std::string& app, const std::string& image) {
  return Error(ErrorKind::conflict, fmt::format("release {} has no image {}, which the pipeline names",
                                                name_of(app, release.number, release.id), image))
      .with_hint("it was made from another list of images; make a new one: sluice release create");
}

}  // namespace

namespace {

// An end that is further away than it counts is cut down on the stream, so that it comes nearer whoever asks.
void cut_far_end(Targets& targets, const TargetRemembers& remembers, std::int64_t now) {
  constexpr std::chrono::seconds kForOneWrite{15};
  if (!remembers.lease || !openshift::cut_end(*remembers.lease, now)) return;
  const auto access = targets.open(remembers.target);
  if (!access || !access->side) return;
  // Best effort: who may not write there waits longer.
  static_cast<void>(openshift::cut_stream_lease(*access->side.client, *remembers.lease, now,
                                                {Deadline::after(kForOneWrite), targets.stop()}));
}

}  // namespace

Status Planner::nobody_works_at(const Request& request) {
  const auto& name = request.environment;
  SLUICE_TRY(const auto* environment, pipeline_.environment(name));
  forget();
  // With what the plan asks next, so that this costs no exchange of its own.
  if (environment != &pipeline_.environments.front()) SLUICE_CHECK(look_ahead(request, *environment));
  SLUICE_TRY(const auto* memory, memory_of(*environment));
  SLUICE_TRY(const auto open, unfinished_at(store_, pipeline_, *environment, *memory));
  if (!open || !open->runs) return {};
  const auto now = seconds_now();
  for (const auto& target : memory->targets) cut_far_end(targets_, target, now);
  return lease_error(name, open->held, now);
}

// An engine need not bring again what it has brought; and whoever goes back wants what ran there.
Result<std::optional<oci::Digest>> Planner::arrival_there(const Request& request, const TargetRemembers& remembers,
                                                          const std::string& release, const PlannedImage& image) {
  const std::optional<oci::Digest> none;
  const bool back = request.kind == records::PromotionKind::rollback;
  if (request.goes_on || (!back && remembers.target.via != pipeline::Via::docker)) return none;
  const auto which = back ? Arrivals::of_release : request.digest_may_change ? Arrivals::of_any : Arrivals::of_standing;
  auto arrived = arrived_before(remembers.memory, release, image.name, image.after, which);
  if (!arrived) return none;
  // A registry may have been cleaned up; then it is brought again, as it was the first time.
  SLUICE_TRY(const auto access, targets_.open(remembers.target));
  if (access.streams) {
    SLUICE_TRY(const auto streams, targets_.seen(access, {image.name}));
    return streams.front() && streams.front()->has_image(arrived->text()) ? arrived : none;
  }
  SLUICE_TRY(const auto memory, targets_.registry_memory(remembers.target));
  SLUICE_TRY(const auto there, memory->there(image.name, {arrived->text()}, stop_));
  return there.front() ? arrived : none;
}

Result<PlannedTarget> Planner::plan_target(const Request& request, const pipeline::Environment& environment,
                                           const TargetRemembers& remembers, const records::Release& release) {
  const auto& target = remembers.target;
  PlannedTarget planned{.target = target, .images = {}, .findings = {}};
  for (const auto& name : pipeline_.images) {
    const auto found = std::find_if(release.images.begin(), release.images.end(),
                                    [&](const auto& image) { return image.name == name; });
    if (found == release.images.end()) {
      if (!release.adopted) return lacks_image(release, pipeline_.app, name);
      planned.findings.push_back(left_alone(target, name));
      continue;
    }
    PlannedImage image{
        .name = name, .after = found->digest, .tags = {}, .origins = origins_for(environment, target, request.kind)};
    for (auto& tag : tags_to_write(pipeline_, environment, release, name))
      image.tags.push_back({std::move(tag), std::nullopt});
    SLUICE_TRY(const auto arrived, arrival_there(request, remembers, release.id, image));
    if (arrived) image.take_arrival(*arrived, target);
    planned.images.push_back(std::move(image));
  }
  return planned;
}

Status Planner::look_ahead(const Request& request, const pipeline::Environment& environment) {
  const bool back = goes_back(request);
  std::vector<Targets::Ahead> asked;
  const auto add = [&](const pipeline::Environment& one, const std::string& tag) {
    const bool fresh = !memories_.contains(one.name);
    for (const auto& target : one.targets) asked.push_back({target, tag, fresh});
  };
  const auto& before = pipeline_.environments[pipeline_.order_of(environment) - 1];
  const bool at_birth = &before == &pipeline_.environments.front();
  if (!back)
    add(before, !at_birth ? moving_tag(pipeline_, before) : pipeline_.source.is_pattern() ? "" : pipeline_.source.tag);
  // The release before is judged by what is there now.
  const bool last_good = request.kind == records::PromotionKind::rollback && request.release.empty();
  add(environment, last_good && !request.exactly ? moving_tag(pipeline_, environment) : "");
  return targets_.ask_ahead(asked, pipeline_.images);
}

bool Planner::goes_back(const Request& request) {
  return request.kind == records::PromotionKind::rollback || !request.release.empty() || request.exactly.has_value();
}

Result<Planned> Planner::plan(const Request& request, bool will_write) {
  events_.set_scope({.app = pipeline_.app, .environment = request.environment});
  auto planned = plan_as_seen(request, will_write);
  const auto environment = pipeline_.environment(request.environment);
  const bool first = !environment || *environment == &pipeline_.environments.front();
  if (planned || first || stop_.stop_requested()) return planned;
  return explain_refused(targets_, pipeline_, **environment, goes_back(request), std::move(planned).error());
}

namespace {

// What the moving tags stand for, as the images were tested.
Observed observed_before(const Plan& plan, const std::vector<std::string>& images) {
  Observed out;
  for (const auto& target : plan.targets) {
    auto& digests = out.digests.emplace_back();
    for (const auto& name : images) {
      const auto image = std::find_if(target.images.begin(), target.images.end(),
                                      [&](const PlannedImage& one) { return one.name == name; });
      digests.push_back(image == target.images.end() ? std::nullopt
                        : image->tested_before       ? image->tested_before
                                                     : image->before());
    }
  }
  return out;
}

}  // namespace

Result<Planned> Planner::plan_as_seen(const Request& request, bool will_write) {
  SLUICE_TRY(const auto* environment, pipeline_.environment(request.environment));
  if (environment == &pipeline_.environments.front()) {
    return Error(ErrorKind::usage, environment->name + " is where images are born; nothing can be promoted to it")
        .with_hint("promote to " + pipeline_.environments[1].name);
  }
  // Going back asks nobody but the environment itself.
  const bool back = goes_back(request);
  SLUICE_CHECK(look_ahead(request, *environment));
  if (!back) SLUICE_CHECK(memory_of(pipeline_.environments[pipeline_.order_of(*environment) - 1]));
  SLUICE_TRY(const auto* remembered_there, memory_of(*environment));
  SLUICE_TRY(auto release,
             request.exactly ? Result<records::Release>(*request.exactly) : choose(request, *environment));

  Plan plan;
  plan.app = pipeline_.app;
  plan.environment = environment->name;
  plan.kind = request.kind;
  plan.release_id = release.id;
  if (release.number != 0) plan.release = release.number;
  for (std::size_t t = 0; t < remembered_there->targets.size(); ++t) {
    auto remembers = remembered_there->targets[t];
    if (t < request.roads.size()) remembers.target.via = request.roads[t];
    SLUICE_TRY(auto planned, plan_target(request, *environment, remembers, release));
    plan.targets.push_back(std::move(planned));
  }
  const bool by_engine = std::any_of(plan.targets.begin(), plan.targets.end(),
                                     [](const PlannedTarget& one) { return one.target.via == pipeline::Via::docker; });
  plan.digest_may_change = request.digest_may_change && by_engine;
  plan.leaves_attachments = request.leaves_attachments;
  plan.accepts = request.accepts;
  plan.accepts.insert(environment->accepts.begin(), environment->accepts.end());

  plan.verify = environment->verify;
  plan.memory = pipeline_.memory;
  plan.numbering = numbering();
  plan.rollback_on_failure = environment->rollback_on_failure;
  for (auto& target : plan.targets) SLUICE_CHECK(look_at_tags(targets_, target));
  Planned out{.plan = std::move(plan), .release = std::move(release), .survey = {}, .copied = {}};
  SLUICE_CHECK(look_at_registries(out, will_write));
  SLUICE_CHECK(look_at_sides(targets_, out.plan));
  for (auto& target : out.plan.targets) {
    SLUICE_CHECK(look_at_policies(targets_, target, signature_outlooks(out.plan, target)));
    findings::accept(target.findings, out.plan.accepts);
    std::stable_sort(target.findings.begin(), target.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  }
  for (std::size_t t = 0; t < out.plan.targets.size(); ++t)
    take_released_before(remembered_there->targets[t].memory, out.plan.targets[t]);
  SLUICE_TRY(const auto now, judge_held(*environment, moving_tag(pipeline_, *environment),
                                        observed_before(out.plan, pipeline_.images)));
  SLUICE_CHECK(refuse_backwards(request, *environment, now, out.release));
  const auto* memory = remembered_there;
  SLUICE_TRY(out.plan.findings, findings_for(store_, pipeline_, *environment, *memory, request.take_over, out.plan));
  if (!back && environment == &pipeline_.environments[1]) SLUICE_CHECK(look_at_source(out.release, out.plan));
  findings::accept(out.plan.findings, out.plan.accepts);
  for (std::size_t t = 0; t < memory->targets.size(); ++t) {
    if (memory->targets[t].memory.releases.empty()) out.adopts.insert(out.plan.targets[t].target.id());
  }
  if (const auto open = memory->open()) out.goes_over = open->promotion;
  const bool remembered = std::all_of(memory->targets.begin(), memory->targets.end(), [&](const auto& target) {
    const auto* stands = memory::standing(target.memory);
    return stands == nullptr || stands->id == out.release.id;
  });
  out.writes = out.plan.changes() || !remembered || !out.goes_over.empty();
  out.memories = targets_.registry_memories();
  out.groups = targets_.groups();
  for (const auto& target : memory->targets) {
    auto& earlier = out.earlier.emplace_back();
    if (!target.at_place && !target.memory.promotions.empty()) earlier = target.memory.releases;
  }
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
      SLUICE_CHECK(look_at_engine(places_, planned.survey, planned.copied, plan, stop_));
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
    SLUICE_CHECK(look_at_stream_attachments(targets_, plan, target));
    SLUICE_CHECK(look_at_rest(targets_, plan, target, knowledge));
    for (auto& finding : attachment_findings(plan, target)) target.findings.push_back(std::move(finding));
  }
  if (refused && !plan.blocked()) return std::move(*refused);
  return {};
}

}  // namespace sluice::promotion
