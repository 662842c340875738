// Uploads of the fake registry. Source: distribution-spec 1.1, "Pushing blobs".

#include "base/text.hpp"
#include "support/fake_registry_state.hpp"

#include <fmt/format.h>

#include <charconv>

namespace sluice::support {

namespace {

net::ServerReply session(FakeContent& c, const FakeCall& call, const std::string& id, int status) {
  auto reply = empty_reply(status);
  const auto& upload = c.uploads[id];
  const auto path = fmt::format("/v2/{}/blobs/uploads/{}?_state={}", call.repository, id, upload.claimed);
  reply.headers.set("Location", url_of(c, c.knobs.upload_location, path));
  // As distribution says it: nothing and one byte look alike.
  reply.headers.set("Range", fmt::format("0-{}", upload.claimed == 0 ? 0 : upload.claimed - 1));
  if (c.knobs.chunk_min > 0 && call.request.method == "POST")
    reply.headers.set("OCI-Chunk-Min-Length", std::to_string(c.knobs.chunk_min));
  return reply;
}

net::ServerReply created(FakeContent& c, const FakeCall& call, const std::string& digest,
                         std::shared_ptr<FakeBytes> bytes) {
  c.repositories[call.repository].blobs[digest] = std::move(bytes);
  auto reply = empty_reply(201);
  reply.headers.set("Location", "/v2/" + call.repository + "/blobs/" + digest);
  reply.headers.set("Docker-Content-Digest", digest);
  return reply;
}

net::ServerReply begin(FakeContent& c, const FakeCall& call) {
  const auto mount = call.query("mount");
  if (!mount.empty()) {
    const auto single = c.knobs.mounts.find(mount);
    const int answer = single == c.knobs.mounts.end() ? c.knobs.mount : single->second;
    if (answer == 401) return unauthorized(c, call, false);
    if (answer >= 400) return refused(answer, answer == 405 ? "UNSUPPORTED" : "DENIED");
    const auto repository = call.query("from");
    const bool may = answer == 201 && may_pull(c, call, repository);
    auto& from = c.repositories[repository].blobs;
    if (may && c.knobs.stale_heads.contains(mount)) {
      auto reply = empty_reply(201);
      reply.headers.set("Location", "/v2/" + call.repository + "/blobs/" + mount);
      return reply;
    }
    if (const auto found = from.find(mount); may && found != from.end()) return created(c, call, mount, found->second);
  }
  if (call.query("digest-algorithm") == "sha512" && !c.knobs.sha512) return refused(400, "DIGEST_INVALID");
  const auto id = fmt::format("upload-{}", c.next_upload++);
  c.uploads[id];
  return session(c, call, id, 202);
}

net::ServerReply commit(FakeContent& c, const FakeCall& call, FakeUpload upload) {
  const auto wanted = call.query("digest");
  if (wanted.starts_with("sha512:") && !c.knobs.sha512) return refused(400, "DIGEST_INVALID");
  if (upload.bytes->digest(algorithm_of(wanted)) != wanted) return refused(400, "DIGEST_INVALID");
  c.knobs.stale_heads.erase(wanted);
  return created(c, call, wanted, std::move(upload.bytes));
}

net::ServerReply unknown_session(const FakeContent& c) {
  return refused(c.knobs.lost_status, c.knobs.lost_status == 404 ? "BLOB_UPLOAD_UNKNOWN" : "BLOB_UPLOAD_INVALID");
}

}  // namespace

net::ServerReply too_large(const FakeContent& c) {
  if (!c.knobs.max_body_page) return refused(413, "SIZE_INVALID");
  auto reply = empty_reply(413);
  reply.headers.set("Content-Type", "text/html");
  reply.body =
      "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n<center><h1>413 Request Entity "
      "Too Large</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
  return reply;
}

std::optional<net::ServerReply> refuse_body(FakeContent& c, const FakeCall& call) {
  const auto found = c.uploads.find(call.reference);
  if (found == c.uploads.end()) return unknown_session(c);
  const auto length = call.request.headers.get("Content-Length");
  std::uint64_t bytes = 0;
  if (length) std::from_chars(length->data(), length->data() + length->size(), bytes);
  if (c.knobs.max_body > 0 && bytes > c.knobs.max_body) return too_large(c);
  const auto range = call.request.headers.get("Content-Range").value_or("");
  if (!range.empty() && text::cut(range, '-').first != std::to_string(found->second.claimed))
    return session(c, call, call.reference, 416);
  const bool has_body = !length || bytes > 0;
  if (found->second.small_chunk && has_body) return refused(400, "BLOB_UPLOAD_INVALID");
  if (call.request.method == "PATCH") {
    found->second.small_chunk = length && bytes < c.knobs.chunk_min;
    ++found->second.patches;
  }
  return std::nullopt;
}

void body_broke(FakeContent& c, const FakeCall& call, std::uint64_t before) {
  const auto found = c.uploads.find(call.reference);
  if (found == c.uploads.end()) return;
  found->second.small_chunk = false;
  if (c.knobs.partial == FakeKnobs::Partial::lost) {
    c.uploads.erase(found);
  } else if (c.knobs.partial == FakeKnobs::Partial::undone) {
    found->second.bytes->shorten(before);
    found->second.claimed = before;
  }
}

net::ServerReply answer_upload(FakeContent& c, const FakeCall& call) {
  const auto& method = call.request.method;
  if (method == "POST") return begin(c, call);
  const auto found = c.uploads.find(call.reference);
  if (found == c.uploads.end()) return unknown_session(c);
  if (method == "DELETE") {
    c.uploads.erase(found);
    return empty_reply(204);
  }
  if (method == "GET" || method == "HEAD") return session(c, call, call.reference, 204);
  if (method == "PATCH") return session(c, call, call.reference, c.knobs.loses_chunks ? 201 : 202);
  if (method != "PUT") return empty_reply(405);
  auto upload = std::move(found->second);
  c.uploads.erase(found);
  return commit(c, call, std::move(upload));
}

}  // namespace sluice::support
