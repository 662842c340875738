#include "pipeline/rules.hpp"

#include "oci/semver.hpp"

#include <map>
#include <utility>

namespace sluice::pipeline::detail {

namespace {

// What a release found by a pattern moves at its targets unless the environment says otherwise.
constexpr std::string_view kDefaultMovingTag = "live";

// The tag that an environment's images are found under; of the first one, the source tag, perhaps a pattern.
std::string tag_there(const Pipeline& pipeline, std::size_t index) {
  if (index == 0) return pipeline.source.tag;
  const auto& tag = pipeline.environments[index].tag;
  if (tag) return *tag;
  return pipeline.source.is_pattern() ? std::string(kDefaultMovingTag) : pipeline.source.tag;
}

// True when two environments that share a project cannot be told apart by their tags.
bool tags_collide(const Pipeline& pipeline, std::size_t first, std::size_t second) {
  if (pipeline.environments[first].tag == pipeline.environments[second].tag) return true;
  const auto there = tag_there(pipeline, first);
  const auto here = tag_there(pipeline, second);
  // A tag written into the project of the source must not look like the next release.
  return first == 0 ? oci::glob_match(there, here) : there == here;
}

Status check_first_tag(const Pipeline& pipeline) {
  const auto& first = pipeline.environments.front();
  if (!first.tag || *first.tag == pipeline.source.tag) return {};
  return Error(ErrorKind::config, "environment '" + first.name + "' is where images are born and takes no 'tag'")
      .at(first.position)
      .with_hint("its images are found under the tag of the source, '" + pipeline.source.tag + "'");
}

}  // namespace

Status check_rules(const Pipeline& pipeline) {
  SLUICE_CHECK(check_first_tag(pipeline));
  std::map<std::string, std::vector<std::size_t>> holders;  // target id -> environments, in order
  for (std::size_t here = 0; here < pipeline.environments.size(); ++here) {
    const auto& environment = pipeline.environments[here];
    for (const auto& target : environment.targets) {
      auto& earlier = holders[target.id()];
      for (const auto there : earlier) {
        if (!tags_collide(pipeline, there, here)) continue;
        return Error(ErrorKind::config, "environments '" + pipeline.environments[there].name + "' and '" +
                                            environment.name + "' share " + target.id() +
                                            " and the tag there: an image would be promoted onto itself")
            .at(target.position)
            .with_hint("give '" + environment.name + "' a project or a 'tag' of its own");
      }
      earlier.push_back(here);
    }
  }
  return {};
}

}  // namespace sluice::pipeline::detail
