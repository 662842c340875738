// Requests read in pieces, and the heads of replies. With sockets: component/http_server_test.cpp.

#include "net/server/http_request_reader.hpp"

#include "net/server/http_reply.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::net {
namespace {

using State = RequestReader::State;

// Feeds `text` at most `piece` bytes at a time, as a connection does; returns what is left of it.
std::string_view feed(RequestReader& reader, std::string_view text, std::size_t piece) {
  std::size_t offered = std::min(piece, text.size());
  while (reader.state() == State::head || reader.state() == State::body) {
    const auto before = reader.state();
    const auto used = reader.feed(text.substr(0, offered));
    if (before == State::head && reader.state() == State::body) reader.start_body(nullptr);
    text.remove_prefix(used);
    if (used == 0 && offered >= text.size()) break;
    offered = used == 0 ? std::min(offered + piece, text.size()) : std::min(piece, text.size());
  }
  return text;
}

TEST(RequestReader, ReadsTheSameInPiecesOfAnySize) {
  const std::string chunked =
      "\r\nPUT /a?b HTTP/1.1\r\nHost: h\r\nX-A:  one \r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n";
  const std::string counted = "PUT /a?b HTTP/1.1\r\nHost: h\r\nX-A: one\r\nContent-Length: 11\r\n\r\nhello world";
  for (const auto& text : {chunked, counted}) {
    for (std::size_t piece = 1; piece < text.size(); ++piece) {
      RequestReader reader({});
      const auto both = text + "GET /next";
      const auto rest = feed(reader, both, piece);
      ASSERT_EQ(reader.state(), State::done) << "pieces of " << piece;
      EXPECT_EQ(rest, "GET /next") << "pieces of " << piece;
      EXPECT_EQ(reader.request().method, "PUT");
      EXPECT_EQ(reader.request().target, "/a?b");
      EXPECT_EQ(reader.request().headers.get("x-a"), "one");
      EXPECT_FALSE(reader.request().headers.get("trailer"));
      EXPECT_EQ(reader.request().body, "hello world") << "pieces of " << piece;
      EXPECT_TRUE(reader.keep_alive());
    }
  }
}

TEST(RequestReader, BoundsFieldsInPiecesOfAnySize) {
  const std::string text = "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(500, 'x');
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{100}, std::size_t{1000}}) {
    RequestReader reader({.max_header_bytes = 200});
    feed(reader, text, piece);
    EXPECT_EQ(reader.state(), State::refused) << piece;
    EXPECT_EQ(reader.refusal_status(), 431) << piece;
  }
}

TEST(RequestReader, StopsWhenItsReceiverHasEnough) {
  class Full final : public BodyReceiver {
   public:
    bool take(std::span<const std::byte>) override { return false; }
  };
  RequestReader reader({});
  const std::string text = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc";
  const auto used = reader.feed(text);
  ASSERT_EQ(reader.state(), State::body);
  reader.start_body(std::make_shared<Full>());
  reader.feed(std::string_view(text).substr(used));
  EXPECT_EQ(reader.state(), State::stopped);
}

TEST(ReplyHead, FramesEveryKindOfReply) {
  class Nothing final : public ReplyStream {
   public:
    Piece next(std::size_t) override { return {}; }
    void on_more(std::function<void()>) override {}
  };
  struct Row {
    std::string name;
    int status;
    bool streams;
    std::optional<std::uint64_t> stream_bytes;
    ReplyTo to;
    Framing framing;
    std::string field;  ///< that must be there
  };
  const ReplyTo get{.keep_alive = true};
  const std::vector<Row> rows = {
      {"a body", 200, false, {}, get, Framing::length, "Content-Length: 4\r\n"},
      {"a body for HEAD", 200, false, {}, {.head = true, .keep_alive = true}, Framing::none, "Content-Length: 4\r\n"},
      {"a stream", 200, true, {}, get, Framing::chunked, "Transfer-Encoding: chunked\r\n"},
      {"a stream of known length", 200, true, 9, get, Framing::length, "Content-Length: 9\r\n"},
      {"a stream for HTTP/1.0",
       200,
       true,
       {},
       {.http_10 = true, .keep_alive = true},
       Framing::until_close,
       "Connection: close\r\n"},
      {"204", 204, false, {}, get, Framing::none, "HTTP/1.1 204 No Content\r\n"},
      {"304", 304, false, {}, get, Framing::none, "HTTP/1.1 304 Not Modified\r\n"},
      {"the last one", 200, false, {}, {}, Framing::length, "Connection: close\r\n"},
      {"a status of nobody", 299, false, {}, get, Framing::length, "HTTP/1.1 299 Unknown\r\n"},
  };
  for (const auto& row : rows) {
    ServerReply reply;
    reply.status = row.status;
    reply.body = "body";
    reply.headers.add("Content-Length", "77");  // not the handler's business
    if (row.streams) reply.stream = std::make_unique<Nothing>();
    reply.stream_bytes = row.stream_bytes;
    const auto head = reply_head(reply, row.to, 784111777);
    EXPECT_EQ(head.framing, row.framing) << row.name;
    EXPECT_NE(head.bytes.find(row.field), std::string::npos) << row.name << ": " << head.bytes;
    EXPECT_EQ(head.bytes.find("77\r\n"), std::string::npos) << row.name << ": " << head.bytes;
    EXPECT_NE(head.bytes.find("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), std::string::npos) << row.name;
  }
}

}  // namespace
}  // namespace sluice::net
