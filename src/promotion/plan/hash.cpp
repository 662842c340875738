// What a plan's hash is taken over: all that decides what happens and how it is judged.

#include "base/hash.hpp"

#include "promotion/plan/json.hpp"
#include "promotion/plan/plan.hpp"

#include <algorithm>

namespace sluice::promotion {

namespace {

// What was looked at, as people agree to it: whether it rolls now or has been rolled is no difference.
Json workloads_essence(const PlannedTarget& target) {
  if (!target.workloads) return Json();
  Json out = Json::array();
  for (const auto& workload : *target.workloads) {
    out.push(Json::object()
                 .set("kind", workload.kind)
                 .set("name", workload.name)
                 .set("action", std::string(to_string(workload.action)))
                 .set("template", workload.template_hash));
  }
  return out;
}

Json images_essence(const PlannedTarget& target) {
  Json images = Json::array();
  for (const auto& image : target.images) {
    Json tags = Json::array();
    for (const auto& tag : image.tags)
      tags.push(Json::object().set("tag", tag.tag).set("now", digest_or_null(tag.before)));
    images.push(
        Json::object().set("name", image.name).set("digest", image.of_release().text()).set("tags", std::move(tags)));
  }
  return images;
}

Json side_essence(const std::string& identity, const SideSettings& settings) {
  return Json::object()
      .set("id", identity)
      .set("registry", settings.registry)
      .set("insecure", settings.insecure)
      .set("proxy", settings.proxy);
}

// A project that nobody had to open has no place of its own. Beside a target it is known by that target's, so that the
// address of the cluster does not matter here either.
std::string source_identity(const Plan& plan, const pipeline::Target& source) {
  if (source.place.empty() && source.has_api) {
    for (const auto& target : plan.targets) {
      if (target.target.has_api && target.target.server == source.server)
        return target.target.identity() + "/../" + source.project;
    }
  }
  return source.identity();
}

Json sources_essence(const Plan& plan) {
  Json out = Json::array();
  for (const auto& source : plan.sources) out.push(side_essence(source_identity(plan, source.target), source.settings));
  return out;
}

Json grace_json(const pipeline::Verify& verify) { return verify.grace ? Json(verify.grace->count()) : Json("none"); }

Json verify_essence(const pipeline::Verify& verify) {
  auto out = Json::object()
                 .set("rollout", verify.rollout ? Json(verify.rollout_time.count()) : Json("none"))
                 .set("watch", verify.watch.count())
                 .set("http", verify.http.empty() ? Json() : Json(verify.http));
  // Only where somebody chose it: a plan that was approved before there was a choice keeps its hash.
  if (verify.grace != pipeline::Verify().grace) out.set("grace", grace_json(verify));
  return out;
}

Json accepted_essence(const Plan& plan) {
  Json out = Json::array();
  if (plan.digest_may_change) out.push("digest-change");
  if (plan.leaves_attachments) out.push("no-attachments");
  for (const auto& code : plan.accepts) out.push("finding:" + code);
  return out;
}

// Adding a member changes every hash: raise "version" then.
Json essence(const Plan& plan) {
  Json targets = Json::array();
  for (const auto& target : plan.targets) {
    targets.push(side_essence(target.target.identity(), target.settings)
                     .set("road", target.target.via ? Json(to_string(*target.target.via)) : Json())
                     .set("deploy", target.target.deploy == pipeline::Deploy::patch ? "patch" : "trigger")
                     .set("workloads", workloads_essence(target))
                     .set("images", images_essence(target)));
  }
  return Json::object()
      .set("version", 3)
      .set("app", plan.app)
      .set("environment", plan.environment)
      .set("kind", to_string(plan.kind))
      .set("targets", std::move(targets))
      .set("sources", sources_essence(plan))
      .set("verify", verify_essence(plan.verify))
      .set("on_failure", plan.rollback_on_failure ? "rollback" : "stop")
      .set("gates", Json::array())
      .set("approvals", Json())
      .set("accepted", accepted_essence(plan));
}

}  // namespace

std::vector<pipeline::Target> sources_of(const Plan& plan) {
  std::vector<pipeline::Target> out;
  for (const auto& target : plan.targets) {
    for (const auto& image : target.images) {
      for (const auto& origin : image.origins) {
        const bool twice = std::any_of(out.begin(), out.end(),
                                       [&](const auto& other) { return other.identity() == origin.identity(); });
        if (!twice) out.push_back(origin);
      }
    }
  }
  return out;
}

std::string Plan::hash() const { return "sha256:" + hash_hex(HashAlgorithm::sha256, essence(*this).canonical()); }

}  // namespace sluice::promotion
