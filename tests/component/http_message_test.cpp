// The borders of HTTP messages, found the same however the bytes are cut into reads.

#include "support/http_message.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::support {
namespace {

using Side = MessageTracker::Side;

/// What the tracker said of a stream that arrived in reads of `step` bytes: heads, payload, ends.
std::string transcript(Side side, std::string_view stream, std::size_t step, std::string_view answers = "GET",
                       bool ends = false) {
  MessageTracker tracker(side);
  tracker.answers(answers);
  std::string said;
  std::string payload;
  std::string held;
  const auto end_message = [&] {
    said += "[" + payload + "]";
    payload.clear();
  };
  for (std::size_t at = 0; at < stream.size(); at += step) {
    held += stream.substr(at, step);
    for (;;) {
      const auto piece = tracker.next(held);
      if (piece.kind == PieceKind::more) break;
      if (piece.kind == PieceKind::head) {
        said += side == Side::request ? tracker.head().method : std::to_string(tracker.head().status);
      }
      if (piece.kind == PieceKind::payload) payload += held.substr(0, piece.size);
      if (piece.kind == PieceKind::end) end_message();
      if (piece.kind == PieceKind::broken && piece.size == 0) return said + "broken";
      held.erase(0, piece.size);
    }
  }
  if (ends && tracker.finish()) end_message();
  return said;
}

struct Row {
  const char* name;
  Side side;
  std::string stream;
  std::string expected;
  std::string answers = "GET";
  bool ends = false;
};

std::vector<Row> rows() {
  const auto request = Side::request;
  const auto response = Side::response;
  return {
      {"request without a body", request, "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET[]"},
      {"request with a length", request, "PUT /x HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello", "PUT[hello]"},
      {"request in chunks", request,
       "PATCH /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
       "PATCH[abc0123456789]"},
      {"two requests", request, "POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\nHEAD /y HTTP/1.1\r\n\r\n",
       "POST[]HEAD[]"},
      {"response with a length", response, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200[ok]"},
      {"response to HEAD", response, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "200[]", "HEAD"},
      {"204 has no body", response, "HTTP/1.1 204 No Content\r\n\r\n", "204[]"},
      {"304 has no body", response, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "304[]"},
      {"100 comes before the answer", response,
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", "100201[]"},
      {"response until the end", response, "HTTP/1.1 200 OK\r\n\r\nall of it", "200[all of it]", "GET", true},
      {"response without a reason", response, "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", "404[]"},
      {"chunks win over a length", response,
       "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "200[x]"},
      {"TLS is no HTTP", request, std::string("\x16\x03\x01\x02", 4), "broken"},
      {"a bad chunk size", response, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "200broken"},
      {"a header line without a colon is kept", request, "GET / HTTP/1.1\r\nodd\r\n\r\n", "GET[]"},
  };
}

TEST(HttpMessage, FindsTheSameBordersHoweverTheBytesArrive) {
  for (const auto& row : rows()) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, row.stream.size()}) {
      EXPECT_EQ(transcript(row.side, row.stream, step, row.answers, row.ends), row.expected)
          << row.name << ", in reads of " << step << " bytes";
    }
  }
}

TEST(HttpMessage, RefusesAHeadWithoutEnd) {
  MessageTracker tracker(Side::request);
  const std::string endless = "GET /" + std::string(MessageTracker::kMaxHeadBytes, 'x');
  EXPECT_EQ(tracker.next(endless).kind, PieceKind::broken);
}

TEST(HttpMessage, ReadsFieldsWithoutCase) {
  MessageTracker tracker(Side::response);
  ASSERT_EQ(tracker.next("HTTP/1.1 200 OK\r\nDocker-Content-Digest:  sha256:00 \r\n\r\n").kind, PieceKind::head);
  EXPECT_EQ(tracker.head().field("docker-content-digest"), "sha256:00");
  EXPECT_EQ(tracker.head().field("etag"), std::nullopt);
}

}  // namespace
}  // namespace sluice::support
