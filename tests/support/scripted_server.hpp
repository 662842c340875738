#pragma once
// ScriptedServer: an HTTP/1.1 server on loopback that answers as a test tells it, and keeps what it was asked.
// It waits for events of the test, never for time. Well-behaved peers belong elsewhere: see registry_process.hpp.

#include "base/guarded.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::support {

/// An event that a test makes happen, once. Thread: any.
class Gate {
 public:
  void open() {
    open_.update([](bool& open) { open = true; });
  }
  /// False when `stop` came first.
  bool wait(std::stop_token stop = {}) {
    return open_.when([](bool open) { return open; }, std::move(stop), [](bool open) { return open; });
  }

 private:
  Watched<bool> open_{false};
};
using GatePtr = std::shared_ptr<Gate>;

/// How one request is answered.
struct ScriptedReply {
  enum class Framing : std::uint8_t {
    length,       ///< Content-Length
    chunked,      ///< no length; chunks of 1 KiB
    until_close,  ///< no length; the end of the connection is the end of the body
  };

  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  Framing framing = Framing::length;
  std::optional<std::uint64_t> claimed_length{};  ///< the Content-Length when it is a lie; then the connection ends
  std::string extra{};                            ///< bytes after the end of the body, sent together with it
  std::optional<std::size_t> reset_after{};       ///< the connection is reset after so many bytes of the body
  std::optional<std::size_t> read_at_most{};      ///< answers after so many bytes of the request's body, and ends
  bool close = false;                             ///< ends the connection afterwards
  bool silent = false;                            ///< never answers
  GatePtr before_read{};                          ///< waits before reading the request's body
  GatePtr before_reply{};
  GatePtr before_body{};  ///< waits between head and body of the reply
};

/// What came in. The body is kept up to kKeptBodyBytes.
struct SeenRequest {
  std::size_t connection = 0;  ///< counted from 0
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::uint64_t body_bytes = 0;
  bool complete = false;  ///< the whole body arrived

  std::optional<std::string> header(std::string_view name) const;
};

/// Thread: any. One thread per connection; the destructor ends and joins all of them.
class ScriptedServer {
 public:
  static constexpr std::size_t kKeptBodyBytes = std::size_t{1} * 1024 * 1024;
  static constexpr std::size_t kMaxConnections = 512;

  /// `receive_buffer_bytes` bounds what the kernel takes for us; 0 leaves it alone.
  explicit ScriptedServer(int receive_buffer_bytes = 0);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  /// Answers `method target` by these replies in their order, the last one for ever. A target without a query stands
  /// for all queries. What nobody scripted gets 599.
  void on_each(std::string method, std::string target, std::vector<ScriptedReply> replies);
  void on(std::string method, std::string target, ScriptedReply reply) {
    on_each(std::move(method), std::move(target), std::vector{std::move(reply)});
  }

  std::uint16_t port() const { return port_; }
  /// "127.0.0.1:PORT"
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

  std::vector<SeenRequest> requests() const;
  /// Those of one method and path.
  std::vector<SeenRequest> requests(std::string_view method, std::string_view path) const;
  /// "GET /a, PUT /b": what was asked, without queries, in the order of arrival.
  std::string order() const;
  std::size_t connections() const;
  /// Waits until so many requests have arrived (their heads).
  void wait_for_requests(std::size_t count);
  /// Waits until no request is being read or answered.
  void settle();
  /// Ends all connections and takes no more. Called by the destructor.
  void stop();

 private:
  struct Route {
    std::string method;
    std::string target;
    std::vector<ScriptedReply> replies;
    std::size_t used = 0;
  };
  struct State {
    std::vector<Route> routes;
    std::vector<SeenRequest> seen;
    std::vector<int> sockets;  ///< by connection; -1 when it has ended
    std::size_t busy = 0;
    bool stopped = false;
  };
  friend class ScriptedConnection;

  void accept_all();
  std::optional<std::size_t> admit(int socket);
  /// The next reply for a request; chosen in the step that records it, so that the order of replies is that of
  /// requests.
  static ScriptedReply take_reply(State& state, const SeenRequest& request);

  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::stop_source stopping_;
  mutable Watched<State> state_;
  std::thread accepting_;
};

}  // namespace sluice::support
