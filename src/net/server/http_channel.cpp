#include "net/server/http_channel.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <sys/types.h>

namespace sluice::net {

namespace {

class PlainChannel final : public Channel {
 public:
  explicit PlainChannel(int socket) : socket_(socket) {}
  Moved handshake() override { return {Moved::State::moved, 0}; }
  Moved read(std::span<std::byte> room) override { return receive_some(socket_, room); }
  Moved write(std::span<const std::byte> bytes) override { return send_some(socket_, bytes); }
  void end_writing() override { ::shutdown(socket_, SHUT_WR); }
  std::optional<ClientIdentity> client() const override { return std::nullopt; }

 private:
  int socket_;
};

Moved outcome(ssize_t count, Moved::State blocked) {
  if (count > 0) return {Moved::State::moved, static_cast<std::size_t>(count)};
  if (count == 0) return {Moved::State::closed, 0};
  return {errno == EAGAIN ? blocked : Moved::State::failed, 0};
}

}  // namespace

Moved receive_some(int socket, std::span<std::byte> room) {
  ssize_t count = 0;
  do {
    count = ::recv(socket, room.data(), room.size(), 0);
  } while (count < 0 && errno == EINTR);
  return outcome(count, Moved::State::want_read);
}

Moved send_some(int socket, std::span<const std::byte> bytes) {
  ssize_t count = 0;
  do {
    count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  return outcome(count, Moved::State::want_write);
}

std::unique_ptr<Channel> plain_channel(int socket) { return std::make_unique<PlainChannel>(socket); }

}  // namespace sluice::net
