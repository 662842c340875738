#pragma once
// The program sluice-sandbox: the look-alike of OpenShift as a server. It is not part of sluice: a tool that holds
// tokens of production listens nowhere.

#include "cli/commands/commands.hpp"

namespace sluice::sandbox_program {

/// Starts the servers, prints where they are, and serves until it is asked to stop.
/// Errors: usage, config (the scenario), storage, unreachable (a port is taken).
cli::Exit serve(const cli::SandboxRun& run, cli::Context& context);

}  // namespace sluice::sandbox_program
