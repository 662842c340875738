// The lease on an image stream: one annotation, decided by the stream's resourceVersion.
// Source: Kubernetes API conventions, "Concurrency Control and Consistency".

#include "base/lease_held.hpp"
#include "base/text.hpp"
#include "openshift/streams/lease_rules.hpp"
#include "openshift/streams/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::openshift {

namespace {

constexpr JsonLimits kLimits{.max_bytes = std::size_t{8} * 1024, .max_depth = 4, .max_values = 100};
constexpr std::size_t kMaxText = 1000;  // a host name, two numbers and more than that
constexpr std::size_t kMaxWho = 200;

/// What the annotation says. A holder that is empty: given back, and the fence is that of the last one.
struct LeaseNote {
  StreamLease lease;
  Json json = Json::object();  ///< with what nobody here knows
};

bool is_sane(const std::optional<std::string>& text) { return text && text->size() <= kMaxText; }

/// Fence 0 and no holder when there is none, or none that can be read.
LeaseNote read_note(const kube::ImageStream& stream) {
  LeaseNote out{{stream.project(), stream.name(), "", "", 0, 0}};
  const auto text = stream.annotation(kLeaseAnnotation);
  // Damage to the rest leaves the number in force: it must never start again.
  out.lease.fence = read_fence(text);
  auto json = parse_json(text, kLimits);
  if (!json || !json->is_object()) return out;
  const auto holder = json->string_at("holder");
  const auto expires = json->integer_at("expires-at");
  if (out.lease.fence == 0 || !is_sane(holder) || !expires) return out;
  const auto promotion = json->string_at("promotion");
  out.lease.holder = text::printable(*holder, kMaxText);
  out.lease.promotion = is_sane(promotion) ? text::printable(*promotion, kMaxText) : "";
  out.lease.expires_at = *expires;
  out.lease.who = text::printable(json->string_at("who").value_or(""), kMaxWho);
  out.lease.since = std::max<std::int64_t>(json->integer_at("since").value_or(0), 0);
  out.json = std::move(*json);
  return out;
}

void write_note(kube::ImageStream& stream, Json json, const StreamLease& lease) {
  json.set("holder", lease.holder).set("promotion", lease.promotion).set("fence", lease.fence);
  json.set("expires-at", lease.expires_at).set("who", text::printable(lease.who, kMaxWho)).set("since", lease.since);
  stream.annotate(kLeaseAnnotation, json.dump());
}

// One that others would cut is not taken.
std::int64_t expiry(std::int64_t now, std::chrono::seconds span) {
  return now + std::clamp<std::chrono::seconds>(span, std::chrono::seconds(0), kLongest - kClockSkew).count();
}

std::string holder_of(const StreamLease& lease) {
  return lease.promotion.empty() ? lease.holder : fmt::format("{} (promotion {})", lease.holder, lease.promotion);
}

std::string shown(const StreamLease& lease) { return lease.project + "/" + lease.stream; }

Error held_by_other(const StreamLease& lease, std::int64_t now) {
  LeaseHeld held;
  held.holder = lease.holder;
  held.promotion = lease.promotion;
  held.who = lease.who;
  held.since = lease.since;
  held.left = seconds_left(lease, now);
  return lease_error("the image stream " + shown(lease), std::move(held), now);
}

Error lost(const StreamLease& lease, const StreamLease& present) {
  auto why = holder_of(present) + " took it over";
  // Whoever took it may be done by now.
  if (present.holder.empty()) why = present.fence > lease.fence ? "somebody took it over" : "it was given back";
  return Error(ErrorKind::conflict, fmt::format("cannot renew the lease on the image stream {}: {}", shown(lease), why))
      .with_hint("see who works on it with: sluice status");
}

bool is_same(const StreamLease& one, const StreamLease& other) {
  return one.holder == other.holder && one.fence == other.fence;
}

Result<StreamLease> write_lease(kube::Client& client, const StreamLease& about,
                                const std::function<Result<bool>(kube::ImageStream&)>& change,
                                const StreamLease& outcome, const net::ExchangeContext& context) {
  auto written = client.update_with<kube::ImageStream>(about.project, about.stream, change, context);
  if (!written) return std::move(written).error();
  return outcome;
}

}  // namespace

