#pragma once
// The command line as a function: parse, run, print, exit code.

#include "records/store.hpp"

namespace sluice::cli {

/// What a program around us may hook into. The shipped program hooks nothing.
struct Hooks {
  records::AfterCommit after_commit;
};

/// Runs one command. Returns the exit code (README.md, "Exit codes"). Call once per process, before any thread.
int run(int argc, char** argv, const Hooks& hooks = {});

}  // namespace sluice::cli
