// Promotions and their journals: the state moves on, the journal only grows, and both only under a newest fence.

#include "base/text.hpp"
#include "records/process_identity.hpp"
#include "records/promotion_id.hpp"
#include "records/sqlite_error.hpp"
#include "records/sqlite_store.hpp"

#include <algorithm>
#include <limits>

namespace sluice::records {

namespace {

constexpr int kIdTries = 8;  // two equal ids in one millisecond are one in 262,144; eight in a row do not happen

constexpr std::string_view kColumns =
    "id, app, environment, kind, release_number, plan_hash, plan_json, state, failure, created_at, ended_at";

// What is written must be readable later: read it back under the limits that reading has.
Result<std::string> encode(const Json& value, std::string_view what) {
  std::string out = value.dump();
  if (auto readable = parse_json(out); !readable.ok()) {
    return Error(ErrorKind::unsupported, "cannot record " + std::string(what) + ": " + readable.error().message());
  }
  return out;
}

Result<Promotion> read_promotion(Database& database, const Statement& row) {
  Promotion out;
  out.id = row.text(0);
  out.app = row.text(1);
  out.environment = row.text(2);
  const auto kind = row.text(3);
  if (kind == to_string(PromotionKind::rollback)) {
    out.kind = PromotionKind::rollback;
  } else if (kind != to_string(PromotionKind::promote)) {
    return damaged_row("the kind of promotion '" + kind + "'", database.file());
  }
  out.release = row.integer(4);
  out.plan_hash = row.text(5);
  auto plan = parse_json(row.text(6));
  if (!plan.ok()) return damaged_row("an unreadable plan in promotion " + out.id, database.file());
  out.plan = std::move(plan).value();
  const auto state = parse_promotion_state(row.text(7));
  if (!state) return damaged_row("the state '" + row.text(7) + "'", database.file());
  out.state = *state;
  out.failure = row.text(8);
  out.created_at = row.integer(9);
  out.ended_at = row.integer(10);
  return out;
}

Result<bool> exists(Database& database, std::string_view id) {
  SLUICE_TRY(auto row, database.prepare("SELECT 1 FROM promotions WHERE id = $id"));
  return row.bind("$id", id).step();
}

Error no_such_promotion(std::string_view id) {
  return Error(ErrorKind::not_found, "there is no promotion " + text::printable(id) + " in the records")
      .with_hint("list them with: sluice history");
}

Status check_release(Database& database, const Promotion& promotion) {
  SLUICE_TRY(auto row, database.prepare("SELECT 1 FROM releases WHERE app = $app AND number = $number"));
  SLUICE_TRY(const bool found, row.bind("$app", promotion.app).bind("$number", promotion.release).step());
  if (found) return {};
  return Error(ErrorKind::not_found, "cannot record a promotion to " + text::printable(promotion.environment) +
                                         ": there is no release " + text::printable(promotion.app) + " " +
                                         std::to_string(promotion.release) + " in the records")
      .with_hint("list them with: sluice releases");
}

Status give_id(Database& database, Promotion& promotion) {
  if (!promotion.id.empty()) {
    SLUICE_TRY(const bool taken, exists(database, promotion.id));
    if (!taken) return {};
    return Error(ErrorKind::conflict,
                 "cannot record promotion " + text::printable(promotion.id) + ": there is one with this id");
  }
  for (int tried = 0; tried < kIdTries; ++tried) {
    auto id = new_promotion_id();
    SLUICE_TRY(const bool taken, exists(database, id));
    if (taken) continue;
    promotion.id = std::move(id);
    return {};
  }
  return Error(ErrorKind::internal, "cannot record a promotion: no unused id was found");
}

Status insert(Database& database, const Promotion& promotion, std::string_view plan) {
  SLUICE_TRY(auto row,
             database.prepare("INSERT INTO promotions (" + std::string(kColumns) +
                              ") VALUES ($id, $app, $environment, $kind, $release, $hash, $plan, $state, '', $at, 0)"));
  row.bind("$id", promotion.id).bind("$app", promotion.app).bind("$environment", promotion.environment);
  row.bind("$kind", to_string(promotion.kind)).bind("$release", promotion.release);
  row.bind("$hash", promotion.plan_hash).bind("$plan", plan).bind("$state", to_string(promotion.state));
  return row.bind("$at", promotion.created_at).run();
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

Status append_entry(Database& database, std::string_view id, const JournalEntry& entry, std::string_view detail) {
  SLUICE_TRY(auto row,
             database.prepare("INSERT INTO journal (promotion, sequence, at, step, target, image, detail_json)"
                              " SELECT $id, coalesce(max(sequence), 0) + 1, $at, $step, $target, $image, $detail"
                              " FROM journal WHERE promotion = $id"));
  row.bind("$id", id).bind("$at", entry.at == 0 ? now_seconds() : entry.at).bind("$step", entry.step);
  return row.bind("$target", entry.target).bind("$image", entry.image).bind("$detail", detail).run();
}

Status check_step(const JournalEntry& entry) {
  if (!entry.step.empty()) return {};
  return Error(ErrorKind::internal, "cannot write a journal entry: its step has no name");
}

}  // namespace

Result<Promotion> SqliteStore::add_promotion(Promotion promotion) {
  SLUICE_TRY(const auto plan, encode(promotion.plan, "the plan of a promotion"));
  return write([&](Database& database) -> Result<Promotion> {
    SLUICE_CHECK(check_release(database, promotion));
    SLUICE_CHECK(give_id(database, promotion));
    promotion.state = PromotionState::planned;
    promotion.failure.clear();
    promotion.ended_at = 0;
    if (promotion.created_at == 0) promotion.created_at = now_seconds();
    SLUICE_CHECK(insert(database, promotion, plan));
    return std::move(promotion);
  });
}

Result<std::optional<Promotion>> SqliteStore::promotion(std::string_view id) {
  return read([&](Database& database) -> Result<std::optional<Promotion>> {
    SLUICE_TRY(auto row, database.prepare("SELECT " + std::string(kColumns) + " FROM promotions WHERE id = $id"));
    SLUICE_TRY(const bool found, row.bind("$id", id).step());
    if (!found) return std::optional<Promotion>();
    SLUICE_TRY(auto out, read_promotion(database, row));
    return std::optional<Promotion>(std::move(out));
  });
}

Result<std::vector<Promotion>> SqliteStore::promotions(std::string_view app, std::string_view environment,
                                                       std::size_t limit) {
  // A negative LIMIT would mean none at all.
  const auto count =
      static_cast<std::int64_t>(std::min<std::uint64_t>(limit, std::numeric_limits<std::int64_t>::max()));
  return read([&](Database& database) -> Result<std::vector<Promotion>> {
    // By sequence and not by id: the clocks of two processes may differ.
    SLUICE_TRY(auto row, database.prepare("SELECT " + std::string(kColumns) +
                                          " FROM promotions WHERE app = $app AND ($environment = '' OR environment = "
                                          "$environment) ORDER BY sequence DESC LIMIT $limit"));
    row.bind("$app", app).bind("$environment", environment).bind("$limit", count);
    std::vector<Promotion> out;
    for (;;) {
      SLUICE_TRY(const bool found, row.step());
      if (!found) return out;
      SLUICE_TRY(auto next, read_promotion(database, row));
      out.push_back(std::move(next));
    }
  });
}

Status SqliteStore::advance(std::string_view id, PromotionState state, std::string_view failure, JournalEntry entry,
                            const std::vector<Fence>& fences) {
  SLUICE_CHECK(check_step(entry));
  SLUICE_TRY(const auto detail, encode(entry.detail, "a journal entry"));
  return write([&](Database& database) -> Status {
    SLUICE_TRY(const bool found, exists(database, id));
    if (!found) return no_such_promotion(id);
    SLUICE_CHECK(check_fences(database, id, fences));
    SLUICE_TRY(auto row, database.prepare("UPDATE promotions SET state = $state, failure = $failure, ended_at = $ended"
                                          " WHERE id = $id"));
    row.bind("$id", id).bind("$state", to_string(state)).bind("$failure", failure);
    SLUICE_CHECK(row.bind("$ended", is_end(state) ? now_seconds() : 0).run());
    return append_entry(database, id, entry, detail);
  });
}

Status SqliteStore::append(std::string_view id, JournalEntry entry, const std::vector<Fence>& fences) {
  SLUICE_CHECK(check_step(entry));
  SLUICE_TRY(const auto detail, encode(entry.detail, "a journal entry"));
  return write([&](Database& database) -> Status {
    SLUICE_TRY(const bool found, exists(database, id));
    if (!found) return no_such_promotion(id);
    SLUICE_CHECK(check_fences(database, id, fences));
    return append_entry(database, id, entry, detail);
  });
}

Result<std::vector<JournalEntry>> SqliteStore::journal(std::string_view id) {
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
      out.push_back(JournalEntry{row.integer(0), row.integer(1), row.text(2), row.text(3), row.text(4),
                                 std::move(detail).value()});
    }
  });
}

}  // namespace sluice::records
