// parse_pipeline() of pipeline.hpp: from the YAML tree to values, key by key. What several environments must agree on
// is in rules.cpp.

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "oci/reference.hpp"
#include "pipeline/clusters.hpp"
#include "pipeline/fields.hpp"
#include "pipeline/pipeline.hpp"
#include "pipeline/rules.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::pipeline {

namespace {

constexpr std::size_t kMaxImages = 1000;
// Guesses, far above what a person writes; they bound what one plan can hold.
constexpr std::size_t kMaxEnvironments = 100;
constexpr std::size_t kMaxTargets = 100;
constexpr std::size_t kMaxAppBytes = 63;  // a DNS label, as project and workload names are
constexpr std::size_t kMaxListed = 20;    // names of clusters in one message

const yaml::Keys& pipeline_keys() {
  static const yaml::Keys kKeys{{"version", "app", "images", "source", "environments"}, {"gates"}};
  return kKeys;
}
const yaml::Keys& source_keys() {
  static const yaml::Keys kKeys{{"tag", "match"}, {}};
  return kKeys;
}
const yaml::Keys& environment_keys() {
  static const yaml::Keys kKeys{
      {"name", "registry", "cluster", "project", "targets", "tag"},
      {"promote", "gates", "verify", "after", "approvals", "freeze", "on-failure", "via", "deploy", "workloads"}};
  return kKeys;
}
const yaml::Keys& target_keys() {
  static const yaml::Keys kKeys{{"registry", "cluster", "project"}, {"via", "deploy", "workloads"}};
  return kKeys;
}

std::string in_quotes(std::string_view text) { return "'" + text::printable(text, 80) + "'"; }

bool is_app_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return !name.empty() && name.size() <= kMaxAppBytes && name.front() != '-' && name.back() != '-' &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

// Before the keys: a later version may have others.
Status check_version(const yaml::Node& root) {
  const auto* node = root.find("version");
  if (node == nullptr) return {};
  SLUICE_TRY(const auto version, yaml::as_integer(*node, "'version'"));
  if (version == 1) return {};
  return yaml::error_at(*node, "version " + std::to_string(version) + " of the pipeline file is not known")
      .with_hint("this Sluice reads version 1");
}

Result<std::string> parse_app(const yaml::MapReader& top) {
  SLUICE_TRY(auto app, top.required_string("app"));
  if (is_app_name(app)) return app;
  return yaml::error_at(*top.find("app"), in_quotes(app) + " is no name for an app")
      .with_hint("use lower-case letters, digits and '-' between them, at most 63");
}

Result<std::vector<std::string>> parse_images(const yaml::MapReader& top) {
  SLUICE_TRY(const auto* node, top.require("images"));
  SLUICE_TRY(auto images, yaml::as_strings(*node, "'images'"));
  if (images.empty()) return yaml::error_at(*node, "'images' is empty").with_hint("name at least one image");
  if (images.size() > kMaxImages) {
    return yaml::error_at(*node, "'images' has " + std::to_string(images.size()) + " entries; the limit is " +
                                     std::to_string(kMaxImages));
  }
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (const auto checked = oci::check_repository_path(images[i]); !checked) {
      return detail::about_field(checked.error(), node->items[i], "image " + in_quotes(images[i]));
    }
    if (!seen.insert(images[i]).second) {
      return yaml::error_at(node->items[i], "the image " + in_quotes(images[i]) + " stands there twice")
          .with_hint("remove one of them");
    }
  }
  return images;
}

// A pattern is a tag with '*' and '?' in it: with letters in their place it must be one.
Status check_source_tag(const Source& source, const yaml::Node& node) {
  std::string as_tag = source.tag;
  std::replace_if(as_tag.begin(), as_tag.end(), [](char c) { return c == '*' || c == '?'; }, 'a');
  const auto checked = oci::check_tag(as_tag);
  if (checked) return {};
  if (!source.is_pattern()) return detail::about_field(checked.error(), node, "'tag' of the source");
  return yaml::error_at(node, in_quotes(source.tag) + " matches no tag")
      .with_hint("use letters, digits, '.', '_', '-', '*' for any run and '?' for one character");
}

