#include "cluster/workloads.hpp"

#include "base/text.hpp"
#include "cluster/triggers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::cluster {

namespace {

std::string in_quotes(std::string_view text) { return "'" + text::printable(text, 120) + "'"; }

// What judging needs of a workload of any kind.
struct Subject {
  WorkloadKind kind = WorkloadKind::deployment;
  std::string project;
  std::string name;
  std::string uid;
  std::vector<Container> containers;
  bool paused = false;
  std::string note{};  ///< said of every use
};

template <class T>
Subject subject_of(WorkloadKind kind, const T& object) {
  return {kind, object.project(), object.name(), object.uid(), object.containers()};
}

WorkloadUse use_of(const Subject& subject, const StreamTag& tag, TriggerVerdict verdict) {
  WorkloadUse use{subject.kind, subject.project, subject.name, subject.uid, tag, verdict, {}, "", "", {}};
  if (!subject.note.empty()) use.notes.push_back(subject.note);
  return use;
}

std::string object_arguments(const Subject& subject) {
  return fmt::format("{}/{} -n {}", short_name(subject.kind), subject.name, subject.project);
}

std::string set_trigger_command(const Subject& subject, const StreamTag& tag, std::string_view container) {
  return fmt::format("oc set triggers {} --from-image={} -c {}", object_arguments(subject), tag.shown(), container);
}

// `oc set triggers` refuses to touch an annotation that it cannot read.
std::string annotate_command(const Subject& subject, const StreamTag& tag, std::string_view container) {
  const ImageSource from{"ImageStreamTag", tag.project, tag.name()};
  return fmt::format("oc annotate {} --overwrite {}='{}'", object_arguments(subject), kTriggerAnnotation,
                     trigger_annotation_for(to_string(subject.kind), from, container));
}

BoundContainer bound(const Container& container, const StreamTag& tag) {
  return {container.name, container.image, container.init,
          !tag.digest.empty() && digest_in(container.image) != tag.digest};
}

bool follows(const ImageSource& from, const StreamTag& tag) {
  return from.kind == "ImageStreamTag" && from.project == tag.project && from.name == tag.name();
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

// The container that a fix is written for: the one that runs the image, else the first.
std::string likely_container(const Subject& subject, const std::vector<BoundContainer>& candidates) {
  if (!candidates.empty()) return candidates.front().name;
  for (const auto& container : subject.containers) {
    if (!container.init) return container.name;
  }
  return subject.name;
}

void resume_by_hand(const Subject& subject, WorkloadUse& use) {
  use.verdict = TriggerVerdict::paused;
  use.why = use.shown() + " is paused: it takes the new image, and rolls it out only when it is resumed";
  use.fix = "oc rollout resume " + object_arguments(subject);
}

// Nothing follows the tag: a trigger on something near, or none at all. Empty when the workload has nothing to do with
// it.
std::optional<WorkloadUse> without_trigger(const Subject& subject, const StreamTag& tag,
                                           const std::vector<ImageSource>& followed) {
  auto naming = containers_that_name(subject, tag);
  for (const auto& from : followed) {
    const auto colon = from.name.find(':');
    const bool same_stream = from.project == tag.project && from.name.substr(0, colon) == tag.stream;
    const bool same_name = from.name == tag.name();
    if (!same_stream && !same_name) continue;
    auto use = use_of(subject, tag, same_stream ? TriggerVerdict::other_tag : TriggerVerdict::other_project);
    use.why = fmt::format("{} follows {}/{}, not {}", use.shown(), text::printable(from.project),
                          text::printable(from.name), tag.shown());
    use.fix = set_trigger_command(subject, tag, likely_container(subject, naming));
    use.containers = std::move(naming);
    return use;
  }
  if (naming.empty()) return std::nullopt;
  auto use = use_of(subject, tag, TriggerVerdict::missing);
  use.why = fmt::format("{} runs an image of {}/{} and has no trigger on {}", use.shown(), tag.project, tag.stream,
                        tag.name());
  use.fix = set_trigger_command(subject, tag, naming.front().name);
  use.containers = std::move(naming);
  return use;
}

// Several triggers of one workload on one tag are one use, as long as the same becomes of them.
void add_use(std::vector<WorkloadUse>& uses, WorkloadUse use) {
  for (auto& other : uses) {
    if (other.kind != use.kind || other.uid != use.uid || other.name != use.name || other.verdict != use.verdict ||
        other.tag.shown() != use.tag.shown()) {
      continue;
    }
    std::move(use.containers.begin(), use.containers.end(), std::back_inserter(other.containers));
    std::move(use.notes.begin(), use.notes.end(), std::back_inserter(other.notes));
    return;
  }
  uses.push_back(std::move(use));
}

// The controller changes nothing while an automatic trigger has never had an image, and the first rollout waits for all
// of them. Tags that are about to be filled do not count.
std::string held_by(const DeploymentConfig& config, const std::vector<ImageTrigger>& triggers,
                    const std::vector<StreamTag>& tags) {
  for (const auto& trigger : triggers) {
    if (!trigger.last_triggered.empty() || (!trigger.automatic && config.latest_version() > 0)) continue;
    const auto filled = [&](const StreamTag& tag) { return trigger.automatic && follows(trigger.from, tag); };
    if (std::none_of(tags.begin(), tags.end(), filled)) return trigger.from.project + "/" + trigger.from.name;
  }
  return "";
}

// The containers of the trigger that are there; those that are not become notes, or the verdict when none is.
void bind_config_containers(const Subject& subject, const ImageTrigger& trigger, WorkloadUse& use) {
  std::vector<std::string> names;
  for (const auto& container : subject.containers) names.push_back(container.name);
  for (const auto& wanted : trigger.containers) {
    const auto found = std::find_if(subject.containers.begin(), subject.containers.end(),
                                    [&](const Container& container) { return container.name == wanted; });
    if (found != subject.containers.end()) {
      use.containers.push_back(bound(*found, use.tag));
      continue;
    }
    const auto meant = text::nearest(wanted, names);
    use.notes.push_back(fmt::format("the trigger on {} names the container {}, which is not there{}", use.tag.name(),
                                    in_quotes(wanted),
                                    meant.empty() ? "" : "; did you mean " + in_quotes(meant) + "?"));
  }
  if (!use.containers.empty()) return;
  use.verdict = TriggerVerdict::wrong_container;
  use.why = use.notes.empty() ? "the trigger on " + use.tag.name() + " names no container" : use.notes.back();
  use.fix = set_trigger_command(subject, use.tag, likely_container(subject, {}));
}

void judge_config(const DeploymentConfig& config, const std::vector<StreamTag>& tags, std::vector<WorkloadUse>& out) {
  auto subject = subject_of(WorkloadKind::deployment_config, config);
  const auto triggers = config.image_triggers();
  std::vector<ImageSource> followed;
  for (const auto& trigger : triggers) followed.push_back(trigger.from);
  for (const auto& tag : tags) {
    bool any = false;
    for (const auto& trigger : triggers) {
      if (!follows(trigger.from, tag)) continue;
      any = true;
      auto use = use_of(subject, tag, TriggerVerdict::fires);
      bind_config_containers(subject, trigger, use);
      if (use.verdict == TriggerVerdict::fires && !trigger.automatic) {
        use.verdict = TriggerVerdict::manual;
        use.why = fmt::format("the trigger of {} on {} is not automatic", use.shown(), tag.name());
        use.fix = fmt::format("oc set triggers {} --auto", object_arguments(subject));
      }
      if (const auto other = held_by(config, triggers, tags); use.verdict == TriggerVerdict::fires && !other.empty()) {
        use.verdict = TriggerVerdict::held;
        use.why = fmt::format("{} waits for {}, which was never there", use.shown(), other);
        use.fix = fmt::format("fill {} or remove the trigger on it", other);
      }
      if (use.verdict == TriggerVerdict::fires && config.paused()) resume_by_hand(subject, use);
      add_use(out, std::move(use));
    }
    if (any) continue;
    if (auto use = without_trigger(subject, tag, followed)) add_use(out, std::move(*use));
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
  if (!wrong->fix.empty()) use.notes.push_back(wrong->fix);
  use.fix = annotate_command(subject, tag, likely_container(subject, naming));
  use.containers = std::move(naming);
  return use;
}

void judge_annotated(const Subject& subject, std::string_view annotation, const std::vector<StreamTag>& tags,
                     std::vector<WorkloadUse>& out) {
  TriggerReading reading;
  if (!annotation.empty()) {
    reading = read_triggers(annotation, to_string(subject.kind), subject.containers, subject.project);
  }
  std::vector<ImageSource> followed;
  for (const auto& trigger : reading.triggers) followed.push_back(trigger.from);
  for (const auto& tag : tags) {
    bool any = false;
    for (const auto& trigger : reading.triggers) {
      if (!follows(trigger.from, tag)) continue;
      any = true;
      auto use = use_of(subject, tag, TriggerVerdict::fires);
      for (const auto& container : subject.containers) {
        if (container.name == trigger.container && container.init == trigger.init) {
          use.containers.push_back(bound(container, tag));
        }
      }
      if (trigger.paused) {
        use.verdict = TriggerVerdict::manual;
        use.why = fmt::format("the trigger of {} on {} has \"paused\": true", use.shown(), tag.name());
        use.fix = set_trigger_command(subject, tag, trigger.container);
      } else if (subject.paused) {
        resume_by_hand(subject, use);
      }
      add_use(out, std::move(use));
    }
    if (any) continue;
    auto use = judge_broken(subject, tag, annotation, reading);
    if (!use) use = without_trigger(subject, tag, followed);
    if (use) add_use(out, std::move(*use));
  }
}

void judge_build(const BuildConfig& build, const std::vector<StreamTag>& tags, std::vector<WorkloadUse>& out) {
  const Subject subject{WorkloadKind::build_config, build.project(), build.name(), build.uid(), {}};
  for (const auto& tag : tags) {
    for (const auto& trigger : build.image_triggers()) {
      if (!follows(trigger.from, tag)) continue;
      auto use = use_of(subject, tag, trigger.automatic ? TriggerVerdict::fires : TriggerVerdict::manual);
      if (!trigger.automatic) use.why = fmt::format("the trigger of {} on {} is paused", use.shown(), tag.name());
      add_use(out, std::move(use));
    }
  }
}

std::string replaced_by_hand(const Workload& workload) {
  if (text_at(workload.json(), {"spec", "updateStrategy", "type"}) != "OnDelete") return {};
  return "its pods are replaced only when somebody deletes them (updateStrategy OnDelete)";
}

// One list; false when the kind is not there, in which case `unread` says so.
template <class T>
Result<bool> read_kind(Client& client, std::string_view project, WorkloadKind kind, std::vector<T>& into,
                       Workloads& out, const net::ExchangeContext& context) {
  Selection selection;
  selection.project = project;
  auto listed = client.list<T>(selection, context);
  if (listed) {
    into = std::move(listed->items);
    return true;
  }
  const bool denied = listed.error().kind() == ErrorKind::denied;
  if (!denied && listed.error().kind() != ErrorKind::not_found) return std::move(listed).error();
  out.unread.push_back({kind, denied,
                        denied ? fmt::format("{}s of {} may not be listed", to_string(kind), project)
                               : fmt::format("{} has no {}s", client.connection().host(), to_string(kind))});
  return false;
}

// Before Kubernetes 1.21 they stand under another version, and the answer of the new place is 404.
Status read_cron_jobs(Client& client, std::string_view project, Workloads& out, const net::ExchangeContext& context) {
  SLUICE_TRY(const bool there, read_kind(client, project, WorkloadKind::cron_job, out.cron_jobs, out, context));
  if (there || out.unread.back().denied) return {};
  Selection selection;
  selection.project = project;
  auto old = client.list_json(CronJob::kOldResource, selection, context);
  if (!old) {
    if (old.error().kind() == ErrorKind::not_found) return {};
    if (old.error().kind() != ErrorKind::denied) return std::move(old).error();
    out.unread.back() = {WorkloadKind::cron_job, true, fmt::format("CronJobs of {} may not be listed", project)};
    return {};
  }
  out.unread.pop_back();
  for (auto& item : old->items) out.cron_jobs.emplace_back(std::move(item));
  return {};
}

}  // namespace

std::string_view to_string(WorkloadKind kind) {
  switch (kind) {
    case WorkloadKind::deployment_config:
      return "DeploymentConfig";
    case WorkloadKind::deployment:
      return "Deployment";
    case WorkloadKind::stateful_set:
      return "StatefulSet";
    case WorkloadKind::daemon_set:
      return "DaemonSet";
    case WorkloadKind::cron_job:
      return "CronJob";
    case WorkloadKind::build_config:
      return "BuildConfig";
  }
  return "";
}

std::string_view short_name(WorkloadKind kind) {
  switch (kind) {
    case WorkloadKind::deployment_config:
      return "dc";
    case WorkloadKind::deployment:
      return "deployment";
    case WorkloadKind::stateful_set:
      return "statefulset";
    case WorkloadKind::daemon_set:
      return "daemonset";
    case WorkloadKind::cron_job:
      return "cronjob";
    case WorkloadKind::build_config:
      return "bc";
  }
  return "";
}

std::string_view to_string(TriggerVerdict verdict) {
  switch (verdict) {
    case TriggerVerdict::fires:
      return "fires";
    case TriggerVerdict::paused:
      return "paused";
    case TriggerVerdict::manual:
      return "manual";
    case TriggerVerdict::missing:
      return "missing";
    case TriggerVerdict::wrong_container:
      return "wrong-container";
    case TriggerVerdict::other_tag:
      return "other-tag";
    case TriggerVerdict::other_project:
      return "other-project";
    case TriggerVerdict::malformed:
      return "malformed";
    case TriggerVerdict::held:
      return "held";
  }
  return "";
}

std::string digest_in(std::string_view image) {
  const auto cut = image.rfind('@');
  return cut == std::string_view::npos ? std::string() : std::string(image.substr(cut + 1));
}

bool is_of_stream(std::string_view image, std::string_view project, std::string_view stream) {
  image = image.substr(0, image.rfind('@'));
  const auto slash = image.rfind('/');
  if (slash == std::string_view::npos) return false;
  // A colon behind the last slash is a tag; before it, a port.
  const auto colon = image.find(':', slash);
  const auto repository = image.substr(0, colon);
  const auto wanted = fmt::format("/{}/{}", project, stream);
  return repository.size() > wanted.size() && repository.ends_with(wanted) &&
         repository.substr(0, repository.size() - wanted.size()).find('/') == std::string_view::npos;
}

bool WorkloadUse::differs() const {
  return std::any_of(containers.begin(), containers.end(),
                     [](const BoundContainer& container) { return container.differs; });
}

Result<Workloads> read_workloads(Client& client, std::string_view project, const net::ExchangeContext& context) {
  Workloads out;
  const auto read = [&](WorkloadKind kind, auto& into) -> Status {
    SLUICE_CHECK(read_kind(client, project, kind, into, out, context));
    return {};
  };
  SLUICE_CHECK(read(WorkloadKind::deployment_config, out.configs));
  SLUICE_CHECK(read(WorkloadKind::deployment, out.deployments));
  SLUICE_CHECK(read(WorkloadKind::stateful_set, out.stateful_sets));
  SLUICE_CHECK(read(WorkloadKind::daemon_set, out.daemon_sets));
  SLUICE_CHECK(read_cron_jobs(client, project, out, context));
  SLUICE_CHECK(read(WorkloadKind::build_config, out.builds));
  return out;
}

std::vector<WorkloadUse> judge_workloads(const Workloads& workloads, const std::vector<StreamTag>& tags) {
  std::vector<WorkloadUse> out;
  const auto judge = [&](const Subject& subject, const std::string& annotation) {
    judge_annotated(subject, annotation, tags, out);
  };
  for (const auto& config : workloads.configs) judge_config(config, tags, out);
  for (const auto& deployment : workloads.deployments) {
    auto subject = subject_of(WorkloadKind::deployment, deployment);
    subject.paused = deployment.paused();
    judge(subject, deployment.trigger_annotation());
  }
  for (const auto& set : workloads.stateful_sets) {
    auto subject = subject_of(WorkloadKind::stateful_set, set);
    subject.note = replaced_by_hand(set);
    judge(subject, set.trigger_annotation());
  }
  for (const auto& set : workloads.daemon_sets) {
    auto subject = subject_of(WorkloadKind::daemon_set, set);
    subject.note = replaced_by_hand(set);
    judge(subject, set.trigger_annotation());
  }
  for (const auto& job : workloads.cron_jobs) {
    auto subject = subject_of(WorkloadKind::cron_job, job);
    if (job.suspended()) subject.note = "it is suspended and starts no job";
    judge(subject, job.trigger_annotation());
  }
  for (const auto& build : workloads.builds) judge_build(build, tags, out);
  return out;
}

}  // namespace sluice::cluster
