// Blobs of the fake registry, as they are read. Source: distribution-spec 1.1, "Pulling blobs"; RFC 9110 section 14.

#include "base/text.hpp"
#include "support/fake_registry_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace sluice::support {

namespace {

// The server's wake, for a gate that may outlive the stream.
using Wake = std::shared_ptr<Guarded<std::function<void()>>>;

void ring(const Wake& wake) {
  wake->with([](const auto& call) {
    if (call) call();
  });
}

// Sends a part of a blob; breaks off or waits where a rule says so.
class BlobStream final : public net::ReplyStream {
 public:
  BlobStream(Watched<FakeContent>& shared, std::size_t entry, std::shared_ptr<FakeBytes> bytes, std::uint64_t at,
             std::uint64_t end)
      : shared_(shared), entry_(entry), bytes_(std::move(bytes)), at_(at), end_(end) {}

  void stop_at(std::uint64_t at, std::shared_ptr<FakeGate> gate) {
    stop_ = at;
    gate_ = std::move(gate);
  }

  Piece next(std::size_t room) override {
    if (stop_ && at_ >= *stop_) {
      if (!gate_) return {Step::cut, {}, {}};
      if (!gate_->pass_or_call([wake = wake_] { ring(wake); })) return {Step::later, {}, {}};
      stop_.reset();
    }
    if (at_ == end_) return {Step::end, {}, {}};
    const auto until = stop_ ? std::min(*stop_, end_) : end_;
    auto piece = bytes_->read(at_, static_cast<std::size_t>(std::min<std::uint64_t>(room, until - at_)));
    at_ += piece.size();
    shared_.update([&](FakeContent& c) { c.log.at(entry_).sent_bytes += piece.size(); });
    return {Step::bytes, std::move(piece), {}};
  }

  void on_more(std::function<void()> wake) override {
    wake_->with([&](auto& kept) { kept = std::move(wake); });
  }

 private:
  Watched<FakeContent>& shared_;
  std::size_t entry_;
  std::shared_ptr<FakeBytes> bytes_;
  std::uint64_t at_;
  std::uint64_t end_;
  std::optional<std::uint64_t> stop_;
  std::shared_ptr<FakeGate> gate_;
  Wake wake_ = std::make_shared<Guarded<std::function<void()>>>();
};

struct Part {
  std::uint64_t first = 0;
  std::uint64_t end = 0;  ///< one past the last
};

// What a Range asks for: first, or first and last byte. None: it cannot be had.
std::optional<Part> part_of(std::string_view range, std::uint64_t size) {
  const auto [from, to] = text::cut(range.substr(std::string_view("bytes=").size()), '-');
  Part part{0, size};
  std::from_chars(from.data(), from.data() + from.size(), part.first);
  std::uint64_t last = 0;
  if (std::from_chars(to.data(), to.data() + to.size(), last).ec == std::errc() && !to.empty())
    part.end = std::min(size, last + 1);
  if (part.first >= size || part.end <= part.first) return std::nullopt;
  return part;
}

net::ServerReply redirect(const FakeContent& c, const FakeCall& call) {
  auto reply = empty_reply(307);
  const auto path = "/v2/" + call.repository + "/blobs/" + call.reference + "?signature=a-capability";
  reply.headers.set("Location", url_of(c, FakeKnobs::Where::other_host, path));
  return reply;
}

}  // namespace

net::ServerReply answer_blob(Watched<FakeContent>& shared, FakeContent& c, const FakeCall& call,
                             const std::optional<FakeRule>& rule) {
  const bool head = call.request.method == "HEAD";
  if (!head && call.request.method != "GET") return empty_reply(405);
  if (head && !c.knobs.head_blob) return empty_reply(405);
  const auto& blobs = c.repositories[call.repository].blobs;
  const auto found = blobs.find(call.reference);
  const auto stale = c.knobs.stale_heads.find(call.reference);
  if (stale != c.knobs.stale_heads.end()) {
    if (!head) return refused(stale->second, stale->second == 404 ? "BLOB_UNKNOWN" : "UNKNOWN");
    auto reply = empty_reply(200);
    reply.headers.set("Docker-Content-Digest", call.reference);
    reply.head_bytes = found == blobs.end() ? 1 : found->second->size();
    return reply;
  }
  if (found == blobs.end()) return missing(c, "BLOB_UNKNOWN");
  if (!head && c.knobs.redirect_blobs && !call.other_host) return redirect(c, call);
  const auto& bytes = found->second;
  auto reply = empty_reply(200);
  reply.headers.set("Content-Type", "application/octet-stream");
  reply.headers.set("Docker-Content-Digest", call.reference);
  if (head) {
    reply.head_bytes = bytes->size();
    return reply;
  }
  Part part{0, bytes->size()};
  const auto range = call.request.headers.get("Range").value_or("");
  if (c.knobs.ranges && range.starts_with("bytes=")) {
    const auto wanted = part_of(range, bytes->size());
    if (!wanted) {
      reply = empty_reply(416);
      reply.headers.set("Content-Range", fmt::format("bytes */{}", bytes->size()));
      return reply;
    }
    part = c.knobs.wrong_content_range ? Part{0, wanted->end - wanted->first} : *wanted;
    reply.status = 206;
    reply.headers.set("Content-Range", fmt::format("bytes {}-{}/{}", part.first, part.end - 1, bytes->size()));
  }
  auto stream = std::make_unique<BlobStream>(shared, call.entry, bytes, part.first, part.end);
  if (rule && rule->at_byte && rule->status == 0) stream->stop_at(part.first + *rule->at_byte, rule->hold);
  reply.stream = std::move(stream);
  reply.stream_bytes = part.end - part.first;
  return reply;
}

}  // namespace sluice::support
