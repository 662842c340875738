// Holds: of places, and those of old records whose place nobody knows.

#include "records/sqlite_error.hpp"
#include "records/sqlite_store.hpp"
#include "records/values.hpp"

namespace sluice::records {

namespace {

Status check_old(std::string_view app, std::string_view environment) {
  SLUICE_CHECK(check_text("the app", app));
  return check_text("the environment", environment);
}

}  // namespace

Status SqliteStore::set_hold(const Hold& hold) {
  SLUICE_CHECK(check_places({hold.place}));
  SLUICE_CHECK(check_text("the reason of a hold", hold.reason));
  SLUICE_TRY(const auto who, encode_who(hold.who));
  return write([&](Database& database) -> Status {
    SLUICE_TRY(auto row, database.prepare("INSERT INTO place_holds (place, reason, since, who_json)"
                                          " VALUES ($place, $reason, $since, $who)"
                                          " ON CONFLICT (place) DO UPDATE SET reason = $reason, since = $since,"
                                          " who_json = $who"));
    row.bind("$place", hold.place).bind("$reason", hold.reason).bind("$who", who);
    return row.bind("$since", hold.since == 0 ? now_seconds() : hold.since).run();
  });
}

Result<bool> SqliteStore::clear_holds(const std::vector<std::string>& places) {
  SLUICE_CHECK(check_places(places));
  return write([&](Database& database) -> Result<bool> {
    const auto before = database.total_changes();
    SLUICE_TRY(auto row, database.prepare("DELETE FROM place_holds WHERE place = $place"));
    for (const auto& place : places) {
      row.reset();
      SLUICE_CHECK(row.bind("$place", place).run());
    }
    return database.total_changes() != before;
  });
}

Result<std::vector<Hold>> SqliteStore::holds(const std::vector<std::string>& places) {
  SLUICE_CHECK(check_places(places));
  return read([&](Database& database) -> Result<std::vector<Hold>> {
    SLUICE_TRY(auto row, database.prepare("SELECT reason, since, who_json FROM place_holds WHERE place = $place"));
    std::vector<Hold> out;
    for (const auto& place : each_once(places)) {
      row.reset();
      SLUICE_TRY(const bool found, row.bind("$place", place).step());
      if (!found) continue;
      auto who = parse_json(row.text(2));
      if (!who.ok()) return damaged_row("an unreadable hold of " + place, database.file());
      out.push_back(Hold{place, row.text(0), row.integer(1), std::move(who).value()});
    }
    return out;
  });
}

Result<std::optional<Hold>> SqliteStore::old_hold(std::string_view app, std::string_view environment) {
  SLUICE_CHECK(check_old(app, environment));
  return read([&](Database& database) -> Result<std::optional<Hold>> {
    SLUICE_TRY(auto row, database.prepare("SELECT reason, since FROM holds"
                                          " WHERE app = $app AND environment = $environment"));
    SLUICE_TRY(const bool found, row.bind("$app", app).bind("$environment", environment).step());
    if (!found) return std::optional<Hold>();
    return std::optional<Hold>(Hold{"", row.text(0), row.integer(1), Json()});
  });
}

Result<bool> SqliteStore::clear_old_hold(std::string_view app, std::string_view environment) {
  SLUICE_CHECK(check_old(app, environment));
  return write([&](Database& database) -> Result<bool> {
    const auto before = database.total_changes();
    SLUICE_TRY(auto row, database.prepare("DELETE FROM holds WHERE app = $app AND environment = $environment"));
    SLUICE_CHECK(row.bind("$app", app).bind("$environment", environment).run());
    return database.total_changes() != before;
  });
}

}  // namespace sluice::records
