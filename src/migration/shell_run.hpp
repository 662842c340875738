#pragma once
// Reads a shell script as far as one can without running anything: variables, loops over lists, functions, choices.
// What tools do is the matter of Tools (tools.hpp).

#include "migration/notebook.hpp"
#include "migration/tools.hpp"
#include "migration/values.hpp"

#include <cstddef>
#include <string_view>

namespace sluice::migration {

/// What reading one script may cost at most, whatever its loops and functions look like.
struct Budget {
  std::size_t steps = 50'000;
  bool spend(std::size_t cost) {
    steps = cost < steps ? steps - cost : 0;
    return steps > 0;
  }
};

/// What a script is read with.
struct Reading {
  Notebook& notebook;
  Tools& tools;
  Budget& budget;
};

void run_shell(std::string_view text, int first_line, Variables& variables, Reading reading);

}  // namespace sluice::migration
