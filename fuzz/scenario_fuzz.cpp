// Any text as a scenario file: a scenario whose manifests can be made, or an error with a position.

#include "fuzz/require.hpp"
#include "sandbox/control/apply_scenario.hpp"
#include "sandbox/control/scenario.hpp"
#include "sandbox/core/tree.hpp"

#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto scenario = sluice::sandbox::parse_scenario({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
  if (!scenario.ok()) {
    require(scenario.error().kind() == sluice::ErrorKind::config, "what is refused is a config error");
    require(scenario.error().position().has_value(), "an error has a position");
    return 0;
  }
  for (const auto& workload : scenario->workloads) {
    const auto manifest = sluice::sandbox::manifest_of(workload, false);
    require(sluice::sandbox::name_of(manifest) == workload.name, "a manifest has the name that was asked for");
  }
  sluice::sandbox::World world(sluice::sandbox::Profile::v3_11);
  static_cast<void>(sluice::sandbox::apply_people(world, *scenario).ok());
  return 0;
}
