#include "sandbox/workloads/pod.hpp"

#include "base/hash.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/defaults.hpp"
#include "sandbox/workloads/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kNode = "node-1.sandbox.local";

const Json& statuses_of(const Json& pod) { return at(pod, {"status", "containerStatuses"}); }

std::string waiting_reason(const Json& pod) {
  for (const auto& status : statuses_of(pod).items()) {
    const auto reason = text_at(status, {"state", "waiting", "reason"});
    if (!reason.empty()) return reason;
  }
  return "";
}

Json waiting(std::string_view reason, std::string_view message = "") {
  auto state = Json::object();
  set_at(state, {"waiting", "reason"}, reason);
  if (!message.empty()) set_at(state, {"waiting", "message"}, message);
  return state;
}

Json running(std::string_view now) {
  auto state = Json::object();
  set_at(state, {"running", "startedAt"}, now);
  return state;
}

Json terminated(const Json& before, std::int64_t code, std::string_view now, std::string_view id) {
  auto state = Json::object();
  const auto started = text_at(before, {"running", "startedAt"});
  set_at(state, {"terminated", "exitCode"}, code);
  set_at(state, {"terminated", "reason"}, code == 0 ? "Completed" : "Error");
  set_at(state, {"terminated", "startedAt"}, started.empty() ? std::string(now) : started);
  set_at(state, {"terminated", "finishedAt"}, now);
  set_at(state, {"terminated", "containerID"}, id);
  return state;
}

void set_ready(Json& pod, bool ready, std::string_view now) {
  auto& status = status_in(pod);
  std::string names;
  for (const auto& container : at(pod, {"spec", "containers"}).items()) {
    names += fmt::format("{}{}", names.empty() ? "" : " ", text_at(container, {"name"}));
  }
  const auto message = ready ? std::string() : fmt::format("containers with unready status: [{}]", names);
  for (const auto* type : {"Ready", "ContainersReady"}) {
    set_condition(status, {type, ready ? "True" : "False", ready ? "" : "ContainersNotReady", message, false}, now);
  }
}

std::string container_id(const Json& pod, const Json& status, const Runtime& runtime) {
  return runtime.container_prefix +
         hash_hex(HashAlgorithm::sha256,
                  fmt::format("{}/{}/{}", uid_of(pod), text_at(status, {"name"}), number_at(status, {"restartCount"})));
}

bool has_init(const Json& pod) { return !at(pod, {"spec", "initContainers"}).items().empty(); }

/// How containers of `list` (containers, initContainers) begin.
Json first_statuses(const Json& pod, std::string_view which) {
  auto list = Json::array();
  for (const auto& container : at(pod, {"spec", which}).items()) {
    auto status = Json::object();
    status.set("name", text_at(container, {"name"}));
    status.set("state", waiting(has_init(pod) ? "PodInitializing" : "ContainerCreating"));
    status.set("lastState", Json::object());
    status.set("ready", false);
    status.set("restartCount", 0);
    status.set("image", text_at(container, {"image"}));
    status.set("imageID", "");
    list.push(std::move(status));
  }
  return list;
}

bool has_statuses(const Json& pod) {
  const auto& list = statuses_of(pod).items();
  return !list.empty() && list.size() == at(pod, {"spec", "containers"}).items().size() &&
         std::all_of(list.begin(), list.end(), [](const Json& status) { return status.is_object(); });
}

/// status.containerStatuses for changing. Clients may have written anything there: then it starts afresh.
Json::Array& editable_statuses(Json& pod) {
  auto& list = make_at(pod, {"status", "containerStatuses"});
  if (!has_statuses(pod)) list = first_statuses(pod, "containers");
  return *list.elements();
}

PodStep step_with(Json pod, std::vector<PodEvent> events = {}) { return {true, std::move(pod), std::move(events)}; }

PodStep schedule(const Json& pod, const NodeView& view) {
  auto next = pod;
  if (view.fate == PodFate::unschedulable) {
    constexpr std::string_view kWhy = "0/1 nodes are available: 1 Insufficient memory.";
    if (condition_reason(at(pod, {"status"}), "PodScheduled") == "Unschedulable") return {};
    set_condition(status_in(next), {"PodScheduled", "False", "Unschedulable", std::string(kWhy), false}, view.now);
    return step_with(std::move(next), {{"Warning", "FailedScheduling", std::string(kWhy)}});
  }
  set_at(next, {"spec", "nodeName"}, kNode);
  auto& status = status_in(next);
  status.set("phase", "Pending");
  status.set("hostIP", "127.0.0.1");
  status.set("startTime", view.now);
  set_condition(status, {"Initialized", "True", "", "", false}, view.now);
  set_condition(status, {"PodScheduled", "True", "", "", false}, view.now);
  if (has_init(pod)) status.set("initContainerStatuses", first_statuses(pod, "initContainers"));
  status.set("containerStatuses", first_statuses(pod, "containers"));
  set_ready(next, false, view.now);
  return step_with(std::move(next),
                   {{"Normal", "Scheduled",
                     fmt::format("Successfully assigned {}/{} to {}", namespace_of(pod), name_of(pod), kNode)}});
}

