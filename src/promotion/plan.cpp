#include "promotion/plan.hpp"

#include "base/hash.hpp"

#include <algorithm>

namespace sluice::promotion {

bool PlannedImage::changes() const {
  return std::any_of(tags.begin(), tags.end(), [&](const PlannedTag& tag) { return tag.before != after; });
}

bool PlannedTarget::changes() const {
  const auto acts = [](const PlannedWorkload& workload) {
    return workload.action == cluster::UseAction::start || workload.action == cluster::UseAction::patch;
  };
  return std::any_of(images.begin(), images.end(), [](const PlannedImage& image) { return image.changes(); }) ||
         (workloads && std::any_of(workloads->begin(), workloads->end(), acts));
}

bool Plan::changes() const {
  return std::any_of(targets.begin(), targets.end(), [](const PlannedTarget& target) { return target.changes(); });
}

bool Plan::blocked() const {
  const auto blocks = [](const Finding& finding) { return finding.severity == Severity::blocker; };
  return std::any_of(findings.begin(), findings.end(), blocks) ||
         std::any_of(targets.begin(), targets.end(), [&](const PlannedTarget& target) {
           return std::any_of(target.findings.begin(), target.findings.end(), blocks);
         });
}

copy::Amounts Plan::bytes() const {
  copy::Amounts sum;
  for (const auto& target : targets) {
    for (const auto& image : target.images) sum += image.bytes;
  }
  return sum;
}

namespace {

std::string deploy_name(pipeline::Deploy deploy) { return deploy == pipeline::Deploy::patch ? "patch" : "trigger"; }

// What was looked at, as people agree to it: whether it rolls now or has been rolled is no difference.
Json workloads_essence(const PlannedTarget& target) {
  if (!target.workloads) return Json();
  Json out = Json::array();
  for (const auto& workload : *target.workloads) {
    out.push(Json::object()
                 .set("kind", workload.kind)
                 .set("name", workload.name)
                 .set("action", std::string(to_string(workload.action))));
  }
  return out;
}

Json digest_or_null(const std::optional<oci::Digest>& digest) { return digest ? Json(digest->text()) : Json(); }

// What the hash is taken over. Adding a member changes every hash: raise "version" then.
Json essence(const Plan& plan) {
  Json targets = Json::array();
  for (const auto& target : plan.targets) {
    Json images = Json::array();
    for (const auto& image : target.images) {
      Json tags = Json::array();
      for (const auto& tag : image.tags)
        tags.push(Json::object().set("tag", tag.tag).set("now", digest_or_null(tag.before)));
      images.push(
          Json::object().set("name", image.name).set("digest", image.after.text()).set("tags", std::move(tags)));
    }
    targets.push(Json::object()
                     .set("id", target.target.id())
                     .set("road", target.target.via ? Json(to_string(*target.target.via)) : Json())
                     .set("deploy", deploy_name(target.target.deploy))
                     .set("workloads", workloads_essence(target))
                     .set("images", std::move(images)));
  }
  return Json::object()
      .set("version", 2)
      .set("app", plan.app)
      .set("environment", plan.environment)
      .set("kind", to_string(plan.kind))
      .set("targets", std::move(targets))
      .set("gates", Json::array())
      .set("approvals", Json());
}

Json findings_json(const std::vector<Finding>& findings) {
  Json out = Json::array();
  for (const auto& finding : findings) out.push(to_json(finding));
  return out;
}

}  // namespace

std::string Plan::hash() const { return "sha256:" + hash_hex(HashAlgorithm::sha256, essence(*this).canonical()); }

Json to_json(const Finding& finding) {
  return Json::object()
      .set("code", finding.code)
      .set("severity", to_string(finding.severity))
      .set("subject", finding.subject)
      .set("sentence", finding.sentence)
      .set("fix", finding.fix.empty() ? Json() : Json(finding.fix));
}

Json to_json(const copy::Amounts& amounts) {
  return Json::object().set("moved", amounts.moved).set("mounted", amounts.mounted).set("present", amounts.present);
}

namespace {

Json workloads_json(const PlannedTarget& target) {
  if (!target.workloads) return Json();
  Json out = Json::array();
  for (const auto& workload : *target.workloads) {
    Json tags = Json::array();
    for (const auto& tag : workload.tags) tags.push(tag);
    out.push(Json::object()
                 .set("kind", workload.kind)
                 .set("name", workload.name)
                 .set("tags", std::move(tags))
                 .set("action", std::string(to_string(workload.action)))
                 .set("pause", workload.pause)
                 .set("why", workload.why.empty() ? Json() : Json(workload.why)));
  }
  return out;
}

}  // namespace

Json to_json(const Plan& plan) {
  Json targets = Json::array();
  for (const auto& target : plan.targets) {
    Json images = Json::array();
    for (const auto& image : target.images) {
      Json tags = Json::array();
      for (const auto& tag : image.tags)
        tags.push(Json::object().set("tag", tag.tag).set("before", digest_or_null(tag.before)));
      images.push(Json::object()
                      .set("name", image.name)
                      .set("before", digest_or_null(image.before()))
                      .set("after", image.after.text())
                      .set("tags", std::move(tags))
                      .set("road", to_string(image.road))
                      .set("why", image.why)
                      .set("bytes", to_json(image.bytes)));
    }
    targets.push(Json::object()
                     .set("target", target.target.id())
                     .set("images", std::move(images))
                     .set("workloads", workloads_json(target))
                     .set("findings", findings_json(target.findings)));
  }
  return Json::object()
      .set("schema", "sluice.plan/1")
      .set("plan", plan.hash())
      .set("app", plan.app)
      .set("release", plan.release)
      .set("environment", plan.environment)
      .set("kind", to_string(plan.kind))
      .set("blocked", plan.blocked())
      .set("changes", plan.changes())
      .set("targets", std::move(targets))
      .set("findings", findings_json(plan.findings));
}

namespace {

Json to_record(const pipeline::Target& target) {
  return Json::object()
      .set("cluster", target.cluster)
      .set("registry", target.registry)
      .set("project", target.project)
      .set("api", target.has_api ? Json(target.server) : Json())
      .set("via", target.via ? Json(to_string(*target.via)) : Json())
      .set("deploy", deploy_name(target.deploy));
}

Error unreadable() {
  return Error(ErrorKind::storage, "the plan of this promotion cannot be read back from the records")
      .with_hint("it was written by another version of sluice, or the records are damaged");
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
  if (const auto via = record->string_at("via")) target.via = pipeline::parse_via(*via);
  if (record->string_at("deploy") == "patch") target.deploy = pipeline::Deploy::patch;
  return target;
}

Result<PlannedImage> image_from(const Json& record) {
  const auto name = record.string_at("name");
  const auto* tags = record.find("tags");
  const auto* origins = record.find("origins");
  const auto after = oci::Digest::parse(record.string_at("after").value_or(""));
  if (!name || !after || tags == nullptr || tags->items().empty()) return unreadable();
  if (origins == nullptr || origins->items().empty()) return unreadable();
  PlannedImage image{.name = *name, .after = *after, .tags = {}, .origins = {}};
  if (const auto* source = record.find("source"); source != nullptr && !source->is_null()) {
    SLUICE_TRY(image.source, target_from(source));
    image.by_api = true;
    const auto road = record.string_at("road");
    image.road = road == "import" ? copy::Road::import_images : road == "tag" ? copy::Road::tag : copy::Road::present;
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
                      .set("tags", std::move(tags))
                      .set("origins", std::move(origins))
                      .set("source", image.by_api ? to_record(image.source) : Json())
                      .set("road", image.by_api ? Json(to_string(image.road)) : Json()));
    }
    targets.push(to_record(target.target)
                     .set("images", std::move(images))
                     .set("streams", target.streams)
                     .set("push_tags", target.push_tags));
  }
  return Json::object()
      .set("version", 1)
      .set("app", plan.app)
      .set("environment", plan.environment)
      .set("kind", to_string(plan.kind))
      .set("release", plan.release)
      .set("verify", Json::object()
                         .set("rollout", plan.verify.rollout)
                         .set("rollout_seconds", plan.verify.rollout_time.count())
                         .set("watch_seconds", plan.verify.watch.count())
                         .set("http", plan.verify.http))
      .set("rollback_on_failure", plan.rollback_on_failure)
      .set("targets", std::move(targets));
}

