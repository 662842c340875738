// The HTTP server: requests, bodies, limits, TLS. Streams and ends of connections: http_server_stream_test.cpp.

#include "net/server/http_server.hpp"

#include "base/file.hpp"
#include "base/process.hpp"
#include "component/http_server_testing.hpp"
#include "net/transfer_loop.hpp"
#include "support/checks.hpp"
#include "support/test_certificates.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace sluice::net {
namespace {

using support::failed_with;
using support::TempFolder;
using support::why;
using testing::FunctionHandler;
using testing::RawConnection;
using testing::text_reply;

// Says what it was asked.
ServerReply echo(ServerRequest& request, BodyReceiver*) {
  auto reply = text_reply(200, request.method + " " + request.target + " " + request.body);
  reply.headers.add("X-Path", std::string(request.path()));
  reply.headers.add("X-Query", std::string(request.query()));
  return reply;
}

class Server : public ::testing::Test {
 protected:
  std::uint16_t listen(HttpServer& server, std::optional<ListenerTls> tls = std::nullopt) {
    const auto port = server.listen("127.0.0.1", 0, handler_, std::move(tls));
    EXPECT_TRUE(port.ok()) << why(port);
    return port ? *port : std::uint16_t{0};
  }
  static HttpRequest request(Method method, std::uint16_t port, const std::string& target, std::string body = "") {
    HttpRequest out;
    out.method = method;
    auto url = Url::parse(fmt::format("http://127.0.0.1:{}{}", port, target));
    EXPECT_TRUE(url.ok()) << target;
    if (url) out.url = std::move(*url);
    out.body = std::move(body);
    return out;
  }
  Result<HttpResponse> send(const HttpRequest& wanted) { return loop_.exchange(wanted, {Deadline::never(), {}}); }
  /// Sends bytes on a connection of its own and returns all that comes back.
  static std::string talk(std::uint16_t port, std::string_view bytes) {
    RawConnection connection(port);
    (void)connection.send(bytes);
    return connection.read_all();
  }

