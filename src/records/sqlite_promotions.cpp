// Promotions: added once, read with the label of their release and their places. What they do is in sqlite_journal.cpp.

#include "base/text.hpp"
#include "records/promotion_id.hpp"
#include "records/sqlite_error.hpp"
#include "records/sqlite_store.hpp"
#include "records/values.hpp"

#include <functional>
#include <map>

namespace sluice::records {

namespace {

constexpr int kIdTries = 8;  // two equal ids in one millisecond are one in 262,144; eight in a row do not happen

constexpr std::string_view kRead =
    "SELECT p.id, p.app, p.environment, p.kind, r.content,"
    // A promotion without a label of its own shows the newest of its release.
    " CASE WHEN p.number <> 0 THEN p.number ELSE (SELECT l.number FROM release_labels l"
    "  WHERE l.app = p.app AND l.content = r.content ORDER BY l.sequence DESC LIMIT 1) END,"
    " p.plan_hash, p.plan_json, p.state, p.failure, p.created_at, p.ended_at, p.who_json"
    " FROM promotions p JOIN releases r ON r.app = p.app AND r.serial = p.release_serial";

Result<std::vector<std::string>> places_of(Database& database, std::string_view id) {
  SLUICE_TRY(auto row, database.prepare("SELECT place FROM promotion_places WHERE promotion = $id ORDER BY position"));
  row.bind("$id", id);
  std::vector<std::string> out;
  for (;;) {
    SLUICE_TRY(const bool found, row.step());
    if (!found) return out;
    out.push_back(row.text(0));
  }
}

Result<Json> json_of(Database& database, const std::string& text, std::string_view what, std::string_view id) {
  auto value = parse_json(text);
  if (value.ok()) return value;
  return damaged_row("an unreadable " + std::string(what) + " in promotion " + std::string(id), database.file());
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
  out.release = row.text(4);
  out.number = row.integer(5);
  out.plan_hash = row.text(6);
  SLUICE_TRY(out.plan, json_of(database, row.text(7), "plan", out.id));
  const auto state = parse_promotion_state(row.text(8));
  if (!state) return damaged_row("the state '" + row.text(8) + "'", database.file());
  out.state = *state;
  out.failure = row.text(9);
  out.created_at = row.integer(10);
  out.ended_at = row.integer(11);
  SLUICE_TRY(out.who, json_of(database, row.text(12), "name of who asked for it", out.id));
  SLUICE_TRY(out.places, places_of(database, out.id));
  return out;
}

Result<std::optional<Promotion>> find(Database& database, std::string_view id) {
  SLUICE_TRY(auto row, database.prepare(std::string(kRead) + " WHERE p.id = $id"));
  SLUICE_TRY(const bool found, row.bind("$id", id).step());
  if (!found) return std::optional<Promotion>();
  SLUICE_TRY(auto out, read_promotion(database, row));
  return std::optional<Promotion>(std::move(out));
}

Status check_promotion(const Promotion& promotion) {
  SLUICE_CHECK(check_text("the id of a promotion", promotion.id));
  SLUICE_CHECK(check_text("the app", promotion.app));
  SLUICE_CHECK(check_text("the environment", promotion.environment));
  SLUICE_CHECK(check_text("the id of a release", promotion.release));
  SLUICE_CHECK(check_text("the hash of a plan", promotion.plan_hash));
  if (promotion.number != 0) SLUICE_CHECK(check_number(promotion.number));
  return check_places(promotion.places);
}

Result<std::int64_t> serial_of(Database& database, const Promotion& promotion) {
  SLUICE_TRY(auto row, database.prepare("SELECT min(serial) FROM releases WHERE app = $app AND content = $id"));
  SLUICE_CHECK(row.bind("$app", promotion.app).bind("$id", promotion.release).step());
  if (const auto serial = row.integer(0); serial != 0) return serial;
  return Error(ErrorKind::not_found, "cannot record a promotion to " + text::printable(promotion.environment) +
                                         ": there is no release " + text::printable(promotion.release, 12) + " of " +
                                         text::printable(promotion.app) + " in the records")
      .with_hint("list them with: sluice releases");
}

Result<bool> exists(Database& database, std::string_view id) {
  SLUICE_TRY(auto row, database.prepare("SELECT 1 FROM promotions WHERE id = $id"));
  return row.bind("$id", id).step();
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

struct Encoded {
  std::string plan;
  std::string who;
};

Status insert(Database& database, const Promotion& promotion, std::int64_t serial, const Encoded& encoded) {
  SLUICE_TRY(auto row,
             database.prepare("INSERT INTO promotions (id, app, environment, kind, release_serial, number, plan_hash,"
                              " plan_json, state, failure, created_at, ended_at, who_json) VALUES ($id, $app,"
                              " $environment, $kind, $serial, $number, $hash, $plan, $state, '', $at, 0, $who)"));
  row.bind("$id", promotion.id).bind("$app", promotion.app).bind("$environment", promotion.environment);
  row.bind("$kind", to_string(promotion.kind)).bind("$serial", serial).bind("$number", promotion.number);
  row.bind("$hash", promotion.plan_hash).bind("$plan", encoded.plan).bind("$who", encoded.who);
  SLUICE_CHECK(row.bind("$state", to_string(promotion.state)).bind("$at", promotion.created_at).run());

  SLUICE_TRY(auto place, database.prepare("INSERT INTO promotion_places (promotion, position, place)"
                                          " VALUES ($id, $position, $place)"));
  std::int64_t position = 0;
  for (const auto& each : promotion.places) {
    place.reset();
    SLUICE_CHECK(place.bind("$id", promotion.id).bind("$position", position++).bind("$place", each).run());
  }
  return {};
}

using NewestFirst = std::map<std::int64_t, std::string, std::greater<>>;  // sequence and id

// The newest `limit` of one place join those of others.
Status add_ids_at(Statement& row, const std::string& place, std::size_t limit, NewestFirst& ids) {
  row.reset();
  row.bind("$place", place).bind("$limit", row_limit(limit));
  for (;;) {
    SLUICE_TRY(const bool found, row.step());
    if (!found) break;
    ids.emplace(row.integer(0), row.text(1));
  }
  while (ids.size() > limit) ids.erase(std::prev(ids.end()));
  return {};
}

}  // namespace

Result<Promotion> SqliteStore::add_promotion(Promotion promotion) {
  SLUICE_CHECK(check_promotion(promotion));
  SLUICE_TRY(auto plan, encode(promotion.plan, "the plan of a promotion"));
  SLUICE_TRY(auto who, encode_who(promotion.who));
  const Encoded encoded{std::move(plan), std::move(who)};
  promotion.places = each_once(promotion.places);
  return write([&](Database& database) -> Result<Promotion> {
    SLUICE_TRY(const auto serial, serial_of(database, promotion));
    SLUICE_CHECK(give_id(database, promotion));
    promotion.state = PromotionState::planned;
    if (promotion.created_at == 0) promotion.created_at = now_seconds();
    SLUICE_CHECK(insert(database, promotion, serial, encoded));
    SLUICE_TRY(auto stored, find(database, promotion.id));
    if (!stored) return damaged_row("a promotion that was written and is not there", database.file());
    return std::move(*stored);
  });
}

Result<std::optional<Promotion>> SqliteStore::promotion(std::string_view id) {
  SLUICE_CHECK(check_text("the id of a promotion", id));
  return read([&](Database& database) { return find(database, id); });
}

Result<std::vector<Promotion>> SqliteStore::promotions(std::size_t limit) {
  return read([&](Database& database) -> Result<std::vector<Promotion>> {
    // By sequence and not by id: the clocks of two processes may differ.
    SLUICE_TRY(auto row, database.prepare(std::string(kRead) + " ORDER BY p.sequence DESC LIMIT $limit"));
    row.bind("$limit", row_limit(limit));
    std::vector<Promotion> out;
    for (;;) {
      SLUICE_TRY(const bool found, row.step());
      if (!found) return out;
      SLUICE_TRY(auto next, read_promotion(database, row));
      out.push_back(std::move(next));
    }
  });
}

Result<std::vector<Promotion>> SqliteStore::promotions_at(const std::vector<std::string>& places, std::size_t limit) {
  SLUICE_CHECK(check_places(places));
  return read([&](Database& database) -> Result<std::vector<Promotion>> {
    SLUICE_TRY(auto row, database.prepare("SELECT p.sequence, p.id FROM promotion_places x"
                                          " JOIN promotions p ON p.id = x.promotion WHERE x.place = $place"
                                          " ORDER BY p.sequence DESC LIMIT $limit"));
    NewestFirst ids;
    for (const auto& place : each_once(places)) SLUICE_CHECK(add_ids_at(row, place, limit, ids));
    std::vector<Promotion> out;
    for (const auto& [sequence, id] : ids) {
      SLUICE_TRY(auto next, find(database, id));
      if (!next) return damaged_row("the place of a promotion that is not there", database.file());
      out.push_back(std::move(*next));
    }
    return out;
  });
}

}  // namespace sluice::records
