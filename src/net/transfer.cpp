#include "net/transfer.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::net {

namespace {
constexpr std::size_t kMaxRefusalBytes = std::size_t{64} * 1024;
constexpr std::size_t kMaxUndoneBytes = std::size_t{4} * 1024 * 1024;
constexpr std::size_t kMaxHeaderBytes = std::size_t{256} * 1024;  // no registry comes near; a guess with room
}  // namespace

std::size_t Transfer::on_header(std::string_view line) {
  last_progress = Clock::now();
  if (head_final) return line.size();
  header_bytes += line.size();
  if (header_bytes > kMaxHeaderBytes) {
    failure = Error(ErrorKind::protocol, host() + " sent more than 256 KiB of headers");
    return 0;
  }
  if (line.starts_with("HTTP/")) {
    // A new status line replaces an interim (1xx) response.
    reply = HttpResponse{};
    const auto blank = line.find(' ');
    const auto code = blank == std::string_view::npos ? line.substr(0, 0) : line.substr(blank + 1, 3);
    std::from_chars(code.data(), code.data() + code.size(), reply.status);
    return line.size();
  }
  const auto text = text::trim(line);
  if (text.empty()) {
    if (reply.status >= 200) {
      head_final = true;
      // Without the last byte nothing can have been stored; and curl would wait for it as long as the source does.
      if (source != nullptr && reply.status < 300 && sent_bytes < upload_bytes) {
        failure = Error(ErrorKind::protocol,
                        host() + " said " + std::to_string(reply.status) + " before it had all bytes of the upload");
        return 0;
      }
      if (sink != nullptr) phase.update([](Phase& p) { p.head = true; });
    }
    return line.size();
  }
  const auto [name, value] = text::cut(text, ':');
  reply.headers.add(std::string(text::trim(name)), std::string(text::trim(value)));
  return line.size();
}

// What a refusal says has room even where only a byte was asked for; what was compressed may be far longer than it was
// on the wire.
std::size_t Transfer::reply_limit() const {
  if (request.cut_reply) return reply.status / 100 == 2 ? request.max_reply_bytes : kMaxRefusalBytes;
  return reply.headers.get("content-encoding") ? std::min(request.max_reply_bytes, kMaxUndoneBytes)
                                               : request.max_reply_bytes;
}

std::size_t Transfer::on_body(std::span<const std::byte> bytes) {
  last_progress = Clock::now();
  if (!streams_reply()) {
    if (reply.body.size() + bytes.size() > reply_limit()) {
      if (request.cut_reply && reply.status / 100 == 2) {
        reply.body.append(reinterpret_cast<const char*>(bytes.data()), request.max_reply_bytes - reply.body.size());
        was_cut = true;
        return 0;
      }
      failure = Error(ErrorKind::protocol,
                      host() + " sent a reply larger than the limit of " + text::human_bytes(reply_limit()));
      return 0;
    }
    reply.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    received_bytes += bytes.size();
    return bytes.size();
  }
  switch (sink->take(bytes)) {
    case Flow::moved:
      receive_paused = false;
      received_bytes += bytes.size();
      return bytes.size();
    case Flow::later:
      receive_paused = true;
      return kPauseReceive;
    case Flow::broken:
      break;
  }
  failure = Error(ErrorKind::cancelled, "the transfer from " + host() + " was given up");
  return 0;
}

std::size_t Transfer::on_read(std::span<std::byte> room) {
  // A source may have more than this request is to carry.
  const auto left = static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), upload_bytes - sent_bytes));
  if (left == 0) return 0;
  const auto given = source->give(room.first(left));
  switch (given.flow) {
    case Flow::moved:
      send_paused = false;
      last_progress = Clock::now();
      sent_bytes += given.count;
      return given.count;
    case Flow::later:
      send_paused = true;
      return kPauseSend;
    case Flow::broken:
      break;
  }
  failure = Error(ErrorKind::cancelled, "the upload to " + host() + " was given up");
  return kAbortSend;
}

bool Transfer::stalled(Clock::time_point now, const LoopOptions& options) const {
  if (receive_paused || send_paused) return false;
  const bool committing = source != nullptr && sent_bytes >= upload_bytes;
  if (request.max_silence) return now - last_progress > *request.max_silence;
  return now - last_progress > (committing ? options.commit : options.stall);
}

bool Transfer::too_slow(Clock::time_point now, const LoopOptions& options) {
  const bool streams = sink != nullptr || source != nullptr;
  if (!streams || options.least_rate == 0 || request.max_silence) return false;
  const bool at_work = source != nullptr ? sent_bytes > 0 && sent_bytes < upload_bytes : head_final;
  const auto moved = sent_bytes + received_bytes;
  const auto span = now - rate_since;
  const bool over = span >= options.stall;
  const auto least =
      options.least_rate * static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(span).count());
  const bool late = at_work && over && !receive_paused && !send_paused && moved - rate_from < least;
  if (!late && (over || !at_work || receive_paused || send_paused)) {
    rate_since = now;
    rate_from = moved;
  }
  return late;
}

void Transfer::complete(std::optional<Error> error) {
  if (sink != nullptr) {
    sink->on_room(nullptr);
    if (!error && streams_reply()) {
      if (auto ended = sink->end(); !ended) error = std::move(ended).error();
    } else if (error) {
      sink->fail(*error);
    }
  }
  if (source != nullptr) {
    source->on_bytes(nullptr);
    if (error) source->fail(*error);
  }
  phase.update([&](Phase& p) {
    p.head = true;
    p.done = true;
    p.error = std::move(error);
  });
}

}  // namespace sluice::net
