#pragma once
// Whole small files: read with a limit, replaced atomically.

#include "base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace sluice {

/// Reads a file of at most `max_bytes`; /dev/null is empty. Never waits for a writer: pipes and devices are refused.
/// Errors: not_found, denied, config (too large, no regular file), storage.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);

/// Writes beside `path` and renames over it, so that a reader sees the old file or the new one. Creates the
/// folder with mode 0700. `mode` is that of a new file; an existing file keeps its own. Errors: storage, denied.
Status replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode);

/// The same without waiting for the disk: for what may be lost when the machine's power is (a killed process loses
/// nothing).
Status replace_scratch_file(const std::filesystem::path& path, std::string_view content, unsigned mode);

/// The same as replace_file() for a file with secrets in it: mode 0600 when it is new, and nobody but its owner may
/// read or write it afterwards. True when others could before: the caller says so.
Result<bool> replace_private_file(const std::filesystem::path& path, std::string_view content);

}  // namespace sluice
