#include "promotion/plan/plan.hpp"

#include "oci/content_id.hpp"
#include "promotion/plan/json.hpp"

#include <algorithm>
#include <map>

namespace sluice::promotion {

bool PlannedImage::changes() const {
  return std::any_of(tags.begin(), tags.end(), [&](const PlannedTag& tag) { return tag.before != after; });
}

bool PlannedImage::brings_attachments() const {
  return attachments && std::any_of(attachments->begin(), attachments->end(),
                                    [](const copy::AttachmentState& one) { return one.goes_along && !one.arrived; });
}

void PlannedImage::take_arrival(oci::Digest arrived, const pipeline::Target& target) {
  auto release = of_release();
  tested = release == arrived ? std::nullopt : std::optional(std::move(release));
  after = std::move(arrived);
  origins = {target};
  by_api = false;
  accepted.clear();
}

bool PlannedTarget::changes() const {
  const auto acts = [](const PlannedWorkload& workload) {
    return workload.action == openshift::UseAction::start || workload.action == openshift::UseAction::patch;
  };
  return std::any_of(images.begin(), images.end(),
                     [](const PlannedImage& image) { return image.changes() || image.brings_attachments(); }) ||
         (workloads && std::any_of(workloads->begin(), workloads->end(), acts));
}

const PlannedImage& PlannedTarget::head() const {
  return *std::min_element(images.begin(), images.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

std::string PlannedTarget::id_before() const {
  std::map<std::string, std::string> content;
  for (const auto& image : images) {
    const auto& before = image.tested_before ? image.tested_before : image.before();
    if (before) content.emplace(image.name, before->text());
  }
  return content.empty() ? std::string() : oci::content_id(content);
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

bool keeps_other_image(const Finding& finding) {
  return finding.code == "container-not-followed" || finding.code == "waits-for-delete" ||
         finding.code == "trigger-no-such-tag";
}

std::vector<Finding> all_findings(const Plan& plan) {
  auto out = plan.findings;
  for (const auto& target : plan.targets) out.insert(out.end(), target.findings.begin(), target.findings.end());
  return out;
}

Json accepts_json(const findings::Accepted& accepts) {
  Json out = Json::array();
  for (const auto& code : accepts) out.push(code);
  return out;
}

Json to_json(const Finding& finding) {
  return Json::object()
      .set("code", finding.code)
      .set("severity", to_string(finding.severity))
      .set("subject", finding.subject)
      .set("sentence", finding.sentence)
      .set("fix", finding.fix.empty() ? Json() : Json(finding.fix))
      .set("accepted", finding.accepted);
}

Json to_json(const copy::Amounts& amounts) {
  return Json::object().set("moved", amounts.moved).set("mounted", amounts.mounted).set("present", amounts.present);
}

namespace {

Json findings_json(const std::vector<Finding>& findings) {
  Json out = Json::array();
  for (const auto& finding : findings) out.push(to_json(finding));
  return out;
}

}  // namespace

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
                 .set("why", workload.why.empty() ? Json() : Json(workload.why))
                 .set("template", workload.template_hash));
  }
  return out;
}

Json cluster_json(const PlannedTarget& target) {
  if (!target.target.has_api) return Json();
  return Json::object()
      .set("name", target.target.cluster.empty() ? Json() : Json(target.target.cluster))
      .set("api", target.target.server)
      .set("user", target.user.empty() ? Json() : Json(target.user));
}

Json verify_json(const pipeline::Verify& verify) {
  return Json::object()
      .set("rollout_seconds", verify.rollout ? Json(verify.rollout_time.count()) : Json())
      .set("grace_seconds", verify.rollout && verify.grace ? Json(verify.grace->count()) : Json())
      .set("watch_seconds", verify.watch.count())
      .set("http", verify.http.empty() ? Json() : Json(verify.http));
}

Json sources_json(const Plan& plan) {
  Json out = Json::array();
  for (const auto& source : plan.sources) {
    auto one = Json::object().set("source", source.target.id());
    out.push(std::move(add_settings(one, source.settings)));
  }
  return out;
}

}  // namespace

Json attachments_json(const std::optional<std::vector<copy::AttachmentState>>& attachments) {
  if (!attachments) return {};
  Json out = Json::array();
  for (const auto& one : *attachments) {
    out.push(Json::object()
                 .set("kind", to_string(one.what.kind))
                 .set("digest", one.what.digest.text())
                 .set("subject", one.what.subject.text())
                 .set("tag", one.what.tag.empty() ? Json() : Json(one.what.tag))
                 .set("goes_along", one.goes_along)
                 .set("arrived", one.arrived));
  }
  return out;
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
                      .set("tested", image.of_release().text())
                      .set("tags", std::move(tags))
                      .set("road", to_string(image.road))
                      .set("why", image.why)
                      .set("attachments", attachments_json(image.attachments))
                      .set("bytes", to_json(image.bytes)));
    }
    auto one = Json::object().set("target", target.target.id()).set("cluster", cluster_json(target));
    targets.push(add_settings(one, target.settings)
                     .set("images", std::move(images))
                     .set("workloads", workloads_json(target))
                     .set("findings", findings_json(target.findings)));
  }
  return Json::object()
      .set("schema", "sluice.plan/1")
      .set("plan", plan.hash())
      .set("app", plan.app)
      .set("release", plan.release)
      .set("release_id", plan.release_id)
      .set("environment", plan.environment)
      .set("kind", to_string(plan.kind))
      .set("blocked", plan.blocked())
      .set("changes", plan.changes())
      .set("verify", verify_json(plan.verify))
      .set("on_failure", plan.rollback_on_failure ? "rollback" : "stop")
      .set("digest_may_change", plan.digest_may_change)
      .set("leaves_attachments", plan.leaves_attachments)
      .set("accepts", accepts_json(plan.accepts))
      .set("sources", sources_json(plan))
      .set("targets", std::move(targets))
      .set("findings", findings_json(plan.findings));
}

}  // namespace sluice::promotion
