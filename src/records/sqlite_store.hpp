#pragma once
// The Store over SQLite. One connection, one transaction per call. The methods are defined by noun:
// sqlite_releases.cpp, sqlite_promotions.cpp, sqlite_journal.cpp, sqlite_holds.cpp, sqlite_leases.cpp. Other rooms use
// store.hpp.

#include "base/guarded.hpp"
#include "records/migrations.hpp"
#include "records/sqlite.hpp"
#include "records/store.hpp"

#include <memory>
#include <type_traits>
#include <utility>

namespace sluice::records {

/// Seconds since 1970, UTC.
std::int64_t now_seconds();

/// How long a connection waits for locks of other processes.
constexpr std::chrono::milliseconds kBusyTimeout{10'000};

/// The absolute path of the file that --state names. Errors: storage.
Result<std::filesystem::path> absolute_path(const std::filesystem::path& file);

class SqliteStore final : public Store {
 public:
  enum class Use : std::uint8_t { all, looking };

  SqliteStore(std::unique_ptr<Database> database, Use use, AfterCommit after_commit)
      : use_(use), connection_(Connection{std::move(database), 0}), after_commit_(std::move(after_commit)) {}

  Result<Release> keep_release(Release wanted) override;
  Status label_release(std::string_view app, std::string_view id, std::string_view line, std::int64_t number) override;
  Result<std::optional<Release>> release(std::string_view app, std::string_view id) override;
  Result<std::vector<Release>> numbered(std::string_view app, std::int64_t number) override;
  Result<std::vector<Release>> releases(std::string_view app, std::size_t limit) override;

  Result<Promotion> add_promotion(Promotion promotion) override;
  Result<std::optional<Promotion>> promotion(std::string_view id) override;
  Result<std::vector<Promotion>> promotions(std::size_t limit) override;
  Result<std::vector<Promotion>> promotions_at(const std::vector<std::string>& places, std::size_t limit) override;
  Result<JournalEntry> advance(std::string_view id, PromotionState state, std::string_view failure, JournalEntry entry,
                               const std::vector<Fence>& fences) override;
  Result<JournalEntry> append(std::string_view id, JournalEntry entry, const std::vector<Fence>& fences) override;
  Result<std::vector<JournalEntry>> journal(std::string_view id) override;

  Status set_hold(const Hold& hold) override;
  Result<bool> clear_holds(const std::vector<std::string>& places) override;
  Result<std::vector<Hold>> holds(const std::vector<std::string>& places) override;
  Result<std::optional<Hold>> old_hold(std::string_view app, std::string_view environment) override;
  Result<bool> clear_old_hold(std::string_view app, std::string_view environment) override;

  Result<Lease> acquire(std::string_view target, std::string_view holder, std::chrono::seconds span,
                        Taking taking) override;
  Result<std::optional<Lease>> lease(std::string_view target) override;
  Result<Lease> renew(const Lease& lease, std::chrono::seconds span) override;
  Status release_lease(const Lease& lease) override;

 private:
  struct Connection {
    std::unique_ptr<Database> database;
    std::int64_t writes = 0;
  };

  /// Begins a transaction on a file that is still there and still has a schema that this program knows.
  static Result<Transaction> begin(Database& database, Transaction::Mode mode);

  /// Runs `f(Database&)` in a transaction that is committed when f succeeds. The lock is held meanwhile: that is what
  /// serialises the calls. The hook runs after it is given back, so that it may use the store.
  template <class F>
  auto write(F&& f) -> std::invoke_result_t<F, Database&>;
  template <class F>
  auto read(F&& f) -> std::invoke_result_t<F, Database&>;

  Use use_;
  Guarded<Connection> connection_;
  AfterCommit after_commit_;
};

template <class F>
auto SqliteStore::write(F&& f) -> std::invoke_result_t<F, Database&> {
  using Outcome = std::invoke_result_t<F, Database&>;
  if (use_ == Use::looking) {
    return Error(ErrorKind::internal, "a command that only looks tried to write to the records");
  }
  std::int64_t committed = 0;
  Outcome outcome = connection_.with([&](Connection& connection) -> Outcome {
    Database& database = *connection.database;
    SLUICE_TRY(auto transaction, begin(database, Transaction::Mode::write));
    const auto before = database.total_changes();
    Outcome result = std::forward<F>(f)(database);
    if (!result.ok()) return result;
    SLUICE_CHECK(transaction.commit());
    if (database.total_changes() != before) committed = ++connection.writes;
    return result;
  });
  if (committed > 0 && after_commit_) after_commit_(committed);
  return outcome;
}

template <class F>
auto SqliteStore::read(F&& f) -> std::invoke_result_t<F, Database&> {
  using Outcome = std::invoke_result_t<F, Database&>;
  return connection_.with([&](Connection& connection) -> Outcome {
    SLUICE_TRY(auto transaction, begin(*connection.database, Transaction::Mode::read));
    return std::forward<F>(f)(*connection.database);
  });
}

}  // namespace sluice::records
