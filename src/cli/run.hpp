#pragma once
// The command line as a function: parse, run, print, exit code.

#include "cli/commands/commands.hpp"
#include "records/store.hpp"

#include <functional>

namespace sluice::cli {

/// What a program around us may hook into. The shipped program hooks nothing.
struct Hooks {
  records::AfterCommit after_commit{};
  /// Serves the sandbox in this process; null: `sandbox` starts the program that does.
  std::function<Exit(const SandboxRun&, Context&)> serve_sandbox{};
};

/// Runs one command. Returns the exit code (README.md, "Exit codes"). Call once per process, before any thread.
int run(int argc, char** argv, const Hooks& hooks = {});

}  // namespace sluice::cli
