#pragma once
// One connection of a ScriptedServer. Private to scripted_server.cpp.

#include "support/http_message.hpp"
#include "support/scripted_server.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::support {

/// Thread: the connection's own. Borrows the socket.
class ScriptedConnection {
 public:
  ScriptedConnection(ScriptedServer& server, int socket, std::size_t number)
      : server_(server), socket_(socket), number_(number), tracker_(MessageTracker::Side::request) {}

  /// Serves requests until the connection ends.
  void serve();

 private:
  bool receive();
  bool send(std::string_view bytes) const;
  bool read_head();
  bool read_body(std::size_t request, const ScriptedReply& reply);
  bool answer(std::size_t request, const ScriptedReply& reply);
  bool send_body(const ScriptedReply& reply) const;
  void reset() const;
  void drain();

  std::pair<std::size_t, ScriptedReply> record();
  void add_body(std::size_t request, std::string_view bytes);
  bool wait(const GatePtr& gate) const;

  ScriptedServer& server_;
  int socket_;
  std::size_t number_;
  MessageTracker tracker_;
  std::string input_;
};

}  // namespace sluice::support
