#pragma once
// The place of the records on disk: folder, file, modes, and the kind of file system below. No SQL here.

#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace sluice::records {

/// The name of a file system that several machines share, told by the magic number of statfs(2); empty for others.
/// FUSE is not among them: it carries local file systems (overlays of rootless containers) as well as remote ones.
std::optional<std::string_view> network_file_system(std::uint32_t magic);

/// Makes the missing folders (0700) and an empty file (0600). What exists keeps its mode.
/// Errors: config (it is no file), storage (read-only, no space, a network file system).
Status prepare_file(const std::filesystem::path& file);

}  // namespace sluice::records
