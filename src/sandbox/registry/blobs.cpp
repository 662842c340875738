#include "sandbox/registry/blobs.hpp"

#include "base/text.hpp"
#include "sandbox/registry/parts.hpp"
#include "sandbox/registry/reply.hpp"
#include "sandbox/registry/upload_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace sluice::sandbox {

namespace {

namespace codes = registry_codes;

// A part of a blob, read while it is sent.
class BlobStream final : public net::ReplyStream {
 public:
  BlobStream(BlobPtr blob, ByteRange part) : blob_(std::move(blob)), at_(part.first), end_(part.last + 1) {}
  Piece next(std::size_t room) override {
    if (at_ >= end_) return {};
    Piece piece{Step::bytes, std::string(std::min<std::uint64_t>(room, end_ - at_), '\0'), {}};
    const auto count = blob_->read(at_, std::as_writable_bytes(std::span(piece.bytes)));
    if (!count.ok() || *count == 0) return {Step::cut, {}, {}};
    piece.bytes.resize(*count);
    at_ += *count;
    return piece;
  }
  void on_more(std::function<void()>) override {}

 private:
  BlobPtr blob_;
  std::uint64_t at_;
  std::uint64_t end_;
};

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

net::ServerReply unknown_blob(std::string_view digest) { return refuse(codes::kBlobUnknown, Json(digest)); }

}  // namespace

RangeWish parse_range(std::string_view field, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!field.starts_with(kUnit) || field.find(',') != std::string_view::npos) return {};
  const auto [from, to] = text::cut(text::trim(field.substr(kUnit.size())), '-');
  const auto first = number_of(from);
  const auto last = number_of(to);
  if (field.find('-') == std::string_view::npos || (!first && !from.empty()) || (!last && !to.empty())) return {};
  if (!first && !last) return {};
  if (!first) {  // the last bytes
    if (*last == 0 || size == 0) return {true, {}};
    return {false, ByteRange{size - std::min(*last, size), size - 1}};
  }
  if (*first >= size) return {true, {}};
  if (last && *last < *first) return {};
  return {false, ByteRange{*first, std::min(last.value_or(size - 1), size - 1)}};
}

net::ServerReply blob_reply(const net::ServerRequest& request, const BlobPtr& blob, const std::string& digest) {
  const auto etag = fmt::format("\"{}\"", digest);
  auto reply = registry_status(200);
  reply.headers.set("Docker-Content-Digest", digest);
  reply.headers.set("ETag", etag);
  reply.headers.set("Cache-Control", "max-age=31536000");
  const auto known = request.headers.get("If-None-Match").value_or("");
  if (known == etag || known == "*") {
    reply.status = 304;
    return reply;
  }
  reply.headers.set("Content-Type", "application/octet-stream");
  reply.headers.set("Accept-Ranges", "bytes");
  const auto size = blob->size();
  const auto condition = request.headers.get("If-Range").value_or(etag);
  const auto wish = condition == etag ? parse_range(request.headers.get("Range").value_or(""), size) : RangeWish{};
  if (wish.unsatisfiable) {
    auto refused = registry_text(416, "invalid range: failed to overlap\n");
    refused.headers.set("Content-Range", fmt::format("bytes */{}", size));
    return refused;
  }
  auto length = size;
  if (wish.part) {
    reply.status = 206;
    reply.headers.set("Content-Range", fmt::format("bytes {}-{}/{}", wish.part->first, wish.part->last, size));
    length = wish.part->last - wish.part->first + 1;
  }
  reply.head_bytes = length;
  if (request.method == "HEAD" || length == 0) return reply;
  reply.stream = std::make_unique<BlobStream>(blob, wish.part.value_or(ByteRange{0, size - 1}));
  reply.stream_bytes = length;
  return reply;
}

std::string ObjectStorage::url(std::string_view base, const std::string& digest) const {
  return fmt::format("{}/blobs/{}?signature={}", base, digest, sign_text(digest, secret_));
}

net::ServerReply ObjectStorage::handle(net::ServerRequest& request, net::BodyReceiver* /*receiver*/) {
  const auto problem = [](int status, std::string_view code, std::string_view message) {
    auto reply = registry_text(status, fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code>"
                                                   "<Message>{}</Message></Error>\n",
                                                   code, message));
    reply.headers.set("Content-Type", "application/xml");
    return reply;
  };
  if (request.headers.get("Authorization")) {
    return problem(400, "InvalidArgument",
                   "Only one auth mechanism allowed; only the signature query string parameter or the Authorization "
                   "header should be specified");
  }
  constexpr std::string_view kFolder = "/blobs/";
  const std::string path = decode_percent(request.path());
  const std::string digest = path.starts_with(kFolder) ? path.substr(kFolder.size()) : "";
  const auto query = parse_query(request.query());
  const auto signature = query.find("signature");
  if (signature == query.end() || signature->second != sign_text(digest, secret_)) {
    return problem(403, "SignatureDoesNotMatch", "The request signature we calculated does not match");
  }
  const auto blob = blobs_.open(digest);
  if (!blob || (request.method != "GET" && request.method != "HEAD")) {
    return problem(404, "NoSuchKey", "The specified key does not exist");
  }
  return blob_reply(request, blob, digest);
}

net::ServerReply serve_blob(RegistryParts& parts, const RegistryCall& call) {
  const auto digest = digest_of(call.path.reference);
  if (!digest) return refuse(codes::kDigestInvalid, opaque_error());
  const auto blob = visible_blob(parts, call.name, *digest);
  if (!blob) return unknown_blob(digest->text());
  notify(parts, call, {.action = "pull", .digest = digest->text(), .size = blob->size()});
  const auto storage = parts.storage_url.with([](const std::string& url) { return url; });
  if (storage.empty()) return blob_reply(call.request, blob, digest->text());
  auto reply = registry_status(307);
  reply.headers.set("Location", ObjectStorage(parts.blobs, parts.secret).url(storage, digest->text()));
  reply.headers.set("Docker-Content-Digest", digest->text());
  return reply;
}

net::ServerReply delete_blob(RegistryParts& parts, const RegistryCall& call) {
  const auto digest = digest_of(call.path.reference);
  if (!digest) return refuse(codes::kDigestInvalid, opaque_error());
  if (!parts.blobs.unlink(Link::blob, call.path.name, digest->text())) return refuse(codes::kBlobUnknown);
  notify(parts, call, {.action = "delete", .digest = digest->text()});
  return registry_status(202);
}

net::ServerReply delete_any_blob(RegistryParts& parts, const RegistryCall& call) {
  const auto digest = digest_of(call.path.reference);
  if (!digest) return refuse(codes::kDigestInvalid, opaque_error());
  parts.blobs.remove(digest->text());
  return registry_status(204);
}

}  // namespace sluice::sandbox
