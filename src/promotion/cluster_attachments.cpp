// The attachments that go along on the road "tag": each is a tag of the stream, as the image is.

#include "cluster/stream_tags.hpp"
#include "copy/crew.hpp"
#include "oci/attachment.hpp"
#include "promotion/cluster_target.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::promotion {

namespace {

constexpr unsigned kWriters = 8;  // as the images

}  // namespace

Status ClusterTarget::stage_attachments() {
  bool any = false;
  copy::Crew crew(targets_.stop(), kWriters);
  for (const auto& image : planned_.images) {
    if (!image.by_api || image.road != copy::Road::tag || !image.brings_attachments()) continue;
    any = true;
    for (const auto& one : *image.attachments) {
      if (!one.goes_along || one.arrived) continue;
      crew.add({.hosts = {},
                .moves_bytes = false,
                .rank = copy::Rank::call(),
                .run = [this, &image, &one](const std::stop_token&) -> Status {
                  SLUICE_CHECK(still_ours());
                  SLUICE_CHECK(cluster::move_tag(client(),
                                                 {planned_.target.project, image.name, one.what.tag,
                                                  image.source.project, image.name, one.what.digest.text()},
                                                 context()));
                  return {};
                }});
    }
  }
  SLUICE_CHECK(crew.finish());
  return any ? count_attachments() : Status();
}

// N expected, N arrived, or the promotion fails before any tag of an image moves.
Status ClusterTarget::count_attachments() {
  std::vector<std::string> names;
  for (const auto& image : planned_.images) names.push_back(image.name);
  SLUICE_TRY(const auto streams, targets_.streams(access_, names));
  for (std::size_t i = 0; i < planned_.images.size(); ++i) {
    auto& image = planned_.images[i];
    if (!image.by_api || !image.attachments) continue;
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