// Init containers run to their end before the others begin.
void finish_init(Json& pod, const NodeView& view) {
  if (!has_init(pod)) return;
  auto& list = make_at(pod, {"status", "initContainerStatuses"});
  if (!list.is_array()) list = first_statuses(pod, "initContainers");
  for (std::size_t i = 0; i < list.items().size(); ++i) {
    auto& status = (*list.elements())[i];
    status.set("containerID", container_id(pod, status, view.runtime));
    status.set("imageID", i < view.init_images.size() ? view.init_images[i].image_id : "");
    status.set("state", terminated(at(status, {"state"}), 0, view.now, text_at(status, {"containerID"})));
    status.set("ready", true);
  }
}

// The first of them ends with an error, and is started again after a while: the others never begin.
PodStep crash_init(const Json& pod, const NodeView& view) {
  if (!has_init(pod)) return {};
  auto next = pod;
  auto& list = make_at(next, {"status", "initContainerStatuses"});
  if (!list.is_array() || list.items().empty()) list = first_statuses(pod, "initContainers");
  auto& status = list.elements()->front();
  if (text_at(status, {"state", "waiting", "reason"}) == "CrashLoopBackOff") return {};
  if (at(status, {"state", "terminated"}).is_null()) {
    status.set("containerID", container_id(pod, status, view.runtime));
    status.set("imageID", view.init_images.empty() ? "" : view.init_images.front().image_id);
    status.set("state", terminated(at(status, {"state"}), 1, view.now, text_at(status, {"containerID"})));
    return step_with(std::move(next));
  }
  status.set("lastState", at(status, {"state"}));
  status.set("restartCount", number_at(status, {"restartCount"}) + 1);
  status.set("state",
             waiting("CrashLoopBackOff", fmt::format("Back-off restarting failed container={} pod={}_{}",
                                                     text_at(status, {"name"}), name_of(pod), namespace_of(pod))));
  return step_with(std::move(next), {{"Warning", "BackOff", "Back-off restarting failed container"}});
}

PodStep start(const Json& pod, const NodeView& view) {
  if (view.fate == PodFate::init_crash && has_init(pod)) return crash_init(pod, view);
  auto next = pod;
  finish_init(next, view);
  std::vector<PodEvent> events;
  auto& list = editable_statuses(next);
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto& status = list[i];
    const auto image = text_at(status, {"image"});
    const auto pulled = i < view.images.size() ? view.images[i] : PulledImage{};
    if (pulled.bad_name) {
      status.set("state", waiting("InvalidImageName", pulled.error));
      events.push_back({"Warning", "InspectFailed",
                        fmt::format("Failed to apply default image tag \"{}\": {}", image, pulled.error)});
      events.push_back({"Warning", "Failed", "Error: InvalidImageName"});
      continue;
    }
    events.push_back({"Normal", "Pulling", fmt::format("pulling image \"{}\"", image)});
    if (!pulled.error.empty()) {
      status.set("state", waiting("ErrImagePull", pulled.error));
      events.push_back({"Warning", "Failed", fmt::format("Failed to pull image \"{}\": {}", image, pulled.error)});
      events.push_back({"Warning", "Failed", "Error: ErrImagePull"});
      continue;
    }
    status.set("imageID", pulled.image_id);
    status.set("containerID", container_id(pod, status, view.runtime));
    status.set("state", running(view.now));
    events.push_back({"Normal", "Pulled", fmt::format("Successfully pulled image \"{}\"", image)});
    events.push_back({"Normal", "Created", "Created container"});
    events.push_back({"Normal", "Started", "Started container"});
  }
  const bool up = std::all_of(list.begin(), list.end(),
                              [](const Json& status) { return !at(status, {"state", "running"}).is_null(); });
  if (up) {
    set_at(next, {"status", "phase"}, "Running");
    set_at(next, {"status", "podIP"}, "127.0.0.1");
  }
  return step_with(std::move(next), std::move(events));
}

PodStep back_off_pull(const Json& pod) {
  auto next = pod;
  std::vector<PodEvent> events;
  for (auto& status : editable_statuses(next)) {
    if (text_at(status, {"state", "waiting", "reason"}) != "ErrImagePull") continue;
    const auto message = fmt::format("Back-off pulling image \"{}\"", text_at(status, {"image"}));
    status.set("state", waiting("ImagePullBackOff", message));
    events.push_back({"Normal", "BackOff", message});
    events.push_back({"Warning", "Failed", "Error: ImagePullBackOff"});
  }
  return step_with(std::move(next), std::move(events));
}

PodStep crash(const Json& pod, const NodeView& view) {
  auto next = pod;
  const bool restarts = text_at(pod, {"spec", "restartPolicy"}) != "Never";
  for (auto& status : editable_statuses(next)) {
    status.set("state", terminated(at(status, {"state"}), 1, view.now, text_at(status, {"containerID"})));
    status.set("ready", false);
  }
  set_ready(next, false, view.now);
  if (!restarts) set_at(next, {"status", "phase"}, "Failed");
  return step_with(std::move(next));
}

