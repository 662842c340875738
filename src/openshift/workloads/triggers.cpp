#include "openshift/workloads/triggers.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace sluice::openshift {

namespace {

constexpr std::size_t kMaxTriggers = 256;  // no pod has more containers; a guess

std::string in_quotes(std::string_view text) { return "'" + text::printable(text, 120) + "'"; }

// Where a field path leads.
struct FieldTarget {
  std::string container;
  bool init = false;
};

class Reader {
 public:
  Reader(std::string_view kind, const std::vector<kube::Container>& containers, std::string_view project)
      : kind_(kind), containers_(containers), project_(project) {}

  TriggerReading read(std::string_view annotation) {
    const auto json =
        parse_json(annotation, {.max_bytes = std::size_t{256} * 1024, .max_depth = 16, .max_values = 10'000});
    if (!json) {
      fatal("not-json", "is not JSON (" + json.error().message() + ")", "it must be a JSON list in a text");
    } else if (!json->is_array()) {
      fatal("not-a-list", "is no list", "put the trigger into square brackets: [{...}]");
    } else {
      read_list(*json);
    }
    const auto stops = [](const TriggerProblem& problem) { return problem.fatal; };
    if (std::any_of(out_.problems.begin(), out_.problems.end(), stops)) out_.triggers.clear();
    return std::move(out_);
  }

 private:
  void problem(std::string code, std::string sentence, std::string fix, bool is_fatal) {
    out_.problems.push_back({std::move(code), "the annotation image.openshift.io/triggers " + std::move(sentence),
                             std::move(fix), is_fatal});
  }
  void fatal(std::string code, std::string what, std::string fix) {
    problem(std::move(code), std::move(what) + ": the cluster ignores the whole annotation without a word",
            std::move(fix), true);
  }
  void idle(std::string code, std::string what, std::string fix) {
    problem(std::move(code), std::move(what) + ": this trigger never does anything", std::move(fix), false);
  }

  void read_list(const Json& list) {
    if (list.items().empty()) idle("empty", "has no trigger in it", "add one, or remove the annotation");
    if (list.items().size() > kMaxTriggers) {
      fatal("too-many", fmt::format("has more than {} triggers", kMaxTriggers), "");
      return;
    }
    std::set<std::string> paths;
    for (const auto& item : list.items()) {
      if (!item.is_object()) {
        fatal("not-an-object", "has an entry that is no object", "each trigger is {\"from\": ..., \"fieldPath\": ...}");
        continue;
      }
      // The controller compares the paths of all triggers before it looks at any of them.
      const auto path = item.string_at("fieldPath").value_or("");
      if (!paths.insert(path).second) {
        fatal("duplicate-field-path", "names the field " + in_quotes(path) + " twice",
              "keep one trigger for each field");
      }
      read_trigger(item);
    }
  }

  // Keys are compared without case by the controller's JSON reader, so a wrong case is no mistake there.
  void check_keys(const Json& object, const std::vector<std::string>& known, const std::string& where) {
    for (const auto& [key, value] : object.members()) {
      const auto is_it = [&](const std::string& other) { return text::iequals(key, other); };
      if (std::any_of(known.begin(), known.end(), is_it)) continue;
      const auto meant = text::nearest(key, known);
      problem("unknown-key", fmt::format("has an unknown key {} in {}, which is ignored", in_quotes(key), where),
              meant.empty() ? "known are: " + text::join(known, ", ") : "write \"" + meant + "\"", false);
    }
  }

  static const Json* member(const Json& object, std::string_view key) {
    for (const auto& [name, value] : object.members()) {
      if (text::iequals(name, key)) return &value;
    }
    return nullptr;
  }

  // A text, "" when absent. A value of another type makes the controller drop everything.
  std::string text_member(const Json& object, std::string_view key, const std::string& where) {
    const auto* value = member(object, key);
    if (value == nullptr || value->is_null()) return {};
    if (auto text = value->as_string()) return std::move(*text);
    fatal("not-a-text", fmt::format("has a {} in {} that is no text", in_quotes(key), where), "put it into quotes");
    return {};
  }

  void read_trigger(const Json& item) {
    check_keys(item, {"from", "fieldPath", "paused"}, "a trigger");
    FieldTrigger trigger;
    trigger.field_path = text_member(item, "fieldPath", "a trigger");
    if (const auto* paused = member(item, "paused"); paused != nullptr && !paused->is_null()) {
      if (paused->is_bool()) {
        trigger.paused = paused->as_bool().value_or(false);
      } else {
        fatal("paused-not-boolean", "has a 'paused' that is neither true nor false",
              "write true or false without quotes");
      }
    }
    const bool from_works = read_from(item, trigger.from);
    const auto target = read_path(trigger);
    if (!from_works || !target) return;
    trigger.container = target->container;
    trigger.init = target->init;
    out_.triggers.push_back(std::move(trigger));
  }

  bool read_from(const Json& item, kube::ImageSource& from) {
    const auto* json = member(item, "from");
    if (json == nullptr || json->is_null()) {
      idle("no-from", "has a trigger without 'from'",
           R"(add "from": {"kind": "ImageStreamTag", "name": "STREAM:TAG"})");
      return false;
    }
    if (!json->is_object()) {
      fatal("from-not-an-object", "has a 'from' that is no object", R"(write {"kind": ..., "name": ...})");
      return false;
    }
    check_keys(*json, {"kind", "name", "namespace", "apiVersion"}, "'from'");
    from.kind = text_member(*json, "kind", "'from'");
    from.name = text_member(*json, "name", "'from'");
    from.project = text_member(*json, "namespace", "'from'");
    if (from.project.empty()) from.project = project_;
    if (const auto version = text_member(*json, "apiVersion", "'from'"); !version.empty()) {
      idle("api-version", "names an 'apiVersion' in 'from'", "leave it out");
      return false;
    }
    if (from.kind != "ImageStreamTag") {
      idle("wrong-kind", "points at the kind " + in_quotes(from.kind), R"(only "ImageStreamTag" is followed)");
      return false;
    }
    const auto colon = from.name.find(':');
    if (colon == 0 || colon == std::string::npos || colon + 1 == from.name.size()) {
      idle("name-without-tag", "points at " + in_quotes(from.name) + ", which is not STREAM:TAG",
           "name stream and tag");
      return false;
    }
    return true;
  }

  // POD_SPEC.containers[SELECTOR].image, SELECTOR being a number or ?(@.name=="NAME").
  std::optional<FieldTarget> read_path(const FieldTrigger& trigger) {
    const auto& path = trigger.field_path;
    // A paused trigger is passed over before its path is looked at; what is wrong with it waits for its resumption.
    const auto wrong = [&](std::string code, const std::string& what, std::string fix) -> std::optional<FieldTarget> {
      if (trigger.paused) {
        idle(std::move(code), what, std::move(fix));
      } else {
        fatal(std::move(code), what, std::move(fix));
      }
      return std::nullopt;
    };
    const auto good = std::string(pod_spec_path(kind_)) + R"(.containers[?(@.name==\"NAME\")].image)";
    if (path.empty()) return wrong("no-field-path", "has a trigger without 'fieldPath'", "add: " + good);
    std::string_view rest(path);
    if (!rest.starts_with(pod_spec_path(kind_))) {
      return wrong("wrong-place", fmt::format("has a 'fieldPath' that is not in the pod spec of a {}", kind_),
                   "write it as " + good);
    }
    rest.remove_prefix(pod_spec_path(kind_).size());
    FieldTarget target;
    if (rest.starts_with(".initContainers[")) {
      target.init = true;
      rest.remove_prefix(std::string_view(".initContainers[").size());
    } else if (rest.starts_with(".containers[")) {
      rest.remove_prefix(std::string_view(".containers[").size());
    } else {
      return wrong("wrong-place", "has a 'fieldPath' that leads to no container", "write it as " + good);
    }
    constexpr std::string_view kEnd = "].image";
    if (!rest.ends_with(kEnd)) {
      return wrong("wrong-field", "has a 'fieldPath' that does not end in .image", "write it as " + good);
    }
    rest.remove_suffix(kEnd.size());
    return select(rest, target, wrong);
  }

  template <class Wrong>
  std::optional<FieldTarget> select(std::string_view selector, FieldTarget target, const Wrong& wrong) {
    constexpr std::string_view kStart = "?(@.name==\"";
    constexpr std::string_view kEnd = "\")";
    std::vector<std::string> names;
    for (const auto& container : containers_) {
      if (container.init == target.init) names.push_back(container.name);
    }
    const auto list = target.init ? "init container" : "container";
    if (selector.starts_with(kStart) && selector.ends_with(kEnd) && selector.size() > kStart.size() + kEnd.size()) {
      target.container = selector.substr(kStart.size(), selector.size() - kStart.size() - kEnd.size());
      if (std::find(names.begin(), names.end(), target.container) != names.end()) return target;
      const auto meant = text::nearest(target.container, names);
      return wrong("unknown-container",
                   fmt::format("names the {} {}, which is not there", list, in_quotes(target.container)),
                   meant.empty() ? "the " + std::string(list) + "s are: " + text::join(names, ", ")
                                 : "did you mean " + in_quotes(meant) + "?");
    }
    std::size_t index = 0;
    const auto parsed = std::from_chars(selector.data(), selector.data() + selector.size(), index);
    if (selector.empty() || parsed.ec != std::errc() || parsed.ptr != selector.data() + selector.size()) {
      const bool quotes = selector.find('\'') != std::string_view::npos;
      return wrong("bad-selector",
                   quotes ? "selects a container with single quotes" : "selects a container in a way that is not known",
                   R"(write [?(@.name==\"NAME\")] with double quotes, or a number)");
    }
    if (index >= names.size()) {
      return wrong("unknown-container",
                   fmt::format("names the {} number {}, and there are {}", list, index, names.size()),
                   "numbers begin with 0; better name it");
    }
    target.container = names[index];
    return target;
  }

  std::string_view kind_;
  const std::vector<kube::Container>& containers_;
  std::string project_;
  TriggerReading out_;
};

}  // namespace

std::string_view pod_spec_path(std::string_view kind) {
  return kind == "CronJob" ? "spec.jobTemplate.spec.template.spec" : "spec.template.spec";
}

TriggerReading read_triggers(std::string_view annotation, std::string_view kind,
                             const std::vector<kube::Container>& containers, std::string_view project) {
  return Reader(kind, containers, project).read(annotation);
}

namespace {

Json trigger_on(std::string_view kind, const kube::ImageSource& from, std::string_view container, bool init) {
  Json source = Json::object();
  source.set("kind", "ImageStreamTag").set("name", from.name);
  if (!from.project.empty()) source.set("namespace", from.project);
  return Json::object()
      .set("from", std::move(source))
      .set("fieldPath", fmt::format("{}.{}[?(@.name==\"{}\")].image", pod_spec_path(kind),
                                    init ? "initContainers" : "containers", container));
}

}  // namespace

std::string trigger_annotation_for(std::string_view kind, const kube::ImageSource& from, std::string_view container) {
  return Json::array().push(trigger_on(kind, from, container, false)).dump();
}

std::string annotation_with(std::string_view annotation, std::string_view kind, const kube::ImageSource& from,
                            const std::vector<kube::Container>& more) {
  Json out = Json::array();
  if (const auto there =
          parse_json(annotation, {.max_bytes = std::size_t{256} * 1024, .max_depth = 16, .max_values = 10'000})) {
    for (const auto& one : there->items()) out.push(one);
  }
  for (const auto& container : more) out.push(trigger_on(kind, from, container.name, container.init));
  return out.dump();
}

}  // namespace sluice::openshift
