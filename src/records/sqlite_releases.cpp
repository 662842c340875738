// Releases: numbered within their app, immutable, found again by what they hold.

#include "base/hash.hpp"
#include "base/text.hpp"
#include "records/sqlite_error.hpp"
#include "records/sqlite_store.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace sluice::records {

namespace {

constexpr std::size_t kMaxImages = 10'000;  // a guess: far above any app, far below what would be slow

constexpr std::string_view kColumns =
    "r.number, r.app, r.pattern_tag, r.adopted, r.origin, r.created_at, i.name, i.digest, i.tag";

// Equal for equal sets of (name, digest), in whatever order. JSON keeps the borders between the texts.
std::string content_key(const std::vector<ReleaseImage>& images) {
  std::map<std::string_view, std::string> sorted;
  for (const auto& image : images) sorted.emplace(image.name, image.digest.text());
  Json list = Json::object();
  for (const auto& [name, digest] : sorted) list.append_unchecked(std::string(name), digest);
  return hash_hex(HashAlgorithm::sha256, list.dump());
}

bool same_tags(const std::vector<ReleaseImage>& left, const std::vector<ReleaseImage>& right) {
  std::map<std::string_view, std::string_view> tags;
  for (const auto& image : left) tags.emplace(image.name, image.tag);
  return std::all_of(right.begin(), right.end(), [&](const ReleaseImage& image) {
    const auto found = tags.find(image.name);
    return found != tags.end() && found->second == image.tag;
  });
}

Status check_images(std::string_view app, const std::vector<ReleaseImage>& images) {
  const auto refuse = [&](const std::string& why) {
    return Error(ErrorKind::usage, "cannot record a release of '" + text::printable(app) + "': " + why);
  };
  if (app.empty()) return refuse("the app has no name");
  if (images.empty()) return refuse("it has no images");
  if (images.size() > kMaxImages) return refuse("it has more than " + std::to_string(kMaxImages) + " images");
  std::map<std::string_view, bool> seen;
  for (const auto& image : images) {
    if (image.name.empty()) return refuse("an image has no name");
    if (!seen.emplace(image.name, true).second)
      return refuse("image " + text::printable(image.name) + " is there twice");
  }
  return {};
}

// Reads rows of kColumns, ordered by release and position, into releases.
Result<std::vector<Release>> collect(Database& database, Statement& rows) {
  std::vector<Release> out;
  for (;;) {
    SLUICE_TRY(const bool row, rows.step());
    if (!row) return out;
    const auto number = rows.integer(0);
    if (out.empty() || out.back().number != number) {
      Release next;
      next.number = number;
      next.app = rows.text(1);
      next.pattern_tag = rows.integer(2) != 0;
      next.adopted = rows.integer(3) != 0;
      next.origin = rows.text(4);
      next.created_at = rows.integer(5);
      out.push_back(std::move(next));
    }
    auto digest = oci::Digest::parse(rows.text(7));
    if (!digest.ok()) return damaged_row("the digest '" + rows.text(7) + "'", database.file());
    out.back().images.push_back(ReleaseImage{rows.text(6), std::move(digest).value(), rows.text(8)});
  }
}

Result<std::optional<Release>> first(Database& database, Statement& rows) {
  SLUICE_TRY(auto found, collect(database, rows));
  if (found.empty()) return std::optional<Release>();
  return std::optional<Release>(std::move(found.front()));
}

// Newest first.
Result<std::vector<Release>> with_content(Database& database, std::string_view app, std::string_view content) {
  SLUICE_TRY(auto rows, database.prepare("SELECT " + std::string(kColumns) +
                                         " FROM releases r JOIN release_images i USING (app, number)"
                                         " WHERE r.app = $app AND r.content = $content"
                                         " ORDER BY r.number DESC, i.position"));
  rows.bind("$app", app).bind("$content", content);
  return collect(database, rows);
}

Status insert_images(Database& database, const Release& release) {
  SLUICE_TRY(auto image, database.prepare("INSERT INTO release_images (app, number, position, name, digest, tag)"
                                          " VALUES ($app, $number, $position, $name, $digest, $tag)"));
  std::int64_t position = 0;
  for (const auto& each : release.images) {
    image.reset();
    image.bind("$app", release.app).bind("$number", release.number).bind("$position", position++);
    SLUICE_CHECK(image.bind("$name", each.name).bind("$digest", each.digest.text()).bind("$tag", each.tag).run());
  }
  return {};
}

// Gives the release its number. The caller's transaction keeps others from taking the same.
Result<std::int64_t> next_number(Database& database, const std::string& app) {
  SLUICE_TRY(auto next, database.prepare("SELECT coalesce(max(number), 0) + 1 FROM releases WHERE app = $app"));
  SLUICE_CHECK(next.bind("$app", app).step());
  return next.integer(0);
}

Result<Release> insert(Database& database, Release release, std::string_view content) {
  if (release.created_at == 0) release.created_at = now_seconds();

  SLUICE_TRY(auto row,
             database.prepare("INSERT INTO releases (app, number, content, pattern_tag, adopted, origin, created_at)"
                              " VALUES ($app, $number, $content, $pattern, $adopted, $origin, $at)"));
  row.bind("$app", release.app).bind("$number", release.number).bind("$content", content);
  row.bind("$pattern", std::int64_t{release.pattern_tag}).bind("$adopted", std::int64_t{release.adopted});
  SLUICE_CHECK(row.bind("$origin", release.origin).bind("$at", release.created_at).run());
  SLUICE_CHECK(insert_images(database, release));
  return release;
}

}  // namespace

