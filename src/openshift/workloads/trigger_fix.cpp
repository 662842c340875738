// Mending triggers. The list of a DeploymentConfig has no key to merge by, and an annotation is one text: both are
// read, changed and written as a whole.
#include "openshift/workloads/trigger_fix.hpp"

#include "base/text.hpp"
#include "openshift/workloads/changes.hpp"
#include "openshift/workloads/template.hpp"
#include "openshift/workloads/triggers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::openshift {

namespace {

/// A container that a trigger is to set.
struct Wanted {
  std::string name;
  bool init = false;
};

Error nothing_to_mend(const WorkloadUse& use) {
  return Error(ErrorKind::usage, fmt::format("the trigger of {} on {} needs no mending", use.shown(), use.tag.shown()));
}

// The container whose name was misspelt, if there is one.
std::string nearest_container(const std::vector<kube::Container>& containers,
                              const std::vector<std::string>& misspelt) {
  std::vector<std::string> names;
  for (const auto& container : containers) names.push_back(container.name);
  for (const auto& word : misspelt) {
    if (auto meant = text::nearest(word, names); !meant.empty()) return meant;
  }
  return {};
}

// Those that run the stream's image as far as anybody knows; else what the broken trigger seems to mean; else the only
// one that there is.
Result<std::vector<Wanted>> containers_for(const WorkloadUse& use, const std::vector<kube::Container>& containers,
                                           const std::vector<std::string>& misspelt) {
  std::vector<Wanted> out;
  for (const auto& container : containers) {
    const bool bound = std::any_of(use.containers.begin(), use.containers.end(), [&](const BoundContainer& one) {
      return one.name == container.name && one.init == container.init;
    });
    if (bound) out.push_back({container.name, container.init});
  }
  if (!out.empty()) return out;
  const auto meant = nearest_container(containers, misspelt);
  for (const auto& container : containers) {
    if (meant.empty() ? !container.init : container.name == meant) out.push_back({container.name, container.init});
  }
  if (out.size() == 1) return out;
  return Error(ErrorKind::usage,
               fmt::format("nobody can tell which container of {} is to run {}", use.shown(), use.tag.shown()))
      .with_hint(fmt::format("name it with: oc set triggers {}/{} --from-image={} -c CONTAINER -n {}",
                             short_name(use.kind), use.name, use.tag.shown(), use.project));
}

std::string names_of(const std::vector<Wanted>& wanted) {
  std::vector<std::string> out;
  for (const auto& one : wanted) out.push_back(one.name);
  return text::join(out, ", ");
}

bool contains(const std::vector<Wanted>& wanted, std::string_view name) {
  return std::any_of(wanted.begin(), wanted.end(), [&](const Wanted& one) { return one.name == name; });
}

// --- DeploymentConfig ---------------------------------------------------------------------------------------------

bool is_image_trigger(const Json& trigger) { return trigger.string_at("type") == "ImageChange"; }

bool follows_tag(const Json& trigger, const WorkloadUse& use) {
  const auto project = kube::text_at(trigger, {"imageChangeParams", "from", "namespace"});
  return is_image_trigger(trigger) &&
         kube::text_at(trigger, {"imageChangeParams", "from", "kind"}) == "ImageStreamTag" &&
         kube::text_at(trigger, {"imageChangeParams", "from", "name"}) == use.tag.name() &&
         (project.empty() ? use.project : project) == use.tag.project;
}

Json name_list(const std::vector<std::string>& names) {
  Json out = Json::array();
  for (const auto& name : names) out.push(name);
  return out;
}

class ConfigMender {
 public:
  ConfigMender(Json& config, const WorkloadUse& use)
      : use_(use), config_(config), containers_(kube::DeploymentConfig(config).containers()) {}

  Result<std::string> mend() {
    SLUICE_TRY(wanted_, containers_for(use_, containers_, misspelt()));
    Json::Array triggers = kube::list_at(config_, {"spec", "triggers"});
    auto ours = std::find_if(triggers.begin(), triggers.end(), [&](const Json& one) { return follows_tag(one, use_); });
    if (ours == triggers.end()) ours = move_near_one(triggers);
    if (ours == triggers.end()) {
      triggers.push_back(Json::object().set("type", "ImageChange").set("imageChangeParams", Json::object()));
      ours = triggers.end() - 1;
      done_.push_back(fmt::format("an ImageChange trigger on {} was added", use_.tag.name()));
    }
    complete(*ours);
    clear_others(triggers, static_cast<std::size_t>(ours - triggers.begin()));
    if (done_.empty()) return nothing_to_mend(use_);
    kube::set_at(config_, {"spec", "triggers"}, Json(std::move(triggers)));
    return text::join(done_, ", ");
  }

 private:
  // What a trigger on the tag calls its containers, and is not there.
  std::vector<std::string> misspelt() const {
    std::vector<std::string> out;
    for (const auto& trigger : kube::list_at(config_, {"spec", "triggers"})) {
      if (!follows_tag(trigger, use_)) continue;
      for (auto& name : kube::strings_at(trigger, {"imageChangeParams", "containerNames"})) {
        if (!is_there(name)) out.push_back(std::move(name));
      }
    }
    return out;
  }
  bool is_there(std::string_view name) const {
    return std::any_of(containers_.begin(), containers_.end(),
                       [&](const kube::Container& container) { return container.name == name; });
  }

