// Uploads to a registry: mounting, sessions, and the ways in which bytes are sent.
// Source: distribution-spec 1.1, "Pushing blobs".

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "net/web_page.hpp"
#include "oci/reference.hpp"
#include "places/range_header.hpp"
#include "places/registry.hpp"
#include "places/registry_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace sluice::places {

namespace {

constexpr std::chrono::seconds kAbandonTime{2};
constexpr int kTooLarge = 413;

auth::Scopes push(const std::string& repository) { return {{.repository = repository, .push = true}}; }

// Registries expect sha256 unless they are told. Source: distribution-spec 1.1.1, "Pushing a blob in chunks".
std::string algorithm_query(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::sha512 ? "?digest-algorithm=sha512" : "";
}

}  // namespace

Result<UploadSession> Registry::session_of(const std::string& repository, const net::HttpResponse& response,
                                           const Call& call) const {
  const auto location = response.headers.get("location");
  if (!location) {
    if (net::is_web_page(response)) return to_error(response, host_.name(), call.what);
    return Error(ErrorKind::protocol, host_.name() + " opened an upload without saying where (" + call.what + ")");
  }
  SLUICE_TRY(auto url, host_.absolute(*location, call.target));
  return UploadSession{repository, std::move(url), 0};
}

Result<MountAnswer> Registry::mount_blob(const std::string& repository, const oci::Descriptor& blob,
                                         const std::string& from, const std::stop_token& stop) {
  auto scopes = push(repository);
  scopes.insert({.repository = from, .push = false});
  const Call call{.method = net::Method::post,
                  .target = "/v2/" + repository + "/blobs/uploads/?mount=" + encoding::percent(blob.digest.text()) +
                            "&from=" + encoding::percent(from),
                  .headers = {},
                  .body = {},
                  .scopes = std::move(scopes),
                  .what = "mounting blob " + blob.digest.brief() + " from " + from + " into " + repository};
  SLUICE_TRY(const auto response, host_.send(call, stop));
  if (response.status == 201) return MountAnswer(Mounted{});
  if (response.status == 202) {
    SLUICE_TRY(auto session, session_of(repository, response, call));
    return MountAnswer(std::move(session));
  }
  return to_error(response, host_.name(), call.what);
}

Result<UploadSession> Registry::begin_upload(const std::string& repository, HashAlgorithm algorithm,
                                             const std::stop_token& stop) {
  const Call call{.method = net::Method::post,
                  .target = "/v2/" + repository + "/blobs/uploads/" + algorithm_query(algorithm),
                  .headers = {},
                  .body = {},
                  .scopes = push(repository),
                  .what = "pushing to " + repository};
  SLUICE_TRY(const auto response, host_.send(call, stop));
  if (response.status != 202) return to_error(response, host_.name(), call.what);
  return session_of(repository, response, call);
}

// Registries that keep nothing, or cannot tell, say so in many ways; to the caller all of them are a void session.
Result<UploadSession> Registry::upload_state(const UploadSession& session, const std::stop_token& stop) {
  if (!host_.profile().takes_chunks) {
    return Error(ErrorKind::not_found, host_.name() + " takes a blob in one piece only: what was cut is begun anew");
  }
  const Call call{.method = net::Method::get,
                  .target = session.location,
                  .headers = {},
                  .body = {},
                  .scopes = push(session.repository),
                  .what = "asking how far an upload to " + session.repository + " got"};
  SLUICE_TRY(const auto response, host_.send(call, stop));
  const auto status = response.status;
  if (status == 400 || status == 404 || status == 405 || status == 410 || status == 416) {
    return Error(ErrorKind::not_found,
                 host_.name() + " does not know the upload to " + session.repository + " any more")
        .with_status(status);
  }
  if (status / 100 != 2 || net::is_web_page(response)) return to_error(response, host_.name(), call.what);
  return gone_on(session, response, call);
}

// Where an upload is now and what it has, as an answer says. Without a Range it has what it had.
Result<UploadSession> Registry::gone_on(const UploadSession& session, const net::HttpResponse& response,
                                        const Call& call) const {
  auto out = session;
  if (const auto location = response.headers.get("location")) {
    SLUICE_TRY(const auto base, net::Url::parse(session.location));  // it may be at another host
    SLUICE_TRY(const auto url, base.resolve(*location).context("the upload location that " + host_.name() + " gave"));
    out.location = url.text();
  }
  if (const auto range = response.headers.get("range")) {
    const auto kept = parse_upload_range(*range);
    if (!kept) {
      return Error(ErrorKind::protocol, host_.name() + " answered " + call.what + " with a Range that is none");
    }
    out.offset = *kept;
  }
  return out;
}

