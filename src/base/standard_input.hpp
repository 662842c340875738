#pragma once
// Standard input where a secret is read from it: bounded, and ended by whoever ends the run.

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

namespace sluice {

enum class StandardInput : std::uint8_t {
  line,        ///< one line, its end taken and left out; what follows stays for the next reader
  everything,  ///< up to its end
};

/// Reads at most `max_bytes`; empty optional: there is more. Takes no byte that it does not return, so that two readers
/// can share the input (but not with std::cin, which reads ahead).
/// Errors: cancelled (`stop` came first), storage.
Result<std::optional<std::string>> read_standard_input(StandardInput part, std::size_t max_bytes,
                                                       const std::stop_token& stop);

/// Waits until there is something to read on standard input, or its end. False: `stop` came first.
bool wait_for_standard_input(const std::stop_token& stop);

}  // namespace sluice