PodStep back_off_crash(const Json& pod) {
  auto next = pod;
  for (auto& status : editable_statuses(next)) {
    status.set("lastState", at(status, {"state"}));
    status.set("state",
               waiting("CrashLoopBackOff", fmt::format("Back-off restarting failed container={} pod={}_{}",
                                                       text_at(status, {"name"}), name_of(pod), namespace_of(pod))));
  }
  return step_with(std::move(next), {{"Warning", "BackOff", "Back-off restarting failed container"}});
}

PodStep restart(const Json& pod, const NodeView& view) {
  auto next = pod;
  for (auto& status : editable_statuses(next)) {
    status.set("restartCount", number_at(status, {"restartCount"}) + 1);
    status.set("containerID", container_id(pod, status, view.runtime));
    status.set("state", running(view.now));
  }
  return step_with(std::move(next), {{"Normal", "Started", "Started container"}});
}

PodStep settle(const Json& pod, const NodeView& view) {
  if (view.fate == PodFate::crash) return crash(pod, view);
  if (view.fate == PodFate::never_ready) {
    return {
        false, Json(), {{"Warning", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"}}};
  }
  if (view.fate != PodFate::ready) return {};
  auto next = pod;
  for (auto& status : editable_statuses(next)) status.set("ready", true);
  set_ready(next, true, view.now);
  return step_with(std::move(next));
}

}  // namespace

Json make_pod(std::string_view owner_resource, const Json& owner, const Json& pod_template) {
  auto pod = Json::object();
  const auto stem = name_of(owner) + "-";
  set_at(pod, {"metadata", "generateName"}, stem);
  for (const auto* member : {"labels", "annotations"}) {
    const auto& map = at(pod_template, {"metadata", member});
    if (map.is_object()) set_at(pod, {"metadata", member}, map);
  }
  annotate(pod, "openshift.io/scc", "restricted");
  make_at(pod, {"metadata", "ownerReferences"}).push(owner_reference(owner_resource, owner, true));
  pod.set("spec", at(pod_template, {"spec"}));
  default_pod(pod);
  set_at(pod, {"status", "phase"}, "Pending");
  set_at(pod, {"status", "qosClass"}, "BestEffort");
  return pod;
}

PodStage stage_of(const Json& pod) {
  const auto phase = text_at(pod, {"status", "phase"});
  if (phase == "Succeeded" || phase == "Failed") return PodStage::finished;
  const bool placed = !text_at(pod, {"spec", "nodeName"}).empty() && has_statuses(pod);
  // One that runs without a node was moved by hand, and is left alone.
  if (!placed) return phase == "Running" ? PodStage::finished : PodStage::unscheduled;
  const auto reason = waiting_reason(pod);
  if (reason == "ContainerCreating" || reason == "PodInitializing") return PodStage::creating;
  if (reason == "ErrImagePull") return PodStage::pull_failed;
  if (reason == "ImagePullBackOff" || reason == "InvalidImageName") return PodStage::pull_waits;
  if (reason == "CrashLoopBackOff") return PodStage::crash_waits;
  for (const auto& status : statuses_of(pod).items()) {
    if (!at(status, {"state", "terminated"}).is_null()) return PodStage::crashed;
  }
  return pod_is_ready(pod) ? PodStage::ready : PodStage::running;
}

PodStep next_pod_step(const Json& pod, const NodeView& view) {
  switch (stage_of(pod)) {
    case PodStage::unscheduled:
      return schedule(pod, view);
    case PodStage::creating:
    case PodStage::pull_waits:
      return view.fate == PodFate::starting ? PodStep{} : start(pod, view);
    case PodStage::pull_failed:
      return back_off_pull(pod);
    case PodStage::running:
      return settle(pod, view);
    case PodStage::crashed:
      return back_off_crash(pod);
    case PodStage::crash_waits:
      return restart(pod, view);
    case PodStage::ready:
    case PodStage::finished:
      return {};
  }
  return {};
}

Json finished_pod(const Json& pod, std::string_view phase, std::string_view now) {
  auto next = pod;
  set_at(next, {"status", "phase"}, phase);
  if (has_statuses(pod)) {
    for (auto& status : editable_statuses(next)) {
      status.set("state", terminated(at(status, {"state"}), phase == "Succeeded" ? 0 : 1, now,
                                     text_at(status, {"containerID"})));
      status.set("ready", false);
    }
  }
  set_condition(status_in(next),
                {"Ready", "False", phase == "Succeeded" ? "PodCompleted" : "ContainersNotReady", "", false}, now);
  return next;
}

std::int64_t restarts_of(const Json& pod) {
  const auto& list = statuses_of(pod).items();
  return list.empty() ? 0 : number_at(list.front(), {"restartCount"});
}

}  // namespace sluice::sandbox
