#pragma once
// HttpSession: one connection of an HttpServer, request after request. Only for the server kit.
//
//   handshake -> request -> handling -> replying -> request ...
//                    \________________________\--> draining -> closed
//
// In every phase but `handling` all of it belongs to the server's thread. In `handling` the request belongs to the
// thread of the pool that runs the handler.

#include "base/guarded.hpp"
#include "net/server/http_channel.hpp"
#include "net/server/http_reply_writer.hpp"
#include "net/server/http_request_reader.hpp"
#include "net/server/http_server.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace boost::asio {
class io_context;
}

namespace sluice::net {

class HttpSession;

/// What a session needs of its server. Thread: the server's.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual const ServerOptions& options() const = 0;
  virtual boost::asio::io_context& io() = 0;
  /// One buffer for all sessions: only one of them reads at a time.
  virtual std::span<std::byte> scratch() = 0;
  /// Has session->run_handler() called on the pool.
  virtual void handle_later(std::shared_ptr<HttpSession> session) = 0;
  /// The socket is closed. Called once.
  virtual void ended(HttpSession& session) = 0;
};

class HttpSession final : public std::enable_shared_from_this<HttpSession> {
 public:
  using Clock = std::chrono::steady_clock;

  /// Takes over `socket`, an open non-blocking TCP socket. `tls` null: plain.
  HttpSession(SessionHost& host, RequestHandler& handler, int socket, std::string remote,
              std::shared_ptr<const TlsContext> tls);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  void start();
  /// Closes the socket at once.
  void break_off();
  /// Closes it if it has been waiting for the other side for too long.
  void check(Clock::time_point now);
  /// Thread: one of the pool's.
  void run_handler();

 private:
  enum class Phase : std::uint8_t { handshake, request, handling, replying, draining, closed };
  struct Wire;
  struct Bell;

  void proceed();
  void shake_hands();
  void receive();
  void take(std::string_view bytes);
  std::size_t take_some(std::string_view bytes);
  bool head_complete();
  void to_handler();
  void refuse(int status, const std::string& why);
  void answer(ServerReply reply);
  void send();
  void more();
  void ask_again(std::chrono::milliseconds wait);
  void watch_for_hang_up();
  void next_request();
  void start_draining();
  void drain();
  void drop_reply();
  void reset_connection();
  void wait_for(Moved::State state);
  void soon();
  void busy() { deadline_ = Clock::time_point::max(); }
  void waits(std::chrono::milliseconds span) { deadline_ = Clock::now() + span; }

  SessionHost& host_;
  RequestHandler& handler_;
  std::string remote_;
  std::unique_ptr<Wire> wire_;  ///< socket and timer
  std::unique_ptr<Channel> channel_;
  bool tls_;
  std::optional<ClientIdentity> client_;
  Phase phase_ = Phase::handshake;
  Clock::time_point deadline_ = Clock::time_point::max();

  std::string unread_;  ///< arrived and not taken yet
  std::unique_ptr<RequestReader> reader_;
  bool spoiled_ = false;  ///< a part of the request stays unread: no next one
  ServerReply reply_;     ///< from the pool to the server's thread

  ReplyWriter writer_;
  std::shared_ptr<Bell> bell_;
};

}  // namespace sluice::net
