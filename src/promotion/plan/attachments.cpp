#include "promotion/plan/attachments.hpp"

#include "oci/attachment.hpp"
#include "promotion/plan/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace sluice::promotion {

namespace {

std::vector<oci::AttachmentKind> kinds_left(const PlannedImage& image) {
  std::vector<oci::AttachmentKind> out;
  if (!image.attachments) return out;
  for (const auto& one : *image.attachments) {
    if (!one.goes_along && !one.arrived) out.push_back(one.what.kind);
  }
  return out;
}

bool others_signed(const PlannedImage& image) {
  return std::any_of(image.attachments->begin(), image.attachments->end(),
                     [](const auto& one) { return one.other_there; });
}

std::string why_left(const Plan& plan, const PlannedTarget& planned, const PlannedImage& image) {
  if (plan.leaves_attachments) return "--no-attachments was given";
  if (image.road == copy::Road::import_images) return "a cluster that imports brings the image alone";
  if (others_signed(image)) return "something else stands under their tag at the target, and is not overwritten";
  if (planned.attachments_held == copy::AttachmentsHeld::none)
    return "the registry of this cluster takes Docker manifests alone";
  return "the registry of OpenShift gives out what a tag stands for, and these have none";
}

std::string remedy(const Plan& plan, const PlannedImage& image) {
  if (plan.leaves_attachments) return "leave out --no-attachments";
  if (image.road == copy::Road::import_images) return "promote without the road import";
  return "sign the image at the target once it is there, with cosign's tags (cosign sign "
         "--registry-referrers-mode=legacy)";
}

Result<std::optional<kube::ImageStream>> stream_at(Targets& targets, const pipeline::Target& target,
                                                   const std::string& image) {
  SLUICE_TRY(const auto access, targets.open(target));
  if (!access.streams) return std::optional<kube::ImageStream>();
  auto streams = targets.seen(access, {image});
  if (!streams && streams.error().kind() == ErrorKind::denied) return std::optional<kube::ImageStream>();
  SLUICE_CHECK(streams);
  return std::move(streams->front());
}

std::set<std::string> digests_of(const PlannedImage& image) {
  auto out = image.accepted;
  out.insert(image.after.text());
  return out;
}

}  // namespace

std::vector<copy::Attachment> attachments_in(const kube::ImageStream& stream, std::set<std::string> digests) {
  std::map<std::string, copy::Attachment> found;
  const auto tags = stream.tags();
  // What is attached to an attachment is found in the next round.
  for (bool more = true; more;) {
    more = false;
    for (const auto& history : tags) {
      const auto named = oci::parse_digest_tag(history.tag);
      if (!named || !named->kind || found.contains(history.tag) || !digests.contains(named->subject.text())) continue;
      if (history.top() == nullptr) continue;
      auto digest = oci::Digest::parse(history.top()->image);
      if (!digest) continue;
      more = digests.insert(digest->text()).second || more;
      found.emplace(
          history.tag,
          copy::Attachment{
              .kind = *named->kind, .digest = std::move(*digest), .subject = named->subject, .tag = history.tag});
    }
  }
  std::vector<copy::Attachment> out;
  for (auto& [tag, attachment] : found) out.push_back(std::move(attachment));
  return out;
}

namespace {

// The stream that has the image, and with it what is attached; empty: no stream that we may read, or other means bring
// them.
Result<std::optional<pipeline::Target>> stream_with(Targets& targets, const PlannedTarget& planned,
                                                    const PlannedImage& image) {
  const std::optional<pipeline::Target> none;
  if (!image.by_api) return none;
  if (image.road != copy::Road::present) return std::optional(image.source);
  // It is there already; what was attached since is where it came from.
  for (const auto& origin : image.origins) {
    if (!same_cluster(origin, planned.target) || origin.project == planned.target.project) continue;
    SLUICE_TRY(const auto stream, stream_at(targets, origin, image.name));
    if (stream && stream->has_image(image.after.text())) return std::optional(origin);
  }
  return none;
}

}  // namespace

