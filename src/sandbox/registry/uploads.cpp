#include "sandbox/registry/uploads.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "sandbox/core/store.hpp"
#include "sandbox/registry/upload_state.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <utility>

namespace sluice::sandbox {

namespace {

namespace codes = registry_codes;

// What Go's server reads of a body that its handler left, before it gives the connection up.
constexpr std::size_t kMaxDiscardBytes = std::size_t{256} * 1024;

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

UploadState state_of(const BlobUpload& upload) {
  return {upload.repository(), upload.id(), upload.size(), upload.started()};
}

// The fields that every answer about a session has.
net::ServerReply session_reply(const RegistryParts& parts, const RegistryCall& call, int status,
                               const BlobUpload& upload) {
  auto reply = registry_status(status);
  const auto state = state_of(upload);
  reply.headers.set("Location", fmt::format("{}/v2/{}/blobs/uploads/{}?_state={}", call.base, upload.repository(),
                                            upload.id(), encoding::percent(pack_state(state, parts.secret))));
  reply.headers.set("Range", fmt::format("0-{}", state.offset == 0 ? 0 : state.offset - 1));
  reply.headers.set("Docker-Upload-UUID", upload.id());
  return reply;
}

net::ServerReply blob_created(const RegistryCall& call, const std::string& digest) {
  auto reply = registry_status(201);
  reply.headers.set("Location", call.blob_url(digest));
  reply.headers.set("Docker-Content-Digest", digest);
  return reply;
}

net::ServerReply storage_trouble(const Error& error) { return refuse(codes::kUnknown, Json(error.message())); }

// The session that the path and the state name.
std::variant<UploadPtr, net::ServerReply> open_session(RegistryParts& parts, const RegistryCall& call) {
  const auto given = call.query.find("_state");
  auto unpacked = unpack_state(given == call.query.end() ? "" : given->second, parts.secret);
  if (auto* detail = std::get_if<Json>(&unpacked)) return refuse(codes::kUploadInvalid, std::move(*detail));
  const auto& state = std::get<UploadState>(unpacked);
  if (state.name != call.path.name || state.id != call.path.reference) {
    return refuse(codes::kUploadInvalid, opaque_error());
  }
  auto upload = parts.blobs.find_upload(state.id);
  if (!upload) return refuse(codes::kUploadUnknown, opaque_error());
  if (upload->size() != state.offset) {
    // As distribution: a state that is behind ends the session.
    if (!upload->claimed()) parts.blobs.cancel_upload(upload->id());
    return refuse(codes::kUploadInvalid);
  }
  return upload;
}

std::optional<net::ServerReply> try_mount(RegistryParts& parts, const RegistryCall& call) {
  const auto mount = call.query.find("mount");
  const auto from = call.query.find("from");
  if (mount == call.query.end() || from == call.query.end() || call.admission.source_denied) return std::nullopt;
  const auto digest = digest_of(mount->second);
  const auto source = stream_name(from->second);
  if (!digest || !source) return std::nullopt;
  const auto blob = visible_blob(parts, *source, *digest);
  if (!blob) return std::nullopt;
  parts.blobs.link(Link::blob, call.path.name, digest->text());
  notify(parts, call, {.action = "mount", .digest = digest->text(), .size = blob->size(), .from = from->second});
  return blob_created(call, digest->text());
}

// Content-Range, which only the releases on distribution v3 look at.
std::optional<net::ServerReply> check_range(const net::ServerRequest& request, const BlobUpload& upload) {
  const auto range = request.headers.get("Content-Range");
  if (!range || !request.headers.get("Content-Length")) return std::nullopt;
  const auto [first, last] = text::cut(*range, '-');
  const auto start = number_of(first);
  const auto end = number_of(last);
  if (!start || !end) return refuse(codes::kUnknown, Json("invalid content range format, wanted \"start-end\""));
  if (*start > *end || *start != upload.size()) return refuse(codes::kRangeInvalid);
  return std::nullopt;
}

}  // namespace

net::ServerReply begin_upload(RegistryParts& parts, const RegistryCall& call) {
  if (auto mounted = try_mount(parts, call)) return *std::move(mounted);
  const auto upload = parts.blobs.start_upload(call.path.name, rfc3339(std::chrono::system_clock::now()));
  if (!upload.ok()) return storage_trouble(upload.error());
  return session_reply(parts, call, 202, **upload);
}

net::ServerReply upload_status(RegistryParts& parts, const RegistryCall& call) {
  auto session = open_session(parts, call);
  if (auto* refusal = std::get_if<net::ServerReply>(&session)) return std::move(*refusal);
  return session_reply(parts, call, 204, *std::get<UploadPtr>(session));
}

net::ServerReply cancel_upload(RegistryParts& parts, const RegistryCall& call) {
  auto session = open_session(parts, call);
  if (auto* refusal = std::get_if<net::ServerReply>(&session)) return std::move(*refusal);
  const auto& upload = std::get<UploadPtr>(session);
  parts.blobs.cancel_upload(upload->id());
  auto reply = registry_status(204);
  reply.headers.set("Docker-Upload-UUID", upload->id());
  return reply;
}

UploadReceiver::UploadReceiver(RegistryParts& parts, const net::ServerRequest& head, const RegistryPath& path)
    : parts_(parts), path_(path), declared_bytes_(number_of(head.headers.get("Content-Length").value_or(""))) {
  auto query = parse_query(head.query());
  auto admitted = admit(parts.backend, head, access_records(head.method, path, query));
  if (auto* refused = std::get_if<net::ServerReply>(&admitted)) {
    refusal_ = std::move(*refused);
    return;
  }
  admission_ = std::get<Admission>(std::move(admitted));
  open(head,
       {head, path_, std::move(query), base_url(head), admission_, stream_name(path.name).value_or(StreamName{})});
}

UploadReceiver::~UploadReceiver() {
  if (upload_) upload_->release();
}

void UploadReceiver::open(const net::ServerRequest& head, const RegistryCall& call) {
  auto session = open_session(parts_, call);
  if (auto* refused = std::get_if<net::ServerReply>(&session)) {
    refusal_ = std::move(*refused);
    return;
  }
  auto upload = std::get<UploadPtr>(std::move(session));
  if (head.method == "PUT") {
    const auto given = call.query.find("digest");
    if (given == call.query.end() || given->second.empty()) {
      refusal_ = refuse(codes::kDigestInvalid, "digest missing");
      return;
    }
    digest_ = digest_of(given->second);
    if (!digest_) refusal_ = refuse(codes::kDigestInvalid, "digest parsing failed");
  } else {
    const auto type = head.headers.get("Content-Type").value_or("");
    if (!type.empty() && type != "application/octet-stream") refusal_ = refuse(codes::kUnknown, opaque_error());
    if (!refusal_ && parts_.release >= RegistryRelease::v4_14) refusal_ = check_range(head, *upload);
  }
  if (refusal_) return;
  if (!upload->claim()) {
    refusal_ = refuse(codes::kUploadInvalid, opaque_error());
    return;
  }
  upload_ = std::move(upload);
}

bool UploadReceiver::take(std::span<const std::byte> bytes) {
  received_bytes_ += bytes.size();
  if (!upload_) return received_bytes_ <= kMaxDiscardBytes;
  return upload_->append(bytes).ok();
}

net::ServerReply UploadReceiver::reply(const net::ServerRequest& request) {
  if (refusal_) return *std::exchange(refusal_, std::nullopt);
  if (const auto failure = upload_->failure()) {
    parts_.blobs.cancel_upload(upload_->id());
    return storage_trouble(*failure);
  }
  const RegistryCall call{request,           path_,      parse_query(request.query()),
                          base_url(request), admission_, stream_name(path_.name).value_or(StreamName{})};
  return request.method == "PUT" ? finish(call) : chunk_done(call);
}

net::ServerReply UploadReceiver::chunk_done(const RegistryCall& call) {
  upload_->release();
  const auto upload = std::exchange(upload_, nullptr);
  return session_reply(parts_, call, 202, *upload);
}

net::ServerReply UploadReceiver::finish(const RegistryCall& call) {
  if (declared_bytes_ && received_bytes_ < *declared_bytes_) {
    // The client is gone, and so is the reply; what came stays in the session.
    return refuse(codes::kUnknown);
  }
  const auto size = upload_->size();
  const auto digest = digest_->text();
  const auto finished = parts_.blobs.finish_upload(*upload_, *digest_);
  if (!finished.ok() && finished.error().kind() != ErrorKind::integrity) return storage_trouble(finished.error());
  if (!finished.ok()) {
    auto detail = Json::object();
    detail.set("Digest", digest);
    detail.set("Reason", opaque_error());
    return refuse(codes::kDigestInvalid, std::move(detail));
  }
  notify(parts_, call, {.action = "push", .digest = digest, .size = size});
  return blob_created(call, digest);
}

bool DiscardReceiver::take(std::span<const std::byte> bytes) {
  taken_ += bytes.size();
  return taken_ <= kMaxDiscardBytes;
}

}  // namespace sluice::sandbox
