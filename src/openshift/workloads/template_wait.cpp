// Waiting until triggers have put their images into a template.
#include "kube/watch.hpp"
#include "openshift/workloads/changes.hpp"
#include "openshift/workloads/template.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::openshift {

namespace {

std::vector<kube::Container> template_of(const WorkloadRef& workload, const kube::Object& object) {
  if (workload.kind == WorkloadKind::cron_job) return kube::CronJob(object.json()).containers();
  return kube::containers_of(kube::at(object.json(), {"spec", "template", "spec"}));
}

bool names_all(const std::vector<kube::Container>& containers, const std::vector<AwaitedImage>& images) {
  return std::all_of(images.begin(), images.end(), [&](const AwaitedImage& image) {
    return std::any_of(containers.begin(), containers.end(), [&](const kube::Container& container) {
      return container.name == image.container && container.init == image.init &&
             digest_in(container.image) == image.digest;
    });
  });
}

Result<bool> await_in(kube::Client& client, net::ReplyStreams& streams, const kube::Resource& resource,
                      const WorkloadRef& workload, const std::vector<AwaitedImage>& images,
                      const net::ExchangeContext& context) {
  // Of what is not there a watch says nothing.
  SLUICE_TRY(const auto now, client.read(resource, workload.project, workload.name, "", context));
  SLUICE_CHECK(check_uid(workload, now));
  if (names_all(template_of(workload, kube::Object(now)), images)) return true;
  kube::Selection selection;
  selection.project = workload.project;
  selection.name = workload.name;
  kube::Watch watch(client, streams, resource, selection);
  for (;;) {
    SLUICE_TRY(const auto event, watch.next(context));
    if (!event) return false;
    const bool same = workload.uid.empty() || event->object.uid() == workload.uid;
    if (event->change == kube::Change::deleted || !same) {
      return Error(ErrorKind::not_found, fmt::format("{} of {} was deleted while its template was awaited",
                                                     workload.shown(), workload.project));
    }
    if (names_all(template_of(workload, event->object), images)) return true;
  }
}

}  // namespace

Result<bool> await_template(kube::Client& client, net::ReplyStreams& streams, const WorkloadRef& workload,
                            const std::vector<AwaitedImage>& images, const net::ExchangeContext& context) {
  auto named = await_in(client, streams, resource_of(workload.kind), workload, images, context);
  // Before Kubernetes 1.21, CronJobs stand under another version.
  const bool old = !named && workload.kind == WorkloadKind::cron_job && named.error().kind() == ErrorKind::not_found;
  if (old) named = await_in(client, streams, kube::CronJob::kOldResource, workload, images, context);
  if (!named && named.error().kind() == ErrorKind::timeout && context.deadline.expired()) return false;
  return named;
}

}  // namespace sluice::openshift
