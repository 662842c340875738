#pragma once
// Whole small files: read with a limit, replaced atomically.

#include "base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace sluice {

/// Reads a file of at most `max_bytes`. Errors: not_found, denied, config (too large, a folder), storage.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);

/// Writes beside `path` and renames over it, so that a reader sees the old file or the new one. Creates the
/// folder with mode 0700. `mode` is that of a new file; an existing file keeps its own. Errors: storage, denied.
Status replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode);

}  // namespace sluice
