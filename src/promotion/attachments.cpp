#include "promotion/attachments.hpp"

#include "cluster/stream_tags.hpp"
#include "oci/attachment.hpp"
#include "promotion/rules.hpp"

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
    if (!one.goes_along) out.push_back(one.what.kind);
  }
  return out;
}

std::string why_left(const Plan& plan, const PlannedTarget& planned) {
  if (plan.leaves_attachments) return "--no-attachments was given";
  const bool taken = std::any_of(planned.images.begin(), planned.images.end(),
                                 [](const PlannedImage& image) { return image.road == copy::Road::tag; });
  if (taken) return "others have signed at the target, and their tag is not overwritten";
  if (planned.attachments_held == copy::AttachmentsHeld::none)
    return "the registry of this cluster takes Docker manifests alone";
  return "the registry of OpenShift gives out what a tag stands for, and these have none";
}

Result<std::optional<cluster::ImageStream>> stream_at(Targets& targets, const pipeline::Target& target,
                                                      const std::string& image) {
  SLUICE_TRY(const auto access, targets.open(target));
  if (!access.streams) return std::optional<cluster::ImageStream>();
  auto streams = targets.seen(access, {image});
  if (!streams && streams.error().kind() == ErrorKind::denied) return std::optional<cluster::ImageStream>();
  SLUICE_CHECK(streams);
  return std::move(streams->front());
}

using Layers = std::set<std::string>;

Result<Layers> layers_of(Targets& targets, const pipeline::Target& at, const std::string& stream,
                         const std::string& digest) {
  SLUICE_TRY(const auto access, targets.open(at));
  SLUICE_TRY(const auto facts,
             cluster::describe_image(*access.side.client, at.project, stream, digest, targets.context()));
  Layers out;
  for (const auto& part : facts.parts) {
    for (const auto& layer : part.layers) out.insert(layer.digest);
  }
  return out;
}

// Something stands under the tag at the target. Each signature is a layer: what others have signed there must not get
// lost, and an API cannot make one of both.
Status compare_with(Targets& targets, const pipeline::Target& target, const PlannedImage& image,
                    const std::string& stands, copy::AttachmentState& state) {
  state.arrived = stands == state.what.digest.text();
  if (state.arrived) return {};
  SLUICE_TRY(const auto theirs, layers_of(targets, target, image.name, stands));
  SLUICE_TRY(const auto ours, layers_of(targets, image.source, image.name, state.what.digest.text()));
  state.arrived = std::includes(theirs.begin(), theirs.end(), ours.begin(), ours.end());
  if (!std::includes(ours.begin(), ours.end(), theirs.begin(), theirs.end())) state.goes_along = state.arrived;
  return {};
}

std::set<std::string> digests_of(const PlannedImage& image) {
  auto out = image.accepted;
  out.insert(image.after.text());
  return out;
}

}  // namespace

std::vector<copy::Attachment> attachments_in(const cluster::ImageStream& stream, std::set<std::string> digests) {
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

Status look_at_stream_attachments(Targets& targets, bool leaves, PlannedTarget& planned) {
  for (auto& image : planned.images) {
    if (!image.by_api || image.road != copy::Road::tag) continue;
    SLUICE_TRY(const auto source, stream_at(targets, image.source, image.name));
    if (!source) continue;
    SLUICE_TRY(const auto there, stream_at(targets, planned.target, image.name));
    auto& states = image.attachments.emplace();
    for (auto& what : attachments_in(*source, digests_of(image))) {
      const auto top = there ? there->top(what.tag) : std::nullopt;
      copy::AttachmentState state{.what = std::move(what), .goes_along = !leaves, .arrived = false};
      if (top) SLUICE_CHECK(compare_with(targets, planned.target, image, top->image, state));
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
    for (const auto& one : *image.attachments) {
      // What is signed beside the image, its SBOM for one, is no signature of it.
      const bool of_image = std::none_of(image.attachments->begin(), image.attachments->end(),
                                         [&](const auto& other) { return other.what.digest == one.what.subject; });
      if (one.what.kind != oci::AttachmentKind::signature || !of_image) continue;
      ++outlook.signatures_at_source;
      outlook.left_behind = outlook.left_behind || (!one.goes_along && !one.arrived);
    }
    if (!outlook.left_behind) continue;
    outlook.why_left = why_left(plan, planned);
    if (plan.leaves_attachments) outlook.remedy = "leave out --no-attachments";
  }
  return out;
}

std::vector<Finding> attachment_findings(const Plan& plan, const PlannedTarget& planned) {
  std::vector<Finding> out;
  for (const auto& image : planned.images) {
    const auto left = kinds_left(image);
    if (left.empty()) continue;
    out.push_back({.code = "attachments-left",
                   .severity = plan.leaves_attachments ? Severity::info : Severity::warning,
                   .subject = planned.target.label() + "/" + image.name,
                   .sentence = fmt::format("{} of {} {} at the source: {}", oci::counted(left), image.name,
                                           left.size() == 1 ? "stays" : "stay", why_left(plan, planned)),
                   .fix = {}});
  }
  return out;
}

}  // namespace sluice::promotion
