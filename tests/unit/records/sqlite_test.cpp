#include "records/sqlite.hpp"

#include "records/sqlite_error.hpp"
#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>

namespace sluice::records {
namespace {

using testing::failed_with;
using testing::why;

constexpr std::chrono::milliseconds kShort{50};

class Sqlite : public ::testing::Test {
 protected:
  std::unique_ptr<Database> connect() {
    std::ofstream(folder_ / "a.db", std::ios::app).flush();
    auto database = Database::open(folder_ / "a.db", kShort);
    EXPECT_TRUE(database.ok()) << why(database);
    return std::move(database).value();
  }

  testing::TempFolder folder_;
};

TEST_F(Sqlite, BindsByNameAndByPosition) {
  auto database = connect();
  auto statement = database->prepare("SELECT $text, $number, ?3");
  ASSERT_TRUE(statement.ok()) << why(statement);
  const std::string with_zero("a\0b", 3);
  statement->bind("$text", with_zero).bind(2, std::int64_t{1} << 62U).bind(3, std::string_view());
  auto row = statement->step();
  ASSERT_TRUE(row.ok() && *row) << why(row);
  EXPECT_EQ(statement->text(0), with_zero);
  EXPECT_EQ(statement->integer(1), std::int64_t{1} << 62U);
  EXPECT_EQ(statement->text(2), "");
  row = statement->step();
  ASSERT_TRUE(row.ok()) << why(row);
  EXPECT_FALSE(*row);
}

TEST_F(Sqlite, ReportsAParameterThatDoesNotExist) {
  auto database = connect();
  auto statement = database->prepare("SELECT $a");
  ASSERT_TRUE(statement.ok()) << why(statement);
  EXPECT_FALSE(statement->bind("$b", std::int64_t{1}).step().ok());
}

TEST_F(Sqlite, RollsBackWhatWasNotCommitted) {
  auto database = connect();
  ASSERT_TRUE(database->run("CREATE TABLE t (x INTEGER) STRICT").ok());
  for (const bool commit : {false, true}) {
    {
      auto transaction = Transaction::begin(*database, Transaction::Mode::write);
      ASSERT_TRUE(transaction.ok()) << why(transaction);
      ASSERT_TRUE(database->run("INSERT INTO t VALUES (1)").ok());
      if (commit) {
        ASSERT_TRUE(transaction->commit().ok());
      }
    }
    EXPECT_FALSE(database->in_transaction());
    auto count = database->integer("SELECT count(*) FROM t");
    ASSERT_TRUE(count.ok()) << why(count);
    EXPECT_EQ(*count, commit ? 1 : 0);
  }
}

TEST_F(Sqlite, CallsALockOfAnotherConnectionBusy) {
  auto one = connect();
  auto two = connect();
  auto held = Transaction::begin(*one, Transaction::Mode::write);
  ASSERT_TRUE(held.ok()) << why(held);
  EXPECT_TRUE(failed_with(Transaction::begin(*two, Transaction::Mode::write), ErrorKind::busy, "keeps them locked"));
}

TEST_F(Sqlite, RefusesAValueBeyondTheLimit) {
  auto database = connect();
  auto statement = database->prepare("SELECT $text");
  ASSERT_TRUE(statement.ok()) << why(statement);
  const std::string huge(17U * 1024 * 1024, 'x');
  EXPECT_TRUE(failed_with(statement->bind("$text", huge).step(), ErrorKind::storage, "larger than the limit"));
}

TEST(SqliteError, HasAKindAndASentenceForEveryCauseThatAUserCanMend) {
  const struct {
    const char* name;
    int code;
    ErrorKind kind;
    const char* part;
  } rows[] = {
      {"busy", SQLITE_BUSY, ErrorKind::busy, "another process keeps them locked"},
      {"busy recovery", SQLITE_BUSY_RECOVERY, ErrorKind::busy, "another process keeps them locked"},
      {"full", SQLITE_FULL, ErrorKind::storage, "no space is left"},
      {"write error", SQLITE_IOERR_WRITE, ErrorKind::storage, "disk I/O error (Input/output error)"},
      {"read-only", SQLITE_READONLY_DBMOVED, ErrorKind::storage, "read-only"},
      {"corrupt", SQLITE_CORRUPT, ErrorKind::storage, "the file is damaged"},
      {"not a database", SQLITE_NOTADB, ErrorKind::storage, "is no SQLite database"},
      {"cannot open", SQLITE_CANTOPEN, ErrorKind::storage, "check that the folder exists"},
      {"constraint", SQLITE_CONSTRAINT_UNIQUE, ErrorKind::internal, "SQLite code 2067"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const int cause = row.code == SQLITE_IOERR_WRITE ? EIO : 0;
    const Result<void> result = sqlite_error(row.code, sqlite3_errstr(row.code), cause, "/var/lib/records.db");
    EXPECT_TRUE(failed_with(result, row.kind, row.part));
    EXPECT_TRUE(failed_with(result, row.kind, "/var/lib/records.db"));
  }
}

}  // namespace
}  // namespace sluice::records
