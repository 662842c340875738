#include "records/sqlite_error.hpp"

#include "base/text.hpp"

#include <sqlite3.h>

#include <string>
#include <system_error>

namespace sluice::records {

namespace {

constexpr int kPrimaryMask = 0xff;  // the low byte of an extended code is the primary one

std::string with_cause(std::string_view detail, int system_code) {
  std::string out = text::printable(detail);
  if (system_code != 0) out += " (" + std::generic_category().message(system_code) + ")";
  return out;
}

Error storage(const std::filesystem::path& file, std::string_view attempted, std::string_view happened,
              std::string hint) {
  std::string message = "cannot " + std::string(attempted) + " the records " + file.string() + ": ";
  message += happened;
  return Error(ErrorKind::storage, std::move(message)).with_hint(std::move(hint));
}

std::string restore_hint(const std::filesystem::path& file) {
  return "keep the file for inspection, then put a backup in its place or move it away to start anew: mv " +
         file.string() + " " + file.string() + ".damaged";
}

}  // namespace

Error sqlite_error(int code, std::string_view detail, int system_code, const std::filesystem::path& file) {
  switch (code & kPrimaryMask) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(ErrorKind::busy, "cannot use the records " + file.string() + ": another process keeps them locked")
          .with_hint("try again, and look for a process that hangs: fuser " + file.string());
    case SQLITE_FULL:
      return storage(file, "write", "no space is left on the file system",
                     "free space there (df " + file.string() + "), then try again; what was recorded before is intact");
    case SQLITE_IOERR:
      return storage(file, "read or write", with_cause(detail, system_code),
                     "check free space, quota and health of the disk, then try again");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return storage(file, "write", "the file or its folder is read-only",
                     "make both writable for this user, or name another file with --state");
    case SQLITE_CANTOPEN:
      return storage(file, "open", with_cause(detail, system_code),
                     "check that the folder exists and that this user may write there, or name another file with "
                     "--state");
    case SQLITE_CORRUPT:
      return storage(file, "read", "the file is damaged", restore_hint(file));
    case SQLITE_NOTADB:
      return storage(file, "read", "the file is no SQLite database", restore_hint(file));
    case SQLITE_TOOBIG:
      return storage(file, "use", "a value is larger than the limit for one record", restore_hint(file));
    default:
      break;
  }
  return Error(ErrorKind::internal, "cannot use the records " + file.string() + ": " + with_cause(detail, system_code) +
                                        " (SQLite code " + std::to_string(code) + ")");
}

Error damaged_row(std::string_view what, const std::filesystem::path& file) {
  return storage(file, "read", "they hold " + text::printable(what) + ", which this program does not write",
                 restore_hint(file));
}

}  // namespace sluice::records
