// Who uses promoted tags, and whether the cluster will act when they move. Pure.
#include "base/text.hpp"
#include "openshift/workloads/commands.hpp"
#include "openshift/workloads/subject.hpp"
#include "openshift/workloads/triggers.hpp"
#include "openshift/workloads/workloads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

namespace sluice::openshift {

namespace {

using detail::bound;
using detail::follow_command;
using detail::follows;
using detail::look_around;
using detail::mended_annotation_command;
using detail::Setting;
using detail::Subject;

std::string in_quotes(std::string_view text) { return "'" + text::printable(text, 120) + "'"; }

template <class T>
Subject subject_of(WorkloadKind kind, const T& object) {
  return {kind, object.project(), object.name(), object.uid(), object.containers()};
}

WorkloadUse use_of(const Subject& subject, const StreamTag& tag, TriggerVerdict verdict) {
  WorkloadUse use{subject.kind, subject.project, subject.name, subject.uid, tag, verdict, {}, "", ""};
  use.on_delete = subject.on_delete;
  return use;
}

bool is_promoted(const kube::ImageSource& from, const std::vector<StreamTag>& tags) {
  return std::any_of(tags.begin(), tags.end(), [&](const StreamTag& tag) { return follows(from, tag); });
}

bool is_same_stream(const kube::ImageSource& from, const StreamTag& tag) {
  return from.project == tag.project && text::cut(from.name, ':').first == tag.stream;
}

// The stream by any of its names, at this tag or pinned to a digest; or "web:live" alone, which a stream with local
// lookup resolves.
bool names_tag(std::string_view image, const Subject& subject, const StreamTag& tag) {
  if (subject.project == tag.project && image == tag.name()) return true;
  if (!is_of_stream(image, tag.project, tag.stream)) return false;
  return !digest_in(image).empty() || image.ends_with(":" + tag.tag);
}

std::vector<BoundContainer> containers_that_name(const Subject& subject, const StreamTag& tag) {
  std::vector<BoundContainer> out;
  for (const auto& container : subject.containers) {
    if (names_tag(container.image, subject, tag)) out.push_back(bound(container, tag));
  }
  return out;
}

bool has_container(const Subject& subject, std::string_view name) {
  return std::any_of(subject.containers.begin(), subject.containers.end(),
                     [&](const kube::Container& container) { return container.name == name; });
}

// The containers that a fix is written for: those that a trigger names already, those that run the image, else the
// first.
std::vector<std::string> likely_containers(const Subject& subject, const std::vector<std::string>& named,
                                           const std::vector<BoundContainer>& candidates) {
  std::vector<std::string> out;
  for (const auto& name : named) {
    if (has_container(subject, name)) out.push_back(name);
  }
  if (out.empty() && !candidates.empty()) out.push_back(candidates.front().name);
  for (const auto& container : subject.containers) {
    if (out.empty() && !container.init) out.push_back(container.name);
  }
  if (out.empty()) out.push_back(subject.name);
  return out;
}

void resume_by_hand(const Subject& subject, WorkloadUse& use) {
  use.verdict = TriggerVerdict::paused;
  use.why = use.shown() + " is paused: it takes the new image, and rolls it out only when it is resumed";
  use.fix = resume_command(subject.command());
}

bool is_missing(const kube::ImageSource& from, const KnownTags& known) {
  return !known.holds(from.project, from.name).value_or(true);
}

// What is known of a tag that is followed in place of the right one.
std::string about_other(const kube::ImageSource& from, const StreamTag& tag, const KnownTags& known) {
  if (!is_missing(from, known)) return {};
  const auto meant = text::nearest(text::cut(from.name, ':').second, {tag.tag});
  return " (there is no such tag" + (meant.empty() ? ")" : "; did you mean " + meant + "?)");
}

// A trigger on something near: another tag of the stream, or the same name in another project.
std::optional<WorkloadUse> near_use(const Subject& subject, const StreamTag& tag, const Setting& setting,
                                    const KnownTags& known) {
  const bool same_stream = is_same_stream(setting.from, tag);
  if (!same_stream && setting.from.name != tag.name()) return std::nullopt;
  const auto verdict = !same_stream                      ? TriggerVerdict::other_project
                       : is_missing(setting.from, known) ? TriggerVerdict::no_such_tag
                                                         : TriggerVerdict::other_tag;
  auto use = use_of(subject, tag, verdict);
  use.why = fmt::format("{} follows {}{}, not {}", use.shown(), text::printable(setting.tag()),
                        about_other(setting.from, tag, known), tag.shown());
  // One that has never rolled names no image yet: the trigger says which container is meant.
  for (const auto& container : subject.containers) {
    if (setting.sets(container)) use.containers.push_back(bound(container, tag));
  }
  if (use.containers.empty()) use.containers = containers_that_name(subject, tag);
  use.fix = set_trigger_command(subject.command(), tag, likely_containers(subject, setting.containers, use.containers),
                                {setting.tag()});
  return use;
}

// Runs an image of the stream, and no trigger says anything about it.
std::optional<WorkloadUse> pinned_use(const Subject& subject, const StreamTag& tag) {
  auto naming = containers_that_name(subject, tag);
  if (!naming.empty()) {
    auto use = use_of(subject, tag, TriggerVerdict::missing);
    use.why = fmt::format("{} runs an image of {}/{} and has no trigger on {}", use.shown(), tag.project, tag.stream,
                          tag.name());
    use.containers = std::move(naming);
    use.fix = follow_command(subject, use);
    return use;
  }
  for (const auto& container : subject.containers) {
    if (!is_of_stream(container.image, tag.project, tag.stream)) continue;
    auto use = use_of(subject, tag, TriggerVerdict::other_tag);
    use.why =
        fmt::format("{} runs {} and has no trigger on {}", use.shown(), text::printable(container.image), tag.name());
    use.containers.push_back(bound(container, tag));
    use.fix = follow_command(subject, use);
    return use;
  }
  return std::nullopt;
}

// Several triggers of one workload on one tag are one use, as long as the same becomes of them.
void add_use(std::vector<WorkloadUse>& uses, WorkloadUse use) {
  for (auto& other : uses) {
    if (other.kind != use.kind || other.uid != use.uid || other.name != use.name || other.verdict != use.verdict ||
        other.tag.shown() != use.tag.shown()) {
      continue;
    }
    for (auto& container : use.containers) {
      const bool known = std::any_of(other.containers.begin(), other.containers.end(), [&](const auto& one) {
        return one.name == container.name && one.init == container.init;
      });
      if (!known) other.containers.push_back(std::move(container));
    }
    return;
  }
  uses.push_back(std::move(use));
}

/// The tag that keeps a DeploymentConfig from taking any image, and whether it is known to hold none.
struct Holder {
  std::string tag;
  bool is_known = false;
};

// The controller changes nothing while an automatic trigger has never had an image, and the first rollout waits for all
// of them. Tags that are about to be filled, or that hold an image, do not count.
std::optional<Holder> held_by(const kube::DeploymentConfig& config, const std::vector<kube::ImageTrigger>& triggers,
                              const std::vector<StreamTag>& tags, const KnownTags& known) {
  for (const auto& trigger : triggers) {
    if (!trigger.last_triggered.empty() || (!trigger.automatic && config.latest_version() > 0)) continue;
    if (trigger.automatic && is_promoted(trigger.from, tags)) continue;
    const auto holds = known.holds(trigger.from.project, trigger.from.name);
    if (holds.value_or(false) && trigger.automatic) continue;
    return Holder{trigger.from.project + "/" + trigger.from.name, holds.has_value()};
  }
  return std::nullopt;
}

void hold(const Subject& subject, const Holder& holder, WorkloadUse& use) {
  use.verdict = TriggerVerdict::held;
  use.why = fmt::format("{} waits for {}, which {}", use.shown(), text::printable(holder.tag),
                        holder.is_known ? "holds no image" : "it has never taken an image from and cannot be seen");
  use.fix = remove_trigger_command(subject.command(), holder.tag) + "  # or push an image there";
}

// The containers of the trigger that are there; none is a verdict.
void bind_config_containers(const Subject& subject, const kube::ImageTrigger& trigger, WorkloadUse& use) {
  std::vector<std::string> names;
  std::string misspelt;
  for (const auto& container : subject.containers) names.push_back(container.name);
  for (const auto& wanted : trigger.containers) {
    const auto found = std::find_if(subject.containers.begin(), subject.containers.end(),
                                    [&](const kube::Container& container) { return container.name == wanted; });
    if (found != subject.containers.end()) {
      use.containers.push_back(bound(*found, use.tag));
      continue;
    }
    const auto meant = text::nearest(wanted, names);
    misspelt = fmt::format("the trigger on {} names the container {}, which is not there{}", use.tag.name(),
                           in_quotes(wanted), meant.empty() ? "" : "; did you mean " + in_quotes(meant) + "?");
  }
  if (!use.containers.empty()) return;
  use.verdict = TriggerVerdict::wrong_container;
  use.why = misspelt.empty() ? "the trigger on " + use.tag.name() + " names no container" : misspelt;
  use.fix = set_trigger_command(subject.command(), use.tag, likely_containers(subject, {}, {}));
}

std::vector<Setting> settings_of(const std::vector<kube::ImageTrigger>& triggers) {
  std::vector<Setting> out;
  for (const auto& trigger : triggers) out.push_back({trigger.from, trigger.containers});
  return out;
}

std::vector<Setting> settings_of(const TriggerReading& reading) {
  std::vector<Setting> out;
  for (const auto& trigger : reading.triggers) out.push_back({trigger.from, {trigger.container}});
  return out;
}

/// Everything that one call of judge_workloads works with.
struct Bench {
  const std::vector<StreamTag>& tags;
  const KnownTags& known;
  std::vector<WorkloadUse>& out;
};

// What the triggers on the tag come to, with what is wrong around them; then triggers on something near, for other
// containers where there are some on the tag; else what is pinned.
void tell_uses(const Subject& subject, const StreamTag& tag, const std::vector<Setting>& settings,
               std::vector<WorkloadUse> on_tag, const Bench& bench) {
  const bool any = !on_tag.empty();
  const auto is_set = [&](const Setting& setting) {
    return std::any_of(on_tag.begin(), on_tag.end(), [&](const WorkloadUse& use) {
      return std::any_of(use.containers.begin(), use.containers.end(), [&](const BoundContainer& container) {
        return setting.sets({container.name, container.image, container.init});
      });
    });
  };
  std::vector<WorkloadUse> others;
  for (const auto& setting : settings) {
    if (follows(setting.from, tag) || is_set(setting)) continue;
    // Another promoted tag is judged for itself.
    if (any && (is_promoted(setting.from, bench.tags) || !is_same_stream(setting.from, tag))) continue;
    if (auto use = near_use(subject, tag, setting, bench.known)) add_use(others, std::move(*use));
  }
  if (!any && others.empty()) {
    if (auto use = pinned_use(subject, tag)) others.push_back(std::move(*use));
  }
  auto& first = any ? on_tag : others;
  if (!first.empty()) look_around(subject, settings, first.front());
  for (auto& use : on_tag) bench.out.push_back(std::move(use));
  for (auto& use : others) bench.out.push_back(std::move(use));
}

void judge_config(const kube::DeploymentConfig& config, const Bench& bench) {
  const auto subject = subject_of(WorkloadKind::deployment_config, config);
  const auto triggers = config.image_triggers();
  const auto settings = settings_of(triggers);
  for (const auto& tag : bench.tags) {
    std::vector<WorkloadUse> on_tag;
    for (const auto& trigger : triggers) {
      if (!follows(trigger.from, tag)) continue;
      auto use = use_of(subject, tag, TriggerVerdict::fires);
      bind_config_containers(subject, trigger, use);
      if (use.verdict == TriggerVerdict::fires && !trigger.automatic) {
        use.verdict = TriggerVerdict::manual;
        use.why = fmt::format("the trigger of {} on {} is not automatic", use.shown(), tag.name());
        use.fix = automatic_command(subject.command());
      }
      if (use.verdict == TriggerVerdict::fires) {
        if (const auto holder = held_by(config, triggers, bench.tags, bench.known)) hold(subject, *holder, use);
      }
      if (use.verdict == TriggerVerdict::fires && config.paused()) resume_by_hand(subject, use);
      add_use(on_tag, std::move(use));
    }
    tell_uses(subject, tag, settings, std::move(on_tag), bench);
  }
}

// What is wrong with an annotation, as the verdict on a tag that it seems to be about.
std::optional<WorkloadUse> judge_broken(const Subject& subject, const StreamTag& tag, std::string_view annotation,
                                        const TriggerReading& reading) {
  const auto fatal = std::find_if(reading.problems.begin(), reading.problems.end(),
                                  [](const TriggerProblem& problem) { return problem.fatal; });
  const bool is_fatal = fatal != reading.problems.end();
  const auto wrong = is_fatal ? fatal
                              : std::find_if(reading.problems.begin(), reading.problems.end(),
                                             [](const TriggerProblem& problem) { return problem.code != "empty"; });
  if (wrong == reading.problems.end()) return std::nullopt;
  auto naming = containers_that_name(subject, tag);
  const bool mentioned = annotation.find(tag.stream) != std::string_view::npos;
  if (!mentioned && (naming.empty() || !is_fatal)) return std::nullopt;
  auto use = use_of(subject, tag,
                    wrong->code == "unknown-container" ? TriggerVerdict::wrong_container : TriggerVerdict::malformed);
  use.why = wrong->sentence;
  use.containers = std::move(naming);
  use.fix = mended_annotation_command(subject, use);
  if (use.fix.empty())
    use.fix = annotate_command(subject.command(), tag, likely_containers(subject, {}, use.containers).front());
  return use;
}

void judge_annotated(const Subject& subject, const Bench& bench) {
  const std::string_view annotation = subject.annotation;
  TriggerReading reading;
  if (!annotation.empty()) {
    reading = read_triggers(annotation, to_string(subject.kind), subject.containers, subject.project);
  }
  const auto settings = settings_of(reading);
  for (const auto& tag : bench.tags) {
    std::vector<WorkloadUse> on_tag;
    for (const auto& trigger : reading.triggers) {
      if (!follows(trigger.from, tag)) continue;
      auto use = use_of(subject, tag, TriggerVerdict::fires);
      for (const auto& container : subject.containers) {
        if (container.name == trigger.container && container.init == trigger.init) {
          use.containers.push_back(bound(container, tag));
        }
      }
      if (trigger.paused) {
        use.verdict = TriggerVerdict::manual;
        use.why = fmt::format("the trigger of {} on {} has \"paused\": true", use.shown(), tag.name());
        use.fix = set_trigger_command(subject.command(), tag, {trigger.container});
      } else if (subject.paused) {
        resume_by_hand(subject, use);
      }
      add_use(on_tag, std::move(use));
    }
    if (on_tag.empty()) {
      if (auto use = judge_broken(subject, tag, annotation, reading)) {
        bench.out.push_back(std::move(*use));
        continue;
      }
    }
    tell_uses(subject, tag, settings, std::move(on_tag), bench);
  }
}

void judge_build(const kube::BuildConfig& build, const Bench& bench) {
  const Subject subject{WorkloadKind::build_config, build.project(), build.name(), build.uid(), {}};
  for (const auto& tag : bench.tags) {
    for (const auto& trigger : build.image_triggers()) {
      if (!follows(trigger.from, tag)) continue;
      auto use = use_of(subject, tag, trigger.automatic ? TriggerVerdict::fires : TriggerVerdict::manual);
      if (!trigger.automatic) use.why = fmt::format("the trigger of {} on {} is paused", use.shown(), tag.name());
      add_use(bench.out, std::move(use));
    }
  }
}

bool is_on_delete(const kube::Workload& workload) {
  return kube::text_at(workload.json(), {"spec", "updateStrategy", "type"}) == "OnDelete";
}

// Calls `take` with each workload that has an annotation or could have one.
template <class Take>
void each_annotated(const Workloads& workloads, const Take& take) {
  for (const auto& deployment : workloads.deployments) {
    auto subject = subject_of(WorkloadKind::deployment, deployment);
    subject.paused = deployment.paused();
    subject.annotation = deployment.trigger_annotation();
    take(subject);
  }
  for (const auto& set : workloads.stateful_sets) {
    auto subject = subject_of(WorkloadKind::stateful_set, set);
    subject.on_delete = is_on_delete(set);
    subject.annotation = set.trigger_annotation();
    take(subject);
  }
  for (const auto& set : workloads.daemon_sets) {
    auto subject = subject_of(WorkloadKind::daemon_set, set);
    subject.on_delete = is_on_delete(set);
    subject.annotation = set.trigger_annotation();
    take(subject);
  }
  for (const auto& job : workloads.cron_jobs) {
    auto subject = subject_of(WorkloadKind::cron_job, job);
    subject.annotation = job.trigger_annotation();
    take(subject);
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> streams_to_ask(const Workloads& workloads,
                                                                const std::vector<StreamTag>& tags) {
  std::set<std::pair<std::string, std::string>> out;
  const auto ask = [&](const kube::ImageSource& from) {
    if (from.kind == "ImageStreamTag" && !is_promoted(from, tags))
      out.emplace(from.project, text::cut(from.name, ':').first);
  };
  const auto is_near = [&](const kube::ImageSource& from) {
    return std::any_of(tags.begin(), tags.end(), [&](const StreamTag& tag) { return is_same_stream(from, tag); });
  };
  for (const auto& config : workloads.configs) {
    const auto triggers = config.image_triggers();
    const bool ours = std::any_of(triggers.begin(), triggers.end(),
                                  [&](const kube::ImageTrigger& trigger) { return is_promoted(trigger.from, tags); });
    for (const auto& trigger : triggers) {
      if (is_near(trigger.from) || (ours && trigger.last_triggered.empty())) ask(trigger.from);
    }
  }
  each_annotated(workloads, [&](const Subject& subject) {
    if (subject.annotation.empty()) return;
    const auto reading =
        read_triggers(subject.annotation, to_string(subject.kind), subject.containers, subject.project);
    for (const auto& trigger : reading.triggers) {
      if (is_near(trigger.from)) ask(trigger.from);
    }
  });
  return {out.begin(), out.end()};
}

std::vector<WorkloadUse> judge_workloads(const Workloads& workloads, const std::vector<StreamTag>& tags,
                                         const KnownTags& known) {
  std::vector<WorkloadUse> out;
  const Bench bench{tags, known, out};
  for (const auto& config : workloads.configs) judge_config(config, bench);
  each_annotated(workloads, [&](const Subject& subject) { judge_annotated(subject, bench); });
  for (const auto& build : workloads.builds) judge_build(build, bench);
  return out;
}

}  // namespace sluice::openshift
