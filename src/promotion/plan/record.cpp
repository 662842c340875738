// Plans as records keep them, and as places remember them.

#include "base/text.hpp"
#include "promotion/plan/json.hpp"
#include "promotion/plan/plan.hpp"

#include <algorithm>

namespace sluice::promotion {

namespace {

std::string_view to_text(copy::AttachmentsHeld held) {
  switch (held) {
    case copy::AttachmentsHeld::all:
      return "all";
    case copy::AttachmentsHeld::cosign_tags:
      return "cosign-tags";
    case copy::AttachmentsHeld::none:
      break;
  }
  return "none";
}

Json to_record(const pipeline::Target& target) {
  return Json::object()
      .set("cluster", target.cluster)
      .set("registry", target.registry)
      .set("project", target.project)
      .set("api", target.has_api ? Json(target.server) : Json())
      .set("place", target.place)
      .set("via", target.via ? Json(to_string(*target.via)) : Json())
      .set("deploy", target.deploy == pipeline::Deploy::patch ? "patch" : "trigger");
}

SideSettings settings_from(const Json& record) {
  SideSettings settings;
  const auto* side = record.find("side");
  if (side == nullptr) return settings;  // written before there was any
  settings.registry = side->string_at("registry");
  settings.insecure = side->bool_at("insecure").value_or(false);
  settings.proxy = side->string_at("proxy");
  return settings;
}

Json side_record(const SideSettings& settings) {
  auto out = Json::object();
  return add_settings(out, settings);
}

Error unreadable() {
  return Error(ErrorKind::storage, "the plan of this promotion cannot be read back from the records")
      .with_hint("it was written by another version of sluice, or the records are damaged");
}

Error unknown_road(const std::string& name) {
  return Error(ErrorKind::storage,
               "the records name the road \"" + text::printable(name, 40) + "\", which is not known here")
      .with_hint("go on with the version of sluice that began this promotion");
}

Result<pipeline::Target> target_from(const Json* record) {
  if (record == nullptr) return unreadable();
  pipeline::Target target;
  const auto registry = record->string_at("registry");
  const auto project = record->string_at("project");
  if (!registry || !project) return unreadable();
  target.cluster = record->string_at("cluster").value_or("");
  target.registry = *registry;
  target.project = *project;
  if (const auto api = record->string_at("api")) {
    target.has_api = true;
    target.server = *api;
  }
  target.place = record->string_at("place").value_or("");
  if (const auto via = record->string_at("via")) {
    target.via = pipeline::parse_via(*via);
    if (!target.via) return unknown_road(*via);
  }
  if (record->string_at("deploy") == "patch") target.deploy = pipeline::Deploy::patch;
  return target;
}

// Empty: it is null, or was written before there was any.
Result<std::optional<oci::Digest>> digest_at(const Json& record, std::string_view name) {
  const auto text = record.string_at(name);
  if (!text) return std::optional<oci::Digest>();
  auto digest = oci::Digest::parse(*text);
  if (!digest) return unreadable();
  return std::optional(std::move(*digest));
}

Result<PlannedImage> image_from(const Json& record) {
  const auto name = record.string_at("name");
  const auto* tags = record.find("tags");
  const auto* origins = record.find("origins");
  const auto after = oci::Digest::parse(record.string_at("after").value_or(""));
  if (!name || !after || tags == nullptr || tags->items().empty()) return unreadable();
  if (origins == nullptr || origins->items().empty()) return unreadable();
  PlannedImage image{.name = *name, .after = *after, .tags = {}, .origins = {}};
  SLUICE_TRY(image.tested, digest_at(record, "tested"));
  SLUICE_TRY(image.tested_before, digest_at(record, "tested_before"));
  if (const auto* source = record.find("source"); source != nullptr && !source->is_null()) {
    SLUICE_TRY(image.source, target_from(source));
    image.by_api = true;
    const auto named = record.string_at("road").value_or("");
    const auto road = copy::parse_road(named);
    if (!road) return unknown_road(named);
    image.road = *road;
  }
  for (const auto& entry : tags->items()) {
    const auto tag = entry.string_at("tag");
    if (!tag || tag->empty()) return unreadable();
    std::optional<oci::Digest> before;
    if (const auto text = entry.string_at("before")) {
      auto digest = oci::Digest::parse(*text);
      if (!digest) return unreadable();
      before = std::move(*digest);
    }
    image.tags.push_back({*tag, std::move(before)});
  }
  for (const auto& entry : origins->items()) {
    SLUICE_TRY(auto origin, target_from(&entry));
    image.origins.push_back(std::move(origin));
  }
  return image;
}

Json memory_record(const pipeline::MemoryWish& wish) {
  const auto who = wish.who ? to_string(*wish.who) : std::string_view();
  return Json::object().set("at_place", wish.at_place).set("who", who.empty() ? Json() : Json(who));
}

pipeline::MemoryWish memory_from(const Json* record) {
  pipeline::MemoryWish wish;
  if (record == nullptr) return wish;
  wish.at_place = record->bool_at("at_place").value_or(true);
  wish.who = pipeline::parse_tell_who(record->string_at("who").value_or(""));
  return wish;
}

Json numbering_record(const Numbering& numbering) {
  Json places = Json::array();
  for (const auto& place : numbering.places) places.push(to_record(place));
  return Json::object()
      .set("line", numbering.line)
      .set("image", numbering.image)
      .set("ledgers", numbering.ledgers)
      .set("places", std::move(places));
}

// All but the targets, which are most of it.
Json outline_record(const Plan& plan) {
  Json sources = Json::array();
  for (const auto& source : plan.sources)
    sources.push(to_record(source.target).set("side", side_record(source.settings)));
  return Json::object()
      .set("version", 1)
      .set("app", plan.app)
      .set("environment", plan.environment)
      .set("kind", to_string(plan.kind))
      .set("release", plan.release)
      .set("release_id", plan.release_id)
      .set("verify", Json::object()
                         .set("rollout", plan.verify.rollout)
                         .set("rollout_seconds", plan.verify.rollout_time.count())
                         .set("grace_seconds", plan.verify.grace ? Json(plan.verify.grace->count()) : Json())
                         .set("watch_seconds", plan.verify.watch.count())
                         .set("http", plan.verify.http))
      .set("rollback_on_failure", plan.rollback_on_failure)
      .set("digest_may_change", plan.digest_may_change)
      .set("leaves_attachments", plan.leaves_attachments)
      .set("accepts", accepts_json(plan.accepts))
      .set("memory", memory_record(plan.memory))
      .set("numbering", numbering_record(plan.numbering))
      .set("sources", std::move(sources));
}

}  // namespace

Json to_record(const Plan& plan) {
  Json targets = Json::array();
  for (const auto& target : plan.targets) {
    Json images = Json::array();
    for (const auto& image : target.images) {
      Json tags = Json::array();
      for (const auto& tag : image.tags)
        tags.push(Json::object().set("tag", tag.tag).set("before", digest_or_null(tag.before)));
      Json origins = Json::array();
      for (const auto& origin : image.origins) origins.push(to_record(origin));
      images.push(Json::object()
                      .set("name", image.name)
                      .set("after", image.after.text())
                      .set("tested", digest_or_null(image.tested))
                      .set("tested_before", digest_or_null(image.tested_before))
                      .set("tags", std::move(tags))
                      .set("origins", std::move(origins))
                      .set("source", image.by_api ? to_record(image.source) : Json())
                      .set("road", image.by_api ? Json(to_string(image.road)) : Json()));
    }
    targets.push(to_record(target.target)
                     .set("side", side_record(target.settings))
                     .set("images", std::move(images))
                     .set("streams", target.streams)
                     .set("push_tags", target.push_tags)
                     .set("attachments_held", to_text(target.attachments_held)));
  }
  return std::move(outline_record(plan).set("targets", std::move(targets)));
}

std::vector<records::ReleaseImage> remembered_content(const Json& record) {
  std::vector<records::ReleaseImage> out;
  const auto* content = record.find("content");
  if (content == nullptr) return out;
  for (const auto& entry : content->items()) {
    const auto name = entry.string_at("name");
    auto digest = oci::Digest::parse(entry.string_at("digest").value_or(""));
    if (name && digest) out.push_back({*name, std::move(*digest), entry.string_at("tag").value_or("")});
  }
  return out;
}

Json remembered_record(const Plan& plan, const records::Release& release) {
  Json out = outline_record(plan);
  Json targets = Json::array();
  for (const auto& target : plan.targets) {
    Json images = Json::array();
    for (const auto& image : target.images) images.push(image.name);
    targets.push(to_record(target.target)
                     .set("images", std::move(images))
                     .set("streams", target.streams)
                     .set("push_tags", target.push_tags)
                     .set("attachments_held", to_text(target.attachments_held)));
  }
  Json content = Json::array();
  for (const auto& image : release.images)
    content.push(Json::object().set("name", image.name).set("digest", image.digest.text()).set("tag", image.tag));
  // set() gives a reference: without the move the whole tree would be copied.
  return std::move(out.set("targets", std::move(targets)).set("content", std::move(content)).set("hash", plan.hash()));
}

namespace {

pipeline::Verify verify_from(const Json* record) {
  pipeline::Verify verify;
  if (record == nullptr) return verify;
  if (const auto* rollout = record->find("rollout")) verify.rollout = rollout->as_bool().value_or(true);
  verify.rollout_time = std::chrono::seconds(record->integer_at("rollout_seconds").value_or(600));
  if (const auto* grace = record->find("grace_seconds")) {
    verify.grace.reset();
    if (const auto seconds = grace->as_integer()) verify.grace = std::chrono::seconds(*seconds);
  }
  verify.watch = std::chrono::seconds(record->integer_at("watch_seconds").value_or(0));
  verify.http = record->string_at("http").value_or("");
  return verify;
}

bool flag_of(const Json& record, std::string_view name) {
  const auto* flag = record.find(name);
  return flag != nullptr && flag->as_bool().value_or(false);
}

// Written by an older version, it has none: then no number is asked for.
Result<Numbering> numbering_from(const Json* record) {
  Numbering out;
  const auto* places = record == nullptr ? nullptr : record->find("places");
  if (places == nullptr) return out;
  out.line = record->string_at("line").value_or("");
  out.image = record->string_at("image").value_or("");
  out.ledgers = flag_of(*record, "ledgers");
  for (const auto& entry : places->items()) {
    SLUICE_TRY(auto place, target_from(&entry));
    out.places.push_back(std::move(place));
  }
  return out;
}

// Records of older versions do not say.
copy::AttachmentsHeld held_from(const Json& record, bool streams) {
  const auto said = record.string_at("attachments_held").value_or(streams ? "none" : "all");
  for (const auto held : {copy::AttachmentsHeld::all, copy::AttachmentsHeld::cosign_tags}) {
    if (said == to_text(held)) return held;
  }
  return copy::AttachmentsHeld::none;
}

// All but the images.
Result<Plan> outline_from(const Json& record) {
  const auto* targets = record.find("targets");
  if (record.integer_at("version") != 1 || targets == nullptr || targets->items().empty()) return unreadable();
  Plan plan;
  plan.app = record.string_at("app").value_or("");
  plan.environment = record.string_at("environment").value_or("");
  plan.kind =
      record.string_at("kind") == "rollback" ? records::PromotionKind::rollback : records::PromotionKind::promote;
  plan.release = record.integer_at("release");
  plan.release_id = record.string_at("release_id").value_or("");
  plan.verify = verify_from(record.find("verify"));
  plan.rollback_on_failure = flag_of(record, "rollback_on_failure");
  plan.digest_may_change = flag_of(record, "digest_may_change");
  plan.leaves_attachments = flag_of(record, "leaves_attachments");
  plan.accepts = accepts_from(record);
  plan.memory = memory_from(record.find("memory"));
  SLUICE_TRY(plan.numbering, numbering_from(record.find("numbering")));
  for (const auto& entry : targets->items()) {
    PlannedTarget target;
    SLUICE_TRY(target.target, target_from(&entry));
    target.settings = settings_from(entry);
    target.streams = flag_of(entry, "streams");
    target.push_tags = flag_of(entry, "push_tags");
    target.attachments_held = held_from(entry, target.streams);
    plan.targets.push_back(std::move(target));
  }
  if (const auto* sources = record.find("sources")) {
    for (const auto& entry : sources->items()) {
      PlannedSource source;
      SLUICE_TRY(source.target, target_from(&entry));
      source.settings = settings_from(entry);
      plan.sources.push_back(std::move(source));
    }
  }
  return plan;
}

}  // namespace

findings::Accepted accepts_from(const Json& record) {
  findings::Accepted out;
  const auto* list = record.find("accepts");
  if (list == nullptr) return out;
  for (const auto& one : list->items()) {
    if (auto code = one.as_string()) out.insert(std::move(*code));
  }
  return out;
}

Result<Plan> from_record(const Json& record) {
  SLUICE_TRY(auto plan, outline_from(record));
  for (std::size_t t = 0; t < plan.targets.size(); ++t) {
    const auto* images = record.find("targets")->items()[t].find("images");
    if (images == nullptr || images->items().empty()) return unreadable();
    for (const auto& image : images->items()) {
      SLUICE_TRY(auto planned, image_from(image));
      plan.targets[t].images.push_back(std::move(planned));
    }
  }
  return plan;
}

Result<Plan> from_remembered(const Json& record) {
  SLUICE_TRY(auto plan, outline_from(record));
  const auto content = remembered_content(record);
  std::vector<pipeline::Target> origins;
  for (const auto& source : plan.sources) origins.push_back(source.target);
  if (origins.empty()) return unreadable();
  for (std::size_t t = 0; t < plan.targets.size(); ++t) {
    const auto* names = record.find("targets")->items()[t].find("images");
    if (names == nullptr || names->items().empty()) return unreadable();
    for (const auto& name : names->items()) {
      const auto image =
          std::find_if(content.begin(), content.end(), [&](const auto& one) { return name.as_string() == one.name; });
      if (image == content.end()) return unreadable();
      plan.targets[t].images.push_back({.name = image->name, .after = image->digest, .tags = {}, .origins = origins});
    }
  }
  return plan;
}

}  // namespace sluice::promotion
