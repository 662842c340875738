// Leases with fences.

#include "base/lease_held.hpp"
#include "base/text.hpp"
#include "records/process_identity.hpp"
#include "records/sqlite_store.hpp"

#include <algorithm>

namespace sluice::records {

namespace {

constexpr std::chrono::hours kLongest{24 * 366};  // a guess: no promotion takes a year, and sums must not overflow

std::int64_t expiry(std::int64_t now, std::chrono::seconds span) {
  return now + std::clamp<std::chrono::seconds>(span, -kLongest, kLongest).count();
}

// A row stays when its lease is given back, with an empty holder: the fence must never start again.
Result<std::optional<Lease>> find(Database& database, std::string_view target) {
  SLUICE_TRY(auto row, database.prepare("SELECT holder, fence, expires_at FROM leases WHERE target = $target"));
  SLUICE_TRY(const bool found, row.bind("$target", target).step());
  if (!found) return std::optional<Lease>();
  return std::optional<Lease>(Lease{std::string(target), row.text(0), row.integer(1), row.integer(2)});
}

Status save(Database& database, const Lease& lease) {
  SLUICE_TRY(auto row,
             database.prepare("INSERT INTO leases (target, holder, fence, expires_at)"
                              " VALUES ($target, $holder, $fence, $expires)"
                              " ON CONFLICT (target) DO UPDATE SET holder = $holder, fence = $fence, expires_at = "
                              "$expires"));
  row.bind("$target", lease.target).bind("$holder", lease.holder);
  return row.bind("$fence", lease.fence).bind("$expires", lease.expires_at).run();
}

// The table says neither since when nor for which promotion.
Error held_by_other(const Lease& lease, std::int64_t now) {
  LeaseHeld held;
  held.holder = describe_holder(lease.holder);
  held.left = lease.expires_at - now;
  return lease_error(text::printable(lease.target), std::move(held), now);
}

bool is_free(const Lease& lease, std::int64_t now) {
  return lease.holder.empty() || lease.expires_at <= now || is_dead(lease.holder);
}

}  // namespace

Result<Lease> SqliteStore::acquire(std::string_view target, std::string_view holder, std::chrono::seconds span,
                                   Taking taking) {
  if (target.empty() || holder.empty()) {
    return Error(ErrorKind::internal, "cannot take a lease: it needs a target and a holder");
  }
  return write([&](Database& database) -> Result<Lease> {
    const auto now = now_seconds();
    SLUICE_TRY(const auto known, find(database, target));
    Lease lease{std::string(target), std::string(holder), 1, expiry(now, span)};
    if (known && known->holder == holder) {
      lease.fence = known->fence;
    } else if (known) {
      if (taking == Taking::if_free && !is_free(*known, now)) return held_by_other(*known, now);
      lease.fence = known->fence + 1;
    }
    SLUICE_CHECK(save(database, lease));
    return lease;
  });
}

Result<std::optional<Lease>> SqliteStore::lease(std::string_view target) {
  return read([&](Database& database) -> Result<std::optional<Lease>> {
    SLUICE_TRY(auto known, find(database, target));
    if (known && is_free(*known, now_seconds())) known.reset();
    return known;
  });
}

Result<Lease> SqliteStore::renew(const Lease& lease, std::chrono::seconds span) {
  return write([&](Database& database) -> Result<Lease> {
    SLUICE_TRY(const auto known, find(database, lease.target));
    if (!known || known->holder != lease.holder || known->fence != lease.fence) {
      const bool taken = known && !known->holder.empty();
      return Error(ErrorKind::conflict,
                   "cannot renew the lease of " + text::printable(lease.target) + ": " +
                       (taken ? "another process took it over (" + describe_holder(known->holder) + ")"
                              : std::string("it was given back")))
          .with_hint("see who works on it with: sluice status");
    }
    Lease renewed = lease;
    renewed.expires_at = expiry(now_seconds(), span);
    SLUICE_CHECK(save(database, renewed));
    return renewed;
  });
}

Status SqliteStore::release_lease(const Lease& lease) {
  return write([&](Database& database) -> Status {
    SLUICE_TRY(auto row, database.prepare("UPDATE leases SET holder = '', expires_at = 0"
                                          " WHERE target = $target AND holder = $holder AND fence = $fence"));
    // No row: somebody else has it by now, and keeps it.
    return row.bind("$target", lease.target).bind("$holder", lease.holder).bind("$fence", lease.fence).run();
  });
}

}  // namespace sluice::records
