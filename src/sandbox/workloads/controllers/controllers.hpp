#pragma once
// The loops that move workloads. Each file workload_<name>_controller.cpp holds one.

#include "sandbox/core/controller.hpp"

#include <memory>

namespace sluice::sandbox {

std::unique_ptr<Controller> make_image_trigger_controller();
std::unique_ptr<Controller> make_config_controller();
std::unique_ptr<Controller> make_deployer_controller();
/// ReplicationControllers and ReplicaSets keep their number of pods.
std::unique_ptr<Controller> make_replica_controller();
std::unique_ptr<Controller> make_deployment_controller();
std::unique_ptr<Controller> make_stateful_set_controller();
std::unique_ptr<Controller> make_daemon_set_controller();
/// Plays the node: schedules, pulls, starts and probes pods.
std::unique_ptr<Controller> make_node_controller();
/// Plays the inside of a deployer pod: scales two ReplicationControllers.
std::unique_ptr<Controller> make_rollout_controller();
/// Changes replicas in the middle of a rollout (knob "autoscale").
std::unique_ptr<Controller> make_autoscale_controller();
/// Deletes what belonged to an owner that is gone.
std::unique_ptr<Controller> make_garbage_controller();

}  // namespace sluice::sandbox
