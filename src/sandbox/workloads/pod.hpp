#pragma once
// Pods: how a controller makes one, and every state that a node moves it through. Pure.
// Source: Kubernetes core/v1, and what kubelets report (container states, waiting reasons, image ids).

#include "base/json.hpp"
#include "sandbox/workloads/counts.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

/// The pod of a controller's template, without a name; `owner` controls it.
Json make_pod(std::string_view owner_resource, const Json& owner, const Json& pod_template);

/// What becomes of a pod on its node.
enum class PodFate : std::uint8_t { ready, starting, never_ready, crash, unschedulable, init_crash };

/// What the node found out about the image of one container.
struct PulledImage {
  std::string image_id;   ///< as the runtime reports it
  std::string error;      ///< why it cannot be pulled; empty: it can
  bool bad_name = false;  ///< the error is that it is no image reference
};

/// Where a pod stands, by what its status says.
enum class PodStage : std::uint8_t {
  unscheduled,
  creating,     ///< containers wait for their images
  pull_failed,  ///< ErrImagePull: just refused
  pull_waits,   ///< ImagePullBackOff, InvalidImageName
  running,      ///< not ready
  ready,
  crashed,      ///< terminated, not yet backing off
  crash_waits,  ///< CrashLoopBackOff
  finished,     ///< Succeeded or Failed
};
PodStage stage_of(const Json& pod);

/// An event that goes with a step.
struct PodEvent {
  std::string type;  ///< Normal, Warning
  std::string reason;
  std::string message;
};

/// One step of a pod; `status` and `node` are what it has afterwards.
struct PodStep {
  bool moved = false;
  Json pod;
  std::vector<PodEvent> events;
};

/// How a profile's container runtime names things.
struct Runtime {
  std::string id_prefix;         ///< "docker-pullable://" or ""
  std::string container_prefix;  ///< "docker://" or "cri-o://"
};

/// What a step needs to know beside the pod.
struct NodeView {
  PodFate fate = PodFate::ready;
  std::vector<PulledImage> init_images;  ///< of the init containers
  std::vector<PulledImage> images;       ///< of the pod's containers, in order
  Runtime runtime;
  std::string now;
};

PodStep next_pod_step(const Json& pod, const NodeView& view);

/// A pod whose containers have ended: "Succeeded" or "Failed".
Json finished_pod(const Json& pod, std::string_view phase, std::string_view now);

/// restartCount of the first container.
std::int64_t restarts_of(const Json& pod);

}  // namespace sluice::sandbox