  // A trigger for nothing but these containers, on something else, is moved to the tag. What it was last resolved to
  // is no image of the tag.
  Json::Array::iterator move_near_one(Json::Array& triggers) {
    const auto near = std::find_if(triggers.begin(), triggers.end(), [&](const Json& trigger) {
      const auto names = kube::strings_at(trigger, {"imageChangeParams", "containerNames"});
      return is_image_trigger(trigger) && !names.empty() &&
             std::all_of(names.begin(), names.end(), [&](const std::string& name) { return contains(wanted_, name); });
    });
    if (near == triggers.end()) return near;
    done_.push_back(fmt::format("the ImageChange trigger on {} was moved to {}",
                                text::printable(kube::text_at(*near, {"imageChangeParams", "from", "name"})),
                                use_.tag.shown()));
    kube::set_at(*near, {"imageChangeParams", "from"}, Json::object());
    near->find("imageChangeParams")->remove("lastTriggeredImage");
    return near;
  }

  void complete(Json& trigger) {
    const bool was_ours = done_.empty();
    if (!kube::flag_at(trigger, {"imageChangeParams", "automatic"})) {
      kube::set_at(trigger, {"imageChangeParams", "automatic"}, true);
      if (was_ours) done_.push_back(fmt::format("the ImageChange trigger on {} was made automatic", use_.tag.name()));
    }
    if (!follows_tag(trigger, use_)) {
      Json from = Json::object();
      from.set("kind", "ImageStreamTag").set("namespace", use_.tag.project).set("name", use_.tag.name());
      kube::set_at(trigger, {"imageChangeParams", "from"}, std::move(from));
    }
    const auto before = kube::strings_at(trigger, {"imageChangeParams", "containerNames"});
    std::vector<std::string> names;
    for (const auto& name : before) {
      if (is_there(name)) names.push_back(name);
    }
    for (const auto& one : wanted_) {
      if (std::find(names.begin(), names.end(), one.name) == names.end()) names.push_back(one.name);
    }
    if (names == before) return;
    kube::set_at(trigger, {"imageChangeParams", "containerNames"}, name_list(names));
    if (was_ours) {
      done_.push_back(
          fmt::format("the ImageChange trigger on {} sets {} now", use_.tag.name(), text::join(names, ", ")));
    }
  }

  // Two triggers on one container would take turns. One without containers would be refused.
  void clear_others(Json::Array& triggers, std::size_t ours) {
    Json::Array kept;
    for (std::size_t i = 0; i < triggers.size(); ++i) {
      auto names = kube::strings_at(triggers[i], {"imageChangeParams", "containerNames"});
      const auto removed = std::erase_if(names, [&](const std::string& name) { return contains(wanted_, name); });
      if (i == ours || !is_image_trigger(triggers[i]) || removed == 0) {
        kept.push_back(std::move(triggers[i]));
        continue;
      }
      done_.push_back(fmt::format("the one on {} no longer sets {}",
                                  text::printable(kube::text_at(triggers[i], {"imageChangeParams", "from", "name"})),
                                  names_of(wanted_)));
      if (names.empty()) continue;
      kube::set_at(triggers[i], {"imageChangeParams", "containerNames"}, name_list(names));
      kept.push_back(std::move(triggers[i]));
    }
    triggers = std::move(kept);
  }

  const WorkloadUse& use_;
  Json& config_;
  std::vector<kube::Container> containers_;
  std::vector<Wanted> wanted_;
  std::vector<std::string> done_;
};

// --- Annotation ---------------------------------------------------------------------------------------------------

Json annotated_trigger(const WorkloadUse& use, const Wanted& wanted) {
  Json from = Json::object();
  from.set("kind", "ImageStreamTag").set("name", use.tag.name()).set("namespace", use.tag.project);
  return Json::object()
      .set("from", std::move(from))
      .set("fieldPath", fmt::format("{}.{}[?(@.name==\"{}\")].image", pod_spec_path(to_string(use.kind)),
                                    wanted.init ? "initContainers" : "containers", wanted.name));
}

// The name between the quotes of a selector, of whichever sort they are; "" when there is none.
std::string name_in_path(std::string_view path) {
  for (const char quote : {'"', '\''}) {
    const auto from = path.find(quote);
    const auto to = from == std::string_view::npos ? from : path.find(quote, from + 1);
    if (to != std::string_view::npos) return std::string(path.substr(from + 1, to - from - 1));
  }
  return {};
}

class AnnotationMender {
 public:
  AnnotationMender(Json& workload, const WorkloadUse& use) : use_(use), workload_(workload) {
    containers_ = kube::containers_of(pod_spec_of(workload, use.kind));
  }

