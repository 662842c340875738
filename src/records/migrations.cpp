#include "records/migrations.hpp"

#include "base/deadline.hpp"
#include "base/hash.hpp"

#include <chrono>
#include <type_traits>
#include <utility>

namespace sluice::records {

namespace {

// "Slce" in ASCII: tells our files from SQLite databases of other programs, whose id is 0 or theirs.
constexpr std::int64_t kApplicationId = 0x536C6365;
constexpr std::chrono::seconds kWalWait{10};  // as long as the busy time-out of the store

constexpr std::string_view kFirst = R"sql(
CREATE TABLE releases (
  app         TEXT    NOT NULL CHECK (app <> ''),
  number      INTEGER NOT NULL CHECK (number >= 1),
  content     TEXT    NOT NULL,  -- SHA-256 over the sorted names and digests: finds equal releases
  pattern_tag INTEGER NOT NULL CHECK (pattern_tag IN (0, 1)),
  adopted     INTEGER NOT NULL CHECK (adopted IN (0, 1)),
  origin      TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (app, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX releases_by_content ON releases (app, content, number);

CREATE TABLE release_images (
  app      TEXT    NOT NULL,
  number   INTEGER NOT NULL,
  position INTEGER NOT NULL,     -- the order of the pipeline
  name     TEXT    NOT NULL CHECK (name <> ''),
  digest   TEXT    NOT NULL,
  tag      TEXT    NOT NULL,
  PRIMARY KEY (app, number, position),
  UNIQUE (app, number, name),
  FOREIGN KEY (app, number) REFERENCES releases (app, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE promotions (
  sequence       INTEGER PRIMARY KEY AUTOINCREMENT,
  id             TEXT    NOT NULL UNIQUE CHECK (id <> ''),
  app            TEXT    NOT NULL,
  environment    TEXT    NOT NULL,
  kind           TEXT    NOT NULL,
  release_number INTEGER NOT NULL,
  plan_hash      TEXT    NOT NULL,
  plan_json      TEXT    NOT NULL,
  state          TEXT    NOT NULL,
  failure        TEXT    NOT NULL,
  created_at     INTEGER NOT NULL,
  ended_at       INTEGER NOT NULL,
  FOREIGN KEY (app, release_number) REFERENCES releases (app, number)
) STRICT;
CREATE INDEX promotions_by_place ON promotions (app, environment, sequence);

CREATE TABLE journal (
  promotion   TEXT    NOT NULL REFERENCES promotions (id),
  sequence    INTEGER NOT NULL CHECK (sequence >= 1),
  at          INTEGER NOT NULL,
  step        TEXT    NOT NULL CHECK (step <> ''),
  target      TEXT    NOT NULL,
  image       TEXT    NOT NULL,
  detail_json TEXT    NOT NULL,
  PRIMARY KEY (promotion, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE holds (
  app         TEXT    NOT NULL,
  environment TEXT    NOT NULL,
  reason      TEXT    NOT NULL,
  since       INTEGER NOT NULL,
  PRIMARY KEY (app, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
  target     TEXT    PRIMARY KEY NOT NULL,
  holder     TEXT    NOT NULL,   -- empty when nobody has it
  fence      INTEGER NOT NULL CHECK (fence >= 1),
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was recorded stays as it was, whoever opens the file.
CREATE TRIGGER releases_keep       BEFORE UPDATE ON releases       BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;
CREATE TRIGGER releases_stay       BEFORE DELETE ON releases       BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;
CREATE TRIGGER release_images_keep BEFORE UPDATE ON release_images BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;
CREATE TRIGGER release_images_stay BEFORE DELETE ON release_images BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;
CREATE TRIGGER journal_keep        BEFORE UPDATE ON journal        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_stay        BEFORE DELETE ON journal        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER promotions_stay     BEFORE DELETE ON promotions     BEGIN SELECT RAISE(ABORT, 'promotions are never deleted'); END;
CREATE TRIGGER promotions_keep     BEFORE UPDATE OF sequence, id, app, environment, kind, release_number, plan_hash, plan_json, created_at
  ON promotions BEGIN SELECT RAISE(ABORT, 'only the state of a promotion changes'); END;
-- A fence that went back would let an earlier holder write again.
CREATE TRIGGER leases_grow BEFORE UPDATE ON leases WHEN NEW.fence < OLD.fence BEGIN SELECT RAISE(ABORT, 'fences only grow'); END;
CREATE TRIGGER leases_stay BEFORE DELETE ON leases BEGIN SELECT RAISE(ABORT, 'fences only grow'); END;
)sql";

// A release is its content now, and numbers are labels of it. What was the number of a release is from here on the
// order in which this file came to know it, and is never shown. What is done belongs to places and not to environments.
constexpr std::string_view kSecond = R"sql(
ALTER TABLE releases       RENAME COLUMN number         TO serial;
ALTER TABLE release_images RENAME COLUMN number         TO serial;
ALTER TABLE promotions     RENAME COLUMN release_number TO release_serial;

CREATE TABLE release_labels (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,  -- a larger one is a newer label
  app      TEXT    NOT NULL,
  line     TEXT    NOT NULL,                   -- the line of numbers; empty for those of step 1
  number   INTEGER NOT NULL CHECK (number >= 1),
  content  TEXT    NOT NULL,
  UNIQUE (app, line, number)
) STRICT;
CREATE INDEX release_labels_by_content ON release_labels (app, content, sequence);
CREATE INDEX release_labels_by_number  ON release_labels (app, number);
-- A number of another machine was taken over as it was, and may be beyond what a label can be.
INSERT INTO release_labels (app, line, number, content)
  SELECT app, '', serial, content FROM releases WHERE serial <= 9999999 ORDER BY app, serial;

ALTER TABLE promotions ADD COLUMN number   INTEGER NOT NULL DEFAULT 0;  -- the label of its release; 0: none then
ALTER TABLE promotions ADD COLUMN who_json TEXT    NOT NULL DEFAULT 'null';
UPDATE promotions SET number = release_serial WHERE release_serial <= 9999999;
DROP INDEX promotions_by_place;

CREATE TABLE promotion_places (
  promotion TEXT    NOT NULL REFERENCES promotions (id),
  position  INTEGER NOT NULL,
  place     TEXT    NOT NULL CHECK (place <> ''),
  PRIMARY KEY (promotion, position),
  UNIQUE (place, promotion)
) STRICT, WITHOUT ROWID;
-- A plan that is no longer readable tells no places. CASE and not WHERE: json_each() fails on what is no JSON.
INSERT OR IGNORE INTO promotion_places (promotion, position, place)
  SELECT id, row_number() OVER (PARTITION BY id ORDER BY target_at, image_at) - 1, place
  FROM (
    SELECT p.id AS id, t.key AS target_at, i.key AS image_at,
           coalesce(json_extract(t.value, '$.api'), json_extract(t.value, '$.registry'))
             || '/' || json_extract(t.value, '$.project')
             || '/' || json_extract(i.value, '$.name')
             || ':' || json_extract(i.value, '$.tags[#-1].tag') AS place
    FROM promotions p,
         json_each(CASE WHEN json_valid(p.plan_json) THEN p.plan_json ELSE '{}' END, '$.targets') t,
         json_each(CASE WHEN t.type = 'object' THEN t.value ELSE '{}' END, '$.images') i
    WHERE i.type = 'object'
  )
  WHERE place IS NOT NULL;

CREATE TABLE place_holds (
  place    TEXT    PRIMARY KEY NOT NULL CHECK (place <> ''),
  reason   TEXT    NOT NULL,
  since    INTEGER NOT NULL,
  who_json TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
-- Two environments may have had the same place: the newer hold stays.
INSERT OR IGNORE INTO place_holds (place, reason, since, who_json)
  SELECT x.place, h.reason, h.since, 'null'
  FROM holds h JOIN promotions p USING (app, environment) JOIN promotion_places x ON x.promotion = p.id
  ORDER BY h.since DESC;
DELETE FROM holds WHERE EXISTS (
  SELECT 1 FROM promotions p JOIN promotion_places x ON x.promotion = p.id
  WHERE p.app = holds.app AND p.environment = holds.environment);

CREATE TRIGGER release_labels_keep   BEFORE UPDATE ON release_labels   BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
CREATE TRIGGER release_labels_stay   BEFORE DELETE ON release_labels   BEGIN SELECT RAISE(ABORT, 'labels are append-only'); END;
CREATE TRIGGER promotion_places_keep BEFORE UPDATE ON promotion_places BEGIN SELECT RAISE(ABORT, 'places of promotions are append-only'); END;
CREATE TRIGGER promotion_places_stay BEFORE DELETE ON promotion_places BEGIN SELECT RAISE(ABORT, 'places of promotions are append-only'); END;
CREATE TRIGGER promotions_keep_new   BEFORE UPDATE OF number, who_json
  ON promotions BEGIN SELECT RAISE(ABORT, 'only the state of a promotion changes'); END;
)sql";

constexpr Migration kMigrations[] = {{1, "releases, promotions, journal, holds, leases", kFirst},
                                     {2, "releases by content, labels, places", kSecond}};

constexpr std::string_view kVersionsTable =
    "CREATE TABLE IF NOT EXISTS schema_versions ("
    " version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT";

std::string checksum(const Migration& step) { return hash_hex(HashAlgorithm::sha256, step.sql); }

// A file that is neither empty nor ours must not be touched: --state may name the wrong one.
Result<bool> is_new(Database& database) {
  SLUICE_TRY(const auto id, database.integer("PRAGMA application_id"));
  if (id == kApplicationId) return false;
  SLUICE_TRY(const auto objects, database.integer("SELECT count(*) FROM sqlite_schema"));
  if (id == 0 && objects == 0) return true;
  return Error(ErrorKind::config,
               "cannot keep the records in " + database.file().string() + ": it is a database of another program")
      .with_hint("name another file with --state");
}

// The switch to WAL does not wait for locks (SQLite gives up at once, to avoid a deadlock). When somebody else is in
// the way, we queue for the write lock, which does wait, and look again: mostly they have made the switch.
Status use_wal(Database& database) {
  const Deadline deadline = Deadline::after(kWalWait);
  for (;;) {
    SLUICE_TRY(const auto mode, database.text("PRAGMA journal_mode"));
    if (mode == "wal") return {};
    auto switched = database.text("PRAGMA journal_mode = WAL");
    if (switched.ok() && *switched == "wal") return {};
    if (switched.ok()) {
      return Error(ErrorKind::storage,
                   "cannot keep the records in " + database.file().string() + ": its file system has no shared memory")
          .with_hint("name a file on a local disk with --state");
    }
    if (switched.error().kind() != ErrorKind::busy || deadline.expired()) return std::move(switched).error();
    SLUICE_TRY(auto turn, Transaction::begin(database, Transaction::Mode::write));
    SLUICE_CHECK(turn.commit());
  }
}

// How many of the steps are in the file, after checking that they are these steps.
Result<std::size_t> applied(Database& database, std::span<const Migration> steps) {
  SLUICE_TRY(const auto tables,
             database.integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_versions'"));
  if (tables == 0) return std::size_t{0};
  SLUICE_CHECK(refuse_newer(database, steps.empty() ? 0 : steps.back().version));
  SLUICE_TRY(auto rows, database.prepare("SELECT version, checksum FROM schema_versions ORDER BY version"));
  std::size_t count = 0;
  for (;; ++count) {
    SLUICE_TRY(const bool row, rows.step());
    if (!row) return count;
    if (count < steps.size() && rows.integer(0) == steps[count].version && rows.text(1) == checksum(steps[count])) {
      continue;
    }
    return Error(ErrorKind::storage, "cannot use the records " + database.file().string() + ": schema version " +
                                         std::to_string(rows.integer(0)) + " was made by another build of sluice")
        .with_hint("use the build that made the file, or name another file with --state");
  }
}

// Several reads see the file as it is at one moment, while others migrate it.
template <class F>
auto in_one_view(Database& database, F&& look) -> std::invoke_result_t<F> {
  SLUICE_TRY(auto view, Transaction::begin(database, Transaction::Mode::read));
  return std::forward<F>(look)();
}

Status apply(Database& database, const Migration& step) {
  SLUICE_CHECK(database.run(std::string(step.sql)));
  SLUICE_TRY(auto row, database.prepare("INSERT INTO schema_versions (version, name, checksum, applied_at) VALUES (?, "
                                        "?, ?, CAST(strftime('%s', 'now') AS INTEGER))"));
  return row.bind(1, step.version).bind(2, step.name).bind(3, checksum(step)).run();
}

Status migrate_as_it_is(Database& database, std::span<const Migration> steps) {
  SLUICE_TRY(const auto seen, in_one_view(database, [&] { return applied(database, steps); }));
  if (seen == steps.size()) return {};

  SLUICE_TRY(auto transaction, Transaction::begin(database, Transaction::Mode::write));
  // Now that nobody else can write: another process may have been faster.
  SLUICE_TRY(const bool empty, is_new(database));
  if (empty) SLUICE_CHECK(database.run("PRAGMA application_id = " + std::to_string(kApplicationId)));
  SLUICE_CHECK(database.run(std::string(kVersionsTable)));
  SLUICE_TRY(const auto done, applied(database, steps));
  for (const auto& step : steps.subspan(done)) {
    SLUICE_CHECK(
        apply(database, step).context("migrating the records to schema version " + std::to_string(step.version)));
  }
  return transaction.commit();
}

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

Status refuse_foreign(Database& database) {
  auto looked = in_one_view(database, [&] { return is_new(database); });
  if (!looked.ok()) return std::move(looked).error();
  return {};
}

Status refuse_newer(Database& database, std::int64_t known) {
  SLUICE_TRY(const auto version, database.integer("SELECT max(version) FROM schema_versions"));
  if (version <= known) return {};
  return Error(ErrorKind::storage, "cannot use the records " + database.file().string() +
                                       ": they have schema version " + std::to_string(version) +
                                       ", and this sluice knows versions up to " + std::to_string(known))
      .with_hint("use the newer sluice that wrote them, or name another file with --state");
}

Status migrate(Database& database, std::span<const Migration> steps) {
  SLUICE_CHECK(refuse_foreign(database));
  SLUICE_CHECK(use_wal(database));
  return migrate_as_it_is(database, steps);
}

Status migrate_copy(Database& database, std::span<const Migration> steps) { return migrate_as_it_is(database, steps); }

}  // namespace sluice::records
