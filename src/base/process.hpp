#pragma once
// Runs a program without a shell, with text in and text out.

#include "base/result.hpp"

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

struct ProcessResult {
  int exit_code = 0;  ///< 128 + signal when a signal ended it
  std::string output;
  std::string error_output;
};

/// Variables that a child gets besides ours; one of the same name is replaced.
using ProcessVariables = std::vector<std::pair<std::string, std::string>>;

/// No child started after this gets our variable of this name: it holds a secret that is meant for us alone (an `env:`
/// reference names it). Variables that are given to run_process() are not touched. Thread: any.
void keep_from_children(std::string_view name);

/// Runs argv[0] (looked up in PATH), writes `input` to its stdin and collects both outputs, each cut at `max_bytes`
/// (then it is killed). The child gets our environment but for what was kept from it,
/// `variables`, and no descriptor of ours but its three streams. Ends it at `timeout` or `stop`.
/// Errors: not_found (no such program), timeout, cancelled, protocol (too much output), internal.
/// Thread: any; blocks. Safe beside other threads (posix_spawn, close-on-exec everywhere).
Result<ProcessResult> run_process(const std::vector<std::string>& argv, std::string_view input,
                                  std::chrono::milliseconds timeout, std::size_t max_bytes, std::stop_token stop,
                                  const ProcessVariables& variables = {});

}  // namespace sluice
