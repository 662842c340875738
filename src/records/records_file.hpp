#pragma once
// The place of the records on disk: folder, file, owners, modes, and the kind of file system below. No SQL here.

#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace sluice::records {

/// The name of a file system that several machines share, told by the magic number of statfs(2); empty for others.
/// FUSE is not among them: it carries local file systems (overlays of rootless containers) as well as remote ones.
std::optional<std::string_view> network_file_system(std::uint32_t magic);

/// Makes the missing folders (0700) and an empty file (0600), and checks what is there as check_owners() does. A file
/// of ours that others may read becomes private.
/// Errors: config (it is no file, others own it or may write it), storage (read-only, no space, a network file system).
Status prepare_file(const std::filesystem::path& file);

/// For a file that is only read: false when there is none. Changes nothing.
/// Errors: as those of prepare_file().
Result<bool> check_file(const std::filesystem::path& file);

/// What changes when somebody writes to the file or puts another one in its place.
struct FileState {
  std::uint64_t device = 0;
  std::uint64_t number = 0;
  std::int64_t size = 0;
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
  bool with_wal = false;  ///< there is a -wal beside it that is not empty
  friend bool operator==(const FileState&, const FileState&) = default;
};
Result<FileState> state_of(const std::filesystem::path& file);

}  // namespace sluice::records
