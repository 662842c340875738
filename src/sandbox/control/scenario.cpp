#include "sandbox/control/scenario.hpp"

#include "base/file.hpp"
#include "base/text.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice::sandbox {

namespace {

using yaml::MapReader;
using yaml::Node;

constexpr std::array kKinds =
    std::to_array<std::string_view>({"DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet", "CronJob"});
constexpr std::array kTriggers =
    std::to_array<std::string_view>({"automatic", "manual", "missing", "paused", "malformed"});

Result<std::string> text_or(const MapReader& map, std::string_view key, std::string otherwise) {
  SLUICE_TRY(auto value, map.optional_string(key));
  return value ? *value : std::move(otherwise);
}

Result<std::int64_t> number_or(const MapReader& map, std::string_view key, std::int64_t otherwise,
                               std::int64_t largest) {
  const auto* node = map.find(key);
  if (node == nullptr) return otherwise;
  SLUICE_TRY(const auto value, yaml::as_integer(*node, fmt::format("'{}'", key)));
  if (value < 0 || value > largest) {
    return yaml::error_at(*node, fmt::format("'{}' is a number from 0 to {}", key, largest));
  }
  return value;
}

Result<std::vector<std::string>> strings_or_none(const MapReader& map, std::string_view key) {
  const auto* node = map.find(key);
  if (node == nullptr) return std::vector<std::string>{};
  return yaml::as_strings(*node, fmt::format("'{}'", key));
}

Json json_or_null(const MapReader& map, std::string_view key) {
  const auto* node = map.find(key);
  return node != nullptr ? to_json(*node) : Json();
}

// Reads each element of a list member with `read`.
template <class T, class Read>
Status read_list(const MapReader& map, std::string_view key, std::vector<T>& into, Read&& read) {
  const auto* node = map.find(key);
  if (node == nullptr || node->kind == Node::Kind::null) return {};
  if (node->kind != Node::Kind::sequence) return yaml::error_at(*node, fmt::format("'{}' is a list", key));
  for (const auto& entry : node->items) {
    SLUICE_TRY(auto value, read(entry));
    into.push_back(std::move(value));
  }
  return {};
}

Result<Scenario::User> read_user(const Node& node) {
  SLUICE_TRY(const auto map, MapReader::open(node, "a user", {{"name", "password", "token", "groups"}, {}}));
  Scenario::User user;
  SLUICE_TRY(user.name, map.required_string("name"));
  SLUICE_TRY(user.password, text_or(map, "password", ""));
  SLUICE_TRY(user.token, text_or(map, "token", ""));
  SLUICE_TRY(user.groups, strings_or_none(map, "groups"));
  return user;
}

Result<Scenario::Project> read_project(const Node& node) {
  SLUICE_TRY(const auto map, MapReader::open(node, "a project", {{"name", "admin", "labels", "annotations"}, {}}));
  Scenario::Project project;
  SLUICE_TRY(project.name, map.required_string("name"));
  SLUICE_TRY(project.admin, text_or(map, "admin", ""));
  project.labels = json_or_null(map, "labels");
  project.annotations = json_or_null(map, "annotations");
  return project;
}

Result<Scenario::Right> read_right(const Node& node) {
  SLUICE_TRY(const auto map, MapReader::open(node, "a right", {{"subject", "role", "project", "rules", "name"}, {}}));
  Scenario::Right right;
  SLUICE_TRY(const auto subject, map.required_string("subject"));
  const auto [kind, name] = text::cut(subject, ':');
  right.subject = std::string(name);
  right.subject_kind = kind == "user"             ? "User"
                       : kind == "group"          ? "Group"
                       : kind == "serviceaccount" ? "ServiceAccount"
                                                  : "";
  if (right.subject_kind.empty() || name.empty()) {
    return yaml::error_at(*map.find("subject"), "'subject' is user:NAME, group:NAME or serviceaccount:PROJECT/NAME");
  }
  SLUICE_TRY(right.role, map.required_string("role"));
  const auto* project = map.find("project");
  if (project != nullptr && project->kind != Node::Kind::null) {
    SLUICE_TRY(right.project, yaml::as_string(*project, "'project'"));
  }
  SLUICE_TRY(right.binding, text_or(map, "name", ""));
  right.rules = json_or_null(map, "rules");
  return right;
}

Result<Scenario::Account> read_account(const Node& node) {
  SLUICE_TRY(const auto map, MapReader::open(node, "a service account", {{"project", "name"}, {}}));
  Scenario::Account account;
  SLUICE_TRY(account.project, map.required_string("project"));
  SLUICE_TRY(account.name, map.required_string("name"));
  return account;
}

Result<Scenario::Image> read_image(const Node& node) {
  SLUICE_TRY(const auto map, MapReader::open(node, "an image",
                                             {{"project", "stream", "tag", "layers", "layer-bytes", "platforms"}, {}}));
  Scenario::Image image;
  SLUICE_TRY(image.project, map.required_string("project"));
  SLUICE_TRY(image.stream, map.required_string("stream"));
  SLUICE_TRY(image.tag, map.required_string("tag"));
  SLUICE_TRY(image.layers, number_or(map, "layers", image.layers, 100));
  SLUICE_TRY(image.layer_bytes, number_or(map, "layer-bytes", image.layer_bytes, std::int64_t{1} << 30U));
  SLUICE_TRY(image.platforms, strings_or_none(map, "platforms"));
  image.node = node;
  return image;
}

template <class List>
Status one_of(const MapReader& map, std::string_view key, const std::string& value, const List& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return {};
  std::vector<std::string> names(allowed.begin(), allowed.end());
  return yaml::error_at(*map.find(key), fmt::format("'{}' is one of {}", key, text::join(names, ", ")));
}

Result<Scenario::Workload> read_workload(const Node& node) {
  SLUICE_TRY(
      const auto map,
      MapReader::open(node, "a workload", {{"kind", "project", "name", "image", "from", "trigger", "replicas"}, {}}));
  Scenario::Workload workload;
  SLUICE_TRY(workload.kind, map.required_string("kind"));
  SLUICE_CHECK(one_of(map, "kind", workload.kind, kKinds));
  SLUICE_TRY(workload.project, map.required_string("project"));
  SLUICE_TRY(workload.name, map.required_string("name"));
  SLUICE_TRY(workload.image, map.required_string("image"));
  if (workload.image.find(':') == std::string::npos) {
    return yaml::error_at(*map.find("image"), "'image' is STREAM:TAG");
  }
  SLUICE_TRY(workload.from, text_or(map, "from", ""));
  SLUICE_TRY(workload.trigger, text_or(map, "trigger", workload.trigger));
  if (map.find("trigger") != nullptr) SLUICE_CHECK(one_of(map, "trigger", workload.trigger, kTriggers));
  SLUICE_TRY(workload.replicas, number_or(map, "replicas", workload.replicas, 1000));
  return workload;
}

Json containers_of(const Scenario::Workload& workload, std::string_view image) {
  auto container = Json::object();
  container.set("name", workload.name);
  container.set("image", image);
  return Json(Json::Array{std::move(container)});
}

Json template_of(const Scenario::Workload& workload, std::string_view image) {
  auto pod = Json::object();
  set_at(pod, {"metadata", "labels", "app"}, workload.name);
  set_at(pod, {"spec", "containers"}, containers_of(workload, image));
  return pod;
}

Json tag_reference(const Scenario::Workload& workload) {
  auto from = Json::object();
  from.set("kind", "ImageStreamTag");
  from.set("name", workload.image);
  from.set("namespace", workload.from.empty() ? workload.project : workload.from);
  return from;
}

Json config_manifest(const Scenario::Workload& workload) {
  auto object = Json::object();
  object.set("kind", "DeploymentConfig");
  object.set("apiVersion", "apps.openshift.io/v1");
  set_at(object, {"spec", "replicas"}, workload.replicas);
  set_at(object, {"spec", "selector", "app"}, workload.name);
  set_at(object, {"spec", "template"}, template_of(workload, " "));
  auto triggers = Json::array();
  auto change = Json::object();
  change.set("type", "ConfigChange");
  triggers.push(std::move(change));
  if (workload.trigger != "missing") {
    auto image = Json::object();
    image.set("type", "ImageChange");
    set_at(image, {"imageChangeParams", "automatic"}, workload.trigger != "manual");
    set_at(image, {"imageChangeParams", "containerNames"},
           Json(Json::Array{Json(workload.trigger == "malformed" ? "no-such-container" : workload.name)}));
    set_at(image, {"imageChangeParams", "from"}, tag_reference(workload));
    triggers.push(std::move(image));
  } else {
    set_at(object, {"spec", "template"}, template_of(workload, workload.image));
  }
  set_at(object, {"spec", "triggers"}, std::move(triggers));
  if (workload.trigger == "paused") set_at(object, {"spec", "paused"}, true);
  return object;
}

std::string trigger_annotation(const Scenario::Workload& workload) {
  auto entry = Json::object();
  entry.set("from", tag_reference(workload));
  const auto* prefix = workload.kind == "CronJob" ? "spec.jobTemplate.spec.template.spec" : "spec.template.spec";
  entry.set("fieldPath", fmt::format("{}.containers[?(@.name==\"{}\")].image", prefix, workload.name));
  if (workload.trigger == "manual") entry.set("paused", true);
  // The classic mistake: a string where a boolean belongs makes the whole annotation unreadable.
  if (workload.trigger == "malformed") entry.set("paused", "false");
  return Json(Json::Array{std::move(entry)}).dump();
}

Json annotated_manifest(const Scenario::Workload& workload, bool batch_v1) {
  auto object = Json::object();
  object.set("kind", workload.kind);
  if (workload.kind == "CronJob") {
    object.set("apiVersion", batch_v1 ? "batch/v1" : "batch/v1beta1");
    set_at(object, {"spec", "schedule"}, "0 3 * * *");
    set_at(object, {"spec", "jobTemplate", "spec", "template"}, template_of(workload, " "));
    set_at(object, {"spec", "jobTemplate", "spec", "template", "spec", "restartPolicy"}, "Never");
  } else {
    object.set("apiVersion", "apps/v1");
    if (workload.kind != "DaemonSet") set_at(object, {"spec", "replicas"}, workload.replicas);
    if (workload.kind == "StatefulSet") set_at(object, {"spec", "serviceName"}, workload.name);
    set_at(object, {"spec", "selector", "matchLabels", "app"}, workload.name);
    set_at(object, {"spec", "template"}, template_of(workload, " "));
    if (workload.kind == "Deployment" && workload.trigger == "paused") set_at(object, {"spec", "paused"}, true);
  }
  if (workload.trigger != "missing") {
    annotate(object, "image.openshift.io/triggers", trigger_annotation(workload));
  }
  return object;
}

}  // namespace

