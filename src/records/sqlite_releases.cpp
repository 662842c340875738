// Releases: immutable, named by their content, and labelled with numbers.

#include "base/text.hpp"
#include "records/sqlite_error.hpp"
#include "records/sqlite_store.hpp"
#include "records/values.hpp"

#include <map>

namespace sluice::records {

namespace {

constexpr std::size_t kIdDigits = 64;
constexpr std::size_t kBriefDigits = 12;  // for people, and the least that a prefix has

constexpr std::int64_t kSerialEnd = std::int64_t{1} << 62U;

// Two rows of one content are possible in records that began with schema version 1: the first stands for both.
constexpr std::string_view kFirstRows =
    "(SELECT app, content, min(serial) AS serial FROM releases WHERE app = $app GROUP BY content)";

constexpr std::string_view kRead =
    "SELECT r.content, r.app, r.pattern_tag, r.adopted, r.origin, r.created_at, i.name, i.digest, i.tag"
    " FROM releases r JOIN release_images i USING (app, serial)";

Status check_release(const Release& release) {
  const auto refuse = [&](const std::string& why) {
    return Error(ErrorKind::usage, "cannot record a release of '" + text::printable(release.app) + "': " + why);
  };
  SLUICE_CHECK(check_text("the app", release.app));
  SLUICE_CHECK(check_text("the origin of a release", release.origin));
  SLUICE_CHECK(check_text("the line of a number", release.line));
  if (release.number != 0) SLUICE_CHECK(check_number(release.number));
  if (release.app.empty()) return refuse("the app has no name");
  if (release.images.empty()) return refuse("it has no images");
  if (release.images.size() > kMaxImages) return refuse("it has more than " + std::to_string(kMaxImages) + " images");
  std::map<std::string_view, bool> seen;
  for (const auto& image : release.images) {
    SLUICE_CHECK(check_text("the name of an image", image.name));
    SLUICE_CHECK(check_text("a tag", image.tag));
    if (image.name.empty()) return refuse("an image has no name");
    if (!seen.emplace(image.name, true).second)
      return refuse("image " + text::printable(image.name) + " is there twice");
  }
  return {};
}

Status check_id(std::string_view id) {
  const bool digits = id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (digits && id.size() >= kBriefDigits && id.size() <= kIdDigits) return {};
  return Error(ErrorKind::usage, "'" + text::printable(id, 80) + "' names no release: an id is " +
                                     std::to_string(kIdDigits) + " digits 0-9 and a-f, or at least the first " +
                                     std::to_string(kBriefDigits))
      .with_hint("list them with: sluice releases");
}

std::string brief(std::string_view id) { return std::string(id.substr(0, kBriefDigits)); }

struct Label {
  std::string line;
  std::int64_t number = 0;
};

Result<Label> newest_label(Database& database, std::string_view app, std::string_view id) {
  SLUICE_TRY(auto row, database.prepare("SELECT line, number FROM release_labels WHERE app = $app AND content = $id"
                                        " ORDER BY sequence DESC LIMIT 1"));
  SLUICE_TRY(const bool found, row.bind("$app", app).bind("$id", id).step());
  return found ? Label{row.text(0), row.integer(1)} : Label{};
}

// Reads rows of kRead, ordered by release and position, into releases with their newest labels.
Result<std::vector<Release>> collect(Database& database, Statement& rows) {
  std::vector<Release> out;
  for (;;) {
    SLUICE_TRY(const bool row, rows.step());
    if (!row) return out;
    if (const auto id = rows.text(0); out.empty() || out.back().id != id) {
      Release next;
      next.id = id;
      next.app = rows.text(1);
      next.pattern_tag = rows.integer(2) != 0;
      next.adopted = rows.integer(3) != 0;
      next.origin = rows.text(4);
      next.created_at = rows.integer(5);
      SLUICE_TRY(auto label, newest_label(database, next.app, next.id));
      next.number = label.number;
      next.line = std::move(label.line);
      out.push_back(std::move(next));
    }
    auto digest = oci::Digest::parse(rows.text(7));
    if (!digest.ok()) return damaged_row("the digest '" + rows.text(7) + "'", database.file());
    out.back().images.push_back(ReleaseImage{rows.text(6), std::move(digest).value(), rows.text(8)});
  }
}

Result<std::optional<Release>> find(Database& database, std::string_view app, std::string_view id) {
  SLUICE_TRY(auto rows, database.prepare(std::string(kRead) +
                                         " WHERE r.app = $app AND r.serial = (SELECT min(serial) FROM releases"
                                         " WHERE app = $app AND content = $id) ORDER BY i.position"));
  rows.bind("$app", app).bind("$id", id);
  SLUICE_TRY(auto found, collect(database, rows));
  if (found.empty()) return std::optional<Release>();
  return std::optional<Release>(std::move(found.front()));
}

// The whole id of a prefix; empty when there is none.
Result<std::string> whole_id(Database& database, std::string_view app, std::string_view prefix) {
  SLUICE_TRY(auto row, database.prepare("SELECT DISTINCT content FROM releases WHERE app = $app"
                                        " AND content >= $from AND content < $to ORDER BY content LIMIT 2"));
  // 'g' sorts behind every digit.
  row.bind("$app", app).bind("$from", prefix).bind("$to", std::string(prefix) + "g");
  SLUICE_TRY(const bool found, row.step());
  if (!found) return std::string();
  auto id = row.text(0);
  SLUICE_TRY(const bool second, row.step());
  if (!second) return id;
  return Error(ErrorKind::conflict, "several releases of " + text::printable(app) + " have ids that begin with " +
                                        std::string(prefix) + ": " + id + " and " + row.text(0))
      .with_hint("write more digits of the id");
}

Status insert_images(Database& database, const Release& release, std::int64_t serial) {
  SLUICE_TRY(auto image, database.prepare("INSERT INTO release_images (app, serial, position, name, digest, tag)"
                                          " VALUES ($app, $serial, $position, $name, $digest, $tag)"));
  std::int64_t position = 0;
  for (const auto& each : release.images) {
    image.reset();
    image.bind("$app", release.app).bind("$serial", serial).bind("$position", position++);
    SLUICE_CHECK(image.bind("$name", each.name).bind("$digest", each.digest.text()).bind("$tag", each.tag).run());
  }
  return {};
}

// The caller's transaction keeps others from taking the same serial. Records that began with schema version 1 may hold
// any serial, taken over from another machine: behind the largest there is none.
Status insert(Database& database, const Release& release) {
  SLUICE_TRY(auto next, database.prepare("SELECT coalesce(max(serial), 0) + 1 FROM releases"
                                         " WHERE app = $app AND serial < $end"));
  SLUICE_CHECK(next.bind("$app", release.app).bind("$end", kSerialEnd).step());
  const auto serial = next.integer(0);
  SLUICE_TRY(auto row,
             database.prepare("INSERT INTO releases (app, serial, content, pattern_tag, adopted, origin, created_at)"
                              " VALUES ($app, $serial, $id, $pattern, $adopted, $origin, $at)"));
  row.bind("$app", release.app).bind("$serial", serial).bind("$id", release.id);
  row.bind("$pattern", std::int64_t{release.pattern_tag}).bind("$adopted", std::int64_t{release.adopted});
  SLUICE_CHECK(row.bind("$origin", release.origin).bind("$at", release.created_at).run());
  return insert_images(database, release, serial);
}

// Precondition: the release is kept.
Status label(Database& database, std::string_view app, std::string_view id, const Label& wanted) {
  SLUICE_TRY(auto known, database.prepare("SELECT content FROM release_labels"
                                          " WHERE app = $app AND line = $line AND number = $number"));
  known.bind("$app", app).bind("$line", wanted.line).bind("$number", wanted.number);
  SLUICE_TRY(const bool taken, known.step());
  if (taken && known.text(0) == id) return {};
  if (taken) {
    return Error(ErrorKind::conflict, "cannot call release " + brief(id) + " of " + text::printable(app) + " number " +
                                          std::to_string(wanted.number) + ": this number stands for release " +
                                          brief(known.text(0)))
        .with_hint("list them with: sluice releases");
  }
  SLUICE_TRY(auto row, database.prepare("INSERT INTO release_labels (app, line, number, content)"
                                        " VALUES ($app, $line, $number, $id)"));
  row.bind("$app", app).bind("$line", wanted.line).bind("$number", wanted.number);
  return row.bind("$id", id).run();
}

}  // namespace

Result<Release> SqliteStore::keep_release(Release wanted) {
  SLUICE_CHECK(check_release(wanted));
  wanted.id = release_id(wanted.images);
  return write([&](Database& database) -> Result<Release> {
    SLUICE_TRY(const auto known, find(database, wanted.app, wanted.id));
    if (known) {
      wanted.created_at = known->created_at;
    } else {
      if (wanted.created_at == 0) wanted.created_at = now_seconds();
      SLUICE_CHECK(insert(database, wanted));
    }
    if (wanted.number != 0) {
      SLUICE_CHECK(label(database, wanted.app, wanted.id, {wanted.line, wanted.number}));
    } else {
      wanted.number = known ? known->number : 0;
      wanted.line = known ? known->line : std::string();
    }
    return std::move(wanted);
  });
}

Status SqliteStore::label_release(std::string_view app, std::string_view id, std::string_view line,
                                  std::int64_t number) {
  SLUICE_CHECK(check_text("the app", app));
  SLUICE_CHECK(check_id(id));
  SLUICE_CHECK(check_text("the line of a number", line));
  SLUICE_CHECK(check_number(number));
  return write([&](Database& database) -> Status {
    SLUICE_TRY(const auto whole, whole_id(database, app, id));
    if (!whole.empty()) return label(database, app, whole, {std::string(line), number});
    return Error(ErrorKind::not_found, "cannot call release " + brief(id) + " of " + text::printable(app) + " number " +
                                           std::to_string(number) + ": it is not in the records")
        .with_hint("list them with: sluice releases");
  });
}

Result<std::optional<Release>> SqliteStore::release(std::string_view app, std::string_view id) {
  SLUICE_CHECK(check_text("the app", app));
  SLUICE_CHECK(check_id(id));
  return read([&](Database& database) -> Result<std::optional<Release>> {
    SLUICE_TRY(const auto whole, whole_id(database, app, id));
    if (whole.empty()) return std::optional<Release>();
    return find(database, app, whole);
  });
}

Result<std::vector<Release>> SqliteStore::numbered(std::string_view app, std::int64_t number) {
  SLUICE_CHECK(check_text("the app", app));
  SLUICE_CHECK(check_number(number));
  return read([&](Database& database) -> Result<std::vector<Release>> {
    // A bare column beside max() is of the row that has the maximum. Source: https://www.sqlite.org/lang_select.html
    SLUICE_TRY(auto labels, database.prepare("SELECT content, line, max(sequence) AS newest FROM release_labels"
                                             " WHERE app = $app AND number = $number"
                                             " GROUP BY content ORDER BY newest DESC"));
    labels.bind("$app", app).bind("$number", number);
    std::vector<Release> out;
    for (;;) {
      SLUICE_TRY(const bool row, labels.step());
      if (!row) return out;
      SLUICE_TRY(auto found, find(database, app, labels.text(0)));
      if (!found) return damaged_row("a label of a release that is not there", database.file());
      found->number = number;
      found->line = labels.text(1);
      out.push_back(std::move(*found));
    }
  });
}

Result<std::vector<Release>> SqliteStore::releases(std::string_view app, std::size_t limit) {
  SLUICE_CHECK(check_text("the app", app));
  return read([&](Database& database) -> Result<std::vector<Release>> {
    SLUICE_TRY(auto rows,
               database.prepare(std::string(kRead) + " JOIN (SELECT app, serial FROM " + std::string(kFirstRows) +
                                " ORDER BY serial DESC LIMIT $limit) USING (app, serial)"
                                " ORDER BY r.serial DESC, i.position"));
    rows.bind("$app", app).bind("$limit", row_limit(limit));
    return collect(database, rows);
  });
}

}  // namespace sluice::records
