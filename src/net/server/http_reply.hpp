#pragma once
// The bytes of a reply's head. Pure. Only for the server kit. Source: RFC 9112 section 4, RFC 9110 section 6.6.1.

#include "net/server/http_server.hpp"

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::net {

/// What the request has to say about the reply to it.
struct ReplyTo {
  bool head = false;        ///< the method was HEAD
  bool http_10 = false;     ///< the client knows no chunks
  bool keep_alive = false;  ///< the connection may be used again
};

enum class Framing : std::uint8_t { none, length, chunked, until_close };

struct ReplyHead {
  std::string bytes;  ///< status line, fields and the empty line
  Framing framing = Framing::none;
  bool keep_alive = false;
};

/// Control characters in fields become blanks; Content-Length, Transfer-Encoding and Connection of the handler are left
/// out. `now` is for the Date field.
ReplyHead reply_head(const ServerReply& reply, ReplyTo to, std::time_t now);

/// "Not Found"
std::string_view reason_phrase(int status);

}  // namespace sluice::net