Json to_json(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return {};
    case Node::Kind::sequence: {
      auto list = Json::array();
      for (const auto& item : node.items) list.push(to_json(item));
      return list;
    }
    case Node::Kind::map: {
      auto object = Json::object();
      for (const auto& member : node.members) object.set(member.key.text, to_json(member.value));
      return object;
    }
    case Node::Kind::scalar:
      break;
  }
  if (!node.plain) return Json(node.text);
  if (node.text == "true") return Json(true);
  if (node.text == "false") return Json(false);
  std::int64_t number = 0;
  const auto* end = node.text.data() + node.text.size();
  if (const auto read = std::from_chars(node.text.data(), end, number); read.ec == std::errc{} && read.ptr == end) {
    return Json(number);
  }
  return Json(node.text);
}

Json manifest_of(const Scenario::Workload& workload, bool batch_v1) {
  auto object =
      workload.kind == "DeploymentConfig" ? config_manifest(workload) : annotated_manifest(workload, batch_v1);
  set_at(object, {"metadata", "name"}, workload.name);
  set_at(object, {"metadata", "namespace"}, workload.project);
  set_at(object, {"metadata", "labels", "app"}, workload.name);
  return object;
}

Result<Scenario> parse_scenario(std::string_view text, std::string_view file) {
  yaml::Limits limits;
  limits.max_bytes = std::size_t{16} * 1024 * 1024;
  limits.max_nodes = 1'000'000;
  SLUICE_TRY(const auto root, yaml::parse(text, file, limits));
  Scenario scenario;
  if (root.kind == Node::Kind::null) return scenario;
  SLUICE_TRY(const auto map, MapReader::open(root, "the scenario",
                                             {{"users", "projects", "rights", "serviceaccounts", "tokens", "images",
                                               "workloads", "objects", "knobs"},
                                              {}}));
  SLUICE_CHECK(read_list(map, "users", scenario.users, read_user));
  SLUICE_CHECK(read_list(map, "projects", scenario.projects, read_project));
  SLUICE_CHECK(read_list(map, "rights", scenario.rights, read_right));
  SLUICE_CHECK(read_list(map, "serviceaccounts", scenario.accounts, read_account));
  SLUICE_CHECK(
      read_list(map, "tokens", scenario.tokens, [](const Node& node) { return yaml::as_string(node, "an identity"); }));
  SLUICE_CHECK(read_list(map, "images", scenario.images, read_image));
  SLUICE_CHECK(read_list(map, "workloads", scenario.workloads, read_workload));
  SLUICE_CHECK(read_list(map, "objects", scenario.objects, [](const Node& node) -> Result<Scenario::Object> {
    if (node.kind != Node::Kind::map) return yaml::error_at(node, "an object is a map with kind and apiVersion");
    return Scenario::Object{to_json(node), node};
  }));
  SLUICE_CHECK(read_list(map, "knobs", scenario.knobs, [](const Node& node) -> Result<Scenario::Knob> {
    if (node.kind != Node::Kind::map) return yaml::error_at(node, "a knob is a map with the key 'knob'");
    return Scenario::Knob{to_json(node), node};
  }));
  return scenario;
}

Result<Scenario> load_scenario(const std::filesystem::path& file) {
  SLUICE_TRY(const auto text, read_file(file, std::size_t{16} * 1024 * 1024));
  return parse_scenario(text, file.string());
}

}  // namespace sluice::sandbox
