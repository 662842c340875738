#include "promotion/roads.hpp"

#include "promotion/targets.hpp"

#include <algorithm>

namespace sluice::promotion {

namespace {

Error no_way(const std::string& road, const std::string& why, const std::string& hint) {
  return Error(ErrorKind::blocked, "the road " + road + " was asked for, and " + why).with_hint(hint);
}

RoadAnswer by_tag(const pipeline::Target& source, std::string why) {
  return {.by_api = true, .road = copy::Road::tag, .must_stream = false, .source = source, .why = std::move(why)};
}

}  // namespace

Result<RoadAnswer> choose_road(const RoadQuestion& question) {
  const auto near = std::find_if(question.origins.begin(), question.origins.end(), [&](const RoadOrigin& origin) {
    return same_cluster(origin.target, question.target) && origin.has_image;
  });
  const bool one_cluster = near != question.origins.end();
  // What the stream has already needs no road, unless a particular one is wanted.
  if (question.has_image && question.may_tag && !question.via) {
    return RoadAnswer{.by_api = true,
                      .road = copy::Road::present,
                      .must_stream = false,
                      .source = question.target,
                      .why = "the stream has this image; only tags are set"};
  }
  if (!question.via) {
    if (one_cluster && question.may_tag) return by_tag(near->target, "same cluster; no bytes move");
    RoadAnswer answer;
    if (one_cluster) answer.why = "same cluster, but its tags may not be set by us";
    return answer;
  }
  switch (*question.via) {
    case pipeline::Via::tag:
      if (one_cluster) return by_tag(near->target, "asked for");
      return no_way("tag", "no image stream of " + question.target.label() + "'s cluster has the image",
                    "leave via out, or use via: stream");
    case pipeline::Via::mount:
      if (std::any_of(question.origins.begin(), question.origins.end(), [&](const RoadOrigin& origin) {
            return (same_cluster(origin.target, question.target) && origin.has_image) ||
                   (!origin.target.has_api && origin.target.registry == question.target.registry);
          }))
        return RoadAnswer{};
      return no_way("mount", "the image is in another registry", "leave via out, or use via: stream");
    case pipeline::Via::stream:
      return RoadAnswer{.by_api = false, .road = copy::Road::stream, .must_stream = true, .source = {}, .why = {}};
    case pipeline::Via::import_images:
      break;
  }
  if (question.origins.empty()) return no_way("import", "there is nowhere to import from", "leave via out");
  return RoadAnswer{.by_api = true,
                    .road = copy::Road::import_images,
                    .must_stream = false,
                    .source = one_cluster ? near->target : question.origins.front().target,
                    .why = "asked for; the target cluster pulls"};
}

}  // namespace sluice::promotion