Result<Release> SqliteStore::find_or_create_release(Release wanted) {
  SLUICE_CHECK(check_images(wanted.app, wanted.images));
  const auto content = content_key(wanted.images);
  return write([&](Database& database) -> Result<Release> {
    SLUICE_TRY(auto equal, with_content(database, wanted.app, content));
    for (auto& known : equal) {
      // Not compared: adopted and origin. A release that was first seen in an environment stays the same one when it
      // is later made from the source.
      if (!wanted.pattern_tag || same_tags(known.images, wanted.images)) return std::move(known);
    }
    SLUICE_TRY(wanted.number, next_number(database, wanted.app));
    return insert(database, std::move(wanted), content);
  });
}

Status SqliteStore::adopt_release(Release release) {
  SLUICE_CHECK(check_images(release.app, release.images));
  if (release.number < 1) return Error(ErrorKind::usage, "a release that is taken over has a number");
  const auto content = content_key(release.images);
  const auto adopted = write([&](Database& database) -> Result<Release> {
    SLUICE_TRY(auto equal, with_content(database, release.app, content));
    if (!equal.empty()) return std::move(equal.front());
    SLUICE_TRY(auto row, database.prepare("SELECT count(*) FROM releases WHERE app = $app AND number = $number"));
    SLUICE_CHECK(row.bind("$app", release.app).bind("$number", release.number).step());
    if (row.integer(0) > 0) return release;
    return insert(database, release, content);
  });
  if (!adopted) return adopted.error();
  return {};
}

Result<std::optional<Release>> SqliteStore::release(std::string_view app, std::int64_t number) {
  return read([&](Database& database) -> Result<std::optional<Release>> {
    SLUICE_TRY(auto rows, database.prepare("SELECT " + std::string(kColumns) +
                                           " FROM releases r JOIN release_images i USING (app, number)"
                                           " WHERE r.app = $app AND r.number = $number ORDER BY i.position"));
    rows.bind("$app", app).bind("$number", number);
    return first(database, rows);
  });
}

Result<std::optional<Release>> SqliteStore::release_with(std::string_view app,
                                                         const std::vector<ReleaseImage>& images) {
  // Nothing at all, or one name twice: no release has these, and that is an answer.
  if (!check_images(app, images).ok()) return std::optional<Release>();
  return read([&](Database& database) -> Result<std::optional<Release>> {
    SLUICE_TRY(auto equal, with_content(database, app, content_key(images)));
    if (equal.empty()) return std::optional<Release>();
    return std::optional<Release>(std::move(equal.front()));
  });
}

Result<std::vector<Release>> SqliteStore::releases(std::string_view app, std::size_t limit) {
  // A negative LIMIT would mean none at all.
  const auto count =
      static_cast<std::int64_t>(std::min<std::uint64_t>(limit, std::numeric_limits<std::int64_t>::max()));
  return read([&](Database& database) -> Result<std::vector<Release>> {
    SLUICE_TRY(auto rows, database.prepare("SELECT " + std::string(kColumns) +
                                           " FROM (SELECT * FROM releases WHERE app = $app"
                                           "       ORDER BY number DESC LIMIT $limit) r"
                                           " JOIN release_images i USING (app, number)"
                                           " ORDER BY r.number DESC, i.position"));
    rows.bind("$app", app).bind("$limit", count);
    return collect(database, rows);
  });
}

}  // namespace sluice::records
