#pragma once
// Knobs: what can be turned while a sandbox runs, by name. Each is one JSON object {"knob": NAME, ...}.
// docs/sandbox.md lists them.

#include "base/json.hpp"
#include "base/result.hpp"
#include "sandbox/control/faults.hpp"
#include "sandbox/core/world.hpp"

#include <functional>
#include <string>
#include <vector>

namespace sluice::sandbox {

/// What knobs act on beside the world.
struct KnobTargets {
  SharedWorld& world;
  FaultTable& faults;
  std::function<void(bool on)> redirect_blobs;
  std::function<Status(const Json& endpoints)> notify;
};

/// Errors: usage (no such knob, with a suggestion; a member that it does not have, is missing or of another type).
Status turn(const Json& settings, const KnobTargets& targets);

/// The names of all knobs.
std::vector<std::string> knob_names();

}  // namespace sluice::sandbox
