// The connection to an API server over real sockets: replies that are read while they arrive, certificates and keys
// that are no files, and servers that bear another name.

#include "base/file.hpp"
#include "component/http_server_testing.hpp"
#include "kube/connection.hpp"
#include "net/reply_stream.hpp"
#include "net/transfer_loop.hpp"
#include "support/checks.hpp"
#include "support/child_process.hpp"
#include "support/test_certificates.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace sluice::kube {
namespace {

using sluice::testing::Faucet;
using sluice::testing::FunctionHandler;
using sluice::testing::text_reply;
using std::chrono::milliseconds;
using std::chrono::seconds;
using support::failed_with;
using support::why;

net::ExchangeContext within(milliseconds span, std::stop_token stop = {}) {
  return {Deadline::after(span), std::move(stop)};
}

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() : handler_([this](net::ServerRequest& request, net::BodyReceiver*) { return answer(request); }) {
    auto port = server_.listen("127.0.0.1", 0, handler_);
    if (!port) throw std::runtime_error(port.error().sentence());
    port_ = *port;
  }
  void TearDown() override { EXPECT_EQ(loop_.counters().live_transfers, 0U) << "a transfer was left in the loop"; }

  net::ServerReply answer(const net::ServerRequest& request) {
    if (request.path() == "/refused") return text_reply(403, "no");
    if (request.path() == "/silent") {
      never_.wait();
      return text_reply(200, "");
    }
    net::ServerReply reply;
    reply.stream = Faucet::stream(faucet_);
    return reply;
  }
  net::HttpRequest request(const std::string& path) const {
    net::HttpRequest out;
    out.url = *net::Url::parse("http://127.0.0.1:" + std::to_string(port_) + path);
    return out;
  }
  /// What is read until there are so many bytes, or it ends.
  static std::string take(net::IncomingBody& body, std::size_t bytes) {
    std::string out;
    while (out.size() < bytes) {
      auto piece = body.read(within(seconds(20)));
      if (!piece) return out + " [" + why(piece) + "]";
      if (!*piece) return out + " [nothing came]";
      if ((*piece)->empty()) return out + " [end]";
      out += **piece;
    }
    return out;
  }

  struct Never {
    std::stop_source stop;
    Watched<bool> open{false};
    void wait() {
      open.when([](bool is) { return is; }, stop.get_token(), [](bool) {});
    }
    ~Never() { stop.request_stop(); }
  };

  std::shared_ptr<Faucet> faucet_ = std::make_shared<Faucet>();
  net::TransferLoop loop_{net::LoopOptions{.stall = milliseconds(300)}};
  net::LoopStreams streams_{loop_};
  FunctionHandler handler_;
  net::HttpServer server_;
  Never never_;  // ends before the server, whose handlers wait for it
  std::uint16_t port_ = 0;
};

TEST_F(StreamTest, GivesBytesAsTheyComeAndThenTheEnd) {
  auto reply = streams_.open(request("/watch"), within(seconds(20)));
  ASSERT_TRUE(reply.ok() && reply->body) << why(reply);
  EXPECT_EQ(reply->head.status, 200);
  faucet_->put("one");
  EXPECT_EQ(take(*reply->body, 3), "one");
  const auto nothing = reply->body->read(within(milliseconds(1)));
  ASSERT_TRUE(nothing.ok()) << why(nothing);
  EXPECT_FALSE(*nothing) << "silence until the deadline is no error";
  faucet_->put("two");
  faucet_->put(Faucet::Piece{Faucet::Step::end, {}, {}});
  EXPECT_EQ(take(*reply->body, 100), "two [end]");
}

TEST_F(StreamTest, SilenceIsNoStallWhereItWasAllowed) {
  auto patient = request("/watch");
  patient.max_silence = std::chrono::hours(1);
  auto reply = streams_.open(patient, within(seconds(20)));
  auto other = streams_.open(request("/watch"), within(seconds(20)));
  ASSERT_TRUE(reply.ok() && other.ok()) << why(reply) << why(other);
  // The other one stalls: when it has, the patient one has been silent for just as long.
  const auto stalled = other->body->read(within(seconds(20)));
  EXPECT_TRUE(failed_with(stalled, ErrorKind::timeout, "no byte moved"));
  const auto nothing = reply->body->read(within(milliseconds(1)));
  EXPECT_TRUE(nothing.ok() && !*nothing) << why(nothing);
}

