// Small exchanges of the transfer loop against a scripted server. Streams: transfer_stream_test.cpp.

#include "component/loop_testing.hpp"
#include "net/address.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace sluice::net {
namespace {

using support::failed_with;
using support::ScriptedReply;
using support::why;
using Framing = support::ScriptedReply::Framing;

class Exchanges : public testing::LoopTest {};

TEST_F(Exchanges, BringStatusHeadersAndBody) {
  server_.on("GET", "/a", {.status = 418, .headers = {{"Docker-Content-Digest", " d "}, {"X", ""}}, .body = "short"});
  const auto response = send(get("/a?b=c%20d"));
  ASSERT_TRUE(response.ok()) << why(response);
  EXPECT_EQ(response->status, 418);
  EXPECT_EQ(response->headers.get("docker-content-digest"), "d");
  EXPECT_EQ(response->headers.get("x"), "");
  EXPECT_EQ(response->body, "short");
  EXPECT_EQ(server_.requests().at(0).target, "/a?b=c%20d");
}

TEST_F(Exchanges, ReadBodiesInEveryFraming) {
  const auto body = testing::pattern(100'000);
  for (const auto framing : {Framing::length, Framing::chunked, Framing::until_close}) {
    server_.on("GET", "/a", {.body = body, .framing = framing});
    const auto response = send(get("/a"));
    ASSERT_TRUE(response.ok()) << why(response);
    EXPECT_TRUE(response->body == body) << "framing " << static_cast<int>(framing) << ", " << response->body.size()
                                        << " bytes";
  }
}

TEST_F(Exchanges, SendEveryMethod) {
  struct Row {
    Method method;
    std::string body;
  };
  for (const auto& row : {Row{Method::get, ""}, Row{Method::head, ""}, Row{Method::post, ""}, Row{Method::post, "x=1"},
                          Row{Method::put, "{}"}, Row{Method::patch, "p"}, Row{Method::del, ""}}) {
    const std::string name(to_string(row.method));
    server_.on(name, "/a", {.status = 200, .body = "reply"});
    auto wanted = request(row.method, "http://" + server_.host() + "/a");
    wanted.body = row.body;
    const auto before = server_.requests().size();
    const auto response = send(wanted);
    ASSERT_TRUE(response.ok()) << name << ": " << why(response);
    EXPECT_EQ(response->body, row.method == Method::head ? "" : "reply") << name;
    const auto seen = server_.requests();
    ASSERT_EQ(seen.size(), before + 1) << name;
    EXPECT_EQ(seen.back().method, name);
    EXPECT_EQ(seen.back().body, row.body) << name;
    EXPECT_EQ(seen.back().header("content-length").has_value(), !row.body.empty() || row.method == Method::post)
        << name;
  }
}

TEST_F(Exchanges, SendTheHeadersThatWereAskedForAndNoSurprises) {
  server_.on("POST", "/a", {});
  auto wanted = request(Method::post, "http://" + server_.host() + "/a");
  wanted.body = std::string(5000, 'x');
  ASSERT_TRUE(send(wanted).ok());
  const auto bare = server_.requests().at(0);
  for (const auto* name : {"Expect", "Content-Type", "Accept", "Authorization", "Cookie"}) {
    EXPECT_EQ(bare.header(name), std::nullopt) << name;
  }
  EXPECT_EQ(bare.header("accept-encoding"), "identity") << "what is hashed must not come in another coding";
  EXPECT_EQ(bare.header("host"), server_.host());
  EXPECT_EQ(bare.header("user-agent"), "sluice");

  wanted.headers = {{"Content-Type", "text/plain"}, {"Accept", "a/b"}, {"Accept", "c/d"}};
  wanted.authorization = Secret("Bearer t");
  ASSERT_TRUE(send(wanted).ok());
  const auto full = server_.requests().at(1);
  EXPECT_EQ(full.header("content-type"), "text/plain");
  EXPECT_EQ(full.header("authorization"), "Bearer t");
  EXPECT_EQ(std::count_if(full.headers.begin(), full.headers.end(), [](const auto& h) { return h.first == "Accept"; }),
            2);

  wanted.authorization.reset();
  ASSERT_TRUE(send(wanted).ok());
  EXPECT_EQ(server_.requests().at(2).header("authorization"), std::nullopt)
      << "the header of one request went out with the next on the same connection";
}

TEST_F(Exchanges, LeaveRedirectsToTheCaller) {
  server_.on("GET", "/a", {.status = 307, .headers = {{"Location", "/b"}}});
  const auto response = send(get("/a"));
  ASSERT_TRUE(response.ok()) << why(response);
  EXPECT_EQ(response->status, 307);
  EXPECT_EQ(response->headers.get("location"), "/b");
  EXPECT_EQ(server_.order(), "GET /a");
}

TEST_F(Exchanges, ReuseTheirConnection) {
  server_.on("GET", "/a", {.body = "x"});
  server_.on("HEAD", "/a", {.body = "x"});
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(send(get("/a")).ok());
    ASSERT_TRUE(send(request(Method::head, "http://" + server_.host() + "/a")).ok());
  }
  EXPECT_EQ(server_.connections(), 1U);
  EXPECT_EQ(loop_.counters().requests, 10U);
}

TEST_F(Exchanges, OpenANewConnectionWhenTheServerEndedTheOldOne) {
  server_.on("GET", "/a", {.body = "x", .close = true});
  server_.on("PUT", "/a", {.status = 201});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(send(get("/a")).ok()) << i;
  EXPECT_EQ(server_.connections(), 3U);
  auto with_body = put("/a");
  with_body.body = "manifest";
  const auto response = send(with_body);
  ASSERT_TRUE(response.ok()) << why(response);
  EXPECT_EQ(server_.requests("PUT", "/a").at(0).body, "manifest");
}

TEST_F(Exchanges, LeaveSpareBytesOutOfTheBody) {
  server_.on("GET", "/a", {.body = "x", .extra = "spare bytes"});
  const auto response = send(get("/a"));
  ASSERT_TRUE(response.ok()) << why(response);
  EXPECT_EQ(response->body, "x");
}

TEST_F(Exchanges, RefuseRepliesOverTheLimit) {
  for (const auto framing : {Framing::length, Framing::chunked}) {
    server_.on("GET", "/a", {.body = std::string(1001, 'x'), .framing = framing});
    auto wanted = get("/a");
    wanted.max_reply_bytes = 1000;
    EXPECT_TRUE(failed_with(send(wanted), ErrorKind::protocol, server_.host()));
    wanted.max_reply_bytes = 1001;
    EXPECT_TRUE(send(wanted).ok());
  }
  server_.on("GET", "/h", {.headers = {{"X", std::string(300'000, 'x')}}});
  EXPECT_FALSE(send(get("/h")).ok()) << "300 KB of headers were taken";
}

TEST_F(Exchanges, SayWhenTheConnectionBreaks) {
  const std::vector<std::pair<const char*, ScriptedReply>> rows = {
      {"fewer bytes than said", {.body = "abc", .claimed_length = 10}},
      {"chunks without an end", {.body = "abc", .framing = Framing::chunked, .claimed_length = 0}},
      {"reset in the body", {.body = "abcdef", .reset_after = 3}},
      {"reset before the body", {.body = "abcdef", .reset_after = 0}},
  };
  for (const auto& [name, reply] : rows) {
    server_.on("GET", "/a", reply);
    EXPECT_TRUE(failed_with(send(get("/a")), ErrorKind::unreachable, server_.host())) << name;
  }
}

TEST_F(Exchanges, SayWhenNobodyListens) {
  std::string url;
  {
    const support::ScriptedServer gone;
    url = "http://" + gone.host() + "/v2/";
  }
  const auto response = send(request(Method::get, url));
  EXPECT_TRUE(failed_with(response, ErrorKind::unreachable, "cannot connect to 127.0.0.1:"));
}

TEST_F(Exchanges, SayWhenTheAnswerIsNoHttp) {
  server_.on("GET", "/a", {.body = "x", .extra = ""});
  // The server does not speak TLS; the loop must not take that for a certificate problem.
  auto wanted = get("/a");
  wanted.url.scheme = "https";
  EXPECT_TRUE(failed_with(send(wanted), ErrorKind::protocol, server_.host()));
}

TEST_F(Exchanges, EndAtTheirDeadlineAndNameTheHost) {
  server_.on("GET", "/v2/upload", {.silent = true});
  const auto response =
      loop_.exchange(get("/v2/upload?_state=hunter2"), {Deadline::after(std::chrono::milliseconds(50)), {}});
  EXPECT_TRUE(failed_with(response, ErrorKind::timeout, server_.host()));
  EXPECT_EQ(why(response).find("hunter2"), std::string::npos) << why(response);
  EXPECT_EQ(loop_.counters().live_transfers, 0U);
  const auto late = loop_.exchange(get("/v2/upload"), {Deadline::after(std::chrono::milliseconds(0)), {}});
  EXPECT_TRUE(failed_with(late, ErrorKind::timeout, server_.host()));
}

TEST_F(Exchanges, EndWhenAskedToStop) {
  server_.on("GET", "/a", {.silent = true});
  std::stop_source stop;
  std::thread waiting(
      [&] { EXPECT_TRUE(failed_with(send(get("/a"), stop.get_token()), ErrorKind::cancelled, server_.host())); });
  server_.wait_for_requests(1);
  stop.request_stop();
  waiting.join();
  EXPECT_TRUE(failed_with(send(get("/a"), stop.get_token()), ErrorKind::cancelled)) << "stopped before the start";
  EXPECT_EQ(server_.requests().size(), 1U);
}

TEST_F(Exchanges, EndWithTheLoop) {
  server_.on("GET", "/a", {.silent = true});
  auto own = std::make_unique<TransferLoop>();
  std::thread waiting([&, loop = own.get()] {
    const auto response = loop->exchange(get("/a"), {Deadline::never(), {}});
    EXPECT_TRUE(failed_with(response, ErrorKind::cancelled, server_.host()));
  });
  server_.wait_for_requests(1);
  own.reset();
  waiting.join();
}

TEST_F(Exchanges, RunBesideEachOther) {
  server_.on("GET", "/a", {.body = testing::pattern(5000)});
  std::vector<std::jthread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n) {
        const auto response = send(get("/a?n=" + std::to_string(n)));
        if (response.ok() && response->body.size() == 5000) ++good;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(good.load(), 160);
  EXPECT_LE(server_.connections(), 8U) << "connections are shared";
}

// "Loopback" is the resolved address, not the name. On Linux 0.0.0.0 connects to this machine.
TEST_F(Exchanges, KeepToTheAddressRule) {
  struct Row {
    const char* name;
    AddressRule rule;
    const char* host;
    bool allowed;
  };
  const Row rows[] = {
      {"any", AddressRule::any, "127.0.0.1", true},
      {"any, by name", AddressRule::any, "localhost", true},
      {"loopback only", AddressRule::loopback_only, "127.0.0.1", true},
      {"loopback only, by name", AddressRule::loopback_only, "localhost", true},
      {"loopback only, elsewhere", AddressRule::loopback_only, "0.0.0.0", false},
      {"not local", AddressRule::not_local, "127.0.0.1", false},
      {"not local, by name", AddressRule::not_local, "localhost", false},
      {"not local, short form", AddressRule::not_local, "127.1", false},
      {"not local, as a number", AddressRule::not_local, "2130706433", false},
      {"not local, unspecified", AddressRule::not_local, "0.0.0.0", false},
  };
  server_.on("GET", "/a", {.body = "x"});
  for (const bool warm : {false, true}) {
    for (const auto& row : rows) {
      // Once connected, 0.0.0.0 has become 127.0.0.1, and there plain HTTP may be spoken.
      if (warm && row.rule == AddressRule::loopback_only) continue;
      TransferLoop loop;
      auto wanted =
          request(Method::get, "http://" + std::string(row.host) + ":" + std::to_string(server_.port()) + "/a");
      Endpoint open;
      open.proxy = "";
      Endpoint ruled = open;
      ruled.addresses = row.rule;
      wanted.endpoint = std::make_shared<const Endpoint>(open);
      // A connection that another request opened must not be a way round the rule.
      if (warm) {
        ASSERT_TRUE(loop.exchange(wanted, {Deadline::never(), {}}).ok()) << row.name;
      }
      const auto before = server_.requests().size();
      wanted.endpoint = std::make_shared<const Endpoint>(ruled);
      const auto response = loop.exchange(wanted, {Deadline::never(), {}});
      EXPECT_EQ(response.ok(), row.allowed) << row.name << (warm ? ", warm: " : ": ") << why(response);
      EXPECT_EQ(server_.requests().size() - before, row.allowed ? 1U : 0U) << row.name << (warm ? ", warm" : "");
      if (row.allowed) continue;
      EXPECT_TRUE(failed_with(response, ErrorKind::untrusted, row.host)) << row.name << (warm ? ", warm" : "");
    }
  }
}

// The proxy of many an office runs on the user's own machine; redirects must get through it all the same.
TEST_F(Exchanges, ReachStrangersThroughAProxyOnThisMachine) {
  server_.on("GET", "http://storage.example.com/a", {.body = "x"});
  Endpoint endpoint;
  endpoint.proxy = "http://" + server_.host();
  endpoint.addresses = AddressRule::not_local;
  auto wanted = request(Method::get, "http://storage.example.com/a");
  wanted.endpoint = std::make_shared<const Endpoint>(endpoint);
  const auto response = send(wanted);
  ASSERT_TRUE(response.ok()) << why(response);
  EXPECT_EQ(response->body, "x");

  // Plain HTTP that is for this machine alone must not go to it, though.
  endpoint.addresses = AddressRule::loopback_only;
  wanted = request(Method::get, "http://192.0.2.1/a");
  wanted.endpoint = std::make_shared<const Endpoint>(endpoint);
  EXPECT_TRUE(failed_with(send(wanted), ErrorKind::untrusted));
  EXPECT_EQ(server_.requests().size(), 1U);
}

// The proxy would make the connection: so the address is judged before it is asked.
TEST_F(Exchanges, AskNoProxyForThisMachineWhereItIsForbidden) {
  Endpoint endpoint;
  endpoint.proxy = "http://" + server_.host();
  endpoint.addresses = AddressRule::not_local;
  for (const char* host : {"127.0.0.1", "2130706433", "0x7f.1", "127.1", "0xa9fea9fe", "169.254.169.254.", "[::1]",
                           "[::ffff:127.0.0.1]", "localhost", "0"}) {
    auto wanted = request(Method::get, std::string("http://") + host + "/a");
    wanted.endpoint = std::make_shared<const Endpoint>(endpoint);
    const auto response = send(wanted);
    ASSERT_FALSE(response.ok()) << host;
    EXPECT_TRUE(is_refused_address(response.error())) << host << ": " << why(response);
  }
  EXPECT_TRUE(server_.requests().empty());
}

}  // namespace
}  // namespace sluice::net