namespace {

pipeline::Verify verify_from(const Json* record) {
  pipeline::Verify verify;
  if (record == nullptr) return verify;
  if (const auto* rollout = record->find("rollout")) verify.rollout = rollout->as_bool().value_or(true);
  verify.rollout_time = std::chrono::seconds(record->integer_at("rollout_seconds").value_or(600));
  verify.watch = std::chrono::seconds(record->integer_at("watch_seconds").value_or(0));
  verify.http = record->string_at("http").value_or("");
  return verify;
}

bool flag_of(const Json& record, std::string_view name) {
  const auto* flag = record.find(name);
  return flag != nullptr && flag->as_bool().value_or(false);
}

}  // namespace

Result<Plan> from_record(const Json& record) {
  const auto* targets = record.find("targets");
  if (record.integer_at("version") != 1 || targets == nullptr || targets->items().empty()) return unreadable();
  Plan plan;
  plan.app = record.string_at("app").value_or("");
  plan.environment = record.string_at("environment").value_or("");
  plan.kind =
      record.string_at("kind") == "rollback" ? records::PromotionKind::rollback : records::PromotionKind::promote;
  plan.release = record.integer_at("release");
  plan.verify = verify_from(record.find("verify"));
  plan.rollback_on_failure = flag_of(record, "rollback_on_failure");
  for (const auto& entry : targets->items()) {
    PlannedTarget target;
    SLUICE_TRY(target.target, target_from(&entry));
    target.streams = flag_of(entry, "streams");
    target.push_tags = flag_of(entry, "push_tags");
    const auto* images = entry.find("images");
    if (images == nullptr || images->items().empty()) return unreadable();
    for (const auto& image : images->items()) {
      SLUICE_TRY(auto planned, image_from(image));
      target.images.push_back(std::move(planned));
    }
    plan.targets.push_back(std::move(target));
  }
  return plan;
}

}  // namespace sluice::promotion
