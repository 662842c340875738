#include "records/sqlite.hpp"

#include "records/sqlite_error.hpp"

#include <sqlite3.h>

#include <utility>

namespace sluice::records {

namespace {

// Nothing that is recorded comes near: a plan is limited to 8 MiB. A damaged or hostile file must not fill the memory.
constexpr int kMaxValueBytes = 16 * 1024 * 1024;

// An absolute path as SQLite reads it in an address. Source: https://www.sqlite.org/uri.html
std::string uri_of(const std::filesystem::path& file) {
  std::string out = "file:";
  for (const char each : file.string()) {
    if (each == '%') {
      out += "%25";
    } else if (each == '?') {
      out += "%3f";
    } else if (each == '#') {
      out += "%23";
    } else {
      out += each;
    }
  }
  return out;
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

int Statement::position_of(std::string_view name) {
  return sqlite3_bind_parameter_index(handle_.get(), std::string(name).c_str());
}

void Statement::note(int code) {
  if (code != SQLITE_OK && !failed_bind_) failed_bind_ = database_->error(code);
}

Statement& Statement::bind(std::string_view name, std::int64_t value) { return bind(position_of(name), value); }
Statement& Statement::bind(std::string_view name, std::string_view value) { return bind(position_of(name), value); }

Statement& Statement::bind(int position, std::int64_t value) {
  note(sqlite3_bind_int64(handle_.get(), position, value));
  return *this;
}

Statement& Statement::bind(int position, std::string_view value) {
  // A null pointer would bind NULL; an empty view may have one.
  const char* data = value.data() == nullptr ? "" : value.data();
  note(sqlite3_bind_text64(handle_.get(), position, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Result<bool> Statement::step() {
  if (failed_bind_) return *std::exchange(failed_bind_, std::nullopt);
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = database_->error(code);
  sqlite3_reset(handle_.get());
  return error;
}

Status Statement::run() {
  for (;;) {
    SLUICE_TRY(const bool row, step());
    if (!row) return {};
  }
}

void Statement::reset() {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }

std::string Statement::text(int column) const {
  // The order matters: sqlite3_column_text may convert, which settles the length that sqlite3_column_bytes tells.
  const auto* data = sqlite3_column_text(handle_.get(), column);
  if (data == nullptr) return {};
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
  return std::string(reinterpret_cast<const char*>(data), size);
}

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::connect(const std::filesystem::path& file, const std::string& address,
                                                    int flags, std::chrono::milliseconds busy_timeout) {
  sqlite3* handle = nullptr;
  flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(address.c_str(), &handle, flags, nullptr);
  if (handle == nullptr) return sqlite_error(code, sqlite3_errstr(code), 0, file);
  std::unique_ptr<Database> database(new Database(file, handle));
  if (code != SQLITE_OK) return database->error(code);
  SLUICE_CHECK(database->configure(busy_timeout));
  return database;
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file,
                                                 std::chrono::milliseconds busy_timeout) {
  SLUICE_TRY(auto database, connect(file, file.string(), SQLITE_OPEN_READWRITE, busy_timeout));
  // SQLite opens a file that it may not write for reading, without a word.
  if (sqlite3_db_readonly(database->handle_.get(), "main") == 1) return sqlite_error(SQLITE_READONLY, "", 0, file);
  return database;
}

Result<std::unique_ptr<Database>> Database::open_for_reading(const std::filesystem::path& file, bool immutable,
                                                             std::chrono::milliseconds busy_timeout) {
  if (!immutable) return connect(file, file.string(), SQLITE_OPEN_READONLY, busy_timeout);
  return connect(file, uri_of(file) + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, busy_timeout);
}

Result<std::unique_ptr<Database>> Database::in_memory(const std::filesystem::path& file) {
  SLUICE_TRY(auto database, connect(file, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, {}));
  // Sorting and statement journals use no files either.
  SLUICE_CHECK(database->run("PRAGMA temp_store = MEMORY"));
  return database;
}

Status Database::copy_from(Database& source) {
  auto* backup = sqlite3_backup_init(handle_.get(), "main", source.handle_.get(), "main");
  if (backup == nullptr) return error(sqlite3_extended_errcode(handle_.get()));
  constexpr int kAllPages = -1;
  const int stepped = sqlite3_backup_step(backup, kAllPages);
  const int code = sqlite3_backup_finish(backup);
  if (stepped == SQLITE_DONE) return {};
  // Errors other than of one step stay with this connection; its sentence is the generic one for those of the source.
  return error(code != SQLITE_OK ? code : stepped);
}

Status Database::configure(std::chrono::milliseconds busy_timeout) {
  sqlite3_busy_timeout(handle_.get(), static_cast<int>(busy_timeout.count()));
  sqlite3_limit(handle_.get(), SQLITE_LIMIT_LENGTH, kMaxValueBytes);
  // The schema of a file that somebody else wrote must not run code. Source: https://www.sqlite.org/security.html
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return run("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON;");
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &handle, nullptr);
  if (code != SQLITE_OK) return error(code);
  return Statement(*this, handle);
}

Status Database::run(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code);
  return {};
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  SLUICE_TRY(auto statement, prepare(sql));
  SLUICE_TRY(const bool row, statement.step());
  return row ? statement.integer(0) : std::int64_t{0};
}

Result<std::string> Database::text(std::string_view sql) {
  SLUICE_TRY(auto statement, prepare(sql));
  SLUICE_TRY(const bool row, statement.step());
  return row ? statement.text(0) : std::string();
}

std::int64_t Database::total_changes() const { return sqlite3_total_changes64(handle_.get()); }

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }

bool Database::moved() const {
  int moved = 0;
  const int code = sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return code == SQLITE_OK && moved != 0;
}

Error Database::error(int code) const {
  const int primary = code & 0xff;
  // errno belongs to these two only; after others it is a leftover of an earlier call.
  const bool of_system = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  return sqlite_error(code, sqlite3_errmsg(handle_.get()), of_system ? sqlite3_system_errno(handle_.get()) : 0, file_);
}

Result<Transaction> Transaction::begin(Database& database, Mode mode) {
  SLUICE_CHECK(database.run(mode == Mode::write ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  // After a full disk SQLite may have rolled back by itself. A rollback that fails leaves nothing to do here: the
  // next transaction reports what is wrong with the file.
  if (database_ != nullptr && database_->in_transaction()) static_cast<void>(database_->run("ROLLBACK").ok());
}

Status Transaction::commit() {
  SLUICE_CHECK(database_->run("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace sluice::records
