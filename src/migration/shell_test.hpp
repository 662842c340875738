#pragma once
// Tests of a shell whose outcome follows from what is known: [ "$env" = prod ], case $env in.

#include "migration/shell_tree.hpp"
#include "migration/values.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace sluice::migration {

/// Whether `[ ... ]`, `[[ ... ]]` or `test ...` holds; nothing when that cannot be known.
std::optional<bool> test_holds(const std::vector<Word>& words, const Variables& variables);

/// The alternative that a `case` takes, one beyond the last when none fits; nothing when that cannot be known.
std::optional<std::size_t> matching_case(const ShellNode& node, const Variables& variables);

}  // namespace sluice::migration
