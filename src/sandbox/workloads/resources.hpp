#pragma once
// The kinds of workloads as API resources. add_workload_resources (resource.hpp) puts them into the catalog.

#include "sandbox/core/resource.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sluice::sandbox {

std::vector<std::string> all_verbs();

std::unique_ptr<Resource> make_deployment_configs();
std::unique_ptr<Resource> make_pods();
std::unique_ptr<Resource> make_events();

}  // namespace sluice::sandbox
