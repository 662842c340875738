#include "promotion/plan.hpp"

#include "base/hash.hpp"

#include <algorithm>

namespace sluice::promotion {

bool PlannedImage::changes() const {
  return std::any_of(tags.begin(), tags.end(), [&](const PlannedTag& tag) { return tag.before != after; });
}

bool PlannedTarget::changes() const {
  return std::any_of(images.begin(), images.end(), [](const PlannedImage& image) { return image.changes(); });
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
    targets.push(Json::object().set("id", target.target.id()).set("images", std::move(images)));
  }
  return Json::object()
      .set("version", 1)
      .set("app", plan.app)
      .set("environment", plan.environment)
      .set("kind", to_string(plan.kind))
      .set("targets", std::move(targets))
      .set("road", Json())
      .set("workloads", Json::array())
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
                     .set("workloads", Json())
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
  return Json::object().set("cluster", target.cluster).set("registry", target.registry).set("project", target.project);
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
                      .set("origins", std::move(origins)));
    }
    targets.push(to_record(target.target).set("images", std::move(images)));
  }
  return Json::object()
      .set("version", 1)
      .set("app", plan.app)
      .set("environment", plan.environment)
      .set("kind", to_string(plan.kind))
      .set("release", plan.release)
      .set("targets", std::move(targets));
}

Result<Plan> from_record(const Json& record) {
  const auto* targets = record.find("targets");
  if (record.integer_at("version") != 1 || targets == nullptr || targets->items().empty()) return unreadable();
  Plan plan;
  plan.app = record.string_at("app").value_or("");
  plan.environment = record.string_at("environment").value_or("");
  plan.kind =
      record.string_at("kind") == "rollback" ? records::PromotionKind::rollback : records::PromotionKind::promote;
  plan.release = record.integer_at("release");
  for (const auto& entry : targets->items()) {
    PlannedTarget target;
    SLUICE_TRY(target.target, target_from(&entry));
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
