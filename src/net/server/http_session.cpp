#include "net/server/http_session.hpp"

#include <fmt/format.h>

#include <algorithm>
// ThreadSanitizer does not know fences; asio's queues are locked anyway.
#ifdef __SANITIZE_THREAD__
#define BOOST_ASIO_DISABLE_FENCED_BLOCK
#endif

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ctime>
#include <exception>
#include <iterator>
#include <sys/socket.h>
#include <utility>

namespace sluice::net {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kMostUnreadBytes = std::size_t{64} * 1024;  // requests that wait behind a stream; a guess
constexpr int kTurns = 8;                  // buffers in a row before other connections have their turn
constexpr std::chrono::seconds kDrain{2};  // for a client that still sends what nobody reads; a guess

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

struct HttpSession::Wire {
  Wire(asio::io_context& io, int fd) : socket(io), timer(io) {
    error_code ignored;
    socket.assign(asio::ip::tcp::v4(), fd, ignored);  // the family only matters for names of addresses
    socket.non_blocking(true, ignored);
  }
  asio::ip::tcp::socket socket;
  asio::steady_timer timer;  ///< for streams that asked to be asked again
  bool waits_to_read = false;
  bool waits_to_write = false;
};

/// What a stream rings when it has more; outlives the session if it must.
struct HttpSession::Bell {
  struct Rope {
    asio::io_context* io = nullptr;  ///< null: cut
    std::weak_ptr<HttpSession> session{};
    bool rung = false;
  };
  Guarded<Rope> rope;

  void ring() {
    rope.with([](Rope& r) {
      if (r.io == nullptr || std::exchange(r.rung, true)) return;
      asio::post(*r.io, [weak = r.session] {
        if (const auto session = weak.lock()) session->more();
      });
    });
  }
  void answered() {
    rope.with([](Rope& r) { r.rung = false; });
  }
  void cut() {
    rope.with([](Rope& r) { r.io = nullptr; });
  }
};

HttpSession::HttpSession(SessionHost& host, RequestHandler& handler, int socket, std::string remote,
                         std::shared_ptr<const TlsContext> tls)
    : host_(host),
      handler_(handler),
      remote_(std::move(remote)),
      wire_(std::make_unique<Wire>(host.io(), socket)),
      channel_(tls ? tls->channel(socket) : plain_channel(socket)),
      tls_(tls != nullptr) {}

HttpSession::~HttpSession() { drop_reply(); }

void HttpSession::start() {
  if (!channel_) return break_off();
  error_code ignored;
  wire_->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  waits(host_.options().idle);
  shake_hands();
}

void HttpSession::break_off() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  busy();
  drop_reply();
  error_code ignored;
  wire_->timer.cancel();
  wire_->socket.close(ignored);
  std::string().swap(unread_);
  host_.ended(*this);
}

void HttpSession::reset_connection() {
  error_code ignored;
  wire_->socket.set_option(asio::socket_base::linger(true, 0), ignored);
  break_off();
}

void HttpSession::check(Clock::time_point now) {
  if (now >= deadline_) break_off();
}

void HttpSession::wait_for(Moved::State state) {
  const bool read = state == Moved::State::want_read;
  auto& waiting = read ? wire_->waits_to_read : wire_->waits_to_write;
  if (std::exchange(waiting, true)) return;
  const auto what = read ? asio::socket_base::wait_read : asio::socket_base::wait_write;
  wire_->socket.async_wait(what, [self = shared_from_this(), read](error_code code) {
    (read ? self->wire_->waits_to_read : self->wire_->waits_to_write) = false;
    if (code != asio::error::operation_aborted) self->proceed();
  });
}

void HttpSession::soon() {
  asio::post(host_.io(), [self = shared_from_this()] { self->proceed(); });
}

void HttpSession::proceed() {
  switch (phase_) {
    case Phase::handshake:
      return shake_hands();
    case Phase::request:
      return receive();
    case Phase::replying:
      if (writer_.streams()) watch_for_hang_up();
      if (phase_ == Phase::replying) send();
      return;
    case Phase::draining:
      return drain();
    case Phase::handling:
    case Phase::closed:
      return;
  }
}

