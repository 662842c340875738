#pragma once
// HttpServer: HTTP/1.1 over plain sockets and TLS, for everything of ours that answers requests.
// One thread owns the sockets; handlers run on a small pool and may block. Boost.Beast stays in the .cpp.
// Source: RFC 9110, RFC 9112.

#include "base/result.hpp"
#include "net/http.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::net {

/// Who a verified TLS client certificate speaks for (x509 of Kubernetes: CN is the user, O are the groups).
struct ClientIdentity {
  std::string common_name;
  std::vector<std::string> organizations;
};

/// One request as it arrived.
struct ServerRequest {
  std::string method;  ///< as it was sent, upper case
  std::string target;  ///< path and query, not decoded, starting with '/'
  Headers headers;
  std::string body;    ///< empty when a BodyReceiver took it
  std::string remote;  ///< "127.0.0.1:51234"
  bool tls = false;
  std::optional<ClientIdentity> client;

  /// The target up to '?', not decoded.
  std::string_view path() const;
  /// What follows the '?', not decoded.
  std::string_view query() const;
};

/// Takes a request body piece by piece instead of ServerRequest::body. Thread: the server's; must not block.
/// When the client goes away before the end of the body, the receiver is let go and no handler is called.
class BodyReceiver {
 public:
  virtual ~BodyReceiver() = default;
  /// False: stop reading; the handler is called at once and the connection is closed after its reply.
  virtual bool take(std::span<const std::byte> bytes) = 0;
};

/// A reply body that is made while it is sent. Thread: the server's; must not block.
class ReplyStream {
 public:
  enum class Step : std::uint8_t {
    bytes,  ///< `bytes` are to be sent now
    later,  ///< nothing now; `wake` will be called, or ask again after `wait` when it is not zero
    end,    ///< the body is complete
    cut,    ///< break the connection here, in the middle of the body
  };
  struct Piece {
    Step step = Step::end;
    std::string bytes;
    std::chrono::milliseconds wait{0};
  };
  virtual ~ReplyStream() = default;
  /// The next piece, of about at most `room` bytes.
  virtual Piece next(std::size_t room) = 0;
  /// `wake` may be called from any thread; null: no more calls, please. Called before the first next(), and with null
  /// when the connection is gone or the body has ended.
  virtual void on_more(std::function<void()> wake) = 0;
};

struct ServerReply {
  int status = 200;
  Headers headers;  ///< Content-Length, Transfer-Encoding and Connection are the server's business
  std::string body;
  std::unique_ptr<ReplyStream> stream;  ///< instead of `body`; chunked unless stream_bytes is known
  std::optional<std::uint64_t> stream_bytes;
  /// For HEAD, whose reply has no body: the length that GET would have.
  std::optional<std::uint64_t> head_bytes;
  bool reset = false;  ///< no reply at all: the connection is broken off (RST)
  bool close = false;  ///< close after this reply
};

/// What answers. Thread: `receive` on the server's thread, `handle` on any thread of the pool, several at once.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  /// Who takes the body of this request; null: it is collected in memory, up to ServerOptions::max_body_bytes
  /// (more is answered with 413). Called when the headers are there and the body is not.
  virtual std::shared_ptr<BodyReceiver> receive(const ServerRequest& head);
  virtual ServerReply handle(ServerRequest& request, BodyReceiver* receiver) = 0;
};

struct ListenerTls {
  std::string certificate_pem;  ///< chain
  std::string key_pem;
  std::string client_ca_pem;  ///< empty: clients are not asked for certificates; else asked for, not required
};

struct ServerOptions {
  unsigned handlers = 4;
  std::size_t max_connections = 1024;  ///< further ones wait in the backlog
  std::size_t max_body_bytes = std::size_t{8} * 1024 * 1024;
  std::size_t max_header_bytes = std::size_t{64} * 1024;
  /// A connection without a request, a request that stops arriving, a reply that nobody reads. Streams that have
  /// nothing to send may wait for as long as they like.
  std::chrono::seconds idle{120};
};

/// Thread: any. Destruction stops accepting, breaks what is open and joins; handlers that run are waited for.
class HttpServer {
 public:
  explicit HttpServer(ServerOptions options = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds and starts to accept. `port` 0: a free one. Returns the port. `handler` must outlive the server.
  /// Errors: unreachable (address in use, not ours), config (certificate or key).
  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port, RequestHandler& handler,
                               std::optional<ListenerTls> tls = std::nullopt);

  /// Connections that are open now.
  std::size_t connections() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace sluice::net
