#include "promotion/plan/rules.hpp"

#include "oci/semver.hpp"

#include <algorithm>
#include <set>

namespace sluice::promotion {

std::string moving_tag(const pipeline::Pipeline& pipeline, const pipeline::Environment& environment) {
  if (environment.tag) return *environment.tag;
  return pipeline.source.is_pattern() ? "live" : pipeline.source.tag;
}

std::vector<std::string> tags_to_write(const pipeline::Pipeline& pipeline, const pipeline::Environment& environment,
                                       const records::Release& release, const std::string& image) {
  const auto moving = moving_tag(pipeline, environment);
  // A pipeline that went over from a pattern to an exact tag may meet releases of the other kind.
  if (!release.pattern_tag || !pipeline.source.is_pattern()) return {moving};
  const auto found = std::find_if(release.images.begin(), release.images.end(),
                                  [&](const auto& entry) { return entry.name == image; });
  if (found == release.images.end() || found->tag.empty() || found->tag == moving) return {moving};
  return {found->tag, moving};
}

Result<std::string> newest_common_tag(const std::string& pattern, const std::vector<std::string>& images,
                                      const std::vector<std::vector<std::string>>& tags) {
  std::optional<std::set<std::string>> common;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    std::set<std::string> matching;
    for (const auto& tag : tags[i]) {
      if (oci::glob_match(pattern, tag)) matching.insert(tag);
    }
    if (matching.empty()) {
      return Error(ErrorKind::not_found, "no tag of " + images[i] + " matches \"" + pattern + "\"")
          .with_hint("push one, or change source.tag in the pipeline");
    }
    if (!common) {
      common = std::move(matching);
    } else {
      std::erase_if(*common, [&](const std::string& tag) { return !matching.contains(tag); });
    }
  }
  if (!common || common->empty()) {
    return Error(ErrorKind::not_found, "no tag that matches \"" + pattern + "\" is carried by all images of the app")
        .with_hint("a release exists only when every image has the same tag; push the missing one");
  }
  // compare_tags orders newest first.
  return *std::min_element(common->begin(), common->end(),
                           [](const std::string& a, const std::string& b) { return oci::compare_tags(a, b) < 0; });
}

Holding judge(const pipeline::Pipeline& pipeline, const std::string& tag, const Observed& observed,
              const std::function<std::optional<records::Release>(const std::vector<records::ReleaseImage>&)>& known,
              const std::function<bool(const records::ReleaseImage&)>& in_some_release) {
  Holding holding;
  std::size_t there = 0;
  std::size_t all = 0;
  for (const auto& target : observed.digests) {
    for (const auto& digest : target) {
      ++all;
      there += digest ? 1U : 0U;
    }
  }
  if (there == 0) return holding;
  if (there < all) {
    holding.kind = Holding::Kind::mixed;
    holding.why =
        "only " + std::to_string(there) + " of " + std::to_string(all) + " images are there under the tag " + tag;
    return holding;
  }
  const auto& first = observed.digests.front();
  for (const auto& target : observed.digests) {
    if (target != first) {
      holding.kind = Holding::Kind::mixed;
      holding.why = "its targets hold different images";
      return holding;
    }
  }
  for (std::size_t i = 0; i < first.size(); ++i)
    holding.images.push_back({.name = pipeline.images[i], .digest = *first[i], .tag = tag});
  holding.release = known(holding.images);
  if (holding.release) {
    holding.kind = Holding::Kind::release;
  } else if (holding.images.size() > 1 && std::any_of(holding.images.begin(), holding.images.end(), in_some_release)) {
    holding.kind = Holding::Kind::mixed;
    holding.why = "its images belong to different releases";
  } else {
    holding.kind = Holding::Kind::unknown;
  }
  return holding;
}

}  // namespace sluice::promotion
