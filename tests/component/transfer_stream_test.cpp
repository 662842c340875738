// Streamed bodies of the transfer loop: back-pressure, broken streams, cancelling. Small exchanges:
// transfer_loop_test.cpp.

#include "component/loop_testing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace sluice::net {
namespace {

using support::failed_with;
using support::Gate;
using support::ScriptedReply;
using support::ScriptedServer;
using support::why;
using testing::descriptor_of;
using testing::pattern;
using testing::TextSink;
using testing::TextSource;
using testing::WatchedPipe;
using Framing = support::ScriptedReply::Framing;

/// Long enough for a leg that is not held up to move on a busy machine.
constexpr std::chrono::milliseconds kShortStall(500);

class Streams : public testing::LoopTest {
 protected:
  /// From GET /blob here to PUT /blob there, through `pipe`. The two results, download first.
  std::pair<Status, Result<HttpResponse>> relay(WatchedPipe& pipe, std::uint64_t size_bytes,
                                                const ScriptedServer& destination) {
    const auto download = loop_.download(get("/blob"), pipe, {});
    auto sent = loop_.upload(request(Method::put, "http://" + destination.host() + "/blob"), pipe, size_bytes, {});
    auto read = download->finish();
    return {std::move(read), std::move(sent)};
  }
};

TEST_F(Streams, DownloadIntoASink) {
  const auto body = pattern(1'000'000);
  for (const auto framing : {Framing::length, Framing::chunked, Framing::until_close}) {
    server_.on("GET", "/blob", {.headers = {{"X", "y"}}, .body = body, .framing = framing});
    TextSink sink;
    const auto download = loop_.download(get("/blob"), sink, {});
    const auto head = download->head();
    ASSERT_TRUE(head.ok()) << why(head);
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->headers.get("x"), "y");
    const auto end = download->finish();
    EXPECT_TRUE(end.ok()) << why(end);
    EXPECT_TRUE(sink.ended());
    EXPECT_TRUE(sink.text() == body) << "framing " << static_cast<int>(framing);
  }
}

TEST_F(Streams, GiveTheHeadBeforeTheBody) {
  const auto gate = std::make_shared<Gate>();
  server_.on("GET", "/blob", {.body = "content", .before_body = gate});
  TextSink sink;
  const auto download = loop_.download(get("/blob"), sink, {});
  const auto head = download->head();
  ASSERT_TRUE(head.ok()) << why(head);
  EXPECT_EQ(sink.text(), "");
  gate->open();
  EXPECT_TRUE(download->finish().ok());
  EXPECT_EQ(sink.text(), "content");
}

TEST_F(Streams, KeepOtherAnswersOutOfTheSink) {
  for (const int status : {307, 401, 404, 500}) {
    server_.on("GET", "/blob", {.status = status, .body = "not the blob"});
    TextSink sink;
    const auto download = loop_.download(get("/blob"), sink, {});
    const auto head = download->head();
    ASSERT_TRUE(head.ok()) << status << ": " << why(head);
    EXPECT_EQ(head->status, status);
    EXPECT_EQ(head->body, "not the blob");
    EXPECT_EQ(sink.text(), "") << status;
    EXPECT_FALSE(sink.ended()) << status;
  }
}