TEST_F(StreamTest, ASlowReaderHoldsTheServerBack) {
  auto reply = streams_.open(request("/watch"), within(seconds(20)));
  ASSERT_TRUE(reply.ok() && reply->body) << why(reply);
  const std::string piece(100'000, 'x');
  constexpr int kPieces = 60;
  for (int i = 0; i < kPieces; ++i) faucet_->put(piece);
  faucet_->put(Faucet::Piece{Faucet::Step::end, {}, {}});
  std::size_t most = 0;
  std::size_t total = 0;
  for (;;) {
    auto bytes = reply->body->read(within(seconds(20)));
    ASSERT_TRUE(bytes.ok() && *bytes) << why(bytes);
    if ((*bytes)->empty()) break;
    most = std::max(most, (*bytes)->size());
    total += (*bytes)->size();
  }
  EXPECT_EQ(total, piece.size() * kPieces);
  EXPECT_LE(most, std::size_t{512} * 1024) << "what was not read is bounded";
}

TEST_F(StreamTest, ACutIsAnErrorAndNotAnEnd) {
  auto reply = streams_.open(request("/watch"), within(seconds(20)));
  ASSERT_TRUE(reply.ok() && reply->body) << why(reply);
  faucet_->put("half");
  EXPECT_EQ(take(*reply->body, 4), "half");
  faucet_->put(Faucet::Piece{Faucet::Step::cut, {}, {}});
  EXPECT_TRUE(failed_with(reply->body->read(within(seconds(20))), ErrorKind::unreachable, "broke"));
}

TEST_F(StreamTest, ARefusalIsReadWhole) {
  auto reply = streams_.open(request("/refused"), within(seconds(20)));
  ASSERT_TRUE(reply.ok()) << why(reply);
  EXPECT_EQ(reply->head.status, 403);
  EXPECT_EQ(reply->head.body, "no");
  EXPECT_EQ(reply->body, nullptr);
}

TEST_F(StreamTest, AHeadThatNeverComesEndsAtTheDeadlineOrAtAStop) {
  auto late = request("/silent");
  late.max_silence = std::chrono::hours(1);
  EXPECT_TRUE(failed_with(streams_.open(late, within(milliseconds(50))), ErrorKind::timeout, "did not answer in time"));
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_TRUE(failed_with(streams_.open(late, within(std::chrono::hours(1), stop.get_token())), ErrorKind::cancelled));
}

TEST_F(StreamTest, AReaderStopsAndTheStreamGoesOn) {
  auto reply = streams_.open(request("/watch"), within(seconds(20)));
  ASSERT_TRUE(reply.ok() && reply->body) << why(reply);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_TRUE(failed_with(reply->body->read({Deadline::never(), stop.get_token()}), ErrorKind::cancelled));
  faucet_->put("on");
  EXPECT_EQ(take(*reply->body, 2), "on");
  reply->body.reset();
  faucet_->wait_until_released();
}

class TlsConnection : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!support::find_program("openssl")) return;
    folder_ = std::make_unique<support::TempFolder>();
    certificates_ = support::TestCertificates::make(folder_->path());
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override {
    if (!certificates_) GTEST_SKIP() << "openssl is not installed (Debian package openssl)";
    auto port = server_.listen(
        "127.0.0.1", 0, handler_,
        net::ListenerTls{pem(certificates_->server_cert), pem(certificates_->server_key), pem(certificates_->ca)});
    ASSERT_TRUE(port.ok()) << why(port);
    port_ = *port;
  }
  static std::string pem(const std::string& path) {
    auto text = read_file(path, std::size_t{64} * 1024);
    return text ? std::move(*text) : why(text);
  }
  /// Who the server took us for, by the name of the host and these settings.
  std::string ask(const std::string& host, net::Endpoint endpoint) {
    endpoint.proxy = "";
    Access access;
    access.server = *net::Url::parse("https://" + host + ":" + std::to_string(port_));
    access.endpoint = std::make_shared<const net::Endpoint>(std::move(endpoint));
    Connection connection(loop_, {.access = std::move(access), .retry_times = 0});
    ApiCall call;
    call.target = "/who";
    call.what = "asking";
    const auto reply = connection.send(call, within(seconds(20)));
    return reply ? reply->body : why(reply);
  }

  inline static std::unique_ptr<support::TempFolder> folder_;
  inline static std::optional<support::TestCertificates> certificates_;
  FunctionHandler handler_{[](net::ServerRequest& request, net::BodyReceiver*) {
    return text_reply(200, (request.client ? request.client->common_name : "nobody") + " at " +
                               request.headers.get("host").value_or(""));
  }};
  net::HttpServer server_;
  net::TransferLoop loop_;
  std::uint16_t port_ = 0;
};

TEST_F(TlsConnection, TakesAuthoritiesAndCertificatesAsText) {
  net::Endpoint endpoint;
  EXPECT_EQ(ask("127.0.0.1", endpoint).substr(0, 9), "untrusted") << "nobody vouches for it";
  endpoint.ca_pem = pem(certificates_->ca);
  const auto here = " at 127.0.0.1:" + std::to_string(port_);
  EXPECT_EQ(ask("127.0.0.1", endpoint), "nobody" + here);
  endpoint.client_cert_pem = pem(certificates_->client_cert);
  endpoint.client_key_pem = Secret("no key");
  EXPECT_EQ(ask("127.0.0.1", endpoint).substr(0, 6), "config");
  endpoint.client_key_pem = Secret(pem(certificates_->client_key));
  EXPECT_EQ(ask("127.0.0.1", endpoint), "client" + here);
}

TEST_F(TlsConnection, AnAuthorityThatIsNoneIsToldAsSuch) {
  net::Endpoint endpoint;
  endpoint.ca_pem = "not a certificate";
  EXPECT_EQ(ask("127.0.0.1", endpoint).substr(0, 6), "config");
}

TEST_F(TlsConnection, ExpectsTheNameThatItIsTold) {
  net::Endpoint endpoint;
  endpoint.ca_pem = pem(certificates_->ca);
  EXPECT_EQ(ask("127.0.0.1", endpoint).substr(0, 6), "nobody");
  endpoint.tls_server_name = "localhost";
  EXPECT_EQ(ask("127.0.0.1", endpoint), "nobody at 127.0.0.1:" + std::to_string(port_));
  endpoint.tls_server_name = "kubernetes.default.svc";
  EXPECT_EQ(ask("127.0.0.1", endpoint).substr(0, 9), "untrusted");
}

}  // namespace
}  // namespace sluice::kube
