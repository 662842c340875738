#include "openshift/workloads/workloads.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::openshift {

namespace {

// More than that belongs to no workload that anybody wrote; the others stay unknown.
constexpr std::size_t kMaxStreamsAsked = 20;

// One list; false when the kind is not there, in which case `unread` says so.
template <class T>
Result<bool> read_kind(kube::Client& client, std::string_view project, WorkloadKind kind, std::vector<T>& into,
                       Workloads& out, const net::ExchangeContext& context) {
  kube::Selection selection;
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
Status read_cron_jobs(kube::Client& client, std::string_view project, Workloads& out,
                      const net::ExchangeContext& context) {
  SLUICE_TRY(const bool there, read_kind(client, project, WorkloadKind::cron_job, out.cron_jobs, out, context));
  if (there || out.unread.back().denied) return {};
  kube::Selection selection;
  selection.project = project;
  auto old = client.list_json(kube::CronJob::kOldResource, selection, context);
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
    case TriggerVerdict::no_such_tag:
      return "no-such-tag";
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

Result<Workloads> read_workloads(kube::Client& client, std::string_view project, const net::ExchangeContext& context) {
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

std::optional<bool> KnownTags::holds(std::string_view project, std::string_view name) const {
  const auto stream = fmt::format("{}/{}", project, text::cut(name, ':').first);
  if (!streams.contains(stream)) return std::nullopt;
  return filled.contains(fmt::format("{}/{}", project, name));
}

Result<KnownTags> read_known_tags(kube::Client& client, const Workloads& workloads, const std::vector<StreamTag>& tags,
                                  const net::ExchangeContext& context) {
  KnownTags out;
  auto streams = streams_to_ask(workloads, tags);
  if (streams.size() > kMaxStreamsAsked) streams.resize(kMaxStreamsAsked);
  for (const auto& [project, stream] : streams) {
    const auto found = client.get<kube::ImageStream>(project, stream, context);
    if (!found && found.error().kind() == ErrorKind::denied) continue;
    if (!found && found.error().kind() != ErrorKind::not_found) return found.error();
    const auto name = fmt::format("{}/{}", project, stream);
    out.streams.insert(name);
    if (!found) continue;
    for (const auto& history : found->tags()) {
      if (history.top() != nullptr) out.filled.insert(fmt::format("{}:{}", name, history.tag));
    }
  }
  return out;
}

}  // namespace sluice::openshift