void HttpSession::shake_hands() {
  const auto moved = channel_->handshake();
  switch (moved.state) {
    case Moved::State::moved:
      client_ = channel_->client();
      return next_request();
    case Moved::State::want_read:
    case Moved::State::want_write:
      return wait_for(moved.state);
    case Moved::State::closed:
      return break_off();
    case Moved::State::failed:
      return start_draining();  // what was said about the failure shall arrive
  }
}

void HttpSession::next_request() {
  phase_ = Phase::request;
  waits(host_.options().idle);
  reader_.reset();
  auto pending = std::exchange(unread_, {});
  if (!pending.empty()) take(pending);
  if (phase_ == Phase::request) receive();
}

void HttpSession::receive() {
  for (int turn = 0; turn < kTurns; ++turn) {
    const auto scratch = host_.scratch();
    const auto moved = channel_->read(scratch);
    switch (moved.state) {
      case Moved::State::moved:
        break;
      case Moved::State::want_read:
      case Moved::State::want_write:
        return wait_for(moved.state);
      case Moved::State::closed:
      case Moved::State::failed:
        return break_off();
    }
    waits(host_.options().idle);
    const auto bytes = text_of(scratch.first(moved.count));
    if (unread_.empty()) {
      take(bytes);
    } else {
      auto joined = std::exchange(unread_, {});
      take(joined.append(bytes));
    }
    if (phase_ != Phase::request) return;
  }
  soon();
}

// `bytes` must not be a part of unread_.
void HttpSession::take(std::string_view bytes) {
  while (!bytes.empty() && phase_ == Phase::request) {
    const auto used = take_some(bytes);
    bytes.remove_prefix(used);
    if (used == 0) break;
  }
  if (phase_ == Phase::request || phase_ == Phase::handling) unread_.assign(bytes);
}

std::size_t HttpSession::take_some(std::string_view bytes) {
  using State = RequestReader::State;
  if (!reader_) reader_ = std::make_unique<RequestReader>(host_.options());
  const auto before = reader_->state();
  const auto used = reader_->feed(bytes);
  if (before == State::head && reader_->state() == State::body && !head_complete()) return used;
  switch (reader_->state()) {
    case State::head:
    case State::body:
      break;
    case State::done:
      to_handler();
      break;
    case State::stopped:
      spoiled_ = true;
      to_handler();
      break;
    case State::refused:
      refuse(reader_->refusal_status(), reader_->refusal());
      break;
  }
  return used;
}

// False: this request is over.
bool HttpSession::head_complete() {
  auto& request = reader_->request();
  request.remote = remote_;
  request.tls = tls_;
  request.client = client_;
  std::shared_ptr<BodyReceiver> receiver;
  try {
    receiver = handler_.receive(request);
  } catch (const std::exception&) {
    refuse(500, "the server failed on the head of this request");
    return false;
  }
  reader_->start_body(std::move(receiver));
  if (reader_->state() != RequestReader::State::body || !reader_->expects_continue()) return true;
  // Everything before it is sent, so it only does not fit when the client has long stopped to read.
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  if (channel_->write(bytes_of(kContinue)).count == kContinue.size()) return true;
  break_off();
  return false;
}

void HttpSession::to_handler() {
  phase_ = Phase::handling;
  busy();
  host_.handle_later(shared_from_this());
}

void HttpSession::run_handler() {
  ServerReply reply;
  try {
    reply = handler_.handle(reader_->request(), reader_->receiver().get());
  } catch (const std::exception&) {
    reply = {};
    reply.status = 500;
    reply.headers.set("Content-Type", "text/plain; charset=utf-8");
    reply.body = "the server failed on this request\n";
  }
  reply_ = std::move(reply);
  asio::post(host_.io(), [self = shared_from_this()] { self->answer(std::exchange(self->reply_, {})); });
}

