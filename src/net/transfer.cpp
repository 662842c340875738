#include "net/transfer.hpp"

#include "base/text.hpp"

#include <charconv>

namespace sluice::net {

namespace {
constexpr std::size_t kMaxHeaderBytes = std::size_t{256} * 1024;  // no registry comes near; a guess with room
}

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

std::size_t Transfer::on_body(std::span<const std::byte> bytes) {
  last_progress = Clock::now();
  if (!streams_reply()) {
    if (reply.body.size() + bytes.size() > request.max_reply_bytes) {
      failure = Error(ErrorKind::protocol,
                      host() + " sent a reply larger than the limit of " + text::human_bytes(request.max_reply_bytes));
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
  const auto given = source->give(room);
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
