#include "promotion/shadow.hpp"

#include "base/text.hpp"
#include "promotion/plan/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::promotion {

namespace {

constexpr std::size_t kMostChildren = 32;  // one question each

// The child of an index that is this image; null: none is.
const oci::Descriptor* child_that_is(const oci::Manifest& index, const Manifests& parts, const oci::Manifest& image) {
  for (const auto& child : index.children) {
    if (child.digest == image.digest) return &child;
    for (const auto& part : parts) {
      const bool same =
          part->digest == child.digest && part->config && image.config && part->config->digest == image.config->digest;
      if (same) return &child;
    }
  }
  return nullptr;
}

std::string platform_of(const oci::Descriptor& child) { return child.platform ? child.platform->text() : ""; }

std::string sentence_of(const ShadowImage& image) {
  const auto& there = image.tags.back().there;
  const auto stands = there ? there->brief() : std::string("nothing");
  const auto ours = image.ours.brief();
  const auto both = fmt::format("the tag stands for {}, and Sluice would bring {}", stands, ours);
  switch (image.compared.difference) {
    case Difference::none:
      return {};
    case Difference::nothing_there:
      return fmt::format("the tag is not there, and Sluice would bring {}", ours);
    case Difference::one_platform:
      return fmt::format("{}: one platform of the index came, and {} did not", both,
                         text::join(image.compared.lost_platforms, ", "));
    case Difference::packed_anew:
      return fmt::format("{}: the same image packed anew, so that signatures and approvals of {} do not fit it", both,
                         ours);
    case Difference::another_image:
      return fmt::format("{}: another image", both);
    case Difference::not_known:
      break;
  }
  return fmt::format("{}: how they differ could not be read", both);
}

// All manifests of an image at the first of these places that has it.
Manifests read_manifests(Places& places, const std::vector<pipeline::Target>& origins, const std::string& image,
                         const oci::Digest& digest, const std::stop_token& stop) {
  for (const auto& origin : origins) {
    const auto place = places.place_of(origin);
    if (!place) continue;
    const auto repository = repository_of(origin, image);
    auto root = (*place)->manifest(repository, places::ManifestName::digest(digest), stop);
    if (!root) continue;
    Manifests out;
    for (const auto& child : root->children) {
      if (out.size() == kMostChildren) break;
      auto part = (*place)->manifest(repository, places::ManifestName::digest(child.digest), stop);
      if (part) out.push_back(std::make_shared<const oci::Manifest>(std::move(*part)));
    }
    out.push_back(std::make_shared<const oci::Manifest>(std::move(*root)));
    return out;
  }
  return {};
}

// What the survey has read already; empty: the image goes by a cluster's own means.
Manifests surveyed(const Planned& planned, std::size_t target, std::size_t image) {
  for (std::size_t k = 0; k < planned.copied.size(); ++k) {
    if (planned.copied[k].target == target && planned.copied[k].image == image)
      return planned.survey.items[k].manifests;
  }
  return {};
}

}  // namespace

std::string_view to_string(Difference difference) {
  switch (difference) {
    case Difference::none:
      return "none";
    case Difference::nothing_there:
      return "nothing-there";
    case Difference::one_platform:
      return "one-platform";
    case Difference::packed_anew:
      return "packed-anew";
    case Difference::another_image:
      return "another-image";
    case Difference::not_known:
      break;
  }
  return "not-known";
}

Compared compare(const std::optional<oci::Digest>& there, const Manifests& old, const oci::Digest& ours_digest,
                 const Manifests& ours) {
  if (!there) return {Difference::nothing_there};
  if (*there == ours_digest) return {Difference::none};
  if (old.empty() || ours.empty()) return {Difference::not_known};
  const auto& a = *old.back();
  const auto& b = *ours.back();
  if (b.is_index() && !a.is_index()) {
    const auto* child = child_that_is(b, ours, a);
    if (child == nullptr) return {Difference::another_image};
    auto lost = oci::platforms_of(b);
    std::erase(lost, platform_of(*child));
    if (!lost.empty()) return {Difference::one_platform, std::move(lost)};
    return {Difference::packed_anew};
  }
  const bool same_config = a.config && b.config && a.config->digest == b.config->digest;
  return {same_config ? Difference::packed_anew : Difference::another_image};
}

