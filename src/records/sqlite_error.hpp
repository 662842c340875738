#pragma once
// What an SQLite result code means to the person who runs the program. The wrapper itself is sqlite.hpp.

#include "base/error.hpp"

#include <filesystem>
#include <string_view>

namespace sluice::records {

/// The error for an (extended) SQLite result code on the records at `file`.
/// `detail` is SQLite's own sentence: it names tables and columns, never values. `system_code` is errno or 0.
/// Kinds: storage, busy, internal. Source: https://www.sqlite.org/rescode.html
Error sqlite_error(int code, std::string_view detail, int system_code, const std::filesystem::path& file);

/// A row that this program cannot have written.
Error damaged_row(std::string_view what, const std::filesystem::path& file);

}  // namespace sluice::records
