// The HTTP server: replies that are made while they are sent, and connections that end in the middle.

#include "component/http_server_testing.hpp"
#include "net/server/http_server.hpp"
#include "support/checks.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::net {
namespace {

using support::why;
using testing::Faucet;
using testing::FunctionHandler;
using testing::RawConnection;
using testing::text_reply;
using testing::times;
using Step = ReplyStream::Step;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kLastGet = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/// A server whose only reply is a stream that the test fills.
class ServedStreams : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto port = server_->listen("127.0.0.1", 0, handler_);
    ASSERT_TRUE(port.ok()) << why(port);
    port_ = *port;
  }

  std::shared_ptr<Faucet> faucet_ = std::make_shared<Faucet>();
  std::optional<std::uint64_t> length_;
  FunctionHandler handler_{[this](ServerRequest&, BodyReceiver*) {
    ServerReply reply;
    reply.stream = Faucet::stream(faucet_);
    reply.stream_bytes = length_;
    return reply;
  }};
  std::unique_ptr<HttpServer> server_ = std::make_unique<HttpServer>();
  std::uint16_t port_ = 0;
};

TEST_F(ServedStreams, SendPiecesAsTheyComeFromAnotherThread) {
  RawConnection connection(port_);
  ASSERT_TRUE(connection.send(kGet));
  faucet_->wait_until_dry();
  faucet_->put("one");
  EXPECT_NE(connection.read_until("3\r\none\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
  faucet_->put("two and");
  EXPECT_EQ(connection.read_until("7\r\ntwo and\r\n"), "7\r\ntwo and\r\n");
  faucet_->put({Step::end, {}, {}});
  EXPECT_EQ(connection.read_until("0\r\n\r\n"), "0\r\n\r\n");
  faucet_->wait_until_released();
  EXPECT_TRUE(faucet_->was_told_to_stop());
}

TEST_F(ServedStreams, ServeTheNextRequestAfterTheirEnd) {
  RawConnection connection(port_);
  faucet_->put("a");
  faucet_->put({Step::end, {}, {}});
  ASSERT_TRUE(connection.send(kGet));
  (void)connection.read_until("0\r\n\r\n");
  faucet_->put("b");
  faucet_->put({Step::end, {}, {}});
  ASSERT_TRUE(connection.send(kLastGet));
  EXPECT_NE(connection.read_all().find("1\r\nb\r\n0\r\n\r\n"), std::string::npos);
}

TEST_F(ServedStreams, AreAskedAgainAfterTheWaitTheyName) {
  faucet_->put({Step::later, {}, std::chrono::milliseconds(1)});
  faucet_->put("late");
  faucet_->put({Step::end, {}, {}});
  RawConnection connection(port_);
  ASSERT_TRUE(connection.send(kLastGet));
  EXPECT_NE(connection.read_all().find("late"), std::string::npos);
}

TEST_F(ServedStreams, WithAKnownLengthAreSentAsTheyAre) {
  length_ = 6;
  faucet_->put("abc");
  faucet_->put("def");
  faucet_->put({Step::end, {}, {}});
  RawConnection connection(port_);
  ASSERT_TRUE(connection.send(kLastGet));
  const auto reply = connection.read_all();
  EXPECT_NE(reply.find("Content-Length: 6\r\n"), std::string::npos) << reply;
  EXPECT_TRUE(reply.ends_with("\r\n\r\nabcdef")) << reply;
}

TEST_F(ServedStreams, EndWithTheConnectionForOldClients) {
  faucet_->put("abc");
  faucet_->put({Step::end, {}, {}});
  RawConnection connection(port_);
  ASSERT_TRUE(connection.send("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(connection.read_all().ends_with("\r\n\r\nabc"));
}

TEST_F(ServedStreams, CutBreaksTheConnectionInTheMiddle) {
  length_ = 100;
  faucet_->put("only this");
  faucet_->put({Step::cut, {}, {}});
  RawConnection connection(port_);
  ASSERT_TRUE(connection.send(kGet));
  EXPECT_TRUE(connection.read_all().ends_with("\r\n\r\nonly this"));
  EXPECT_FALSE(connection.was_reset());
}

TEST_F(ServedStreams, AreToldWhenTheClientIsGone) {
  {
    RawConnection connection(port_);
    ASSERT_TRUE(connection.send(kGet));
    faucet_->wait_until_dry();
  }
  faucet_->wait_until_released();
  EXPECT_TRUE(faucet_->was_told_to_stop());
}

TEST_F(ServedStreams, WaitForSlowReadersAndLoseNothing) {
  constexpr int kPieces = 2000;
  const std::string filler(10'000, '.');
  RawConnection connection(port_);
  ASSERT_TRUE(connection.send(kLastGet));
  for (int i = 0; i < kPieces; ++i) faucet_->put(fmt::format("<{}>{}", i, filler));
  faucet_->put({Step::end, {}, {}});
  const auto reply = connection.read_all();
  EXPECT_EQ(times(reply, "<"), kPieces);
  EXPECT_NE(reply.find(fmt::format("<{}>", kPieces - 1)), std::string::npos);
  EXPECT_TRUE(reply.ends_with("0\r\n\r\n"));
}

TEST_F(ServedStreams, AreBrokenOffWithTheServer) {
  std::vector<std::unique_ptr<RawConnection>> connections;
  for (int i = 0; i < 5; ++i) {
    connections.push_back(std::make_unique<RawConnection>(port_));
    ASSERT_TRUE(connections.back()->send(kGet));
    (void)connections.back()->read_until("\r\n\r\n");
  }
  std::jthread writer([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) faucet_->put("more");
  });
  server_.reset();
  writer.request_stop();
  writer.join();
  EXPECT_TRUE(faucet_->was_told_to_stop());
  for (const auto& connection : connections) EXPECT_EQ(connection->read_all().find("0\r\n\r\n"), std::string::npos);
}

TEST(ServerEnds, ResetsInsteadOfAReply) {
  FunctionHandler handler([](ServerRequest&, BodyReceiver*) {
    ServerReply reply;
    reply.reset = true;
    return reply;
  });
  HttpServer server;
  const auto port = server.listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  RawConnection connection(*port);
  ASSERT_TRUE(connection.send(kGet));
  EXPECT_EQ(connection.read_all(), "");
  EXPECT_TRUE(connection.was_reset());
}

TEST(ServerEnds, ClosesAfterAReplyThatSaysSo) {
  FunctionHandler handler([](ServerRequest&, BodyReceiver*) {
    auto reply = text_reply(200, "bye");
    reply.close = true;
    return reply;
  });
  HttpServer server;
  const auto port = server.listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  RawConnection connection(*port);
  ASSERT_TRUE(connection.send(kGet));
  const auto reply = connection.read_all();
  EXPECT_NE(reply.find("Connection: close"), std::string::npos) << reply;
  EXPECT_TRUE(reply.ends_with("bye")) << reply;
}

TEST(ServerEnds, WaitsForHandlersThatRun) {
  struct Stage {
    bool entered = false;
    bool go = false;
    bool left = false;
  };
  Watched<Stage> stage;
  FunctionHandler handler([&](ServerRequest&, BodyReceiver*) {
    stage.update([](Stage& s) { s.entered = true; });
    stage.when([](const Stage& s) { return s.go; }, {}, [](const Stage&) {});
    stage.update([](Stage& s) { s.left = true; });
    return text_reply(200, "nobody reads this");
  });
  auto server = std::make_unique<HttpServer>();
  const auto port = server->listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  RawConnection connection(*port);
  ASSERT_TRUE(connection.send(kGet));
  stage.when([](const Stage& s) { return s.entered; }, {}, [](const Stage&) {});
  std::jthread releaser([&] {
    (void)connection.read_all();  // the server breaks the connection off before it waits for the handler
    stage.update([](Stage& s) { s.go = true; });
  });
  server.reset();
  EXPECT_TRUE(stage.with([](const Stage& s) { return s.left; }));
}

TEST(ServerEnds, DropsRequestsThatHaveNotBegun) {
  Watched<int> entered(0);
  Watched<bool> go(false);
  FunctionHandler handler([&](ServerRequest&, BodyReceiver*) {
    entered.update([](int& n) { ++n; });
    go.when([](bool g) { return g; }, {}, [](bool) {});
    return text_reply(200, "");
  });
  auto server = std::make_unique<HttpServer>(ServerOptions{.handlers = 1});
  const auto port = server->listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  RawConnection first(*port);
  RawConnection second(*port);
  ASSERT_TRUE(first.send(kGet) && second.send(kGet));
  entered.when([](int n) { return n == 1; }, {}, [](int) {});
  std::jthread releaser([&] {
    (void)second.read_all();
    go.update([](bool& g) { g = true; });
  });
  server.reset();
  EXPECT_GE(entered.with([](int n) { return n; }), 1);
}

TEST(ServerEnds, LetsGoOfAReceiverWhoseClientIsGone) {
  Watched<bool> gone(false);
  class Receiver final : public BodyReceiver {
   public:
    explicit Receiver(Watched<bool>& gone) : gone_(gone) {}
    ~Receiver() override {
      gone_.update([](bool& g) { g = true; });
    }
    bool take(std::span<const std::byte>) override { return true; }

   private:
    Watched<bool>& gone_;
  };
  FunctionHandler handler(
      [](ServerRequest&, BodyReceiver*) {
        ADD_FAILURE() << "a request that never became complete was handled";
        return text_reply(200, "");
      },
      [&](const ServerRequest&) { return std::make_shared<Receiver>(gone); });
  HttpServer server;
  const auto port = server.listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  {
    RawConnection connection(*port);
    ASSERT_TRUE(connection.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc"));
  }
  gone.when([](bool g) { return g; }, {}, [](bool) {});
}

}  // namespace
}  // namespace sluice::net
