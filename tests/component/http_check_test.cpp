// The HTTP check over real sockets: what reaches a server, and what never leaves.

#include "promotion/targets/http_check.hpp"

#include "base/guarded.hpp"
#include "component/http_server_testing.hpp"
#include "net/server/http_server.hpp"
#include "net/transfer_loop.hpp"
#include "support/checks.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::promotion {
namespace {

using std::chrono::seconds;
using support::failed_with;
using support::why;
using testing::text_reply;

/// A server that answers by path: "/503" with 503; "/later" with 503 for the first time; "/to?URL" leads there.
class HttpCheckOverSockets : public ::testing::Test {
 protected:
  HttpCheckOverSockets() {
    auto listening = server_.listen("127.0.0.1", 0, handler_, std::nullopt);
    EXPECT_TRUE(listening.ok()) << why(listening);
    if (listening) port_ = *listening;
  }
  std::string url(const std::string& rest, const std::string& start = "http://127.0.0.1") const {
    return fmt::format("{}:{}{}", start, port_, rest);
  }
  Result<int> ask(const std::string& where, bool allow_local, seconds patience = seconds(0)) {
    return check_http(loop_, {where, allow_local, patience}, {Deadline::after(seconds(60)), {}});
  }
  std::vector<std::string> asked() {
    return seen_.with([](const auto& seen) { return seen; });
  }

 private:
  net::ServerReply answer(const net::ServerRequest& request) {
    const auto path = std::string(request.path());
    const auto times = seen_.with([&](std::vector<std::string>& seen) {
      seen.push_back(path);
      return seen.size();
    });
    if (request.headers.get("authorization") || request.headers.get("cookie")) return text_reply(400, "too much");
    if (path == "/503" || (path == "/later" && times == 1)) return text_reply(503, "not yet");
    if (path != "/to") return text_reply(200, "fine");
    auto reply = text_reply(302, "");
    reply.headers.add("Location", std::string(request.query()));
    reply.headers.add("Set-Cookie", "session=1");
    return reply;
  }

  Guarded<std::vector<std::string>> seen_;
  testing::FunctionHandler handler_{
      [this](net::ServerRequest& request, net::BodyReceiver*) { return answer(request); }};
  net::HttpServer server_;
  net::TransferLoop loop_;
  std::uint16_t port_ = 0;
};

TEST_F(HttpCheckOverSockets, TakesASuccess) {
  const auto status = ask(url("/healthz"), true);
  ASSERT_TRUE(status.ok()) << why(status);
  EXPECT_EQ(*status, 200);
}

TEST_F(HttpCheckOverSockets, WaitsForARouteThatComesLater) {
  const auto status = ask(url("/later"), true, seconds(60));
  ASSERT_TRUE(status.ok()) << why(status);
  EXPECT_EQ(asked().size(), 2U);
}

TEST_F(HttpCheckOverSockets, FollowsARedirectWithoutItsCookie) {
  const auto status = ask(url("/to?/healthz"), true);
  ASSERT_TRUE(status.ok()) << why(status);
  EXPECT_EQ(asked(), (std::vector<std::string>{"/to", "/healthz"}));
}

TEST_F(HttpCheckOverSockets, TellsWhatFailed) {
  EXPECT_TRUE(failed_with(ask(url("/503"), true), ErrorKind::conflict, "answers 503"));
  EXPECT_TRUE(failed_with(ask(url("/", "https://127.0.0.1"), true), ErrorKind::conflict, "TLS"));
  EXPECT_TRUE(failed_with(ask("http://127.0.0.1:1/", true), ErrorKind::unreachable, "cannot connect"));
  EXPECT_TRUE(failed_with(ask(url("/to?http://example.com/"), true), ErrorKind::blocked, "no https address"));
}

// The names say nothing of where they lead: only the connection knows.
TEST_F(HttpCheckOverSockets, NothingReachesThisMachineUnlessAllowed) {
  for (const auto* start : {"https://127.1", "https://2130706433", "https://0x7f.1", "https://0177.0.0.1", "https://0",
                            "https://localhost", "https://127.0.0.1", "http://127.0.0.1"}) {
    EXPECT_TRUE(failed_with(ask(url("/healthz", start), false, seconds(60)), ErrorKind::blocked, "is not asked"))
        << start;
  }
  EXPECT_TRUE(asked().empty());
}

}  // namespace
}  // namespace sluice::promotion