  Result<std::string> mend() {
    const auto before = kube::text_at(workload_, {"metadata", "annotations", kTriggerAnnotation});
    read(before);
    SLUICE_TRY(wanted_, containers_for(use_, containers_, misspelt()));
    Json after = Json::array();
    for (const auto& item : items_) {
      SLUICE_TRY(const bool goes, is_replaced(item));
      if (!goes) after.push(item);
    }
    for (const auto& one : wanted_) after.push(annotated_trigger(use_, one));
    const auto text = after.dump();
    if (const auto problem = problem_of(text); !problem.empty()) {
      return Error(ErrorKind::usage,
                   fmt::format("{} cannot be given a trigger on {}: {}", use_.shown(), use_.tag.name(), problem))
          .with_hint(hint());
    }
    kube::set_at(workload_, {"metadata", "annotations", kTriggerAnnotation}, text);
    return fmt::format("a trigger on {} for {} was {}", use_.tag.name(), names_of(wanted_),
                       before.empty() ? "added" : "written anew");
  }

 private:
  // The entries, as far as there are any: of a text that is none, nothing has ever worked.
  void read(std::string_view annotation) {
    auto json = parse_json(annotation, {.max_bytes = std::size_t{256} * 1024, .max_depth = 16, .max_values = 10'000});
    if (!json) return;
    if (json->is_array()) items_ = json->items();
    if (json->is_object()) items_.push_back(std::move(*json));
  }

  TriggerReading read_alone(const Json& item) const {
    Json list = Json::array();
    list.push(item);
    return read_triggers(list.dump(), to_string(use_.kind), containers_, use_.project);
  }

  std::vector<std::string> misspelt() const {
    std::vector<std::string> out;
    for (const auto& item : items_) {
      if (!read_alone(item).triggers.empty() || !mentions_stream(item)) continue;
      if (auto name = name_in_path(item.string_at("fieldPath").value_or("")); !name.empty()) {
        out.push_back(std::move(name));
      }
    }
    return out;
  }

  // A broken entry is about the tag when it names the stream anywhere, whatever its keys are.
  bool mentions_stream(const Json& item) const {
    const auto text = item.dump();
    return text.find('"' + use_.tag.name() + '"') != std::string::npos ||
           text.find('"' + use_.tag.stream + '"') != std::string::npos;
  }

  // Whether an entry gives way to the new ones: it sets the same container, or is broken and was meant to.
  Result<bool> is_replaced(const Json& item) const {
    const auto reading = read_alone(item);
    if (!reading.triggers.empty()) {
      const auto& trigger = reading.triggers.front();
      return std::any_of(wanted_.begin(), wanted_.end(),
                         [&](const Wanted& one) { return one.name == trigger.container && one.init == trigger.init; });
    }
    if (mentions_stream(item) || contains(wanted_, name_in_path(item.string_at("fieldPath").value_or("")))) return true;
    for (const auto& problem : reading.problems) {
      if (!problem.fatal) continue;
      return Error(ErrorKind::usage, fmt::format("a trigger of {} for another container is malformed too: {}",
                                                 use_.shown(), problem.sentence))
          .with_hint(hint());
    }
    return false;
  }

  std::string hint() const {
    return fmt::format("mend it by hand with: oc edit {}/{} -n {}", short_name(use_.kind), use_.name, use_.project);
  }

  // Whether the new text would be ignored; "" when it works.
  std::string problem_of(std::string_view annotation) const {
    for (const auto& problem : read_triggers(annotation, to_string(use_.kind), containers_, use_.project).problems) {
      if (problem.fatal) return problem.sentence;
    }
    return {};
  }

  const WorkloadUse& use_;
  Json& workload_;
  std::vector<kube::Container> containers_;
  Json::Array items_;
  std::vector<Wanted> wanted_;
};

}  // namespace

Result<std::string> mend_config_triggers(Json& config, const WorkloadUse& use) {
  return ConfigMender(config, use).mend();
}

Result<std::string> mend_annotation(Json& workload, const WorkloadUse& use) {
  return AnnotationMender(workload, use).mend();
}

Result<std::string> fix_trigger(kube::Client& client, const WorkloadUse& use, const net::ExchangeContext& context) {
  const bool whole = use.verdict == TriggerVerdict::fires || use.verdict == TriggerVerdict::paused;
  if (whole || use.kind == WorkloadKind::build_config) return nothing_to_mend(use);
  if (use.verdict == TriggerVerdict::held) {
    return Error(ErrorKind::usage, use.why + ": no other trigger is touched").with_hint(use.fix);
  }
  std::string done;
  const auto change = [&](Json& object) -> Result<bool> {
    SLUICE_CHECK(check_uid({use.kind, use.project, use.name, use.uid}, object));
    const bool config = use.kind == WorkloadKind::deployment_config;
    SLUICE_TRY(done, config ? mend_config_triggers(object, use) : mend_annotation(object, use));
    return true;
  };
  SLUICE_CHECK(update_workload(client, {use.kind, use.project, use.name, use.uid}, change, context));
  return done;
}

}  // namespace sluice::openshift
