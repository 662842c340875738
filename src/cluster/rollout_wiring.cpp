#include "cluster/rollout_wiring.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::cluster {

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

}  // namespace

std::vector<Resource> rollout_resources(const std::vector<const Followed*>& followed) {
  std::vector<Resource> out;
  const auto add = [&](const Resource& resource) {
    const auto same = [&](const Resource& other) { return other.kind == resource.kind; };
    if (std::none_of(out.begin(), out.end(), same)) out.push_back(resource);
  };
  for (const auto* one : followed) {
    switch (one->before.kind) {
      case WorkloadKind::deployment_config:
        add(DeploymentConfig::kResource);
        add(ReplicationController::kResource);
        break;
      case WorkloadKind::deployment:
        add(Deployment::kResource);
        add(ReplicaSet::kResource);
        break;
      case WorkloadKind::stateful_set:
        add(StatefulSet::kResource);
        break;
      case WorkloadKind::daemon_set:
        add(DaemonSet::kResource);
        break;
      case WorkloadKind::cron_job:
        add(one->before.old_api ? CronJob::kOldResource : CronJob::kResource);
        continue;
      case WorkloadKind::build_config:
        continue;
    }
    add(Pod::kResource);
    add(Event::kResource);
  }
  return out;
}

Status judge_lost_watch(Client& client, std::string_view kind, Error error, std::string& trouble) {
  switch (error.kind()) {
    case ErrorKind::unauthenticated:
      return Error(ErrorKind::unauthenticated,
                   fmt::format("the token for {} expired or was revoked while rollouts were followed ({}); the tags "
                               "stay where they are, and the rollouts go on",
                               client.connection().host(), client.connection().access().identity->explain()))
          .with_hint("log in again with: sluice login " + client.connection().access().server.text() +
                     " -u USER, then: sluice resume");
    case ErrorKind::unreachable:
    case ErrorKind::timeout:
    case ErrorKind::busy:
      trouble = error.message();  // the deadline has come; what is open ends by it
      return {};
    case ErrorKind::denied:
    case ErrorKind::not_found:
      if (kind == Event::kResource.kind) return {};
      break;
    default:
      break;
  }
  return std::move(error).context("following rollouts");
}

std::optional<LinesToShow> last_lines(Client& client, const std::string& project, const std::string& pod,
                                      const std::string& container, int lines, const net::ExchangeContext& context) {
  const net::ExchangeContext soon{context.deadline.earlier(Deadline::after(kLogWait)), context.stop};
  const auto log = client.pod_log(project, pod, container, lines, soon);
  if (!log) return std::nullopt;
  auto shown = shown_lines(*log, lines);
  if (shown.empty()) return std::nullopt;
  return LinesToShow{pod, container, std::move(shown)};
}

}  // namespace sluice::cluster
