#include "sandbox/workloads/controllers/controllers.hpp"

namespace sluice::sandbox {

void add_workload_controllers(Controllers& controllers) {
  controllers.push_back(make_image_trigger_controller());
  controllers.push_back(make_config_controller());
  controllers.push_back(make_replica_controller());
  controllers.push_back(make_deployer_controller());
  controllers.push_back(make_deployment_controller());
  controllers.push_back(make_stateful_set_controller());
  controllers.push_back(make_daemon_set_controller());
  controllers.push_back(make_rollout_controller());
  controllers.push_back(make_node_controller());
  controllers.push_back(make_autoscale_controller());
  controllers.push_back(make_garbage_controller());
}

}  // namespace sluice::sandbox
