// The lease on an image stream: one annotation, decided by the stream's resourceVersion.
// Source: Kubernetes API conventions, "Concurrency Control and Consistency".

#include "base/text.hpp"
#include "cluster/stream_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::cluster {

namespace {

constexpr JsonLimits kLimits{.max_bytes = std::size_t{8} * 1024, .max_depth = 4, .max_values = 100};
constexpr std::size_t kMaxText = 1000;  // a host name, two numbers and more than that
// No lease is taken for longer. One that ends later than twice that is damaged, or its holder's clock is: nobody shall
// be shut out by it for years.
constexpr std::chrono::seconds kLongest = std::chrono::hours(24);
constexpr std::int64_t kMaxFence = std::int64_t{1} << 53;  // what every reader of JSON can count to

/// What the annotation says. A holder that is empty: given back, and the fence is that of the last one.
struct LeaseNote {
  StreamLease lease;
  Json json = Json::object();  ///< with what nobody here knows
};

bool is_sane(const std::optional<std::string>& text) { return text && text->size() <= kMaxText; }

/// Fence 0 and no holder when there is none, or none that can be read.
LeaseNote read_note(const ImageStream& stream) {
  LeaseNote out{{stream.project(), stream.name(), "", "", 0, 0}};
  auto json = parse_json(stream.annotation(kLeaseAnnotation), kLimits);
  if (!json || !json->is_object()) return out;
  const auto fence = json->integer_at("fence");
  // Damage to the rest leaves the number in force: it must never start again.
  if (fence && *fence > 0 && *fence < kMaxFence) out.lease.fence = *fence;
  const auto holder = json->string_at("holder");
  const auto expires = json->integer_at("expires-at");
  if (out.lease.fence == 0 || !is_sane(holder) || !expires) return out;
  const auto promotion = json->string_at("promotion");
  out.lease.holder = text::printable(*holder, kMaxText);
  out.lease.promotion = is_sane(promotion) ? text::printable(*promotion, kMaxText) : "";
  out.lease.expires_at = *expires;
  out.json = std::move(*json);
  return out;
}

void write_note(ImageStream& stream, Json json, const StreamLease& lease) {
  json.set("holder", lease.holder).set("promotion", lease.promotion).set("fence", lease.fence);
  json.set("expires-at", lease.expires_at);
  stream.annotate(kLeaseAnnotation, json.dump());
}

std::int64_t expiry(std::int64_t now, std::chrono::seconds span) {
  return now + std::clamp<std::chrono::seconds>(span, std::chrono::seconds(0), kLongest).count();
}

bool is_free(const StreamLease& lease, std::int64_t now, const IsGone& is_gone) {
  if (lease.holder.empty() || lease.expires_at <= now) return true;
  return lease.expires_at - now > 2 * kLongest.count() || (is_gone && is_gone(lease.holder));
}

std::string holder_of(const StreamLease& lease) {
  return lease.promotion.empty() ? lease.holder : fmt::format("{} (promotion {})", lease.holder, lease.promotion);
}

std::string shown(const StreamLease& lease) { return lease.project + "/" + lease.stream; }

Error held_by_other(const StreamLease& lease, std::int64_t now) {
  return Error(ErrorKind::conflict,
               fmt::format("cannot take the lease on the image stream {}: {} holds it for another {} s unless it is "
                           "renewed",
                           shown(lease), holder_of(lease), lease.expires_at - now))
      .with_hint("wait until that promotion has ended; see: sluice status");
}

Error lost(const StreamLease& lease, const StreamLease& present) {
  return Error(ErrorKind::conflict, fmt::format("cannot renew the lease on the image stream {}: {}", shown(lease),
                                                present.holder.empty() ? std::string("it was given back")
                                                                       : holder_of(present) + " took it over"))
      .with_hint("see who works on it with: sluice status");
}

bool is_same(const StreamLease& one, const StreamLease& other) {
  return one.holder == other.holder && one.fence == other.fence;
}

Result<StreamLease> write_lease(Client& client, const StreamLease& about,
                                const std::function<Result<bool>(ImageStream&)>& change, const StreamLease& outcome,
                                const net::ExchangeContext& context) {
  auto written = client.update_with<ImageStream>(about.project, about.stream, change, context);
  if (!written) return std::move(written).error();
  return outcome;
}

}  // namespace

std::optional<StreamLease> read_lease(const ImageStream& stream) {
  auto note = read_note(stream);
  if (note.lease.holder.empty()) return std::nullopt;
  return std::move(note.lease);
}

Result<StreamLease> take_stream_lease(Client& client, StreamLease wanted, std::chrono::seconds span, std::int64_t now,
                                      const net::ExchangeContext& context, const IsGone& is_gone) {
  if (wanted.holder.empty() || wanted.holder.size() > kMaxText || wanted.promotion.size() > kMaxText) {
    return Error(ErrorKind::internal,
                 fmt::format("cannot take the lease on the image stream {}: it needs a holder", shown(wanted)));
  }
  // Whoever's write arrives first has it: the other one's version is stale, and it looks again.
  const auto change = [&](ImageStream& stream) -> Result<bool> {
    auto note = read_note(stream);
    const bool ours = note.lease.holder == wanted.holder;
    if (!ours && !is_free(note.lease, now, is_gone)) return held_by_other(note.lease, now);
    wanted.fence = ours ? note.lease.fence : note.lease.fence + 1;
    wanted.expires_at = expiry(now, span);
    write_note(stream, std::move(note.json), wanted);
    return true;
  };
  return write_lease(client, wanted, change, wanted, context);
}

Result<StreamLease> renew_stream_lease(Client& client, const StreamLease& lease, std::chrono::seconds span,
                                       std::int64_t now, const net::ExchangeContext& context) {
  StreamLease renewed = lease;
  renewed.expires_at = expiry(now, span);
  const auto change = [&](ImageStream& stream) -> Result<bool> {
    auto note = read_note(stream);
    if (!is_same(note.lease, lease)) return lost(lease, note.lease);
    write_note(stream, std::move(note.json), renewed);
    return true;
  };
  return write_lease(client, lease, change, renewed, context);
}

Status release_stream_lease(Client& client, const StreamLease& lease, const net::ExchangeContext& context) {
  const auto change = [&](ImageStream& stream) -> Result<bool> {
    auto note = read_note(stream);
    if (!is_same(note.lease, lease)) return false;
    write_note(stream, std::move(note.json), {lease.project, lease.stream, "", "", lease.fence, 0});
    return true;
  };
  auto written = client.update_with<ImageStream>(lease.project, lease.stream, change, context);
  if (written || written.error().kind() == ErrorKind::not_found) return {};  // gone, and the lease with it
  return std::move(written).error().context("giving back the lease on the image stream " + shown(lease));
}

}  // namespace sluice::cluster
