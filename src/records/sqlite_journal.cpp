// What a promotion does: its state moves on, its journal only grows, and both only under a newest fence.

#include "base/text.hpp"
#include "records/process_identity.hpp"
#include "records/sqlite_error.hpp"
#include "records/sqlite_store.hpp"
#include "records/values.hpp"

namespace sluice::records {

namespace {

Status require(Database& database, std::string_view id) {
  SLUICE_TRY(auto row, database.prepare("SELECT 1 FROM promotions WHERE id = $id"));
  SLUICE_TRY(const bool found, row.bind("$id", id).step());
  if (found) return {};
  return Error(ErrorKind::not_found, "there is no promotion " + text::printable(id) + " in the records")
      .with_hint("list them with: sluice history");
}

// In the writer's own transaction: between this look and the commit nobody can take the lease.
Status check_fences(Database& database, std::string_view id, const std::vector<Fence>& fences) {
  SLUICE_TRY(auto row, database.prepare("SELECT fence, holder FROM leases WHERE target = $target"));
  for (const auto& fence : fences) {
    row.reset();
    SLUICE_TRY(const bool found, row.bind("$target", fence.target).step());
    if (found && row.integer(0) == fence.fence) continue;
    const auto target = text::printable(fence.target);
    std::string message = "cannot go on with promotion " + text::printable(id) + ": ";
    if (!found) return Error(ErrorKind::conflict, message + "nobody holds the lease of " + target);
    message += "another process took over " + target;
    if (const auto holder = row.text(1); !holder.empty()) message += " (" + describe_holder(holder) + ")";
    return Error(ErrorKind::conflict, std::move(message)).with_hint("see what it does with: sluice status");
  }
  return {};
}

Result<JournalEntry> append_entry(Database& database, std::string_view id, JournalEntry entry,
                                  std::string_view detail) {
  SLUICE_TRY(auto row,
             database.prepare("INSERT INTO journal (promotion, sequence, at, step, target, image, detail_json)"
                              " SELECT $id, coalesce(max(sequence), 0) + 1, $at, $step, $target, $image, $detail"
                              " FROM journal WHERE promotion = $id RETURNING sequence, at"));
  row.bind("$id", id).bind("$at", entry.at == 0 ? now_seconds() : entry.at).bind("$step", to_string(entry.step));
  row.bind("$target", entry.target).bind("$image", entry.image).bind("$detail", detail);
  SLUICE_TRY(const bool written, row.step());
  if (!written) return Error(ErrorKind::internal, "a journal entry was written and not given back");
  entry.sequence = row.integer(0);
  entry.at = row.integer(1);
  // The statement is carried out to its end: the commit waits for it.
  SLUICE_TRY(const bool more, row.step());
  static_cast<void>(more);
  return entry;
}

Status check_entry(std::string_view id, const JournalEntry& entry) {
  SLUICE_CHECK(check_text("the id of a promotion", id));
  SLUICE_CHECK(check_text("the target of a journal entry", entry.target));
  return check_text("the image of a journal entry", entry.image);
}

}  // namespace

Result<JournalEntry> SqliteStore::advance(std::string_view id, PromotionState state, std::string_view failure,
                                          JournalEntry entry, const std::vector<Fence>& fences) {
  SLUICE_CHECK(check_entry(id, entry));
  SLUICE_TRY(const auto detail, encode(entry.detail, "a journal entry"));
  // A failure is a sentence. One that is longer is cut: that it failed must not get lost.
  const std::string stored = failure.size() > kMaxText ? text::printable(failure, kMaxText) : std::string(failure);
  return write([&](Database& database) -> Result<JournalEntry> {
    SLUICE_CHECK(require(database, id));
    SLUICE_CHECK(check_fences(database, id, fences));
    SLUICE_TRY(auto row, database.prepare("UPDATE promotions SET state = $state, failure = $failure, ended_at = $ended"
                                          " WHERE id = $id"));
    row.bind("$id", id).bind("$state", to_string(state)).bind("$failure", stored);
    SLUICE_CHECK(row.bind("$ended", is_end(state) ? now_seconds() : 0).run());
    return append_entry(database, id, std::move(entry), detail);
  });
}

Result<JournalEntry> SqliteStore::append(std::string_view id, JournalEntry entry, const std::vector<Fence>& fences) {
  SLUICE_CHECK(check_entry(id, entry));
  SLUICE_TRY(const auto detail, encode(entry.detail, "a journal entry"));
  return write([&](Database& database) -> Result<JournalEntry> {
    SLUICE_CHECK(require(database, id));
    SLUICE_CHECK(check_fences(database, id, fences));
    return append_entry(database, id, std::move(entry), detail);
  });
}

Result<std::vector<JournalEntry>> SqliteStore::journal(std::string_view id) {
  SLUICE_CHECK(check_text("the id of a promotion", id));
  return read([&](Database& database) -> Result<std::vector<JournalEntry>> {
    SLUICE_TRY(auto row, database.prepare("SELECT sequence, at, step, target, image, detail_json FROM journal"
                                          " WHERE promotion = $id ORDER BY sequence"));
    row.bind("$id", id);
    std::vector<JournalEntry> out;
    for (;;) {
      SLUICE_TRY(const bool found, row.step());
      if (!found) return out;
      auto detail = parse_json(row.text(5));
      if (!detail.ok()) {
        return damaged_row("an unreadable journal entry of promotion " + std::string(id), database.file());
      }
      const auto step = parse_step(row.text(2));
      if (!step) {
        return Error(ErrorKind::storage, "the journal of promotion " + text::printable(id) + " has the step '" +
                                             text::printable(row.text(2), 40) +
                                             "', which this version of sluice does not know")
            .with_hint("use the version that wrote it, or a newer one");
      }
      out.push_back(
          JournalEntry{row.integer(0), row.integer(1), *step, row.text(3), row.text(4), std::move(detail).value()});
    }
  });
}

}  // namespace sluice::records