  FunctionHandler handler_{echo};
  TransferLoop loop_;
};

TEST_F(Server, AnswersEveryMethod) {
  HttpServer server;
  const auto port = listen(server);
  for (const auto method : {Method::get, Method::post, Method::put, Method::patch, Method::del}) {
    const std::string name(to_string(method));
    const auto body = method == Method::get || method == Method::del ? "" : "text";
    const auto response = send(request(method, port, "/a%20b?c=d%20e", body));
    ASSERT_TRUE(response.ok()) << name << ": " << why(response);
    EXPECT_EQ(response->status, 200) << name;
    EXPECT_EQ(response->body, name + " /a%20b?c=d%20e " + body);
    EXPECT_EQ(response->headers.get("x-path"), "/a%20b") << name;
    EXPECT_EQ(response->headers.get("x-query"), "c=d%20e") << name;
    EXPECT_TRUE(response->headers.get("date")) << name;
  }
}

TEST_F(Server, KeepsConnectionsOpenForTheNextRequest) {
  std::vector<std::string> remotes;
  FunctionHandler handler([&](ServerRequest& r, BodyReceiver*) {
    remotes.push_back(r.remote);
    return text_reply(200, "");
  });
  HttpServer server({.handlers = 1});
  const auto port = server.listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(send(request(Method::get, *port, "/")).ok());
  ASSERT_EQ(remotes.size(), 3U);
  EXPECT_EQ(remotes[0], remotes[2]);
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(Server, AnswersPipelinedRequestsInTheirOrder) {
  HttpServer server;
  const auto reply =
      talk(listen(server),
           "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
           "GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const auto one = reply.find("GET /1 ");
  const auto two = reply.find("POST /2 abc");
  const auto three = reply.find("GET /3 ");
  ASSERT_NE(three, std::string::npos) << reply;
  EXPECT_LT(one, two) << reply;
  EXPECT_LT(two, three) << reply;
}

TEST_F(Server, GivesHeadTheLengthThatGetWouldHave) {
  FunctionHandler handler([](ServerRequest& r, BodyReceiver*) {
    auto reply = text_reply(200, r.path() == "/body" ? "12345" : "");
    if (r.path() == "/length") reply.head_bytes = std::uint64_t{5'000'000'000};
    return reply;
  });
  HttpServer server;
  const auto port = server.listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  struct Row {
    std::string target;
    std::string length;
  };
  for (const auto& row : {Row{"/body", "5"}, Row{"/length", "5000000000"}, Row{"/none", "0"}}) {
    const auto response = send(request(Method::head, *port, row.target));
    ASSERT_TRUE(response.ok()) << row.target << ": " << why(response);
    EXPECT_EQ(response->headers.get("content-length"), row.length) << row.target;
    EXPECT_EQ(response->body, "") << row.target;
  }
}

TEST_F(Server, SendsNoBodyWhereNoneIsAllowed) {
  FunctionHandler handler(
      [](ServerRequest& r, BodyReceiver*) { return text_reply(r.path() == "/204" ? 204 : 304, "must not be sent"); });
  HttpServer server;
  const auto port = server.listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  for (const std::string status : {"204", "304"}) {
    const auto reply = talk(*port, "GET /" + status + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 " + status)) << reply;
    EXPECT_TRUE(reply.ends_with("\r\n\r\n")) << reply;
    EXPECT_EQ(reply.find("Content-Length"), std::string::npos) << reply;
  }
}

TEST_F(Server, ReadsChunkedBodiesAndIgnoresTrailers) {
  HttpServer server;
  const auto reply = talk(listen(server),
                          "PATCH /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                          "3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n");
  EXPECT_NE(reply.find("PATCH /c abc0123456789"), std::string::npos) << reply;
}

TEST_F(Server, TellsAClientThatWaitsToContinue) {
  HttpServer server;
  RawConnection connection(listen(server));
  ASSERT_TRUE(connection.send("PUT /e HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(connection.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(connection.send("ok"));
  const auto reply = connection.read_until("PUT /e ok");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 OK\r\n")) << reply;
}

TEST_F(Server, RefusesByItselfWhatIsNoRequestOrTooLarge) {
  HttpServer server({.max_body_bytes = 100, .max_header_bytes = 1000});
  const auto port = listen(server);
  struct Row {
    std::string name;
    std::string bytes;
    std::string status;
  };
  const std::string long_field(2000, 'x');
  const std::string long_body(101, 'x');
  const std::vector<Row> rows = {
      {"no HTTP", "hello\r\n\r\n", "400"},
      {"bytes of TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), "400"},
      {"a field without a name", "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", "400"},
      {"no host", "GET / HTTP/1.1\r\n\r\n", "400"},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"two lengths", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
      {"length and chunks",
       "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"a negative length", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400"},
      {"a broken chunk", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"},
      {"another coding", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501"},
      {"another version", "GET / HTTP/3.7\r\nHost: a\r\n\r\n", "505"},
      {"a target of another kind", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"long fields", "GET / HTTP/1.1\r\nHost: a\r\nX: " + long_field + "\r\n\r\n", "431"},
      {"an endless field", "GET / HTTP/1.1\r\nHost: a\r\nX: " + long_field, "431"},
      {"a long body", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", "413"},
      {"long chunks", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + long_body + "\r\n",
       "413"},
  };
  for (const auto& row : rows) {
    const auto reply = talk(port, row.bytes);
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 " + row.status + " ")) << row.name << ": " << reply;
    EXPECT_NE(reply.find("Connection: close"), std::string::npos) << row.name << ": " << reply;
  }
  EXPECT_TRUE(send(request(Method::get, port, "/")).ok()) << "the server goes on";
}

TEST_F(Server, ReadsTheAbsoluteFormOfTargets) {
  HttpServer server;
  const auto port = listen(server);
  for (const auto& [sent, read] :
       {std::pair<std::string, std::string>{"http://h/a?b", "/a?b"}, {"HTTPS://h:1", "/"}, {"http://h?b", "/?b"}}) {
    const auto reply = talk(port, "GET " + sent + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(reply.ends_with("GET " + read + " ")) << sent << ": " << reply;
  }
}

TEST_F(Server, SpeaksHttp10) {
  HttpServer server;
  const auto reply = talk(listen(server), "GET /old HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(reply.ends_with("\r\n\r\nGET /old ")) << reply;
}

TEST_F(Server, AnswersAnExceptionOfTheHandlerWith500) {
  FunctionHandler handler([](ServerRequest& r, BodyReceiver*) -> ServerReply {
    if (r.path() == "/bad") throw std::runtime_error("a secret");
    return text_reply(200, "");
  });
  HttpServer server;
  const auto port = server.listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  const auto response = send(request(Method::get, *port, "/bad"));
  ASSERT_TRUE(response.ok()) << why(response);
  EXPECT_EQ(response->status, 500);
  EXPECT_EQ(response->body.find("secret"), std::string::npos);
  const auto next = send(request(Method::get, *port, "/"));
  ASSERT_TRUE(next.ok()) << why(next);
  EXPECT_EQ(next->status, 200);
}

TEST_F(Server, KeepsLineBreaksOutOfFields) {
  FunctionHandler handler([](ServerRequest&, BodyReceiver*) {
    auto reply = text_reply(200, "");
    reply.headers.add("X", "a\r\nSet-Cookie: b");
    return reply;
  });
  HttpServer server;
  const auto port = server.listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  const auto response = send(request(Method::get, *port, "/"));
  ASSERT_TRUE(response.ok()) << why(response);
  EXPECT_FALSE(response->headers.get("set-cookie"));
}

// Counts bytes; refuses when there are more than `most`.
class Counter final : public BodyReceiver {
 public:
  explicit Counter(std::size_t most) : most_(most) {}
  bool take(std::span<const std::byte> bytes) override { return (count_ += bytes.size()) <= most_; }
  std::size_t count() const { return count_; }

 private:
  std::size_t most_;
  std::size_t count_ = 0;
};

TEST_F(Server, GivesLargeBodiesToAReceiver) {
  constexpr std::size_t kSize = std::size_t{64} * 1024 * 1024;
  FunctionHandler handler(
      [](ServerRequest& r, BodyReceiver* receiver) {
        return text_reply(201, fmt::format("{} {}", r.body.size(), static_cast<Counter*>(receiver)->count()));
      },
      [](const ServerRequest&) { return std::make_shared<Counter>(SIZE_MAX); });
  HttpServer server;
  const auto port = server.listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  class Zeros final : public BodySource {
   public:
    Given give(std::span<std::byte> room) override {
      std::fill(room.begin(), room.end(), std::byte{0});
      return {Flow::moved, room.size()};
    }
    void fail(const Error&) override {}
    void on_bytes(std::function<void()>) override {}
  } zeros;
  const auto response = loop_.upload(request(Method::put, *port, "/blob"), zeros, kSize, {});
  ASSERT_TRUE(response.ok()) << why(response);
  EXPECT_EQ(response->body, fmt::format("0 {}", kSize));
}

TEST_F(Server, AnswersAtOnceWhenAReceiverWantsNoMore) {
  FunctionHandler handler([](ServerRequest&, BodyReceiver*) { return text_reply(409, "enough"); },
                          [](const ServerRequest&) { return std::make_shared<Counter>(10); });
  HttpServer server;
  const auto port = server.listen("127.0.0.1", 0, handler);
  ASSERT_TRUE(port.ok()) << why(port);
  const auto reply =
      talk(*port, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n" + std::string(1'000'000, 'x'));
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 409 Conflict")) << reply;
  EXPECT_TRUE(reply.ends_with("\r\n\r\nenough")) << reply;
}

TEST_F(Server, AnswersManyConnectionsAtOnce) {
  HttpServer server;
  const auto port = listen(server);
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([&, i] {
        for (int n = 0; n < 50; ++n) {
          const auto target = fmt::format("/{}/{}", i, n);
          const auto response = send(request(Method::post, port, target, "b"));
          if (response && response->body == "POST " + target + " b") ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, 400);
}

TEST_F(Server, LeavesFurtherConnectionsInTheBacklog) {
  HttpServer server({.max_connections = 1});
  const auto port = listen(server);
  RawConnection first(port);
  ASSERT_TRUE(first.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_NE(first.read_until("GET /1 ").find("200 OK"), std::string::npos);
  RawConnection second(port);
  ASSERT_TRUE(second.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"));
  first.close();
  EXPECT_NE(second.read_until("GET /2 ").find("200 OK"), std::string::npos);
}

TEST_F(Server, AcceptsAgainWhenThereAreDescriptorsAgain) {
  HttpServer server;
  const auto port = listen(server);
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  auto few = usual;
  few.rlim_cur = std::min<rlim_t>(usual.rlim_cur, 256);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<int> fillers;
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) fillers.push_back(fd);
  ASSERT_FALSE(fillers.empty());
  ::close(fillers.back());
  fillers.pop_back();
  RawConnection connection(port);  // takes the last one
  EXPECT_TRUE(connection.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n"));
  for (const int fd : fillers) ::close(fd);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  EXPECT_NE(connection.read_until("GET /late ").find("200 OK"), std::string::npos);
}

TEST_F(Server, ClosesConnectionsThatStopInTheMiddleOfARequest) {
  HttpServer server({.idle = std::chrono::seconds(1)});
  const auto port = listen(server);
  RawConnection in_the_head(port);
  RawConnection in_the_body(port);
  ASSERT_TRUE(in_the_head.send("GET / HTT"));
  ASSERT_TRUE(in_the_body.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"));
  EXPECT_EQ(in_the_head.read_all(), "");
  EXPECT_EQ(in_the_body.read_all(), "");
}

TEST_F(Server, SaysWhyItCannotListen) {
  HttpServer server;
  const auto port = listen(server);
  EXPECT_TRUE(failed_with(server.listen("127.0.0.1", port, handler_), ErrorKind::unreachable, std::to_string(port)));
  EXPECT_TRUE(failed_with(server.listen("no.address", 0, handler_), ErrorKind::config, "no.address"));
  EXPECT_TRUE(failed_with(server.listen("127.0.0.1", 0, handler_, ListenerTls{"x", "y", ""}), ErrorKind::config,
                          "certificate"));
}

class TlsServer : public Server {
 protected:
  static void SetUpTestSuite() {
    if (!find_openssl()) return;
    folder_ = std::make_unique<TempFolder>();
    certificates_ = support::TestCertificates::make(folder_->path());
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override {
    if (!certificates_) GTEST_SKIP() << "openssl is not installed (Debian package openssl)";
  }
  static bool find_openssl() { return openssl({"version"}); }
  static bool openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const auto done = run_process(arguments, "", std::chrono::minutes(1), std::size_t{1024} * 1024, {});
    return done && done->exit_code == 0;
  }
  static std::string text(const std::string& path) {
    auto content = read_file(path, 100'000);
    EXPECT_TRUE(content.ok()) << why(content);
    return content ? *content : "";
  }
  static ListenerTls tls(bool ask) {
    return {text(certificates_->server_cert), text(certificates_->server_key), ask ? text(certificates_->ca) : ""};
  }
  HttpRequest get(std::uint16_t port, const std::string& cert, const std::string& key) const {
    auto wanted = request(Method::get, port, "/");
    wanted.url.scheme = "https";
    Endpoint endpoint;
    endpoint.ca_files = {certificates_->ca};
    endpoint.client_cert_file = cert;
    endpoint.client_key_file = key;
    wanted.endpoint = std::make_shared<Endpoint>(endpoint);
    return wanted;
  }
  /// A certificate for a subject, signed by the authority, or by itself.
  static std::pair<std::string, std::string> issue(const std::string& name, const std::string& subject, bool own) {
    const auto file = [&](const std::string& end) { return (*folder_ / (name + end)).string(); };
    std::vector<std::string> arguments = {"req",    "-newkey", "ec",    "-pkeyopt", "ec_paramgen_curve:P-256",
                                          "-nodes", "-subj",   subject, "-keyout",  file(".key"),
                                          "-out"};
    arguments.push_back(own ? file(".crt") : file(".csr"));
    if (own) arguments.insert(arguments.end(), {"-x509", "-days", "2"});
    EXPECT_TRUE(openssl(arguments));
    if (!own) {
      EXPECT_TRUE(openssl({"x509", "-req", "-in", file(".csr"), "-CA", certificates_->ca, "-CAkey",
                           (*folder_ / "ca.key").string(), "-CAcreateserial", "-days", "2", "-out", file(".crt")}));
    }
    return {file(".crt"), file(".key")};
  }

  inline static std::unique_ptr<TempFolder> folder_;
  inline static std::optional<support::TestCertificates> certificates_;
  FunctionHandler who_{[](ServerRequest& r, BodyReceiver*) {
    if (!r.client) return text_reply(200, r.tls ? "nobody" : "plain");
    std::string out = r.client->common_name;
    for (const auto& group : r.client->organizations) out += "," + group;
    return text_reply(200, out);
  }};
};

TEST_F(TlsServer, KnowsTheSubjectOfAVerifiedClientCertificateOnly) {
  HttpServer server;
  const auto asks = server.listen("127.0.0.1", 0, who_, tls(true));
  const auto silent = server.listen("127.0.0.1", 0, who_, tls(false));
  ASSERT_TRUE(asks.ok() && silent.ok()) << why(asks) << why(silent);
  const auto good = issue("alice", "/O=devs/O=system:masters/CN=alice", false);
  const auto forged = issue("mallory", "/O=system:masters/CN=admin", true);
  struct Row {
    std::string name;
    std::uint16_t port;
    std::pair<std::string, std::string> certificate;
    std::string who;
  };
  for (const auto& row :
       {Row{"no certificate", *asks, {}, "nobody"}, Row{"verified", *asks, good, "alice,devs,system:masters"},
        Row{"signed by itself", *asks, forged, "nobody"}, Row{"nobody asked", *silent, good, "nobody"}}) {
    const auto response = send(get(row.port, row.certificate.first, row.certificate.second));
    ASSERT_TRUE(response.ok()) << row.name << ": " << why(response);
    EXPECT_EQ(response->body, row.who) << row.name;
  }
}

TEST_F(TlsServer, TellsAClientThatSpeaksPlainHttp) {
  HttpServer server;
  const auto reply = talk(listen(server, tls(false)), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(reply.find("Client sent an HTTP request to an HTTPS server"), std::string::npos) << reply;
}

TEST_F(TlsServer, MovesLargeBodiesBothWays) {
  FunctionHandler handler([](ServerRequest& r, BodyReceiver*) { return text_reply(200, r.body); });
  HttpServer server;
  const auto port = server.listen("127.0.0.1", 0, handler, tls(false));
  ASSERT_TRUE(port.ok()) << why(port);
  auto wanted = get(*port, "", "");
  wanted.method = Method::post;
  for (std::size_t i = 0; i < 3'000'000; ++i) wanted.body += static_cast<char>('a' + i % 23);
  for (int i = 0; i < 3; ++i) {
    const auto response = send(wanted);
    ASSERT_TRUE(response.ok()) << why(response);
    EXPECT_TRUE(response->body == wanted.body) << response->body.size();
  }
}

}  // namespace
}  // namespace sluice::net
