#pragma once
// What the tests of the HTTP server share: handlers made of functions, streams that a test fills, raw connections.

#include "base/guarded.hpp"
#include "net/server/http_server.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace sluice::testing {

/// A handler made of two functions.
class FunctionHandler final : public net::RequestHandler {
 public:
  using Answer = std::function<net::ServerReply(net::ServerRequest&, net::BodyReceiver*)>;
  using Receive = std::function<std::shared_ptr<net::BodyReceiver>(const net::ServerRequest&)>;

  explicit FunctionHandler(Answer answer, Receive receive = nullptr)
      : answer_(std::move(answer)), receive_(std::move(receive)) {}
  std::shared_ptr<net::BodyReceiver> receive(const net::ServerRequest& head) override {
    return receive_ ? receive_(head) : nullptr;
  }
  net::ServerReply handle(net::ServerRequest& request, net::BodyReceiver* receiver) override {
    return answer_(request, receiver);
  }

 private:
  Answer answer_;
  Receive receive_;
};

inline net::ServerReply text_reply(int status, std::string body) {
  net::ServerReply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

/// What a test puts into the reply stream of a server, and what it sees of it.
class Faucet {
 public:
  using Piece = net::ReplyStream::Piece;
  using Step = net::ReplyStream::Step;

  void put(Piece piece) {
    const auto wake = state_.update([&](State& s) {
      s.pieces.push_back(std::move(piece));
      return s.wake;
    });
    if (wake) wake();
  }
  void put(std::string bytes) { put(Piece{Step::bytes, std::move(bytes), {}}); }
  /// Asked for a piece when there was none.
  void wait_until_dry() {
    state_.when([](const State& s) { return s.asked_in_vain > 0; }, {}, [](const State&) {});
  }
  /// The server has let go: on_more(null), then the end of the stream object.
  void wait_until_released() {
    state_.when([](const State& s) { return s.released; }, {}, [](const State&) {});
  }
  bool was_told_to_stop() const {
    return state_.with([](const State& s) { return s.told_to_stop; });
  }

  static std::unique_ptr<net::ReplyStream> stream(const std::shared_ptr<Faucet>& faucet) {
    return std::make_unique<Stream>(faucet);
  }

 private:
  struct State {
    std::deque<Piece> pieces;
    std::function<void()> wake;
    std::size_t asked_in_vain = 0;
    bool told_to_stop = false;
    bool released = false;
  };
  class Stream final : public net::ReplyStream {
   public:
    explicit Stream(std::shared_ptr<Faucet> faucet) : faucet_(std::move(faucet)) {}
    ~Stream() override {
      faucet_->state_.update([](State& s) { s.released = true; });
    }
    Piece next(std::size_t) override {
      return faucet_->state_.update([](State& s) -> Piece {
        if (s.pieces.empty()) {
          ++s.asked_in_vain;
          return {Step::later, {}, {}};
        }
        auto piece = std::move(s.pieces.front());
        s.pieces.pop_front();
        return piece;
      });
    }
    void on_more(std::function<void()> wake) override {
      faucet_->state_.update([&](State& s) {
        s.told_to_stop = wake == nullptr;
        s.wake = std::move(wake);
      });
    }

   private:
    std::shared_ptr<Faucet> faucet_;
  };

  mutable Watched<State> state_;
};

/// A plain socket to the server, for requests that no client of ours would send.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  }
  ~RawConnection() { close(); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  /// False when the server has closed the connection.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// Reads until `part` has come or the connection is over; returns everything since the last call.
  std::string read_until(std::string_view part) {
    std::string out;
    while (out.find(part) == std::string::npos && read_some(out)) continue;
    return out;
  }
  /// Reads to the end of the connection.
  std::string read_all() {
    std::string out;
    while (read_some(out)) continue;
    return out;
  }
  /// The connection ended with an RST.
  bool was_reset() const { return errno_ == ECONNRESET; }

 private:
  bool read_some(std::string& out) {
    char room[16 * 1024];
    const auto count = ::recv(socket_, room, sizeof room, 0);
    if (count < 0) errno_ = errno;
    if (count <= 0) return false;
    out.append(room, static_cast<std::size_t>(count));
    return true;
  }

  int socket_;
  int errno_ = 0;
};

/// Counts `part` in `text`.
inline std::size_t times(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace sluice::testing
