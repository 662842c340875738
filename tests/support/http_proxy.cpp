#include "support/http_proxy.hpp"

#include "support/proxy_connection.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace sluice::support {
namespace {

using TimePoint = DelayLine::TimePoint;

constexpr std::uint64_t kWakeToken = ~std::uint64_t{0};
constexpr std::uint64_t kListenerBit = std::uint64_t{1} << 63;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Result<Address> resolve(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return Error(ErrorKind::usage, "\"" + text + "\" is not HOST:PORT");
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), text.c_str() + colon + 1, &hints, &found);
  if (code != 0) return Error(ErrorKind::usage, "cannot resolve \"" + text + "\": " + ::gai_strerror(code));
  Address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

Error system_error(const std::string& what) {
  return Error(ErrorKind::unreachable, what + ": " + std::strerror(errno));
}

void send_at_once(const Fd& fd) {
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Result<Fd> listen_on(const std::string& text) {
  SLUICE_TRY(const Address address, resolve(text));
  Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), SOMAXCONN) != 0) {
    return system_error("cannot listen on " + text);
  }
  return fd;
}

std::uint16_t port_of(const Fd& fd) {
  Address address;
  address.size = sizeof address.storage;
  if (::getsockname(fd.get(), address.get(), &address.size) != 0) return 0;
  if (address.storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

}  // namespace

struct HttpProxy::State {
  struct Listener {
    Fd fd;
    Address upstream;
    std::uint16_t port = 0;
  };

  explicit State(ExchangeLog log) : shared(std::move(log)) {}

  void run(const std::stop_token& stop);
  void wait_and_dispatch();
  void dispatch(const epoll_event& event, TimePoint now);
  void accept_all(std::size_t index, TimePoint now);
  void flush_due(TimePoint now);
  std::optional<TimePoint> next_release() const;
  void watch(const Fd& fd, std::uint64_t token) const {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = token}};
    ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event);
  }

  ProxyShared shared;
  Fd epoll;
  Fd wake;
  std::vector<Listener> listeners;
  std::map<std::uint64_t, std::unique_ptr<ProxyConnection>> connections;
  std::uint64_t last_connection = 0;
  std::jthread loop;  // last: it ends before what it uses
};

void HttpProxy::State::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) wait_and_dispatch();
  connections.clear();
}

void HttpProxy::State::wait_and_dispatch() {
  std::array<epoll_event, 64> events{};
  auto now = std::chrono::steady_clock::now();
  // Nanoseconds, because a round trip rounded up to whole milliseconds at every step would add up.
  timespec timeout{};
  const auto next = next_release();
  if (next) {
    const auto left = std::max<std::chrono::nanoseconds>(*next - now, std::chrono::nanoseconds(0)).count();
    timeout.tv_sec = left / 1'000'000'000;
    timeout.tv_nsec = left % 1'000'000'000;
  }
  const int count =
      ::epoll_pwait2(epoll.get(), events.data(), static_cast<int>(events.size()), next ? &timeout : nullptr, nullptr);
  now = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) dispatch(events[static_cast<std::size_t>(i)], now);
  if (shared.one_way.count() > 0 || next) flush_due(now);
  std::erase_if(connections, [](const auto& entry) { return entry.second->done(); });
}

void HttpProxy::State::dispatch(const epoll_event& event, TimePoint now) {
  const auto token = event.data.u64;
  if (token == kWakeToken) return;
  if ((token & kListenerBit) != 0) return accept_all(token & ~kListenerBit, now);
  const auto found = connections.find(token / 2);
  if (found != connections.end()) found->second->on_event(token % 2 == 0, event.events, now);
}

void HttpProxy::State::accept_all(std::size_t index, TimePoint now) {
  auto& listener = listeners[index];
  for (;;) {
    Fd client(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.valid()) return;
    Fd upstream(::socket(listener.upstream.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!upstream.valid()) continue;  // out of descriptors: the client sees its connection closed
    send_at_once(client);
    send_at_once(upstream);
    // A refused connection shows up as an error event, and is passed on as a reset.
    [[maybe_unused]] const int connecting = ::connect(upstream.get(), listener.upstream.get(), listener.upstream.size);
    const auto number = ++last_connection;
    connections.emplace(number, std::make_unique<ProxyConnection>(epoll.get(), shared, number, index, std::move(client),
                                                                  std::move(upstream), now));
  }
}

void HttpProxy::State::flush_due(TimePoint now) {
  for (auto& [number, connection] : connections) {
    if (!connection->done()) connection->flush(now);
  }
}

std::optional<TimePoint> HttpProxy::State::next_release() const {
  std::optional<TimePoint> next;
  for (const auto& [number, connection] : connections) {
    const auto release = connection->next_release();
    if (release && (!next || *release < *next)) next = release;
  }
  return next;
}

HttpProxy::HttpProxy(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpProxy::~HttpProxy() {
  state_->loop.request_stop();
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(state_->wake.get(), &one, sizeof one);
  if (state_->loop.joinable()) state_->loop.join();
}

Result<std::unique_ptr<HttpProxy>> HttpProxy::start(HttpProxyOptions options) {
  SLUICE_TRY(auto log, ExchangeLog::open(options.log_file));
  auto state = std::make_unique<State>(std::move(log));
  state->shared.one_way = std::chrono::nanoseconds(options.latency) / 2;
  for (auto& rule : options.faults) {
    SLUICE_CHECK(state->shared.faults.with([&](FaultBook& book) { return book.add(std::move(rule)); }));
  }
  state->epoll = Fd(::epoll_create1(EPOLL_CLOEXEC));
  state->wake = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state->epoll.valid() || !state->wake.valid()) return system_error("cannot start the proxy's loop");
  state->watch(state->wake, kWakeToken);
  for (const auto& route : options.routes) {
    SLUICE_TRY(auto upstream, resolve(route.upstream));
    SLUICE_TRY(auto fd, listen_on(route.listen));
    const auto port = port_of(fd);
    state->watch(fd, kListenerBit | state->listeners.size());
    state->listeners.push_back({std::move(fd), upstream, port});
  }
  State* raw = state.get();
  state->loop = std::jthread([raw](const std::stop_token& stop) { raw->run(stop); });
  return std::unique_ptr<HttpProxy>(new HttpProxy(std::move(state)));
}

Result<std::unique_ptr<HttpProxy>> HttpProxy::start_before(std::uint16_t upstream_port,
                                                           std::chrono::milliseconds latency) {
  HttpProxyOptions options;
  options.routes.push_back({.upstream = "127.0.0.1:" + std::to_string(upstream_port)});
  options.latency = latency;
  return start(std::move(options));
}

std::uint16_t HttpProxy::port(std::size_t route) const { return state_->listeners.at(route).port; }

std::vector<Exchange> HttpProxy::exchanges() const { return state_->shared.log.all(); }

void HttpProxy::forget_exchanges() { state_->shared.log.clear(); }

Status HttpProxy::add_fault(FaultRule rule) {
  return state_->shared.faults.with([&](FaultBook& book) { return book.add(std::move(rule)); });
}

void HttpProxy::clear_faults() {
  state_->shared.faults.with([](FaultBook& book) { book.clear(); });
}

}  // namespace sluice::support