Result<Source> parse_source(const yaml::MapReader& top, std::size_t image_count) {
  Source source;
  const auto* node = top.find("source");
  if (node == nullptr) return source;
  SLUICE_TRY(const auto map, yaml::MapReader::open(*node, "the source", source_keys()));
  if (const auto* tag = map.find("tag")) {
    SLUICE_TRY(source.tag, map.required_string("tag"));
    SLUICE_CHECK(check_source_tag(source, *tag));
  }
  if (const auto* match = map.find("match")) {
    SLUICE_TRY(const auto value, map.required_string("match"));
    if (value != "same-tag") {
      return yaml::error_at(*match, "'match' of the source cannot be " + in_quotes(value))
          .with_hint("the only value is same-tag");
    }
  } else if (source.is_pattern() && image_count > 1) {
    return yaml::error_at(*map.find("tag"), "the pattern " + in_quotes(source.tag) +
                                                " may match another tag for each of " + std::to_string(image_count) +
                                                " images")
        .with_hint("add match: same-tag, so that a release exists only when all images carry the same tag");
  }
  return source;
}

// The registry that a cluster's entry names.
Result<std::string> cluster_registry(const std::string& name, const yaml::Node& node, const std::string& what,
                                     const Clusters& clusters) {
  const auto found = clusters.entries.find(name);
  if (found != clusters.entries.end()) {
    if (!found->second.has_api) return found->second.registry;
    return yaml::error_at(node, what + " names the cluster " + in_quotes(name) +
                                    ", which is an OpenShift cluster: those with an API are not supported yet")
        .with_hint("name its registry instead: registry: HOST[:PORT]");
  }
  if (clusters.file.empty()) {
    return yaml::error_at(node, what + " names the cluster " + in_quotes(name) + ", and there is no clusters file")
        .with_hint("give one with --clusters, or name the registry instead: registry: HOST[:PORT]");
  }
  std::vector<std::string> names;
  for (const auto& [known, cluster] : clusters.entries) names.push_back(known);
  std::string message = "unknown cluster " + in_quotes(name) + " in " + what;
  if (const auto meant = text::nearest(name, names); !meant.empty()) message += "; did you mean '" + meant + "'?";
  const bool cut = names.size() > kMaxListed;
  if (cut) names.resize(kMaxListed);
  return yaml::error_at(node, std::move(message))
      .with_hint("known in " + clusters.file.string() + ": " +
                 (names.empty() ? "none" : text::join(names, ", ") + (cut ? ", ..." : "")));
}

// Reads `registry` or `cluster` and `project`, which an environment or an entry of its targets has.
Result<Target> parse_target(const yaml::MapReader& map, const Pipeline& pipeline, const Clusters& clusters) {
  Target target;
  target.position = map.node().position();
  const auto* registry = map.find("registry");
  const auto* cluster = map.find("cluster");
  if (registry != nullptr && cluster != nullptr) {
    return yaml::error_at(*cluster, map.what() + " has both 'registry' and 'cluster'")
        .with_hint("a cluster's entry names its registry; remove one of them");
  }
  if (registry == nullptr && cluster == nullptr) {
    return yaml::error_at(map.node(), map.what() +
                                          " has neither 'registry' nor 'cluster', and the cluster of the "
                                          "current kubeconfig context is not supported yet")
        .with_hint("name the registry: registry: HOST[:PORT]");
  }
  if (registry != nullptr) {
    SLUICE_TRY(target.registry, detail::read_registry(*registry, "'registry' of " + map.what()));
  } else {
    SLUICE_TRY(target.cluster, map.required_string("cluster"));
    SLUICE_TRY(target.registry, cluster_registry(target.cluster, *cluster, map.what(), clusters));
  }
  SLUICE_TRY(target.project, map.required_string("project"));
  const auto& project = *map.find("project");
  if (const auto checked = oci::check_repository_path(target.project); !checked) {
    return detail::about_field(checked.error(), project, "'project' of " + map.what());
  }
  // The whole path has a limit of its own. Source: distribution, reference grammar, 255 characters.
  const auto longest = std::max_element(pipeline.images.begin(), pipeline.images.end(),
                                        [](const auto& a, const auto& b) { return a.size() < b.size(); });
  if (const auto checked = oci::check_repository_path(target.project + "/" + *longest); !checked) {
    return detail::about_field(checked.error(), project,
                               "'project' of " + map.what() + " with image " + in_quotes(*longest));
  }
  return target;
}

