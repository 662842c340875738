#include "records/sqlite_store.hpp"

#include "base/text.hpp"
#include "base/wall_clock.hpp"
#include "records/records_file.hpp"

#include <system_error>

namespace sluice::records {

namespace {

constexpr std::string_view kSqliteScheme = "sqlite:";

Error unsupported_postgresql() {
  // The URL itself is not repeated: it may hold a password.
  return Error(ErrorKind::config, "cannot keep the records in PostgreSQL: not supported yet")
      .with_hint("name a file with --state FILE");
}

}  // namespace

// The process may change its folder. It also keeps names like ":memory:" plain.
Result<std::filesystem::path> absolute_path(const std::filesystem::path& file) {
  std::error_code code;
  auto path = std::filesystem::absolute(file, code);
  if (!code) return path;
  return Error(ErrorKind::storage, "cannot find the folder of the records " + file.string() + ": " + code.message())
      .with_hint("name them with an absolute path: --state /path/to/FILE");
}

std::int64_t now_seconds() { return seconds_now(); }

Result<Transaction> SqliteStore::begin(Database& database, Transaction::Mode mode) {
  if (database.moved()) {
    return Error(ErrorKind::storage, "cannot use the records " + database.file().string() +
                                         ": the file was moved or deleted while it was open")
        .with_hint("put it back and run the command again");
  }
  SLUICE_TRY(auto transaction, Transaction::begin(database, mode));
  SLUICE_CHECK(refuse_newer(database, migrations().back().version));
  return transaction;
}

Result<std::unique_ptr<Store>> open_sqlite(const std::filesystem::path& file, AfterCommit after_commit) {
  SLUICE_TRY(const auto path, absolute_path(file));
  SLUICE_CHECK(prepare_file(path));
  SLUICE_TRY(auto database, Database::open(path, kBusyTimeout));
  SLUICE_CHECK(migrate(*database, migrations()));
  return std::unique_ptr<Store>(
      std::make_unique<SqliteStore>(std::move(database), SqliteStore::Use::all, std::move(after_commit)));
}

Result<std::filesystem::path> records_path(std::string_view url, const sluice::Environment& environment) {
  if (url.empty()) return environment.state_home() / "sluice" / "records.db";
  if (url.starts_with("postgresql:") || url.starts_with("postgres:")) return unsupported_postgresql();
  std::string_view path = url;
  if (url.starts_with(kSqliteScheme)) {
    path.remove_prefix(kSqliteScheme.size());
    // sqlite:///var/lib/records.db, as other tools spell it; with two slashes the first part would be a host.
    if (path.starts_with("//") && !path.starts_with("///")) path = {};
  } else if (const auto colon = url.find("://"); colon != std::string_view::npos) {
    return Error(ErrorKind::config,
                 "cannot open the records: the scheme " + text::printable(url.substr(0, colon), 20) + ": is unknown")
        .with_hint("name a file: --state FILE or --state sqlite:FILE");
  }
  if (path.empty()) {
    return Error(ErrorKind::config, "cannot open the records: the address names no file")
        .with_hint("write --state FILE, or --state sqlite:/path/to/FILE");
  }
  if (path.ends_with('/')) {
    return Error(ErrorKind::config, "cannot keep the records in " + text::printable(path) + ": it is a folder")
        .with_hint("name a file in it: --state " + text::printable(path) + "records.db");
  }
  return std::filesystem::path(path);
}

Result<std::unique_ptr<Store>> open_store(std::string_view url, const sluice::Environment& environment,
                                          AfterCommit after_commit) {
  SLUICE_TRY(const auto path, records_path(url, environment));
  return open_sqlite(path, std::move(after_commit));
}

}  // namespace sluice::records
