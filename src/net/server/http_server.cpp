#include "net/server/http_server.hpp"

#include "net/server/handler_pool.hpp"
#include "net/server/http_channel.hpp"
#include "net/server/http_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
// ThreadSanitizer does not know fences; asio's queues are locked anyway.
#ifdef __SANITIZE_THREAD__
#define BOOST_ASIO_DISABLE_FENCED_BLOCK
#endif

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <thread>
#include <unordered_map>
#include <utility>

namespace sluice::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kAfterAcceptFailure{100};  // descriptors are used up: somebody has to close some
constexpr std::chrono::milliseconds kSlowestCheck{1000};

std::string text_of(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  return fmt::format(fmt::runtime(address.is_v6() ? "[{}]:{}" : "{}:{}"), address.to_string(), endpoint.port());
}

}  // namespace

std::string_view ServerRequest::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::string_view ServerRequest::query() const {
  const auto at = target.find('?');
  return at == std::string::npos ? std::string_view() : std::string_view(target).substr(at + 1);
}

std::shared_ptr<BodyReceiver> RequestHandler::receive(const ServerRequest&) { return nullptr; }

struct HttpServer::State final : SessionHost {
  struct Listener {
    Listener(asio::io_context& io, RequestHandler& answers) : acceptor(io), retry(io), handler(answers) {}
    tcp::acceptor acceptor;
    asio::steady_timer retry;
    RequestHandler& handler;
    std::shared_ptr<const TlsContext> tls;
    bool accepting = false;
  };
  using ListenerPtr = std::shared_ptr<Listener>;

  explicit State(ServerOptions wanted)
      : options_(wanted), ticks_(io_), pool_(wanted.handlers), thread_([this] { run(); }) {}

  ~State() override {
    asio::post(io_, [this] { stop(); });
    pool_.stop();
    work_.reset();
    thread_.join();
  }

  const ServerOptions& options() const override { return options_; }
  asio::io_context& io() override { return io_; }
  std::span<std::byte> scratch() override { return scratch_; }
  void handle_later(std::shared_ptr<HttpSession> session) override {
    pool_.add([session = std::move(session)] { session->run_handler(); });
  }
  void ended(HttpSession& session) override {
    sessions_.erase(&session);
    open_ = sessions_.size();
    for (const auto& listener : listeners_) accept(listener);
  }

  Result<std::uint16_t> listen(const asio::ip::address& address, const std::string& name, std::uint16_t port,
                               RequestHandler& handler, std::shared_ptr<const TlsContext> tls);
  std::size_t open() const { return open_; }

 private:
  void run();
  void stop();
  void accept(const ListenerPtr& listener);
  void accepted(const ListenerPtr& listener, error_code code, tcp::socket socket);
  void tick();

  const ServerOptions options_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::atomic<std::size_t> open_{0};

  // Of the server's thread.
  std::array<std::byte, std::size_t{64} * 1024> scratch_{};
  std::vector<ListenerPtr> listeners_;
  std::unordered_map<HttpSession*, std::shared_ptr<HttpSession>> sessions_;
  asio::steady_timer ticks_;
  bool ticking_ = false;
  bool stopping_ = false;

  HandlerPool pool_;
  std::thread thread_;
};

void HttpServer::State::run() {
  // What is thrown here is std::bad_alloc for one connection: the others go on, and check() ends that one.
  for (bool over = false; !over;) {
    try {
      io_.run();
      over = true;
    } catch (const std::exception&) {
      over = false;
    }
  }
}

void HttpServer::State::stop() {
  stopping_ = true;
  ticks_.cancel();
  for (const auto& listener : std::exchange(listeners_, {})) {
    error_code ignored;
    listener->acceptor.close(ignored);
    listener->retry.cancel();
  }
  for (const auto& [key, session] : std::exchange(sessions_, {})) session->break_off();
  open_ = 0;
}