Result<std::vector<Target>> parse_targets(const yaml::MapReader& environment, const Pipeline& pipeline,
                                          const Clusters& clusters) {
  const auto* list = environment.find("targets");
  std::vector<Target> targets;
  if (list == nullptr) {
    SLUICE_TRY(auto only, parse_target(environment, pipeline, clusters));
    targets.push_back(std::move(only));
    return targets;
  }
  for (const auto* key : {"registry", "cluster", "project"}) {
    if (const auto* node = environment.find(key)) {
      return yaml::error_at(*node, environment.what() + " has both 'targets' and '" + key + "'")
          .with_hint("move it into the entries of 'targets'");
    }
  }
  const auto what = "'targets' of " + environment.what();
  if (list->kind != yaml::Node::Kind::sequence || list->items.empty()) {
    return yaml::error_at(*list, what + " must be a list with at least one entry")
        .with_hint("write for example: targets: [{registry: registry.example.com, project: shop}]");
  }
  if (list->items.size() > kMaxTargets) {
    return yaml::error_at(*list, what + " has more than " + std::to_string(kMaxTargets) + " entries");
  }
  std::set<std::string> seen;
  for (const auto& item : list->items) {
    const auto label = "target " + std::to_string(targets.size() + 1) + " of " + environment.what();
    SLUICE_TRY(const auto map, yaml::MapReader::open(item, label, target_keys()));
    SLUICE_TRY(auto target, parse_target(map, pipeline, clusters));
    if (!seen.insert(target.id()).second) {
      return yaml::error_at(item, label + " is the same place as one before it: " + target.id())
          .with_hint("remove one of them");
    }
    targets.push_back(std::move(target));
  }
  return targets;
}

Result<Environment> parse_environment(const yaml::Node& node, const Pipeline& pipeline, const Clusters& clusters) {
  // The name first, if there is one: every other message says it.
  const auto* name = node.find("name");
  const bool is_named = name != nullptr && name->kind == yaml::Node::Kind::scalar && !name->text.empty();
  const auto what = is_named ? "environment " + in_quotes(name->text)
                             : "environment " + std::to_string(pipeline.environments.size() + 1);
  SLUICE_TRY(const auto map, yaml::MapReader::open(node, what, environment_keys()));
  Environment environment;
  environment.position = node.position();
  SLUICE_TRY(environment.name, map.required_string("name"));
  if (!detail::is_plain_name(environment.name)) {
    return yaml::error_at(*name, in_quotes(environment.name) + " is no name for an environment")
        .with_hint("use letters, digits, '.', '_' and '-', at most 63");
  }
  for (const auto& earlier : pipeline.environments) {
    if (earlier.name != environment.name) continue;
    return yaml::error_at(*name, "there are two environments with the name " + in_quotes(environment.name))
        .with_hint("the first is on line " + std::to_string(earlier.position.line) + "; rename one of them");
  }
  SLUICE_TRY(environment.tag, map.optional_string("tag"));
  if (environment.tag) {
    if (const auto checked = oci::check_tag(*environment.tag); !checked) {
      return detail::about_field(checked.error(), *map.find("tag"), "'tag' of " + what);
    }
  }
  SLUICE_TRY(environment.targets, parse_targets(map, pipeline, clusters));
  return environment;
}

Status parse_environments(const yaml::MapReader& top, const Clusters& clusters, Pipeline& pipeline) {
  SLUICE_TRY(const auto* list, top.require("environments"));
  if (list->kind != yaml::Node::Kind::sequence) {
    return yaml::error_at(*list, "'environments' must be a list")
        .with_hint("begin each with '- name:', in the order of promotion");
  }
  if (list->items.size() < 2) {
    return yaml::error_at(*list, "a promotion needs at least two environments")
        .with_hint("the first is where images are born, the next is where they go");
  }
  if (list->items.size() > kMaxEnvironments) {
    return yaml::error_at(*list, "more than " + std::to_string(kMaxEnvironments) + " environments");
  }
  for (const auto& item : list->items) {
    SLUICE_TRY(auto environment, parse_environment(item, pipeline, clusters));
    pipeline.environments.push_back(std::move(environment));
  }
  return {};
}

}  // namespace

Result<Pipeline> parse_pipeline(std::string_view text, const std::filesystem::path& file, const Clusters& clusters) {
  SLUICE_TRY(const auto root, yaml::parse(text, file.string()));
  SLUICE_CHECK(check_version(root));
  SLUICE_TRY(const auto top, yaml::MapReader::open(root, "the pipeline", pipeline_keys()));
  Pipeline pipeline;
  pipeline.file = file;
  SLUICE_TRY(pipeline.app, parse_app(top));
  SLUICE_TRY(pipeline.images, parse_images(top));
  SLUICE_TRY(pipeline.source, parse_source(top, pipeline.images.size()));
  SLUICE_CHECK(parse_environments(top, clusters, pipeline));
  SLUICE_CHECK(detail::check_rules(pipeline));
  return pipeline;
}

}  // namespace sluice::pipeline
