// The test proxy itself, between a plain socket client and a scripted upstream: what it counts, delays and breaks.

#include "support/http_proxy.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace sluice::support {
namespace {

constexpr std::string_view kBody = "0123456789";

/// A blocking loopback socket that closes itself.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

  void send(std::string_view text) const { ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  /// Everything until `size` bytes arrived, the stream ended ("<end>") or broke ("<reset>").
  std::string receive(std::size_t size) const {
    std::string got;
    std::array<char, 4096> buffer{};
    while (got.size() < size) {
      const auto count = ::recv(fd_, buffer.data(), std::min(buffer.size(), size - got.size()), 0);
      if (count <= 0) return got + (count == 0 ? "<end>" : "<reset>");
      got.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return got;
  }
  /// One head, up to its blank line.
  std::string receive_head() const {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const auto more = receive(1);
      head += more;
      if (more.size() != 1) break;
    }
    return head;
  }

 private:
  int fd_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

Socket connect_to(std::uint16_t port) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 20, .tv_usec = 0};  // a hang fails the test instead of the run
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const auto address = loopback(port);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return socket;
}

/// Answers every request, bodies with a length included, by 200 and kBody, on as many connections as come.
class Upstream {
 public:
  Upstream() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    accepting_ = std::jthread([this] { accept_all(); });
  }
  ~Upstream() { ::shutdown(listener_.get(), SHUT_RDWR); }
  std::uint16_t port() const { return port_; }
  std::vector<std::string> bodies() const {
    return bodies_.with([](const auto& all) { return all; });
  }

 private:
  void accept_all() {
    std::vector<std::jthread> threads;
    for (;;) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      threads.emplace_back([this, fd] { serve(Socket(fd)); });
    }
  }
  void serve(const Socket& client) {
    for (;;) {
      const auto head = client.receive_head();
      if (!head.ends_with("\r\n\r\n")) return;
      const auto length = head.find("Content-Length: ");
      if (length != std::string::npos) {
        const auto body = client.receive(std::stoul(head.substr(length + 16)));
        bodies_.with([&](auto& all) { all.push_back(body); });
      }
      const std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kBody.size()) + "\r\n\r\n";
      client.send(head.starts_with("HEAD") ? reply : reply + std::string(kBody));
    }
  }

  Socket listener_;
  std::uint16_t port_ = 0;
  Guarded<std::vector<std::string>> bodies_;
  std::jthread accepting_;
};

class Proxy : public ::testing::Test {
 protected:
  Proxy() {
    auto started = HttpProxy::start_before(upstream_.port());
    EXPECT_TRUE(started.ok());
    if (started.ok()) proxy_ = std::move(*started);
  }
  void fault(std::string_view json) {
    auto rule = FaultRule::parse(json);
    ASSERT_TRUE(rule.ok()) << rule.error().sentence();
    ASSERT_TRUE(proxy_->add_fault(std::move(*rule)).ok());
  }
  /// The whole answer to one GET on a connection of its own, as far as it comes.
  std::string get(std::string_view target = "/x", std::size_t limit = 4096) {
    const auto client = connect_to(proxy_->port());
    client.send("GET " + std::string(target) + " HTTP/1.1\r\n\r\n");
    ::shutdown(client.get(), SHUT_WR);
    return client.receive(limit);
  }

  Upstream upstream_;
  std::unique_ptr<HttpProxy> proxy_;
};

const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";

TEST_F(Proxy, CarriesRequestsAndCountsThem) {
  const auto client = connect_to(proxy_->port());
  client.send("PUT /blob HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(client.receive(kAnswer.size()), kAnswer);
  client.send("HEAD /blob HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.receive_head(), kAnswer.substr(0, kAnswer.size() - kBody.size()));

  const auto log = proxy_->exchanges();
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].method + " " + log[0].target, "PUT /blob");
  EXPECT_EQ(log[0].request_bytes, 5U);
  EXPECT_EQ(log[0].response_bytes, kBody.size());
  EXPECT_EQ(log[0].status, 200);
  EXPECT_EQ(log[1].method, "HEAD");
  EXPECT_EQ(log[1].response_bytes, 0U);
  EXPECT_LT(log[0].response_seq, log[1].request_seq);
  EXPECT_EQ(critical_path({log[0], log[1]}), 2U);
  EXPECT_EQ(upstream_.bodies(), std::vector<std::string>{"hello"});
}

