#pragma once
// The durable store: one interface, SQLite behind it today. Safe with several processes at once.

#include "base/environment.hpp"
#include "base/result.hpp"
#include "records/records.hpp"

#include <chrono>
#include <cstdint>
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

/// Whether a lease is also taken from somebody who is at work. That one is refused at its next write.
enum class Taking : std::uint8_t { if_free, over };

/// Thread: any (calls are serialised inside). Every method is one transaction.
/// Errors of all: storage (disk full, read-only, damaged, newer schema than this program), busy (locked by another
/// process for over 10 s), usage (a text or a number out of range), and others where named.
class Store {
 public:
  virtual ~Store() = default;

  /// Keeps a release, found by its app and its id, which is taken from the images. Gives back `wanted` with id,
  /// created_at and number as they are known here; its tags stay, for one content may have several. A number that
  /// `wanted` brings is stored as a label of its line. Errors: as those of label_release().
  virtual Result<Release> keep_release(Release wanted) = 0;
  /// Stores a label of a kept release; the same label again is fine. `line` names the line of numbers, "" for old local
  /// ones. Errors: conflict when (app, line, number) stands for another content, not_found, usage (the number is out
  /// of range).
  virtual Status label_release(std::string_view app, std::string_view id, std::string_view line,
                               std::int64_t number) = 0;
  /// The release with this id, or with an id that begins with these 12 or more digits. The tags are those that it was
  /// first kept with. Errors: conflict when several ids begin so, usage when this is no id.
  virtual Result<std::optional<Release>> release(std::string_view app, std::string_view id) = 0;
  /// Every release that this number stands for here, over all lines, each once, newest label first. `number` and `line`
  /// are of the label that was asked for. Errors: usage (the number is out of range).
  virtual Result<std::vector<Release>> numbered(std::string_view app, std::int64_t number) = 0;
  /// Each content once, newest first in the order in which they were kept here.
  virtual Result<std::vector<Release>> releases(std::string_view app, std::size_t limit) = 0;

  /// Stores a new promotion of a release that was kept before, in state planned. Gives it an id when it has none.
  /// Errors: not_found (no such release), conflict (the id is taken), usage (a number or text out of range).
  virtual Result<Promotion> add_promotion(Promotion promotion) = 0;
  virtual Result<std::optional<Promotion>> promotion(std::string_view id) = 0;
  /// Newest first.
  virtual Result<std::vector<Promotion>> promotions(std::size_t limit) = 0;
  /// Those that share at least one of these places, newest first, each once.
  virtual Result<std::vector<Promotion>> promotions_at(const std::vector<std::string>& places, std::size_t limit) = 0;
  /// Moves a promotion to a state and appends a journal entry, in one transaction. An end state sets ended_at;
  /// leaving an end state (resume, undo) clears it. Returns the entry as it was written, with its sequence and time.
  /// Errors: conflict when a fence is no longer the newest.
  virtual Result<JournalEntry> advance(std::string_view id, PromotionState state, std::string_view failure,
                                       JournalEntry entry, const std::vector<Fence>& fences) = 0;
  /// Appends a journal entry, and returns it as it was written. Errors: conflict when a fence is no longer the newest.
  virtual Result<JournalEntry> append(std::string_view id, JournalEntry entry, const std::vector<Fence>& fences) = 0;
  virtual Result<std::vector<JournalEntry>> journal(std::string_view id) = 0;

  /// Sets the hold of a place, or replaces it.
  virtual Status set_hold(const Hold& hold) = 0;
  /// True when there was one.
  virtual Result<bool> clear_holds(const std::vector<std::string>& places) = 0;
  /// The holds of these places, in their order, each once.
  virtual Result<std::vector<Hold>> holds(const std::vector<std::string>& places) = 0;
  /// A hold that was set before places were recorded, where no promotion tells its places. The others of that time are
  /// found by place.
  virtual Result<std::optional<Hold>> old_hold(std::string_view app, std::string_view environment) = 0;
  /// True when there was one.
  virtual Result<bool> clear_old_hold(std::string_view app, std::string_view environment) = 0;

  /// Takes the lease of a target: free, expired, already ours, held by a process of this host that is dead, or by
  /// force. Errors: busy with a LeaseHeld (base/lease_held.hpp), naming holder and remaining time.
  virtual Result<Lease> acquire(std::string_view target, std::string_view holder, std::chrono::seconds span,
                                Taking taking = Taking::if_free) = 0;
  /// Who is at work on a target; empty when its lease is free.
  virtual Result<std::optional<Lease>> lease(std::string_view target) = 0;
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
/// Errors: config when another user owns the file or its folder or may write there.
Result<std::unique_ptr<Store>> open_store(std::string_view url, const sluice::Environment& environment,
                                          AfterCommit after_commit = {});
Result<std::unique_ptr<Store>> open_sqlite(const std::filesystem::path& file, AfterCommit after_commit = {});

/// The records as they are now, for commands that only look: a copy in memory, brought to the newest schema there.
/// Nothing is written, neither a file nor a lock that another process would wait for; a read-only folder and a full
/// disk are fine. No file at all: nothing was ever recorded. Writing to it is an internal error.
/// Errors: as those of open_store().
Result<std::unique_ptr<Store>> open_read_only(std::string_view url, const sluice::Environment& environment);

}  // namespace sluice::records
