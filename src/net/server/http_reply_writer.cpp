#include "net/server/http_reply_writer.hpp"

#include <fmt/format.h>

#include <exception>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

namespace sluice::net {

namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;  // as the transfer loop: docs/architecture.md, "Buffers"
constexpr int kTurns = 8;                                    // pieces in a row before other connections have their turn

}  // namespace

void ReplyWriter::start(ServerReply reply, ReplyTo to, std::time_t now, std::function<void()> wake) {
  auto head = reply_head(reply, to, now);
  framing_ = head.framing;
  keep_alive_ = head.keep_alive;
  cut_ = false;
  sent_bytes_ = 0;
  out_ = std::move(head.bytes);
  if (framing_ == Framing::none) return;
  if (reply.stream) {
    stream_ = std::move(reply.stream);
    stream_->on_more(std::move(wake));
  } else {
    out_ += reply.body;
  }
}

ReplyWriter::Step ReplyWriter::write(Channel& channel) {
  for (int turn = 0; turn < kTurns; ++turn) {
    if (sent_bytes_ == out_.size() && !refill()) {
      if (cut_) return Step::cut;
      return stream_ ? Step::stream_waits : Step::done;
    }
    const auto moved = channel.write(std::as_bytes(std::span(std::string_view(out_).substr(sent_bytes_))));
    switch (moved.state) {
      case Moved::State::moved:
        sent_bytes_ += moved.count;
        break;
      case Moved::State::want_read:
        return Step::want_read;
      case Moved::State::want_write:
        return Step::want_write;
      case Moved::State::closed:
      case Moved::State::failed:
        return Step::failed;
    }
  }
  return Step::turn;
}

// Everything in out_ is sent. False: there is nothing more to send now.
bool ReplyWriter::refill() {
  out_.clear();
  sent_bytes_ = 0;
  while (stream_ && out_.size() < kPieceBytes && take_piece()) continue;
  if (out_.empty()) std::string().swap(out_);  // may wait for hours: give the memory back
  return !out_.empty();
}

// False: no further piece now.
bool ReplyWriter::take_piece() {
  ReplyStream::Piece piece;
  try {
    piece = stream_->next(kPieceBytes - out_.size());
  } catch (const std::exception&) {
    piece.step = ReplyStream::Step::cut;
  }
  switch (piece.step) {
    case ReplyStream::Step::bytes:
      if (piece.bytes.empty()) return true;  // a chunk of no bytes would end the body
      if (framing_ == Framing::chunked) fmt::format_to(std::back_inserter(out_), "{:x}\r\n", piece.bytes.size());
      out_ += piece.bytes;
      if (framing_ == Framing::chunked) out_ += "\r\n";
      return true;
    case ReplyStream::Step::later:
      stream_wait_ = piece.wait;
      return false;
    case ReplyStream::Step::end:
      if (framing_ == Framing::chunked) out_ += "0\r\n\r\n";
      drop_stream();
      return false;
    case ReplyStream::Step::cut:
      cut_ = true;
      drop_stream();
      return false;
  }
  return false;
}

void ReplyWriter::drop_stream() {
  if (stream_) stream_->on_more(nullptr);
  stream_.reset();
}

void ReplyWriter::drop() {
  drop_stream();
  std::string().swap(out_);
  sent_bytes_ = 0;
}

}  // namespace sluice::net