ShadowWorkload shadow_of(const PlannedWorkload& workload) {
  const auto why = workload.why.empty() ? std::string() : ": " + workload.why;
  switch (workload.action) {
    case openshift::UseAction::rolls:
      return {workload.kind, workload.name, true, "rolls when the tag moves, by either way"};
    case openshift::UseAction::start:
      return {workload.kind, workload.name, false, "runs something else; Sluice starts a rollout" + why};
    case openshift::UseAction::patch:
      return {workload.kind, workload.name, false,
              "follows no tag, so a tag that moves changes nothing; Sluice gives it the image by digest"};
    case openshift::UseAction::blocked:
      return {workload.kind, workload.name, false,
              "does not roll when the tag moves; Sluice says so before it moves it" + why};
    case openshift::UseAction::build:
      return {workload.kind, workload.name, true, "builds when the tag moves, by either way"};
    case openshift::UseAction::none:
      break;
  }
  return {workload.kind, workload.name, true, "stays as it is, by either way"};
}

std::size_t ShadowTarget::differences() const {
  std::size_t count = 0;
  for (const auto& image : images) {
    count += static_cast<std::size_t>(
        std::count_if(image.tags.begin(), image.tags.end(), [](const ShadowTag& tag) { return !tag.same; }));
  }
  return count + static_cast<std::size_t>(std::count_if(workloads.begin(), workloads.end(),
                                                        [](const ShadowWorkload& one) { return !one.same; }));
}

Result<std::vector<ShadowTarget>> look_at_shadow(Places& places, const Planned& planned, const std::stop_token& stop) {
  std::vector<ShadowTarget> out;
  for (std::size_t t = 0; t < planned.plan.targets.size(); ++t) {
    const auto& target = planned.plan.targets[t];
    ShadowTarget shadow{.target = target.target, .images = {}, .workloads = {}};
    for (std::size_t i = 0; i < target.images.size(); ++i) {
      const auto& image = target.images[i];
      ShadowImage one{.name = image.name, .tags = {}, .ours = image.after, .compared = {}};
      for (const auto& tag : image.tags) one.tags.push_back({tag.tag, tag.before, tag.before == image.after});
      const auto& there = image.before();
      Manifests old;
      Manifests ours;
      if (there && *there != image.after) {
        old = read_manifests(places, {target.target}, image.name, *there, stop);
        ours = surveyed(planned, t, i);
        if (ours.empty()) ours = read_manifests(places, image.origins, image.name, image.after, stop);
      }
      if (stop.stop_requested())
        return Error(ErrorKind::cancelled, "stopped while looking at " + target.target.label());
      one.compared = compare(there, old, image.after, ours);
      one.sentence = sentence_of(one);
      shadow.images.push_back(std::move(one));
    }
    if (target.workloads) {
      for (const auto& workload : *target.workloads) shadow.workloads.push_back(shadow_of(workload));
    }
    out.push_back(std::move(shadow));
  }
  return out;
}

namespace {

Json image_json(const ShadowImage& image) {
  Json tags = Json::array();
  for (const auto& tag : image.tags)
    tags.push(Json::object().set("tag", tag.tag).set("there", digest_or_null(tag.there)).set("same", tag.same));
  Json lost = Json::array();
  for (const auto& platform : image.compared.lost_platforms) lost.push(platform);
  return Json::object()
      .set("name", image.name)
      .set("there", digest_or_null(image.tags.back().there))
      .set("ours", image.ours.text())
      .set("difference", to_string(image.compared.difference))
      .set("sentence", image.sentence.empty() ? Json() : Json(image.sentence))
      .set("lost_platforms", std::move(lost))
      .set("tags", std::move(tags));
}

}  // namespace

Json to_json(const Plan& plan, const std::vector<ShadowTarget>& targets) {
  std::size_t differences = 0;
  Json list = Json::array();
  for (const auto& target : targets) {
    differences += target.differences();
    Json images = Json::array();
    for (const auto& image : target.images) images.push(image_json(image));
    Json workloads = Json::array();
    for (const auto& one : target.workloads) {
      workloads.push(Json::object()
                         .set("kind", one.kind)
                         .set("name", one.name)
                         .set("same", one.same)
                         .set("sentence", one.sentence));
    }
    list.push(Json::object()
                  .set("target", target.target.id())
                  .set("images", std::move(images))
                  .set("workloads", std::move(workloads)));
  }
  Json findings = Json::array();
  for (const auto& finding : plan.findings) findings.push(to_json(finding));
  for (const auto& target : plan.targets) {
    for (const auto& finding : target.findings) findings.push(to_json(finding));
  }
  return Json::object()
      .set("schema", "sluice.shadow/1")
      .set("app", plan.app)
      .set("environment", plan.environment)
      .set("release", plan.release)
      .set("release_id", plan.release_id)
      .set("plan", plan.hash())
      .set("same", differences == 0)
      .set("differences", static_cast<std::int64_t>(differences))
      .set("blocked", plan.blocked())
      .set("targets", std::move(list))
      .set("findings", std::move(findings));
}

}  // namespace sluice::promotion