void HttpSession::refuse(int status, const std::string& why) {
  if (phase_ != Phase::request) return;
  spoiled_ = true;
  ServerReply reply;
  reply.status = status;
  reply.headers.set("Content-Type", "text/plain; charset=utf-8");
  reply.body = fmt::format("{} {}: {}\n", status, reason_phrase(status), why);
  answer(std::move(reply));
}

void HttpSession::answer(ServerReply reply) {
  if (phase_ == Phase::closed) return;
  if (reply.reset) return reset_connection();
  const ReplyTo to{.head = reader_->request().method == "HEAD",
                   .http_10 = reader_->is_http_10(),
                   .keep_alive = !spoiled_ && reader_->keep_alive()};
  reader_.reset();
  phase_ = Phase::replying;
  waits(host_.options().idle);
  std::function<void()> wake;
  if (reply.stream) {
    bell_ = std::make_shared<Bell>();
    bell_->rope.with([&](Bell::Rope& r) { r = {&host_.io(), weak_from_this()}; });
    wake = [bell = bell_] { bell->ring(); };
  }
  writer_.start(std::move(reply), to, std::time(nullptr), std::move(wake));
  proceed();
}

void HttpSession::drop_reply() {
  if (bell_) bell_->cut();
  bell_.reset();
  writer_.drop();
}

void HttpSession::send() {
  if (bell_) bell_->answered();
  const auto step = writer_.write(*channel_);
  switch (step) {
    case ReplyWriter::Step::done:
      drop_reply();
      return writer_.keep_alive() ? next_request() : start_draining();
    case ReplyWriter::Step::want_read:
      return wait_for(Moved::State::want_read);
    case ReplyWriter::Step::want_write:
      waits(host_.options().idle);
      return wait_for(Moved::State::want_write);
    case ReplyWriter::Step::stream_waits:
      busy();  // the client is not to blame
      if (writer_.stream_wait().count() > 0) ask_again(writer_.stream_wait());
      return;
    case ReplyWriter::Step::turn:
      waits(host_.options().idle);
      return soon();
    case ReplyWriter::Step::cut:
    case ReplyWriter::Step::failed:
      return break_off();
  }
}

void HttpSession::more() {
  if (phase_ == Phase::replying) send();
}

void HttpSession::ask_again(std::chrono::milliseconds wait) {
  wire_->timer.expires_after(wait);
  wire_->timer.async_wait([weak = weak_from_this()](error_code code) {
    const auto self = weak.lock();
    if (self && !code) self->more();
  });
}

// A client that is gone is only noticed by reading: nothing may be written for hours. Source: as Go's server, which
// takes the end of the client's side for the end of the connection.
void HttpSession::watch_for_hang_up() {
  while (unread_.size() < kMostUnreadBytes) {
    const auto scratch = host_.scratch();
    const auto moved = channel_->read(scratch);
    switch (moved.state) {
      case Moved::State::moved:
        unread_.append(text_of(scratch.first(moved.count)));
        break;
      case Moved::State::want_read:
      case Moved::State::want_write:
        return wait_for(moved.state);
      case Moved::State::closed:
      case Moved::State::failed:
        return break_off();
    }
  }
}

// Closing a socket with unread bytes resets the connection, and the client may lose the reply. Source: RFC 9112
// section 9.6.
void HttpSession::start_draining() {
  phase_ = Phase::draining;
  waits(kDrain);
  reader_.reset();
  std::string().swap(unread_);
  channel_->end_writing();
  drain();
}

// From the socket itself: a TLS channel that has failed reads nothing any more.
void HttpSession::drain() {
  for (int turn = 0; turn < kTurns; ++turn) {
    const auto moved = receive_some(wire_->socket.native_handle(), host_.scratch());
    switch (moved.state) {
      case Moved::State::moved:
        break;
      case Moved::State::want_read:
      case Moved::State::want_write:
        return wait_for(moved.state);
      case Moved::State::closed:
      case Moved::State::failed:
        return break_off();
    }
  }
  soon();
}

}  // namespace sluice::net