std::optional<StreamLease> read_lease(const kube::ImageStream& stream) {
  auto note = read_note(stream);
  if (note.lease.holder.empty()) return std::nullopt;
  return std::move(note.lease);
}

std::optional<Error> lost_lease(const StreamLease& lease, const kube::ImageStream& stream) {
  const auto note = read_note(stream);
  if (is_same(note.lease, lease)) return std::nullopt;
  return lost(lease, note.lease);
}

Result<StreamLease> take_stream_lease(kube::Client& client, StreamLease wanted, std::chrono::seconds span,
                                      std::int64_t now, const net::ExchangeContext& context, const LeaseTaking& how) {
  if (wanted.holder.empty() || wanted.holder.size() > kMaxText || wanted.promotion.size() > kMaxText) {
    return Error(ErrorKind::internal,
                 fmt::format("cannot take the lease on the image stream {}: it needs a holder", shown(wanted)));
  }
  std::optional<Error> refused;
  // Whoever's write arrives first has it: the other one's version is stale, and it looks again.
  const auto change = [&](kube::ImageStream& stream) -> Result<bool> {
    refused.reset();
    auto note = read_note(stream);
    const bool ours = note.lease.holder == wanted.holder;
    const bool free = seconds_left(note.lease, now) == 0 || (how.is_gone && how.is_gone(note.lease.holder));
    if (!ours && !free && !how.take_over) {
      refused = held_by_other(note.lease, now);
      const auto end = cut_end(note.lease, now);
      if (!end) return false;
      note.lease.expires_at = *end;
      write_note(stream, std::move(note.json), note.lease);
      return true;
    }
    wanted.fence = ours ? note.lease.fence : next_fence(note.lease.fence);
    wanted.since = ours && note.lease.since > 0 ? note.lease.since : now;
    wanted.expires_at = expiry(now, span);
    write_note(stream, std::move(note.json), wanted);
    return true;
  };
  auto written = client.update_with<kube::ImageStream>(wanted.project, wanted.stream, change, context);
  // Whether a far end could be cut or not: it is somebody else's.
  if (refused) return std::move(*refused);
  if (!written) return std::move(written).error();
  return wanted;
}

Result<StreamLease> renew_stream_lease(kube::Client& client, const StreamLease& lease, std::chrono::seconds span,
                                       std::int64_t now, const net::ExchangeContext& context) {
  StreamLease renewed = lease;
  renewed.expires_at = expiry(now, span);
  const auto change = [&](kube::ImageStream& stream) -> Result<bool> {
    auto note = read_note(stream);
    if (!is_same(note.lease, lease)) return lost(lease, note.lease);
    write_note(stream, std::move(note.json), renewed);
    return true;
  };
  return write_lease(client, lease, change, renewed, context);
}

Status cut_stream_lease(kube::Client& client, const StreamLease& lease, std::int64_t now,
                        const net::ExchangeContext& context) {
  const auto change = [&](kube::ImageStream& stream) -> Result<bool> {
    auto note = read_note(stream);
    const auto end = cut_end(note.lease, now);
    if (!end) return false;
    note.lease.expires_at = *end;
    write_note(stream, std::move(note.json), note.lease);
    return true;
  };
  auto written = client.update_with<kube::ImageStream>(lease.project, lease.stream, change, context);
  if (!written) return std::move(written).error();
  return {};
}

Status release_stream_lease(kube::Client& client, const StreamLease& lease, const net::ExchangeContext& context) {
  const auto change = [&](kube::ImageStream& stream) -> Result<bool> {
    auto note = read_note(stream);
    if (!is_same(note.lease, lease)) return false;
    write_note(stream, std::move(note.json), {lease.project, lease.stream, "", "", lease.fence, 0});
    return true;
  };
  auto written = client.update_with<kube::ImageStream>(lease.project, lease.stream, change, context);
  if (written || written.error().kind() == ErrorKind::not_found) return {};  // gone, and the lease with it
  return std::move(written).error().context("giving back the lease on the image stream " + shown(lease));
}

}  // namespace sluice::openshift
