#include "promotion/plan/roads.hpp"

#include "promotion/targets/targets.hpp"

#include <algorithm>

namespace sluice::promotion {

namespace {

Error no_way(const std::string& road, const std::string& why, const std::string& hint) {
  return Error(ErrorKind::blocked, "the road " + road + " was asked for, and " + why).with_hint(hint);
}

RoadAnswer by_tag(const pipeline::Target& source, std::string why) {
  return {.by_api = true, .road = copy::Road::tag, .source = source, .why = std::move(why)};
}

constexpr const char* kMayNotTag = "its tags may not be set by us";

std::string not_present(const RoadQuestion& question) {
  if (!question.has_image) return "the target's stream does not have this image";
  if (!question.may_tag) return kMayNotTag;
  return "another road was asked for";
}

std::string not_by_tag(const RoadQuestion& question) {
  const bool same = std::any_of(question.origins.begin(), question.origins.end(),
                                [&](const RoadOrigin& origin) { return same_cluster(origin.target, question.target); });
  const bool there = std::any_of(question.origins.begin(), question.origins.end(), [&](const RoadOrigin& origin) {
    return same_cluster(origin.target, question.target) && origin.has_image;
  });
  if (!same) return "the source is not in the target's cluster";
  if (!there) return "no other stream of this cluster has the image";
  if (!question.may_tag) return kMayNotTag;
  return "another road was asked for";
}

// Why a road was not taken that has no say of its own.
std::string not_needed(copy::Road taken) {
  return taken == copy::Road::present ? "nothing has to travel"
                                      : "the road " + std::string(to_string(taken)) + " leads there by itself";
}

}  // namespace

std::vector<copy::ConsideredRoad> considered_roads(const RoadQuestion& question, const RoadAnswer& answer) {
  using copy::Road;
  std::vector<copy::ConsideredRoad> out;
  const auto add = [&](Road road, std::string why_not) {
    const bool taken = answer.by_api && answer.road == road;
    out.push_back({.road = road, .taken = taken, .why = std::move(why_not)});
    if (taken) out.back().why = answer.why;
  };
  const bool present = answer.by_api && answer.road == Road::present;
  add(Road::present, not_present(question));
  add(Road::tag, present ? not_needed(answer.road) : not_by_tag(question));
  if (answer.by_api) {
    add(Road::mount, not_needed(answer.road));
    add(Road::stream, not_needed(answer.road));
  }
  add(Road::import_images, "taken only when it is asked for");
  return out;
}

Result<RoadAnswer> choose_road(const RoadQuestion& question) {
  const auto near = std::find_if(question.origins.begin(), question.origins.end(), [&](const RoadOrigin& origin) {
    return same_cluster(origin.target, question.target) && origin.has_image;
  });
  const bool one_cluster = near != question.origins.end();
  // What the stream has already needs no road, unless a particular one is wanted.
  if (question.has_image && question.may_tag && !question.via) {
    return RoadAnswer{.by_api = true,
                      .road = copy::Road::present,
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
      return RoadAnswer{.by_api = false, .road = copy::Road::stream, .source = {}, .why = {}};
    case pipeline::Via::docker:
      return RoadAnswer{.by_api = false, .road = copy::Road::docker, .source = {}, .why = {}};
    case pipeline::Via::import_images:
      break;
  }
  if (question.origins.empty()) return no_way("import", "there is nowhere to import from", "leave via out");
  return RoadAnswer{.by_api = true,
                    .road = copy::Road::import_images,
                    .source = one_cluster ? near->target : question.origins.front().target,
                    .why = "asked for; the target cluster pulls"};
}

}  // namespace sluice::promotion