Result<std::uint16_t> HttpServer::State::listen(const asio::ip::address& address, const std::string& name,
                                                std::uint16_t port, RequestHandler& handler,
                                                std::shared_ptr<const TlsContext> tls) {
  const tcp::endpoint wanted(address, port);
  auto listener = std::make_shared<Listener>(io_, handler);
  listener->tls = std::move(tls);
  auto& acceptor = listener->acceptor;
  error_code code;
  acceptor.open(wanted.protocol(), code);
  if (!code) acceptor.set_option(tcp::acceptor::reuse_address(true), code);
  if (!code && address.is_v6()) acceptor.set_option(asio::ip::v6_only(true), code);
  if (!code) acceptor.bind(wanted, code);
  if (!code) acceptor.listen(kBacklog, code);
  if (!code) acceptor.non_blocking(true, code);
  const auto bound = code ? wanted : acceptor.local_endpoint(code);
  if (code) {
    return Error(ErrorKind::unreachable, fmt::format("cannot listen on {} port {}: {}", name, port, code.message()))
        .with_hint("choose another port, or 0 for a free one");
  }
  asio::post(io_, [this, listener] {
    if (stopping_) return;
    listeners_.push_back(listener);
    accept(listener);
  });
  return bound.port();
}

void HttpServer::State::accept(const ListenerPtr& listener) {
  if (stopping_ || listener->accepting || sessions_.size() >= options_.max_connections) return;
  listener->accepting = true;
  listener->acceptor.async_accept([this, listener](error_code code, tcp::socket socket) {
    listener->accepting = false;
    accepted(listener, code, std::move(socket));
  });
}

void HttpServer::State::accepted(const ListenerPtr& listener, error_code code, tcp::socket socket) {
  if (stopping_) return;
  if (code && code != asio::error::connection_aborted) {
    listener->accepting = true;
    listener->retry.expires_after(kAfterAcceptFailure);
    listener->retry.async_wait([this, listener](error_code) {
      listener->accepting = false;
      accept(listener);
    });
    return;
  }
  if (!code) {
    error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    const auto remote = gone ? std::string() : text_of(peer);
    socket.non_blocking(true, gone);
    const int descriptor = socket.release(gone);
    if (!gone) {
      const auto session = std::make_shared<HttpSession>(*this, listener->handler, descriptor, remote, listener->tls);
      sessions_.emplace(session.get(), session);
      open_ = sessions_.size();
      session->start();
      tick();
    }
  }
  accept(listener);
}

// One timer for the deadlines of all connections, and none while there are no connections.
void HttpServer::State::tick() {
  if (ticking_ || sessions_.empty() || stopping_) return;
  ticking_ = true;
  const auto idle = std::chrono::duration_cast<std::chrono::milliseconds>(options_.idle);
  ticks_.expires_after(std::clamp(idle / 4, std::chrono::milliseconds(10), kSlowestCheck));
  ticks_.async_wait([this](error_code) {
    ticking_ = false;
    const auto now = HttpSession::Clock::now();
    std::vector<std::shared_ptr<HttpSession>> sessions;
    sessions.reserve(sessions_.size());
    for (const auto& [key, session] : sessions_) sessions.push_back(session);
    for (const auto& session : sessions) session->check(now);
    tick();
  });
}

HttpServer::HttpServer(ServerOptions options) : state_(std::make_unique<State>(options)) {}
HttpServer::~HttpServer() = default;

Result<std::uint16_t> HttpServer::listen(const std::string& address, std::uint16_t port, RequestHandler& handler,
                                         std::optional<ListenerTls> tls) {
  error_code code;
  const auto parsed = asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, code);
  if (code) {
    return Error(ErrorKind::config, "cannot listen on \"" + address + "\": it is no IP address")
        .with_hint("write an address such as 127.0.0.1 or ::1");
  }
  std::shared_ptr<const TlsContext> context;
  if (tls) {
    SLUICE_TRY(context, TlsContext::make(*tls));
  }
  return state_->listen(parsed, address, port, handler, std::move(context));
}

std::size_t HttpServer::connections() const { return state_->open(); }

}  // namespace sluice::net
