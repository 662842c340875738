#include "support/scripted_server.hpp"

#include "base/text.hpp"
#include "support/scripted_connection.hpp"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace sluice::support {

namespace {

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

void check(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

std::optional<std::string> SeenRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (text::iequals(key, name)) return value;
  }
  return std::nullopt;
}

ScriptedServer::ScriptedServer(int receive_buffer_bytes) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(listener_, "socket");
  if (receive_buffer_bytes > 0) {
    check(::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes),
          "setsockopt");
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  check(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size), "bind");
  check(::listen(listener_, 128), "listen");
  check(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  stop();
  ::close(listener_);
}

void ScriptedServer::stop() {
  stopping_.request_stop();
  ::shutdown(listener_, SHUT_RDWR);
  state_.update([](State& s) {
    s.stopped = true;
    for (const int socket : s.sockets) {
      if (socket >= 0) ::shutdown(socket, SHUT_RDWR);
    }
  });
  if (accepting_.joinable()) accepting_.join();
}

// The number of a new connection; empty when it must not be served.
std::optional<std::size_t> ScriptedServer::admit(int socket) {
  return state_.update([&](State& s) -> std::optional<std::size_t> {
    if (s.stopped || s.sockets.size() >= kMaxConnections) return std::nullopt;
    s.sockets.push_back(socket);
    return s.sockets.size() - 1;
  });
}

void ScriptedServer::accept_all() {
  std::vector<std::jthread> threads;
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;  // the threads end by their sockets, and are joined here
    const int yes = 1;       // head and body are sent one after the other
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const auto number = admit(socket);
    if (!number) {
      ::close(socket);
      continue;
    }
    threads.emplace_back([this, socket, number] {
      ScriptedConnection(*this, socket, *number).serve();
      state_.update([&](State& s) {
        ::close(socket);
        s.sockets[*number] = -1;
      });
    });
  }
}

void ScriptedServer::on_each(std::string method, std::string target, std::vector<ScriptedReply> replies) {
  state_.update([&](State& s) {
    std::erase_if(s.routes, [&](const Route& r) { return r.method == method && r.target == target; });
    s.routes.push_back({std::move(method), std::move(target), std::move(replies)});
  });
}

ScriptedReply ScriptedServer::take_reply(State& state, const SeenRequest& request) {
  for (auto& route : state.routes) {
    const bool whole = route.target.find('?') != std::string::npos;
    const auto target = whole ? std::string_view(request.target) : path_of(request.target);
    if (route.method != request.method || route.target != target || route.replies.empty()) continue;
    return route.replies[std::min(route.used++, route.replies.size() - 1)];
  }
  return ScriptedReply{.status = 599, .body = "nobody scripted " + request.method + " " + request.target};
}

std::vector<SeenRequest> ScriptedServer::requests() const {
  return state_.with([](const State& s) { return s.seen; });
}

std::vector<SeenRequest> ScriptedServer::requests(std::string_view method, std::string_view path) const {
  auto all = requests();
  std::erase_if(all, [&](const SeenRequest& r) { return r.method != method || path_of(r.target) != path; });
  return all;
}

std::string ScriptedServer::order() const {
  std::vector<std::string> out;
  for (const auto& request : requests()) out.push_back(request.method + " " + std::string(path_of(request.target)));
  return text::join(out, ", ");
}

std::size_t ScriptedServer::connections() const {
  return state_.with([](const State& s) { return s.sockets.size(); });
}

void ScriptedServer::wait_for_requests(std::size_t count) {
  state_.when([&](const State& s) { return s.seen.size() >= count; }, {}, [](const State&) {});
}

void ScriptedServer::settle() {
  state_.when([](const State& s) { return s.busy == 0; }, {}, [](const State&) {});
}

}  // namespace sluice::support