Status look_at_stream_attachments(Targets& targets, const Plan& plan, PlannedTarget& planned) {
  if (plan.kind == records::PromotionKind::rollback) return {};  // what was there has its own
  for (auto& image : planned.images) {
    SLUICE_TRY(const auto from, stream_with(targets, planned, image));
    if (!from) continue;
    SLUICE_TRY(const auto source, stream_at(targets, *from, image.name));
    if (!source) continue;
    SLUICE_TRY(const auto there, stream_at(targets, planned.target, image.name));
    const bool held = planned.attachments_held != copy::AttachmentsHeld::none;
    const bool sets = held && same_cluster(*from, planned.target) && image.road != copy::Road::import_images;
    if (sets) image.attachments_from = *from;
    auto& states = image.attachments.emplace();
    for (auto& what : attachments_in(*source, digests_of(image))) {
      const auto top = there ? there->top(what.tag) : std::nullopt;
      copy::AttachmentState state{.what = std::move(what), .goes_along = sets && !plan.leaves_attachments};
      // Each signature is an annotation of a layer, which no API shows: another image under the tag may have others.
      state.arrived = top && top->image == state.what.digest.text();
      state.other_there = top && !state.arrived;
      if (state.other_there) state.goes_along = false;
      states.push_back(std::move(state));
    }
  }
  return {};
}

std::vector<SignatureOutlook> signature_outlooks(const Plan& plan, const PlannedTarget& planned) {
  std::vector<SignatureOutlook> out;
  for (const auto& image : planned.images) {
    auto& outlook = out.emplace_back();
    if (!image.attachments) continue;
    outlook.at_source_known = true;
    unsigned left = 0;
    for (const auto& one : *image.attachments) {
      // What is signed beside the image, its SBOM for one, is no signature of it.
      const bool of_image = std::none_of(image.attachments->begin(), image.attachments->end(),
                                         [&](const auto& other) { return other.what.digest == one.what.subject; });
      if (one.what.kind != oci::AttachmentKind::signature || !of_image) continue;
      ++outlook.signatures_at_source;
      if (!one.goes_along && !one.arrived && !one.other_there) ++left;
    }
    const bool another = image.tested || (image.road == copy::Road::docker && plan.digest_may_change);
    if (another) left = outlook.signatures_at_source;
    // One that arrives is enough for a policy.
    outlook.left_behind = left > 0 && left == outlook.signatures_at_source;
    if (!outlook.left_behind) continue;
    outlook.why_left = another ? "they are about the digest that was tested, and an engine pushes another one"
                               : why_left(plan, planned, image);
    outlook.remedy = another ? "promote without the engine (leave 'via' out)" : remedy(plan, image);
  }
  return out;
}

std::vector<Finding> attachment_findings(const Plan& plan, const PlannedTarget& planned) {
  std::vector<Finding> out;
  for (const auto& image : planned.images) {
    const auto subject = planned.target.label() + "/" + image.name;
    const bool moves = image.changes() && plan.kind != records::PromotionKind::rollback && !plan.leaves_attachments;
    if (!image.attachments && image.by_api && moves) {
      out.push_back({.code = "attachments-unknown",
                     .severity = Severity::warning,
                     .subject = subject,
                     .sentence = fmt::format("nobody looked for what is attached to {}: {}", image.name,
                                             image.road == copy::Road::present
                                                 ? "the target has the image already, and not from its own cluster"
                                                 : "the place that it comes from cannot be looked at"),
                     .fix = "where signatures are missing, copy the image with them: sluice copy SOURCE DESTINATION"});
    }
    const auto left = kinds_left(image);
    if (left.empty()) continue;
    out.push_back({.code = "attachments-left",
                   .severity = plan.leaves_attachments ? Severity::info : Severity::warning,
                   .subject = subject,
                   .sentence = fmt::format("{} of {} {} at the source: {}", oci::counted(left), image.name,
                                           left.size() == 1 ? "stays" : "stay", why_left(plan, planned, image)),
                   .fix = {}});
  }
  return out;
}

}  // namespace sluice::promotion