TEST_F(Streams, UploadExactlyWhatTheSourceGives) {
  const auto body = pattern(700'000);
  server_.on("PUT", "/blob", {.status = 201, .headers = {{"Location", "/x"}}});
  TextSource source(body, 10'000);
  const auto response = loop_.upload(put("/blob?digest=d"), source, body.size(), {});
  ASSERT_TRUE(response.ok()) << why(response);
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->headers.get("location"), "/x");
  const auto seen = server_.requests().at(0);
  EXPECT_TRUE(seen.body == body);
  EXPECT_EQ(seen.header("content-length"), std::to_string(body.size()));
  EXPECT_EQ(seen.header("transfer-encoding"), std::nullopt);
  EXPECT_EQ(seen.header("expect"), std::nullopt);
}

TEST_F(Streams, UploadNothingForAnEmptyBlob) {
  server_.on("PUT", "/blob", {.status = 201});
  TextSource source("");
  const auto response = loop_.upload(put("/blob"), source, 0, {});
  ASSERT_TRUE(response.ok()) << why(response);
  EXPECT_EQ(server_.requests().at(0).header("content-length"), "0");
  EXPECT_TRUE(server_.requests().at(0).complete);
}

// The destination reads nothing until the source has been told to wait, so the ring must have been full once.
TEST_F(Streams, HoldTheSourceBackWhenTheDestinationIsSlow) {
  const auto body = pattern(24'000'000);  // more than the kernel buffers of both connections take
  ScriptedServer destination(64 * 1024);
  const auto gate = std::make_shared<Gate>();
  server_.on("GET", "/blob", {.body = body});
  destination.on("PUT", "/blob", {.status = 201, .before_read = gate});
  WatchedPipe pipe(descriptor_of(body));
  pipe.on_later = [&] { gate->open(); };
  const auto [read, sent] = relay(pipe, body.size(), destination);
  EXPECT_TRUE(read.ok()) << why(read);
  EXPECT_TRUE(sent.ok()) << why(sent);
  EXPECT_TRUE(gate->wait()) << "the source never had to wait";
  EXPECT_LE(pipe.most_held(), places::kRingBytes);
  EXPECT_EQ(destination.requests().at(0).body_bytes, body.size());
}

TEST_F(Streams, WaitForASlowSource) {
  const auto body = pattern(300'000);
  ScriptedServer destination;
  const auto gate = std::make_shared<Gate>();
  server_.on("GET", "/blob", {.body = body, .before_body = gate});
  destination.on("PUT", "/blob", {.status = 201});
  WatchedPipe pipe(descriptor_of(body));
  std::jthread opening([&] {
    destination.wait_for_requests(1);
    gate->open();
  });
  const auto [read, sent] = relay(pipe, body.size(), destination);
  EXPECT_TRUE(read.ok()) << why(read);
  EXPECT_TRUE(sent.ok()) << why(sent);
  EXPECT_TRUE(destination.requests().at(0).body == body);
}

TEST_F(Streams, NeverCompleteAnUploadOfTheWrongBytes) {
  const auto body = pattern(500'000);
  auto flipped = body;
  flipped[250'000] = static_cast<char>(flipped[250'000] ^ 1);
  struct Row {
    const char* name;
    ScriptedReply reply;
    ErrorKind cause;
  };
  const Row rows[] = {
      {"one bit is wrong", {.body = flipped}, ErrorKind::integrity},
      {"one bit is wrong, chunked", {.body = flipped, .framing = Framing::chunked}, ErrorKind::integrity},
      {"one byte more", {.body = body + "x"}, ErrorKind::integrity},
      {"one byte more, chunked", {.body = body + "x", .framing = Framing::chunked}, ErrorKind::integrity},
      {"one byte less", {.body = body.substr(1)}, ErrorKind::integrity},
      {"one byte less, chunked", {.body = body.substr(1), .framing = Framing::chunked}, ErrorKind::integrity},
      {"the connection ends early", {.body = body.substr(9), .framing = Framing::until_close}, ErrorKind::integrity},
      {"less than was said", {.body = body.substr(9), .claimed_length = body.size()}, ErrorKind::unreachable},
      {"chunks without an end",
       {.body = body.substr(0, 99'000), .framing = Framing::chunked, .claimed_length = 0},
       ErrorKind::unreachable},
      {"reset in the middle", {.body = body, .reset_after = 100'000}, ErrorKind::unreachable},
      {"nothing", {.body = ""}, ErrorKind::integrity},
  };
  for (const auto& row : rows) {
    ScriptedServer destination;
    server_.on("GET", "/blob", row.reply);
    destination.on("PUT", "/blob", {.status = 201});
    WatchedPipe pipe(descriptor_of(body));
    const auto [read, sent] = relay(pipe, body.size(), destination);
    EXPECT_FALSE(read.ok()) << row.name;
    EXPECT_TRUE(failed_with(sent, ErrorKind::cancelled, destination.host())) << row.name;
    ASSERT_TRUE(pipe.inner().failure()) << row.name;
    EXPECT_EQ(to_string(pipe.inner().failure()->kind()), to_string(row.cause)) << row.name;
    destination.settle();
    for (const auto& seen : destination.requests()) {
      EXPECT_FALSE(seen.complete) << row.name;
      EXPECT_LT(seen.body_bytes, body.size()) << row.name << ": the last byte was sent";
    }
  }
}

TEST_F(Streams, HearTheAnswerBeforeTheirLastByte) {
  const auto body = pattern(8'000'000);
  for (const int status : {401, 413, 500}) {
    server_.on("PUT", "/blob", {.status = status, .body = "no", .read_at_most = 100'000});
    TextSource source(body);
    const auto response = loop_.upload(put("/blob"), source, body.size(), {});
    ASSERT_TRUE(response.ok()) << status << ": " << why(response);
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->body, "no");
  }
}

// Nobody can have stored a blob whose last byte was not sent, whatever the answer says.
TEST_F(Streams, DoNotBelieveASuccessBeforeTheirLastByte) {
  const auto body = pattern(8'000'000);
  server_.on("PUT", "/blob", {.status = 201, .read_at_most = 1000});
  TextSource source(body.substr(0, 200'000));  // and then it has nothing for a while
  const auto response = loop_.upload(put("/blob"), source, body.size(), {});
  EXPECT_TRUE(failed_with(response, ErrorKind::protocol, server_.host()));
  EXPECT_TRUE(source.failure().has_value()) << "the other side must hear of it";
}

TEST_F(Streams, SayWhichSideStoodStill) {
  LoopOptions options;
  options.stall = kShortStall;
  TransferLoop loop(options);
  const auto body = pattern(100'000);
  ScriptedServer destination;
  const auto never = std::make_shared<Gate>();
  server_.on("GET", "/blob", {.body = body, .before_body = never});
  destination.on("PUT", "/blob", {.status = 201});
  WatchedPipe pipe(descriptor_of(body));
  const auto download = loop.download(get("/blob"), pipe, {});
  const auto sent = loop.upload(request(Method::put, "http://" + destination.host() + "/blob"), pipe, body.size(), {});
  const auto read = download->finish();
  EXPECT_TRUE(failed_with(read, ErrorKind::timeout, "from " + server_.host()));
  EXPECT_TRUE(failed_with(sent, ErrorKind::cancelled)) << "the upload only waited";
  EXPECT_EQ(loop.counters().live_transfers, 0U);
}

TEST_F(Streams, SayThatTheDestinationStoodStill) {
  LoopOptions options;
  options.stall = kShortStall;
  TransferLoop loop(options);
  const auto body = pattern(24'000'000);  // more than the kernel buffers of a connection take
  ScriptedServer destination(64 * 1024);
  destination.on("PUT", "/blob", {.status = 201, .before_read = std::make_shared<Gate>()});
  TextSource source(body);
  const auto sent =
      loop.upload(request(Method::put, "http://" + destination.host() + "/blob"), source, body.size(), {});
  EXPECT_TRUE(failed_with(sent, ErrorKind::timeout, "to " + destination.host()));
  EXPECT_TRUE(source.failure().has_value());
}

TEST_F(Streams, GiveRegistriesTimeToCommit) {
  LoopOptions options;
  options.stall = kShortStall;
  TransferLoop loop(options);
  const auto gate = std::make_shared<Gate>();
  server_.on("PUT", "/blob", {.status = 201, .before_reply = gate});
  server_.on("GET", "/slow", {.silent = true});
  // Another request of the same loop stalls meanwhile, which shows that the clock was looked at.
  std::jthread stalling([&] {
    server_.wait_for_requests(1);
    EXPECT_TRUE(failed_with(loop.exchange(get("/slow"), {Deadline::never(), {}}), ErrorKind::timeout));
    gate->open();
  });
  TextSource source("content");
  const auto response = loop.upload(put("/blob"), source, 7, {});
  EXPECT_TRUE(response.ok()) << why(response);
}

TEST_F(Streams, AreCancelledAtAnyPoint) {
  const auto body = pattern(3'000'000);
  const auto never = std::make_shared<Gate>();
  server_.on("GET", "/silent", {.silent = true});
  server_.on("GET", "/held", {.body = body});
  server_.on("GET", "/headless", {.body = body, .before_body = never});
  server_.on("PUT", "/blob", {.status = 201});
  for (int round = 0; round < 30; ++round) {
    std::stop_source stop;
    const auto requests = server_.requests().size();
    switch (round % 5) {
      case 0: {  // nobody answers
        std::jthread stopping([&] {
          server_.wait_for_requests(requests + 1);
          stop.request_stop();
        });
        EXPECT_TRUE(failed_with(send(get("/silent"), stop.get_token()), ErrorKind::cancelled));
        break;
      }
      case 1: {  // the sink is full
        TextSink sink;
        sink.hold();
        const auto download = loop_.download(get("/held"), sink, stop.get_token());
        sink.wait_for_take();
        stop.request_stop();
        EXPECT_TRUE(failed_with(download->finish(), ErrorKind::cancelled));
        EXPECT_TRUE(sink.failure().has_value());
        break;
      }
      case 2: {  // the source has nothing
        TextSource source("abc");
        std::jthread stopping([&] {
          server_.wait_for_requests(requests + 1);
          stop.request_stop();
        });
        EXPECT_TRUE(failed_with(loop_.upload(put("/blob"), source, 10, stop.get_token()), ErrorKind::cancelled));
        EXPECT_TRUE(source.failure().has_value());
        break;
      }
      case 3: {  // the body has not begun, and nobody waits for it any more
        TextSink sink;
        const auto download = loop_.download(get("/headless"), sink, {});
        EXPECT_TRUE(download->head().ok());
        break;
      }
      default: {  // nothing has begun
        TextSink sink;
        const auto download = loop_.download(get("/held"), sink, {});
        break;
      }
    }
    EXPECT_EQ(loop_.counters().live_transfers, 0U) << "round " << round;
  }
}

TEST_F(Streams, AreCancelledWhileBytesFlow) {
  const auto body = pattern(2'000'000);
  ScriptedServer destination;
  server_.on("GET", "/blob", {.body = body});
  destination.on("PUT", "/blob", {.status = 201});
  for (int round = 0; round < 30; ++round) {
    std::stop_source stop;
    WatchedPipe pipe(descriptor_of(body));
    std::jthread stopping([&] {
      destination.wait_for_requests(static_cast<std::size_t>(round) + 1);
      stop.request_stop();
    });
    const auto download = loop_.download(get("/blob"), pipe, stop.get_token());
    const auto sent = loop_.upload(request(Method::put, "http://" + destination.host() + "/blob"), pipe, body.size(),
                                   stop.get_token());
    const auto read = download->finish();
    // Which of them was first is open; none may hang, and a finished upload is a whole one.
    if (sent.ok()) {
      EXPECT_TRUE(destination.requests().back().complete) << "round " << round;
    }
    EXPECT_EQ(loop_.counters().live_transfers, 0U) << "round " << round;
  }
}

TEST_F(Streams, OutliveTheirLoopAsErrors) {
  TextSink sink;
  sink.hold();
  server_.on("GET", "/blob", {.body = pattern(100'000)});
  auto own = std::make_unique<TransferLoop>();
  const auto download = own->download(get("/blob"), sink, {});
  sink.wait_for_take();
  own.reset();
  EXPECT_TRUE(failed_with(download->finish(), ErrorKind::cancelled));
  sink.release();
}

TEST_F(Streams, GoOnWhenTheSinkHasRoomAgain) {
  const auto body = pattern(1'000'000);
  server_.on("GET", "/blob", {.body = body});
  TextSink sink;
  sink.hold();
  const auto download = loop_.download(get("/blob"), sink, {});
  sink.wait_for_take();
  EXPECT_EQ(sink.text(), "");
  sink.release();
  const auto end = download->finish();
  EXPECT_TRUE(end.ok()) << why(end);
  EXPECT_TRUE(sink.text() == body);
}

}  // namespace
}  // namespace sluice::net
