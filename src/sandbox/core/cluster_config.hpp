#pragma once
// What the cluster says about itself: its own projects, the registry's route and, in 4.x, the image configuration.

#include "sandbox/core/world.hpp"

namespace sluice::sandbox {

/// The projects that every cluster has.
void add_cluster_projects(World& world);
/// Brings route and configuration objects in line with world.registry.
void show_registry(World& world);

}  // namespace sluice::sandbox
