#pragma once
// A small RAII wrapper over the C API of SQLite: Database, Statement, Transaction. It knows nothing of releases and
// promotions; see sqlite_store.hpp for those. Other rooms do not include this header.

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::records {

class Database;

/// One prepared statement. Parameters are bound by name ("$app") or by position (from 1); an error of a bind is
/// reported by the next step. Thread: one at a time. Must not outlive its Database.
class Statement {
 public:
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;

  Statement& bind(std::string_view name, std::int64_t value);
  Statement& bind(std::string_view name, std::string_view value);
  Statement& bind(int position, std::int64_t value);
  Statement& bind(int position, std::string_view value);

  /// True when there is a row to read; false when the statement is done.
  Result<bool> step();
  /// For statements without rows.
  Status run();
  /// Makes the statement ready for other parameters.
  void reset();

  /// Columns of the current row, from 0. A NULL reads as 0 or "".
  std::int64_t integer(int column) const;
  std::string text(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const;
  };
  Statement(Database& database, sqlite3_stmt* handle) : database_(&database), handle_(handle) {}
  int position_of(std::string_view name);
  void note(int code);

  Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  std::optional<Error> failed_bind_;
};

/// One connection. Thread: one at a time (it is opened without SQLite's own mutex). Not to be used after a fork.
class Database {
 public:
  /// Opens an existing file for reading and writing, with a wait of up to `busy_timeout` for locks of others.
  /// Foreign keys are enforced and every commit is synced. Errors: storage, busy.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& file,
                                                std::chrono::milliseconds busy_timeout);
  /// Opens an existing file for reading only. `immutable`: SQLite takes no locks and looks for no files beside it, so
  /// nobody may write to it meanwhile. Errors: storage, busy.
  static Result<std::unique_ptr<Database>> open_for_reading(const std::filesystem::path& file, bool immutable,
                                                            std::chrono::milliseconds busy_timeout);
  /// A new empty database in memory. Its errors name `file`.
  static Result<std::unique_ptr<Database>> in_memory(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::filesystem::path& file() const { return file_; }

  /// Prepares one statement. Errors: storage, busy, internal (wrong SQL).
  Result<Statement> prepare(std::string_view sql);
  /// Runs statements without parameters, separated by semicolons.
  Status run(const std::string& sql);
  /// The first column of the first row; 0 or "" when there is no row.
  Result<std::int64_t> integer(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  /// Copies all of another database here, as it is at one moment. Errors: storage, busy.
  Status copy_from(Database& source);

  /// Rows changed since the connection was opened.
  std::int64_t total_changes() const;
  bool in_transaction() const;
  /// True when the file is no longer at its path: what is written now would be lost.
  bool moved() const;

  /// The error for a result code of the last call.
  Error error(int code) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  Database(std::filesystem::path file, sqlite3* handle) : file_(std::move(file)), handle_(handle) {}
  static Result<std::unique_ptr<Database>> connect(const std::filesystem::path& file, const std::string& address,
                                                   int flags, std::chrono::milliseconds busy_timeout);
  Status configure(std::chrono::milliseconds busy_timeout);

  std::filesystem::path file_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// A transaction that is rolled back unless it was committed.
class Transaction {
 public:
  /// `write` takes the write lock at once (BEGIN IMMEDIATE): a read lock that grows can fail half way.
  enum class Mode : std::uint8_t { read, write };

  static Result<Transaction> begin(Database& database, Mode mode);
  ~Transaction();
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;

  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null once committed or moved from
};

}  // namespace sluice::records
