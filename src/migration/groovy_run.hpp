#pragma once
// Reads a Jenkinsfile, declarative or scripted, as far as one can without running anything.

#include "migration/shell_run.hpp"
#include "migration/values.hpp"

#include <string_view>

namespace sluice::migration {

/// The `sh` steps are read as shell scripts (shell_run.hpp), with what Groovy puts into them.
void run_jenkinsfile(std::string_view text, Variables& variables, Reading reading);

}  // namespace sluice::migration
