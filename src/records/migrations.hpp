#pragma once
// The schema of the records as a list of numbered steps, forward only. Steps that were released never change.

#include "base/result.hpp"
#include "records/sqlite.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::records {

struct Migration {
  std::int64_t version;  ///< 1, 2, 3 without gaps
  std::string_view name;
  std::string_view sql;
};

/// All steps that this program knows.
std::span<const Migration> migrations();

/// Brings a database to the newest of `steps`: checks that the file is empty or ours, switches it to WAL and applies
/// what is missing in one transaction. Safe when several processes open a new file at once.
/// Errors: storage (newer or other schema, no WAL), config (a database of another program), busy.
Status migrate(Database& database, std::span<const Migration> steps);

/// The same for a copy in memory that nobody else sees, where there is no WAL.
Status migrate_copy(Database& database, std::span<const Migration> steps);

/// Errors: config when the file is neither empty nor ours.
Status refuse_foreign(Database& database);

/// Errors: storage when the file has a newer schema than `known`, naming both.
Status refuse_newer(Database& database, std::int64_t known);

}  // namespace sluice::records
