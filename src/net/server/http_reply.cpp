#include "net/server/http_reply.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::net {

namespace {

struct Reason {
  int status;
  std::string_view phrase;
};

constexpr std::array kReasons{
    Reason{100, "Continue"},
    Reason{101, "Switching Protocols"},
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{204, "No Content"},
    Reason{206, "Partial Content"},
    Reason{301, "Moved Permanently"},
    Reason{302, "Found"},
    Reason{303, "See Other"},
    Reason{304, "Not Modified"},
    Reason{307, "Temporary Redirect"},
    Reason{308, "Permanent Redirect"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{406, "Not Acceptable"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{410, "Gone"},
    Reason{412, "Precondition Failed"},
    Reason{413, "Request Entity Too Large"},
    Reason{415, "Unsupported Media Type"},
    Reason{416, "Requested Range Not Satisfiable"},
    Reason{418, "I'm a teapot"},
    Reason{422, "Unprocessable Entity"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{502, "Bad Gateway"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{505, "HTTP Version Not Supported"},
};

bool is_ours(std::string_view name) {
  return text::iequals(name, "content-length") || text::iequals(name, "transfer-encoding") ||
         text::iequals(name, "connection");
}

std::string one_line(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; },
      ' ');
  return out;
}

// Source: RFC 9110 section 5.6.7. Not strftime: its names follow the locale.
std::string http_date(std::time_t now) {
  static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm at{};
  ::gmtime_r(&now, &at);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(at.tm_wday)], at.tm_mday,
                     kMonths[static_cast<std::size_t>(at.tm_mon)], at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
}

bool has_no_body(int status) { return status / 100 == 1 || status == 204 || status == 304; }

Framing framing_of(const ServerReply& reply, ReplyTo to) {
  if (has_no_body(reply.status)) return Framing::none;
  if (!reply.stream || reply.stream_bytes || to.head) return Framing::length;
  return to.http_10 ? Framing::until_close : Framing::chunked;
}

std::optional<std::uint64_t> length_of(const ServerReply& reply, bool head) {
  if (head && reply.head_bytes) return reply.head_bytes;
  if (reply.stream) return reply.stream_bytes;
  return reply.body.size();
}

}  // namespace

std::string_view reason_phrase(int status) {
  const auto found =
      std::find_if(kReasons.begin(), kReasons.end(), [&](const Reason& r) { return r.status == status; });
  return found == kReasons.end() ? "Unknown" : found->phrase;
}

ReplyHead reply_head(const ServerReply& reply, ReplyTo to, std::time_t now) {
  ReplyHead out;
  out.framing = framing_of(reply, to);
  out.keep_alive = to.keep_alive && !reply.close && out.framing != Framing::until_close;
  out.bytes = fmt::format("HTTP/1.1 {} {}\r\n", reply.status, reason_phrase(reply.status));
  for (const auto& [name, value] : reply.headers.fields()) {
    if (!is_ours(name)) out.bytes += one_line(name) + ": " + one_line(value) + "\r\n";
  }
  if (!reply.headers.get("date")) out.bytes += "Date: " + http_date(now) + "\r\n";
  if (out.framing == Framing::length) {
    if (const auto length = length_of(reply, to.head)) out.bytes += fmt::format("Content-Length: {}\r\n", *length);
  } else if (out.framing == Framing::chunked) {
    out.bytes += "Transfer-Encoding: chunked\r\n";
  }
  if (!out.keep_alive) {
    out.bytes += "Connection: close\r\n";
  } else if (to.http_10) {
    out.bytes += "Connection: keep-alive\r\n";
  }
  out.bytes += "\r\n";
  if (to.head) out.framing = Framing::none;
  return out;
}

}  // namespace sluice::net