TEST_F(Proxy, BreaksResponsesAsTheRulesSay) {
  struct Row {
    const char* name;
    const char* rule;
    std::string expected;
  };
  const std::vector<Row> rows = {
      {"status", R"({"action":"status","status":429,"retry_after":1,"body":"slow"})",
       "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nslow<end>"},
      {"status, early", R"({"action":"status","status":401,"early":true,"headers":{"A":"b"}})",
       "HTTP/1.1 401 Unauthorized\r\nA: b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n<end>"},
      {"cut in the body", R"({"action":"cut","at":4})", kAnswer.substr(0, kAnswer.size() - 6) + "<reset>"},
      {"cut before the head", R"({"action":"cut","at":-1})", "<reset>"},
      {"cut after the head, in order", R"({"action":"cut","at":0,"reset":false})",
       kAnswer.substr(0, kAnswer.size() - 10) + "<end>"},
      {"truncate", R"({"action":"truncate","at":3})", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n012<end>"},
      {"corrupt", R"({"action":"corrupt","at":1})", kAnswer.substr(0, kAnswer.size() - 9) + "023456789<end>"},
      {"delay", R"({"action":"delay","delay_ms":5})", kAnswer + "<end>"},
      {"drop the length", R"({"action":"drop_length"})", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789<end>"},
  };
  for (const auto& row : rows) {
    proxy_->clear_faults();
    fault(row.rule);
    EXPECT_EQ(get(), row.expected) << row.name;
    EXPECT_EQ(get(), kAnswer + "<end>") << row.name << ": the request after it";
  }
}

TEST_F(Proxy, CutsARequestAfterItsNthByte) {
  fault(R"({"action":"cut","side":"request","method":"PUT","at":3})");
  const auto client = connect_to(proxy_->port());
  client.send("PUT /blob HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(client.receive(1), "<reset>");
  const auto log = proxy_->exchanges();
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].fault, "cut");
  EXPECT_EQ(log[0].status, std::nullopt);
}

TEST_F(Proxy, CorruptsOneByteOfARequest) {
  fault(R"({"action":"corrupt","side":"request","at":4})");
  const auto client = connect_to(proxy_->port());
  client.send("PUT /blob HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(client.receive(kAnswer.size()), kAnswer);
  EXPECT_EQ(upstream_.bodies(), std::vector<std::string>{"helln"});
}

TEST_F(Proxy, StallsAfterTheBytesThatTheRuleNames) {
  fault(R"({"action":"stall","side":"response","at":2})");
  const auto client = connect_to(proxy_->port());
  client.send("GET /x HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.receive(kAnswer.size() - 8), kAnswer.substr(0, kAnswer.size() - 8));
  char byte = 0;
  EXPECT_LT(::recv(client.get(), &byte, 1, MSG_DONTWAIT), 0) << "more came than the rule lets through";
}

TEST_F(Proxy, NeverAnswersAStalledRequestAndLogsItWhenTheClientLeaves) {
  fault(R"({"action":"stall"})");
  EXPECT_EQ(get(), "<end>");
  const auto log = proxy_->exchanges();
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].status, std::nullopt);
  EXPECT_EQ(log[0].fault, "stall");
}

TEST_F(Proxy, HitsTheNthMatchingRequestAsOftenAsSaid) {
  fault(R"({"action":"status","status":500,"target":"^/a","nth":2,"times":2})");
  std::string statuses;
  for (const auto* target : {"/a/1", "/b/1", "/a/2", "/a/3", "/a/4"}) statuses += get(target).substr(9, 4);
  EXPECT_EQ(statuses, "200 200 500 500 200 ");
}

TEST_F(Proxy, KeepsLargeBodiesWholeUnderLatency) {
  auto slow = HttpProxy::start_before(upstream_.port(), std::chrono::milliseconds(2));
  ASSERT_TRUE(slow.ok());
  std::string body(3'000'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i * 7 % 26);
  const auto client = connect_to((*slow)->port());
  client.send("PUT /blob HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_EQ(client.receive(kAnswer.size()), kAnswer);
  ASSERT_EQ(upstream_.bodies().size(), 1U);
  EXPECT_TRUE(upstream_.bodies()[0] == body) << "the body arrived changed";
}

TEST(FaultRule, NamesWhatItDoesNotUnderstand) {
  struct Row {
    const char* json;
    const char* named;
  };
  for (const auto& row :
       {Row{R"({"action":"explode"})", "action"}, Row{R"({"action":"cut","att":3})", "att"},
        Row{R"({"action":"cut","at":"3"})", "at"}, Row{R"({"method":"GET"})", "action"}, Row{"[]", "JSON object"}}) {
    const auto rule = FaultRule::parse(row.json);
    ASSERT_FALSE(rule.ok()) << row.json;
    EXPECT_NE(rule.error().sentence().find(row.named), std::string::npos)
        << row.json << ": " << rule.error().sentence();
  }
}

TEST(FaultRule, RefusesATargetThatIsNoRegularExpression) {
  FaultBook book;
  FaultRule rule;
  rule.target = "(";
  const auto added = book.add(rule);
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().kind(), ErrorKind::usage);
}

TEST(CriticalPath, CountsTheLongestChainOfWaits) {
  const auto made = [](std::uint64_t begins, std::uint64_t ends) {
    Exchange exchange;
    exchange.request_seq = begins;
    exchange.response_seq = ends;
    return exchange;
  };
  EXPECT_EQ(critical_path({}), 0U);
  EXPECT_EQ(critical_path({made(1, 4), made(2, 3)}), 1U) << "side by side";
  EXPECT_EQ(critical_path({made(1, 2), made(3, 4), made(5, 6)}), 3U) << "one after the other";
  EXPECT_EQ(critical_path({made(1, 8), made(2, 3), made(4, 5), made(9, 10)}), 3U) << "a long one beside two short ones";
}

}  // namespace
}  // namespace sluice::support