Status Registry::write_blob(const UploadSession& session, const oci::Descriptor& blob, BlobPipe& pipe,
                            const SessionMoved& moved, const std::stop_token& stop) {
  const auto rest = blob.size_bytes - std::min(session.offset, blob.size_bytes);
  const auto limit = host_.max_body();
  // A PUT that ends an upload may not carry its middle with every registry; a chunk may. Source: distribution-spec 1.1,
  // "Pushing a blob in chunks".
  if (session.offset > 0 || (limit && rest > *limit)) {
    return write_in_chunks(session, blob, pipe, std::min(limit.value_or(rest), rest), moved, stop);
  }
  SLUICE_TRY(const auto call, commit_call(session, blob));
  SLUICE_TRY(const auto response, host_.write(call, pipe, blob.size_bytes, stop));
  if (response.status == kTooLarge) return too_large(response, blob.size_bytes, call);
  return committed(response, blob, call);
}

// The limit is not the registry's as a rule, but that of something in front of it: the session is as it was. Whoever
// tries again sends less at once.
Error Registry::too_large(const net::HttpResponse& response, std::uint64_t body_bytes, const Call& call) {
  auto error = to_error(response, host_.name(), call.what);
  if (!host_.learn_too_large(body_bytes)) return error;
  return Error(ErrorKind::busy, fmt::format("{} takes no {} at once; smaller parts are sent from now on", host_.name(),
                                            text::human_bytes(body_bytes)))
      .with_status(response.status);
}

Status Registry::write_in_chunks(const UploadSession& session, const oci::Descriptor& blob, BlobPipe& pipe,
                                 std::uint64_t chunk_bytes, const SessionMoved& moved, const std::stop_token& stop) {
  auto now = session;
  while (now.offset < blob.size_bytes) {
    const auto size = std::min(chunk_bytes, blob.size_bytes - now.offset);
    SLUICE_TRY(now, write_chunk(now, blob, pipe, size, stop));
    if (moved) moved(now);
  }
  SLUICE_TRY(auto commit, commit_call(now, blob));
  commit.commits = true;
  SLUICE_TRY(const auto response, host_.send(commit, stop));
  return committed(response, blob, commit);
}

Result<UploadSession> Registry::write_chunk(const UploadSession& session, const oci::Descriptor& blob, BlobPipe& pipe,
                                            std::uint64_t size_bytes, const std::stop_token& stop) {
  const auto end = session.offset + size_bytes;
  const Call chunk{.method = net::Method::patch,
                   .target = session.location,
                   .headers = {{"Content-Type", "application/octet-stream"},
                               {"Content-Range", fmt::format("{}-{}", session.offset, end - 1)}},
                   .body = {},
                   .scopes = push(session.repository),
                   .what = "uploading a part of blob " + blob.digest.brief() + " to " + session.repository};
  SLUICE_TRY(const auto response, host_.write(chunk, pipe, size_bytes, stop));
  if (response.status == kTooLarge) return too_large(response, size_bytes, chunk);
  if (response.status / 100 != 2) return to_error(response, host_.name(), chunk.what);
  SLUICE_TRY(auto now, gone_on(session, response, chunk));
  if (!response.headers.get("range")) now.offset = end;
  if (now.offset == end) return now;
  return Error(ErrorKind::unreachable,
               fmt::format("{} took {} of {} bytes of blob {}", host_.name(), now.offset, end, blob.digest.brief()));
}

Result<Call> Registry::commit_call(const UploadSession& session, const oci::Descriptor& blob) const {
  SLUICE_TRY(auto url, net::Url::parse(session.location));
  url.add_query("digest", blob.digest.text());
  return Call{.method = net::Method::put,
              .target = url.text(),
              .headers = {{"Content-Type", "application/octet-stream"}},
              .body = {},
              .scopes = push(session.repository),
              .what = "uploading blob " + blob.digest.brief() + " to " + session.repository};
}

Status Registry::committed(const net::HttpResponse& response, const oci::Descriptor& blob, const Call& call) const {
  if (response.status != 201 && response.status != 204) return to_error(response, host_.name(), call.what);
  if (const auto said = response.headers.get("docker-content-digest")) {
    const auto digest = oci::Digest::parse(*said);
    if (digest && digest->algorithm() == blob.digest.algorithm() && *digest != blob.digest) {
      return Error(ErrorKind::integrity, host_.name() + " stored other bytes than were sent: " + digest->text() +
                                             " instead of " + blob.digest.text());
    }
  }
  return {};
}

void Registry::abandon_upload(const UploadSession& session) {
  // Unused sessions expire by themselves; a refusal (distribution asks for a right that pushers lack) changes nothing.
  const Call call{.method = net::Method::del,
                  .target = session.location,
                  .headers = {},
                  .body = {},
                  .scopes = push(session.repository),
                  .what = "closing an upload to " + session.repository};
  host_.send_once(call, kAbandonTime);
}

}  // namespace sluice::places
