#pragma once
// Who runs a command: the user and name of the machine, and the address of the CI job where the usual variables name
// one.

#include "base/environment.hpp"
#include "memory/memory.hpp"

#include <string>
#include <string_view>

namespace sluice::app {

/// Reads variables, the password file and the name of the machine; asks nobody.
memory::Who who_asks(const Environment& environment);

/// The address of a CI job as it may be told: https or http, without user, query and fragment; empty for all else.
std::string told_address(std::string_view address);

}  // namespace sluice::app
