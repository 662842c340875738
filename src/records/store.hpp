#pragma once
// The durable store: one interface, SQLite behind it today. Safe with several processes at once.

#include "base/environment.hpp"
#include "base/result.hpp"
#include "records/records.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::records {

/// Proof that the writer holds the leases it writes under: checked in the same transaction as the write.
struct Fence {
  std::string target;
  std::int64_t fence = 0;
};

/// Thread: any (calls are serialised inside). Every method is one transaction.
/// Errors of all: storage (disk full, read-only, damaged, newer schema than this program), busy (locked by another
/// process for over 10 s), conflict where named.
class Store {
 public:
  virtual ~Store() = default;

  /// Gives back the release of this app with exactly these images (name, digest; the tag too when pattern_tag), or
  /// makes the next number.
  virtual Result<Release> find_or_create_release(Release wanted) = 0;
  /// Takes over a release that was made with other records, under its number. Nothing happens when the number is taken
  /// here, or a release with these images is known.
  virtual Status adopt_release(Release release) = 0;
  virtual Result<std::optional<Release>> release(std::string_view app, std::int64_t number) = 0;
  /// The newest release whose images have exactly these digests, by name.
  virtual Result<std::optional<Release>> release_with(std::string_view app,
                                                      const std::vector<ReleaseImage>& images) = 0;
  /// Newest first.
  virtual Result<std::vector<Release>> releases(std::string_view app, std::size_t limit) = 0;

  /// Stores a new promotion in state planned. Gives it an id when it has none.
  virtual Result<Promotion> add_promotion(Promotion promotion) = 0;
  virtual Result<std::optional<Promotion>> promotion(std::string_view id) = 0;
  /// Newest first; `environment` empty for all.
  virtual Result<std::vector<Promotion>> promotions(std::string_view app, std::string_view environment,
                                                    std::size_t limit) = 0;
  /// Moves a promotion to a state and appends a journal entry, in one transaction. An end state sets ended_at;
  /// leaving an end state (resume, undo) clears it. Errors: conflict when a fence is no longer the newest.
  virtual Status advance(std::string_view id, PromotionState state, std::string_view failure, JournalEntry entry,
                         const std::vector<Fence>& fences) = 0;
  /// Appends a journal entry. Errors: conflict when a fence is no longer the newest.
  virtual Status append(std::string_view id, JournalEntry entry, const std::vector<Fence>& fences) = 0;
  virtual Result<std::vector<JournalEntry>> journal(std::string_view id) = 0;

  virtual Status set_hold(const Hold& hold) = 0;
  /// True when there was one.
  virtual Result<bool> clear_hold(std::string_view app, std::string_view environment) = 0;
  virtual Result<std::optional<Hold>> hold(std::string_view app, std::string_view environment) = 0;

  /// Takes the lease of a target: free, expired, already ours, or held by a process of this host that is dead.
  /// Errors: conflict, naming holder and remaining time.
  virtual Result<Lease> acquire(std::string_view target, std::string_view holder, std::chrono::seconds span) = 0;
  /// Errors: conflict when somebody else has it now.
  virtual Result<Lease> renew(const Lease& lease, std::chrono::seconds span) = 0;
  virtual Status release_lease(const Lease& lease) = 0;
};

/// This process, as leases name it.
std::string this_process();

/// Called after every committed write with the number of writes so far. Tests kill the process in it.
using AfterCommit = std::function<void(std::int64_t writes)>;

/// Where the records of a --state value are. Errors: config.
Result<std::filesystem::path> records_path(std::string_view url, const sluice::Environment& environment);

/// Opens the records. `url` is a file path or "sqlite:PATH"; empty: $XDG_STATE_HOME/sluice/records.db, created with its
/// folder (0700). "postgresql:" is not supported yet. Refuses network file systems, where WAL does not work.
Result<std::unique_ptr<Store>> open_store(std::string_view url, const sluice::Environment& environment,
                                          AfterCommit after_commit = {});
Result<std::unique_ptr<Store>> open_sqlite(const std::filesystem::path& file, AfterCommit after_commit = {});

/// A store in which nothing was ever recorded, for commands that only look: no file is made for them. Writing to it is
/// an internal error.
std::unique_ptr<Store> empty_store();

}  // namespace sluice::records
