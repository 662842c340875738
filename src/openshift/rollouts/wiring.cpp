#include "openshift/rollouts/wiring.hpp"

#include "base/text.hpp"
#include "findings/catalogue.hpp"
#include "kube/paths.hpp"
#include "kube/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::openshift {

namespace {

constexpr std::size_t kMaxLogLine = 500;
constexpr std::chrono::seconds kLogWait{5};

std::vector<std::string> shown_lines(const std::string& log, int most) {
  std::vector<std::string> out;
  for (const auto& line : text::split(log, '\n')) {
    if (!text::trim(line).empty()) out.push_back(text::printable(line, kMaxLogLine));
  }
  const auto limit = static_cast<std::size_t>(std::max(0, most));
  if (out.size() > limit) out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(limit));
  return out;
}

/// What "exceeded quota: NAME, requested: pods=1,cpu=2, used: ..." says.
struct RefusedByQuota {
  std::string name;
  std::vector<std::pair<std::string, std::string>> requested;  ///< "pods", "1"
};

RefusedByQuota quota_in(std::string_view sentence) {
  constexpr std::string_view kQuota = "exceeded quota: ";
  constexpr std::string_view kRequested = ", requested: ";
  RefusedByQuota out;
  const auto at = sentence.find(kQuota);
  const auto requested = sentence.find(kRequested);
  if (at == std::string_view::npos || requested == std::string_view::npos || requested < at) return out;
  out.name = std::string(sentence.substr(at + kQuota.size(), requested - at - kQuota.size()));
  const auto list = sentence.substr(requested + kRequested.size());
  for (const auto& entry : text::split(std::string(list.substr(0, list.find(", "))), ',')) {
    const auto cut = entry.find('=');
    if (cut != std::string::npos) out.requested.emplace_back(entry.substr(0, cut), entry.substr(cut + 1));
  }
  return out;
}

bool refuses_still(const kube::ResourceQuota& quota, const RefusedByQuota& refused) {
  const auto hard = quota.hard();
  const auto used = quota.used();
  const auto amount = [](const kube::Labels& of, const std::string& what) -> std::optional<std::int64_t> {
    const auto found = of.find(what);
    return found == of.end() ? std::nullopt : kube::parse_quantity(found->second);
  };
  return refused.requested.empty() ||
         std::any_of(refused.requested.begin(), refused.requested.end(), [&](const auto& one) {
           const auto limit = amount(hard, one.first);
           return limit && amount(used, one.first).value_or(0) + kube::parse_quantity(one.second).value_or(0) > *limit;
         });
}

// Whether nobody was there to say how the quota is. A server that is starting says 403 to everybody.
bool says_nothing(kube::Client& client, const std::string& project, const std::string& name, const Error& error,
                  const net::ExchangeContext& context) {
  const auto* failure = kube::failure_of(error);
  if (failure != nullptr && failure->code >= 500) return true;
  switch (error.kind()) {
    case ErrorKind::unreachable:
    case ErrorKind::timeout:
    case ErrorKind::busy:
    case ErrorKind::cancelled:
      return true;
    case ErrorKind::denied: {
      kube::ApiCall call;
      call.target = kube::path_of(kube::ResourceQuota::kResource, project, name);
      return client.connection().is_starting(call, error, context);
    }
    default:
      return false;
  }
}

}  // namespace

std::vector<kube::Resource> rollout_resources(const std::vector<const Followed*>& followed) {
  std::vector<kube::Resource> out;
  const auto add = [&](const kube::Resource& resource) {
    const auto same = [&](const kube::Resource& other) { return other.kind == resource.kind; };
    if (std::none_of(out.begin(), out.end(), same)) out.push_back(resource);
  };
  for (const auto* one : followed) {
    switch (one->before.kind) {
      case WorkloadKind::deployment_config:
        add(kube::DeploymentConfig::kResource);
        add(kube::ReplicationController::kResource);
        break;
      case WorkloadKind::deployment:
        add(kube::Deployment::kResource);
        add(kube::ReplicaSet::kResource);
        break;
      case WorkloadKind::stateful_set:
        add(kube::StatefulSet::kResource);
        break;
      case WorkloadKind::daemon_set:
        add(kube::DaemonSet::kResource);
        break;
      case WorkloadKind::cron_job:
        add(one->before.old_api ? kube::CronJob::kOldResource : kube::CronJob::kResource);
        continue;
      case WorkloadKind::build_config:
        continue;
    }
    add(kube::Pod::kResource);
    add(kube::Event::kResource);
  }
  return out;
}

Status judge_lost_watch(kube::Client& client, std::string_view kind, Error error, std::string& trouble) {
  switch (error.kind()) {
    case ErrorKind::unauthenticated:
      // The way out depends on where the token came from: Connection::failure has named it.
      return Error(ErrorKind::unauthenticated,
                   fmt::format("the token for {} expired or was revoked while rollouts were followed ({}); the tags "
                               "stay where they are, and the rollouts go on",
                               client.connection().host(), client.connection().access().identity->explain()))
          .with_hint(error.hint());
    case ErrorKind::unreachable:
    case ErrorKind::timeout:
    case ErrorKind::busy:
      trouble = error.message();  // the deadline has come; what is open ends by it
      return {};
    case ErrorKind::denied:
    case ErrorKind::not_found:
      if (kind == kube::Event::kResource.kind) return {};
      break;
    default:
      break;
  }
  return std::move(error).context("following rollouts");
}

std::string LinesToShow::command() const {
  // Names come from the server, and this line is made to be pasted into a shell.
  const auto word = [](const std::string& name) { return findings::shell_word(text::printable(name)); };
  return fmt::format("oc logs {} -n {}{}{}", word(pod), word(project),
                     container.empty() ? "" : " -c " + word(container), previous ? " --previous" : "");
}

LinesToShow last_lines(kube::Client& client, const std::string& project, const RolloutCause& cause, int lines,
                       const net::ExchangeContext& context) {
  const net::ExchangeContext soon{context.deadline.earlier(Deadline::after(kLogWait)), context.stop};
  LinesToShow out{project, cause.pod, cause.container, cause.previous};
  const auto log = client.pod_log(project, cause.pod, cause.container, lines, cause.previous, soon);
  if (log) out.lines = shown_lines(*log, lines);
  return out;
}

Standing still_stands(kube::Client& client, const std::string& project, const RolloutCause& cause,
                      const net::ExchangeContext& context) {
  const auto refused = quota_in(cause.sentence);
  if (cause.kind != CauseKind::quota || refused.name.empty()) return Standing::stands;
  const net::ExchangeContext soon{context.deadline.earlier(Deadline::after(kLogWait)), context.stop};
  const auto quota = client.find<kube::ResourceQuota>(project, refused.name, soon);
  if (!quota)
    return says_nothing(client, project, refused.name, quota.error(), soon) ? Standing::unknown : Standing::stands;
  return *quota && refuses_still(**quota, refused) ? Standing::stands : Standing::lifted;
}

}  // namespace sluice::openshift
