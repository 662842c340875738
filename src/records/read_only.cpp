// Records that are only looked at: a copy in memory, so that looking leaves no trace on the disk.

#include "records/records_file.hpp"
#include "records/sqlite_store.hpp"

namespace sluice::records {

namespace {

constexpr int kTries = 3;  // a guess: a checkpoint of a file of this size takes milliseconds

Status copy(const std::filesystem::path& file, bool immutable, Database& into) {
  SLUICE_TRY(auto source, Database::open_for_reading(file, immutable, kBusyTimeout));
  // First of all: a large database of another program must not fill the memory.
  SLUICE_CHECK(refuse_foreign(*source));
  return into.copy_from(*source);
}

// Without any file beside it, and therefore without locks: SQLite would make -wal and -shm and leave them. The copy
// counts when nobody wrote meanwhile. False when somebody always did, or when there is a -wal and `with_wal` is false.
Result<bool> copy_unlocked(const std::filesystem::path& file, bool with_wal, Database& into) {
  for (int tried = 0; tried < kTries; ++tried) {
    SLUICE_TRY(const auto before, state_of(file));
    if (before.with_wal && !with_wal) return false;
    const auto copied = copy(file, true, into);
    SLUICE_TRY(const auto after, state_of(file));
    if (before != after) continue;
    SLUICE_CHECK(copied);
    return true;
  }
  return false;
}

// What was not copied from -wal to the file yet is not seen, and half of it may be there.
Status copy_without_wal(const std::filesystem::path& file, const Error& reason, Database& into) {
  SLUICE_TRY(const bool copied, copy_unlocked(file, true, into));
  if (copied) {
    SLUICE_TRY(const auto verdict, into.text("PRAGMA integrity_check"));
    if (verdict == "ok") return {};
  }
  return reason;
}

Status copy_file(const std::filesystem::path& file, Database& into) {
  // A file without -wal is complete.
  SLUICE_TRY(const bool copied, copy_unlocked(file, false, into));
  if (copied) return {};
  auto beside_writers = copy(file, false, into);
  if (beside_writers.ok() || beside_writers.error().kind() != ErrorKind::storage) return beside_writers;
  // -wal and -shm cannot be used, mostly in a read-only folder or on a full disk.
  return copy_without_wal(file, beside_writers.error(), into);
}

}  // namespace

Result<std::unique_ptr<Store>> open_read_only(std::string_view url, const sluice::Environment& environment) {
  SLUICE_TRY(const auto named, records_path(url, environment));
  SLUICE_TRY(const auto file, absolute_path(named));
  SLUICE_TRY(auto database, Database::in_memory(file));
  SLUICE_TRY(const bool there, check_file(file));
  if (there) SLUICE_CHECK(copy_file(file, *database));
  SLUICE_CHECK(migrate_copy(*database, migrations()));
  SLUICE_CHECK(database->run("PRAGMA query_only = ON"));
  return std::unique_ptr<Store>(
      std::make_unique<SqliteStore>(std::move(database), SqliteStore::Use::looking, AfterCommit{}));
}

}  // namespace sluice::records
