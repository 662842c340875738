#pragma once
// ProxyConnection: the two sockets of one proxied connection, moved by readiness events. What the bytes mean is
// ProxySession's; accepting and waiting is HttpProxy's.

#include "support/proxy_session.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sys/epoll.h>

namespace sluice::support {

/// A file descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int value) : value_(value) {}
  Fd(Fd&& other) noexcept : value_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();

  int get() const { return value_; }
  bool valid() const { return value_ >= 0; }
  int release();

 private:
  int value_ = -1;
};

/// Thread: loop.
class ProxyConnection {
 public:
  using TimePoint = DelayLine::TimePoint;
  static constexpr std::size_t kReadBytes = std::size_t{256} * 1024;

  /// Both sockets are non-blocking; `upstream` may still be connecting. Registers them with `epoll` under the tokens
  /// 2*number (client) and 2*number+1 (upstream).
  ProxyConnection(int epoll, ProxyShared& shared, std::uint64_t number, std::size_t upstream_index, Fd client,
                  Fd upstream, TimePoint now);
  ~ProxyConnection();
  ProxyConnection(const ProxyConnection&) = delete;
  ProxyConnection& operator=(const ProxyConnection&) = delete;

  void on_event(bool of_client, std::uint32_t events, TimePoint now);
  /// Sends what is due.
  void flush(TimePoint now);
  /// When flush() has something to do again, as far as time decides it.
  std::optional<TimePoint> next_release() const;
  bool done() const { return done_; }

 private:
  struct Side {
    Fd fd;
    std::uint64_t token = 0;
    std::uint32_t interest = 0;
    bool read_ended = false;
    bool write_ended = false;
    bool blocked = false;  ///< the kernel takes no more for now
  };

  Side& source(Direction direction) { return direction == Direction::up ? client_ : upstream_; }
  Side& sink(Direction direction) { return direction == Direction::up ? upstream_ : client_; }
  void read_from(Direction direction, TimePoint now);
  void send_to(Direction direction, TimePoint now);
  void end_by_fault(Ending ending);
  void reset();
  void settle();
  void watch(Side& side, std::uint32_t interest);

  int epoll_;
  ProxySession session_;
  Side client_;
  Side upstream_;
  bool lingering_ = false;  ///< our last word is said; waiting for the client to hang up
  bool done_ = false;
};

}  // namespace sluice::support
