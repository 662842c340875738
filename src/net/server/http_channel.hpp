#pragma once
// Channel: bytes in and out of one non-blocking socket, plain or through TLS. Only for the server kit.
// OpenSSL stands directly on the socket here: asio's own TLS stream holds four buffers of 17 KiB for every
// connection, and most connections of a server do nothing most of the time.

#include "base/result.hpp"
#include "net/server/http_server.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace sluice::net {

struct Moved {
  enum class State : std::uint8_t {
    moved,       ///< `count` bytes
    want_read,   ///< again when the socket can be read
    want_write,  ///< again when the socket can be written
    closed,      ///< the other side has ended
    failed,
  };
  State state = State::failed;
  std::size_t count = 0;
};

/// Borrows its socket, which must be non-blocking and must outlive it. Thread: the server's; never blocks.
class Channel {
 public:
  virtual ~Channel() = default;
  /// `moved` when the channel is ready for bytes.
  virtual Moved handshake() = 0;
  virtual Moved read(std::span<std::byte> room) = 0;
  virtual Moved write(std::span<const std::byte> bytes) = 0;
  /// Says that no more bytes will come from here.
  virtual void end_writing() = 0;
  /// After the handshake: who a verified client certificate speaks for.
  virtual std::optional<ClientIdentity> client() const = 0;
};

std::unique_ptr<Channel> plain_channel(int socket);

/// A certificate with its key and the authority of client certificates. Thread: any, once made.
class TlsContext {
 public:
  /// Errors: config.
  static Result<std::shared_ptr<const TlsContext>> make(const ListenerTls& tls);
  virtual ~TlsContext() = default;
  /// Null when OpenSSL has no memory left.
  virtual std::unique_ptr<Channel> channel(int socket) const = 0;
};

/// recv() and send() as every channel needs them: EINTR is retried, and nobody gets a SIGPIPE.
Moved receive_some(int socket, std::span<std::byte> room);
Moved send_some(int socket, std::span<const std::byte> bytes);

}  // namespace sluice::net
