#pragma once
// ReplyWriter: sends one reply through a channel, piece by piece. Only for the server kit.

#include "net/server/http_channel.hpp"
#include "net/server/http_reply.hpp"
#include "net/server/http_server.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <string>

namespace sluice::net {

/// Thread: the server's; never blocks.
class ReplyWriter {
 public:
  enum class Step : std::uint8_t {
    done,          ///< all of it is sent
    want_read,     ///< again when the socket can be read
    want_write,    ///< again when the socket can be written
    stream_waits,  ///< again when the stream rings, or after stream_wait() when that is not zero
    turn,          ///< again, after other connections had their turn
    cut,           ///< break the connection now
    failed,
  };

  ReplyWriter() = default;
  ~ReplyWriter() { drop(); }
  ReplyWriter(const ReplyWriter&) = delete;
  ReplyWriter& operator=(const ReplyWriter&) = delete;

  /// `wake` goes to the reply's stream.
  void start(ServerReply reply, ReplyTo to, std::time_t now, std::function<void()> wake);
  Step write(Channel& channel);
  std::chrono::milliseconds stream_wait() const { return stream_wait_; }
  bool streams() const { return stream_ != nullptr; }
  bool keep_alive() const { return keep_alive_; }
  /// Lets go of stream and memory.
  void drop();

 private:
  bool refill();
  bool take_piece();
  void drop_stream();

  std::string out_;
  std::size_t sent_bytes_ = 0;
  Framing framing_ = Framing::none;
  bool keep_alive_ = false;
  bool cut_ = false;
  std::unique_ptr<ReplyStream> stream_;
  std::chrono::milliseconds stream_wait_{0};
};

}  // namespace sluice::net
