// The attachments that go along on the road "tag": each is a tag of the stream, as the image is.

#include "base/task_pool.hpp"
#include "oci/attachment.hpp"
#include "openshift/streams/tags.hpp"
#include "promotion/targets/cluster_target.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::promotion {

namespace {

constexpr unsigned kWriters = 8;  // as the images

}  // namespace

Status ClusterTarget::stage_attachments() {
  const auto brings = [](const PlannedImage& image) { return image.attachments_from && image.brings_attachments(); };
  if (std::none_of(planned_.images.begin(), planned_.images.end(), brings)) return {};
  SLUICE_TRY(const auto streams, streams_now());
  TaskPool pool(targets_.stop(), kWriters);
  for (std::size_t i = 0; i < planned_.images.size(); ++i) {
    if (!brings(planned_.images[i])) continue;
    leave_what_others_set(planned_.images[i], streams[i]);
    for (const auto& one : *planned_.images[i].attachments) {
      if (one.goes_along && !one.arrived) pool.add(attachment_task(planned_.images[i], one));
    }
  }
  SLUICE_CHECK(pool.finish());
  return count_attachments();
}

// Others may have signed since the plan: their tag is theirs.
void ClusterTarget::leave_what_others_set(PlannedImage& image, const std::optional<kube::ImageStream>& stream) const {
  for (auto& one : *image.attachments) {
    if (!one.goes_along || one.arrived) continue;
    const auto top = stream ? stream->top(one.what.tag) : std::nullopt;
    if (!top || top->image == one.what.digest.text()) continue;
    one.goes_along = false;
    one.other_there = true;
    say(fmt::format("{}: somebody else has set {} since the plan; it stays as it is", image.name, one.what.tag));
  }
}

Task ClusterTarget::attachment_task(const PlannedImage& image, const copy::AttachmentState& one) {
  return {.run = [this, &image, &one](const std::stop_token&) -> Status {
    SLUICE_CHECK(still_ours());
    SLUICE_CHECK(openshift::move_tag(client(),
                                     {planned_.target.project, image.name, one.what.tag,
                                      image.attachments_from->project, image.name, one.what.digest.text()},
                                     context()));
    return {};
  }};
}

Result<std::vector<std::optional<kube::ImageStream>>> ClusterTarget::streams_now() {
  std::vector<std::string> names;
  for (const auto& image : planned_.images) names.push_back(image.name);
  return targets_.streams(access_, names);
}

// N expected, N arrived, or the promotion fails before any tag of an image moves.
Status ClusterTarget::count_attachments() {
  SLUICE_TRY(const auto streams, streams_now());
  for (std::size_t i = 0; i < planned_.images.size(); ++i) {
    auto& image = planned_.images[i];
    if (!image.attachments_from || !image.attachments) continue;
    for (auto& one : *image.attachments) {
      if (!one.goes_along || one.arrived) continue;
      const auto top = streams[i] ? streams[i]->top(one.what.tag) : std::nullopt;
      one.arrived = top && top->image == one.what.digest.text();
      if (one.arrived) continue;
      return Error(ErrorKind::integrity,
                   fmt::format("{}/{}:{} should stand for {} now, and stands for {}", planned_.target.label(),
                               image.name, one.what.tag, one.what.digest.text(), top ? top->image : "nothing"))
          .with_hint("try again, or promote without what is attached: --no-attachments");
    }
  }
  return {};
}

}  // namespace sluice::promotion
