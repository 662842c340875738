#include "support/proxy_connection.hpp"

#include <cerrno>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace sluice::support {
namespace {

// ENOTCONN: the upstream is still connecting.
bool would_block(int code) { return code == EAGAIN || code == EINTR || code == ENOTCONN; }

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (value_ >= 0) ::close(value_);
    value_ = other.release();
  }
  return *this;
}

Fd::~Fd() {
  if (value_ >= 0) ::close(value_);
}

int Fd::release() { return std::exchange(value_, -1); }

ProxyConnection::ProxyConnection(int epoll, ProxyShared& shared, std::uint64_t number, std::size_t upstream_index,
                                 Fd client, Fd upstream, TimePoint now)
    : epoll_(epoll), session_(shared, number, upstream_index, now) {
  client_.fd = std::move(client);
  client_.token = 2 * number;
  upstream_.fd = std::move(upstream);
  upstream_.token = 2 * number + 1;
  for (Side* side : {&client_, &upstream_}) {
    side->interest = EPOLLIN;
    epoll_event event{.events = side->interest, .data = {.u64 = side->token}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, side->fd.get(), &event);
  }
}

ProxyConnection::~ProxyConnection() { session_.abandon(); }

void ProxyConnection::on_event(bool of_client, std::uint32_t events, TimePoint now) {
  if (done_) return;
  const Direction reading = of_client ? Direction::up : Direction::down;
  Side& side = of_client ? client_ : upstream_;
  if ((events & EPOLLOUT) != 0) side.blocked = false;
  if ((events & EPOLLERR) != 0) return reset();
  // A hang-up is reported for ever, wanted or not: read on even when the line is full, so that it comes to its end.
  if ((events & (EPOLLIN | EPOLLHUP)) != 0 && !side.read_ended) read_from(reading, now);
  if (!done_) flush(now);
}

void ProxyConnection::read_from(Direction direction, TimePoint now) {
  Side& side = source(direction);
  auto buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
  const auto got = ::recv(side.fd.get(), buffer.get(), kReadBytes, 0);
  if (got < 0) {
    if (!would_block(errno)) reset();
    return;
  }
  if (got == 0) {
    side.read_ended = true;
    session_.end_of_stream(direction);
    return;
  }
  if (!lingering_) session_.take(direction, std::move(buffer), static_cast<std::size_t>(got), now);
}

void ProxyConnection::flush(TimePoint now) {
  send_to(Direction::up, now);
  if (!done_) send_to(Direction::down, now);
  if (!done_) settle();
}

void ProxyConnection::send_to(Direction direction, TimePoint now) {
  Side& side = sink(direction);
  auto& line = session_.line(direction);
  while (!side.blocked && !side.write_ended) {
    if (const auto ending = session_.after_send(direction); ending != Ending::none) return end_by_fault(ending);
    const auto bytes = line.ready(now);
    if (bytes.empty()) return;
    session_.before_send(direction, bytes.size());
    const auto sent = ::send(side.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (!would_block(errno)) return reset();
      side.blocked = true;
      return;
    }
    line.consume(static_cast<std::size_t>(sent));
  }
}

void ProxyConnection::end_by_fault(Ending ending) {
  if (ending == Ending::reset) return reset();
  // An orderly end: our FIN follows what was sent. Closing at once would turn into a reset when the client is still
  // sending, and could take back bytes that it has not read.
  ::shutdown(client_.fd.get(), SHUT_WR);
  client_.write_ended = true;
  upstream_.read_ended = true;
  upstream_.write_ended = true;
  upstream_.fd = Fd();
  lingering_ = true;
}

void ProxyConnection::reset() {
  session_.abandon();
  for (const Side* side : {&client_, &upstream_}) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    if (side->fd.valid()) ::setsockopt(side->fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  client_.fd = Fd();
  upstream_.fd = Fd();
  done_ = true;
}

void ProxyConnection::settle() {
  if (lingering_) {
    done_ = client_.read_ended;
    return;
  }
  for (const auto direction : {Direction::up, Direction::down}) {
    Side& to = sink(direction);
    if (!source(direction).read_ended || to.write_ended || !session_.line(direction).empty()) continue;
    if (session_.stalled(direction) && direction == Direction::down) continue;  // a stall keeps the connection
    ::shutdown(to.fd.get(), SHUT_WR);
    to.write_ended = true;
  }
  const bool stalled = session_.stalled(Direction::up) || session_.stalled(Direction::down);
  if ((client_.write_ended && upstream_.write_ended) || (stalled && client_.read_ended)) {
    done_ = true;
    return;
  }
  for (const auto direction : {Direction::up, Direction::down}) {
    Side& side = source(direction);
    std::uint32_t interest = 0;
    if (!side.read_ended && !session_.line(direction).full()) interest |= EPOLLIN;
    if (side.blocked) interest |= EPOLLOUT;
    watch(side, interest);
  }
}

void ProxyConnection::watch(Side& side, std::uint32_t interest) {
  if (side.interest == interest || !side.fd.valid()) return;
  side.interest = interest;
  epoll_event event{.events = interest, .data = {.u64 = side.token}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, side.fd.get(), &event);
}

std::optional<ProxyConnection::TimePoint> ProxyConnection::next_release() const {
  std::optional<TimePoint> next;
  const auto consider = [&](Direction direction, const Side& side) {
    const auto release = session_.line(direction).next_release();
    // What is blocked waits for the socket, not for the clock.
    if (!release || side.blocked || side.write_ended) return;
    if (!next || *release < *next) next = release;
  };
  consider(Direction::up, upstream_);
  consider(Direction::down, client_);
  return next;
}

}  // namespace sluice::support
