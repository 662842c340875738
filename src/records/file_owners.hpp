#pragma once
// Who may change the records besides this user: owners and modes of the folder and of the files. Whoever may write
// there decides what a later promotion brings to production.

#include "base/result.hpp"

#include <filesystem>

namespace sluice::records {

enum class Tighten : bool { no, yes };

/// Refuses records that somebody else than this user or root owns or may write, as ssh does with its keys (sshd_config,
/// StrictModes): the folder, the file, and -wal, -shm and -journal beside it. What a link leads to counts too. A folder
/// with the sticky bit (1777) may be written by others: they cannot replace what is not theirs. What is not there is
/// fine. `Tighten::yes` takes away the right to read from others, where the file is ours.
/// Errors: config, with the command that mends it.
Status check_owners(const std::filesystem::path& file, Tighten tighten);

}  // namespace sluice::records
