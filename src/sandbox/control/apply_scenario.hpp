#pragma once
// Brings a scenario into a world, in the order in which things need each other.

#include "base/result.hpp"
#include "sandbox/control/scenario.hpp"
#include "sandbox/core/resource.hpp"
#include "sandbox/core/world.hpp"

#include <map>
#include <string>

namespace sluice::sandbox {

/// Users, projects, rights, service accounts and tokens. Returns a token for every identity that is named.
/// Errors: config. Thread: under the World's lock.
Result<std::map<std::string, std::string>> apply_people(World& world, const Scenario& scenario);

/// Raw objects, through the same rules as a POST by an administrator.
/// Errors: config, with the position of the object.
Status apply_objects(World& world, const Catalog& catalog, const Scenario& scenario);
/// The same for workloads. Errors: config.
Status apply_workloads(World& world, const Catalog& catalog, const Scenario& scenario);

}  // namespace sluice::sandbox
