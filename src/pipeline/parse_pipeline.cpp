// parse_pipeline() of pipeline.hpp: from the YAML tree to values, key by key. Targets are in parse_targets.cpp, what is
// checked after a switch in parse_verify.cpp, what several environments must agree on in rules.cpp.

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "findings/acceptance.hpp"
#include "oci/reference.hpp"
#include "pipeline/clusters.hpp"
#include "pipeline/fields.hpp"
#include "pipeline/parse_targets.hpp"
#include "pipeline/parse_verify.hpp"
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

const yaml::Keys& pipeline_keys() {
  static const yaml::Keys kKeys{{"version", "app", "images", "source", "memory", "environments"}, {"gates"}};
  return kKeys;
}
const yaml::Keys& source_keys() {
  static const yaml::Keys kKeys{{"tag", "match"}, {}};
  return kKeys;
}
const yaml::Keys& memory_keys() {
  static const yaml::Keys kKeys{{"who"}, {}};
  return kKeys;
}
const yaml::Keys& environment_keys() {
  static const yaml::Keys kKeys{
      {"name", "registry", "cluster", "project", "targets", "tag", "via", "deploy", "verify", "on-failure", "accept"},
      {"promote", "gates", "after", "approvals", "freeze", "workloads"}};
  return kKeys;
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
  if (detail::is_dns_label(app)) return app;
  return yaml::error_at(*top.find("app"), detail::in_quotes(app) + " is no name for an app")
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
      return detail::about_field(checked.error(), node->items[i], "image " + detail::in_quotes(images[i]));
    }
    if (!seen.insert(images[i]).second) {
      return yaml::error_at(node->items[i], "the image " + detail::in_quotes(images[i]) + " stands there twice")
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
  return yaml::error_at(node, detail::in_quotes(source.tag) + " matches no tag")
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
      return yaml::error_at(*match, "'match' of the source cannot be " + detail::in_quotes(value))
          .with_hint("the only value is same-tag");
    }
  } else if (source.is_pattern() && image_count > 1) {
    return yaml::error_at(*map.find("tag"), "the pattern " + detail::in_quotes(source.tag) +
                                                " may match another tag for each of " + std::to_string(image_count) +
                                                " images")
        .with_hint("add match: same-tag, so that a release exists only when all images carry the same tag");
  }
  return source;
}

// `memory: local`, or a map.
Result<MemoryWish> parse_memory(const yaml::MapReader& top) {
  MemoryWish wish;
  const auto* node = top.find("memory");
  if (node == nullptr) return wish;
  if (node->kind == yaml::Node::Kind::scalar) {
    SLUICE_TRY(const auto value, yaml::as_string(*node, "'memory'"));
    if (value != "local") return detail::unknown_value(*node, "'memory'", value, {"local"});
    wish.at_place = false;
    return wish;
  }
  SLUICE_TRY(const auto map, yaml::MapReader::open(*node, "the memory", memory_keys()));
  const auto* who = map.find("who");
  if (who == nullptr) return wish;
  SLUICE_TRY(const auto value, map.required_string("who"));
  wish.who = parse_tell_who(value);
  if (!wish.who) return detail::unknown_value(*who, "'who' of the memory", value, {"full", "identity", "none"});
  return wish;
}

// `on-failure:` of an environment; true for `rollback`.
Result<bool> parse_on_failure(const yaml::MapReader& map) {
  const auto* node = map.find("on-failure");
  if (node == nullptr) return false;
  const auto what = "'on-failure' of " + map.what();
  SLUICE_TRY(const auto value, yaml::as_string(*node, what));
  if (value == "rollback" || value == "stop") return value == "rollback";
  return detail::unknown_value(*node, what, value, {"rollback", "stop"});
}

// `accept:` of an environment.
Result<std::vector<std::string>> parse_accept(const yaml::MapReader& map) {
  std::vector<std::string> out;
  const auto* node = map.find("accept");
  if (node == nullptr) return out;
  const auto what = "'accept' of " + map.what();
  if (node->kind != yaml::Node::Kind::sequence) {
    return yaml::error_at(*node, what + " must be a list of codes").with_hint("accept: [waits-for-delete]");
  }
  for (const auto& item : node->items) {
    SLUICE_TRY(auto code, yaml::as_string(item, what));
    if (const auto checked = findings::check_acceptance(code); !checked)
      return yaml::error_at(item, what + ": " + checked.error().message()).with_hint(checked.error().hint());
    if (std::find(out.begin(), out.end(), code) == out.end()) out.push_back(std::move(code));
  }
  return out;
}

Result<Environment> parse_environment(const yaml::Node& node, const Pipeline& pipeline, const Clusters& clusters) {
  // The name first, if there is one: every other message says it.
  const auto* name = node.find("name");
  const bool is_named = name != nullptr && name->kind == yaml::Node::Kind::scalar && !name->text.empty();
  const auto what = is_named ? "environment " + detail::in_quotes(name->text)
                             : "environment " + std::to_string(pipeline.environments.size() + 1);
  SLUICE_TRY(const auto map, yaml::MapReader::open(node, what, environment_keys()));
  Environment environment;
  environment.position = node.position();
  SLUICE_TRY(environment.name, map.required_string("name"));
  if (!detail::is_plain_name(environment.name)) {
    return yaml::error_at(*name, detail::in_quotes(environment.name) + " is no name for an environment")
        .with_hint("use letters, digits, '.', '_' and '-', at most 63");
  }
  for (const auto& earlier : pipeline.environments) {
    if (earlier.name != environment.name) continue;
    return yaml::error_at(*name, "there are two environments with the name " + detail::in_quotes(environment.name))
        .with_hint("the first is on line " + std::to_string(earlier.position.line) + "; rename one of them");
  }
  SLUICE_TRY(environment.tag, map.optional_string("tag"));
  if (environment.tag) {
    if (const auto checked = oci::check_tag(*environment.tag); !checked) {
      return detail::about_field(checked.error(), *map.find("tag"), "'tag' of " + what);
    }
  }
  const bool is_first = pipeline.environments.empty();
  if (is_first) SLUICE_CHECK(detail::check_born_there(map));
  SLUICE_TRY(environment.targets, detail::parse_targets(map, {pipeline.images, clusters, is_first}));
  SLUICE_TRY(environment.verify, detail::parse_verify(map, environment.targets, clusters));
  SLUICE_TRY(environment.rollback_on_failure, parse_on_failure(map));
  SLUICE_TRY(environment.accepts, parse_accept(map));
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
  SLUICE_TRY(pipeline.memory, parse_memory(top));
  SLUICE_CHECK(parse_environments(top, clusters, pipeline));
  SLUICE_CHECK(detail::check_rules(pipeline));
  return pipeline;
}

}  // namespace sluice::pipeline
