#include "init/sketch_uses.hpp"

#include "base/text.hpp"
#include "openshift/workloads/triggers.hpp"

#include <optional>
#include <utility>

namespace sluice::init::detail {

namespace {

using kube::ImageSource;
using openshift::WorkloadKind;

void add_trigger(const ImageSource& from, const std::string& workload, std::string_view project,
                 std::vector<ImageUse>& out) {
  if (from.kind != "ImageStreamTag") return;
  const auto [stream, tag] = text::cut(from.name, ':');
  out.push_back({workload, from.project.empty() ? std::string(project) : from.project, std::string(stream),
                 std::string(tag), true});
}

// "HOST/PROJECT/STREAM:TAG" as every OpenShift registry spells it, or "STREAM:TAG" alone, which a stream with local
// lookup resolves. Others name no stream.
std::optional<ImageUse> named_by(std::string_view image, std::string_view project) {
  const bool pinned = image.find('@') != std::string_view::npos;
  image = image.substr(0, image.find('@'));
  const auto parts = text::split(image, '/');
  if (parts.size() != 1 && parts.size() != 3) return std::nullopt;
  const auto [stream, tag] = text::cut(parts.back(), ':');
  ImageUse use;
  use.project = parts.size() == 3 ? parts[1] : std::string(project);
  use.stream = stream;
  use.tag = pinned ? "" : tag.empty() ? "latest" : std::string(tag);
  return use;
}

void add_containers(const std::vector<kube::Container>& containers, const std::string& workload,
                    std::string_view project, std::vector<ImageUse>& out) {
  for (const auto& container : containers) {
    auto use = named_by(text::trim(container.image), project);
    if (!use || use->stream.empty()) continue;
    use->workload = workload;
    out.push_back(std::move(*use));
  }
}

template <class T>
void add_annotated(const std::vector<T>& objects, WorkloadKind kind, std::string_view project,
                   std::vector<ImageUse>& out) {
  for (const auto& object : objects) {
    const auto workload = std::string(to_string(kind)) + " " + object.name();
    const auto containers = object.containers();
    if (const auto annotation = object.trigger_annotation(); !annotation.empty()) {
      const auto reading = openshift::read_triggers(annotation, to_string(kind), containers, project);
      for (const auto& trigger : reading.triggers) add_trigger(trigger.from, workload, project, out);
    }
    add_containers(containers, workload, project, out);
  }
}

}  // namespace

std::vector<ImageUse> uses_of(const openshift::Workloads& workloads, std::string_view project) {
  std::vector<ImageUse> out;
  for (const auto& config : workloads.configs) {
    const auto workload = std::string(to_string(WorkloadKind::deployment_config)) + " " + config.name();
    for (const auto& trigger : config.image_triggers()) add_trigger(trigger.from, workload, project, out);
    add_containers(config.containers(), workload, project, out);
  }
  add_annotated(workloads.deployments, WorkloadKind::deployment, project, out);
  add_annotated(workloads.stateful_sets, WorkloadKind::stateful_set, project, out);
  add_annotated(workloads.daemon_sets, WorkloadKind::daemon_set, project, out);
  add_annotated(workloads.cron_jobs, WorkloadKind::cron_job, project, out);
  return out;
}

}  // namespace sluice::init::detail
