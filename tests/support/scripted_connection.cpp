#include "support/scripted_connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sys/socket.h>
#include <sys/types.h>

namespace sluice::support {

namespace {

std::string head_of(const ScriptedReply& reply) {
  std::string head = fmt::format("HTTP/1.1 {} Scripted\r\n", reply.status);
  for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
  if (reply.framing == ScriptedReply::Framing::chunked) head += "Transfer-Encoding: chunked\r\n";
  if (reply.framing == ScriptedReply::Framing::length && reply.status != 204 && reply.status >= 200) {
    head += fmt::format("Content-Length: {}\r\n", reply.claimed_length.value_or(reply.body.size()));
  }
  if (reply.close || reply.read_at_most || reply.framing == ScriptedReply::Framing::until_close) {
    head += "Connection: close\r\n";
  }
  return head + "\r\n";
}

}  // namespace

bool ScriptedConnection::receive() {
  std::array<char, 16384> buffer{};
  const auto count = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (count <= 0) return false;
  input_.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

bool ScriptedConnection::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool ScriptedConnection::wait(const GatePtr& gate) const { return !gate || gate->wait(server_.stopping_.get_token()); }

bool ScriptedConnection::read_head() {
  for (;;) {
    const auto piece = tracker_.next(input_);
    input_.erase(0, piece.size);
    if (piece.kind == PieceKind::head) return true;
    if (piece.kind == PieceKind::broken) return false;
    if (piece.kind == PieceKind::more && !receive()) return false;
  }
}

// True when the request is to be answered.
bool ScriptedConnection::read_body(std::size_t request, const ScriptedReply& reply) {
  for (;;) {
    if (reply.read_at_most && tracker_.payload_bytes() >= *reply.read_at_most) return true;
    const auto piece = tracker_.next(input_);
    if (piece.kind == PieceKind::payload) add_body(request, std::string_view(input_).substr(0, piece.size));
    input_.erase(0, piece.size);
    if (piece.kind == PieceKind::broken) return false;
    if (piece.kind == PieceKind::more && !receive()) return false;
    if (piece.kind != PieceKind::end) continue;
    server_.state_.update([&](ScriptedServer::State& s) { s.seen[request].complete = true; });
    return true;
  }
}

std::pair<std::size_t, ScriptedReply> ScriptedConnection::record() {
  const auto& head = tracker_.head();
  SeenRequest request;
  request.connection = number_;
  request.method = head.method;
  request.target = head.target;
  request.headers = head.fields;
  return server_.state_.update([&](ScriptedServer::State& s) {
    auto reply = ScriptedServer::take_reply(s, request);
    s.seen.push_back(std::move(request));
    ++s.busy;
    return std::pair(s.seen.size() - 1, std::move(reply));
  });
}

void ScriptedConnection::add_body(std::size_t request, std::string_view bytes) {
  server_.state_.update([&](ScriptedServer::State& s) {
    auto& seen = s.seen[request];
    seen.body_bytes += bytes.size();
    seen.body += bytes.substr(0, ScriptedServer::kKeptBodyBytes - seen.body.size());
  });
}

bool ScriptedConnection::send_body(const ScriptedReply& reply) const {
  if (reply.framing != ScriptedReply::Framing::chunked) return send(reply.body + reply.extra);
  constexpr std::size_t kChunkBytes = 1024;
  for (std::size_t at = 0; at < reply.body.size(); at += kChunkBytes) {
    const auto chunk = std::string_view(reply.body).substr(at, kChunkBytes);
    if (!send(fmt::format("{:x}\r\n", chunk.size())) || !send(chunk) || !send("\r\n")) return false;
  }
  // A claimed length means that the body has no proper end.
  return !reply.claimed_length && send("0\r\n\r\n") && send(reply.extra);
}

// The socket is closed by its owner; with this setting that sends RST.
void ScriptedConnection::reset() const {
  const ::linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

// Closing with unread bytes would reset the connection, and the peer might never see the reply.
void ScriptedConnection::drain() {
  ::shutdown(socket_, SHUT_WR);
  while (receive()) input_.clear();
}

// True when another request may follow.
bool ScriptedConnection::answer(std::size_t request, const ScriptedReply& reply) {
  if (!wait(reply.before_read) || !read_body(request, reply)) return false;
  if (reply.silent) {
    while (receive()) input_.clear();
    return false;
  }
  if (!wait(reply.before_reply) || !send(head_of(reply)) || !wait(reply.before_body)) return false;
  if (reply.reset_after) {
    static_cast<void>(send(std::string_view(reply.body).substr(0, *reply.reset_after)));
    reset();
    return false;
  }
  const bool has_body = tracker_.head().method != "HEAD" && reply.status != 204 && reply.status >= 200;
  if (has_body && !send_body(reply)) return false;
  const bool last =
      reply.close || reply.claimed_length || reply.read_at_most || reply.framing == ScriptedReply::Framing::until_close;
  if (last) drain();
  return !last;
}

void ScriptedConnection::serve() {
  for (bool open = true; open && read_head();) {
    const auto [request, reply] = record();
    open = answer(request, reply);
    server_.state_.update([](ScriptedServer::State& s) { --s.busy; });
  }
}

}  // namespace sluice::support
