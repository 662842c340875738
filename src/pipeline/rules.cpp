#include "pipeline/rules.hpp"

#include "oci/semver.hpp"

#include <map>
#include <set>
#include <string>
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

// What a place goes by: its project in the cluster, and in the registry where that is written down. A cluster goes by
// its server, or by its name while that is not known yet.
std::vector<std::string> names_of_place(const Target& target) {
  std::vector<std::string> names;
  if (target.has_api) {
    names.push_back((target.server.empty() ? "cluster " + target.cluster : "api " + target.server) + "/" +
                    target.project);
  }
  if (!target.registry.empty()) names.push_back(target.registry + "/" + target.project);
  return names;
}

// For people: the same place may have another name in another environment.
std::string shown_place(const Target& target) {
  return target.has_api ? "the project " + target.label() : target.registry + "/" + target.project;
}

Error onto_itself(const Environment& there, const Environment& here, const Target& target) {
  return Error(ErrorKind::config, "environments '" + there.name + "' and '" + here.name + "' share " +
                                      shown_place(target) +
                                      " and the tag there: an image would be promoted onto itself")
      .at(target.position)
      .with_hint("give '" + here.name + "' a project or a 'tag' of its own");
}

Status check_across(const Pipeline& pipeline) {
  std::map<std::string, std::vector<std::size_t>> holders;  // name of a place -> environments, in order
  for (std::size_t here = 0; here < pipeline.environments.size(); ++here) {
    for (const auto& target : pipeline.environments[here].targets) {
      for (const auto& name : names_of_place(target)) {
        auto& earlier = holders[name];
        for (const auto there : earlier) {
          if (there == here || !tags_collide(pipeline, there, here)) continue;
          return onto_itself(pipeline.environments[there], pipeline.environments[here], target);
        }
        earlier.push_back(here);
      }
    }
  }
  return {};
}

}  // namespace

Status check_unique(const std::vector<Target>& targets, const std::string& what) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    for (auto& name : names_of_place(targets[i])) {
      if (seen.insert(std::move(name)).second) continue;
      return Error(ErrorKind::config, "target " + std::to_string(i + 1) + " of " + what +
                                          " is the same place as one before it: " + shown_place(targets[i]))
          .at(targets[i].position)
          .with_hint("remove one of them");
    }
  }
  return {};
}

Status check_rules(const Pipeline& pipeline) {
  SLUICE_CHECK(check_first_tag(pipeline));
  return check_across(pipeline);
}

}  // namespace sluice::pipeline::detail

namespace sluice::pipeline {

Status check_places(const Pipeline& pipeline) {
  for (const auto& environment : pipeline.environments) {
    SLUICE_CHECK(detail::check_unique(environment.targets, "environment '" + environment.name + "'"));
  }
  return detail::check_across(pipeline);
}

}  // namespace sluice::pipeline
