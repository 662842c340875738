// One port on loopback that may speak TLS or not: what is found out by one request counts for those under way.

#include "component/registry_testing.hpp"
#include "support/registry_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace sluice::places {
namespace {

using support::RegistryProcess;
using support::why;

std::uint16_t port_of(const std::string& host) {
  return static_cast<std::uint16_t>(std::stoi(host.substr(host.rfind(':') + 1)));
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Leads a connection to one of two servers, by its first byte: a TLS record begins with 22 (RFC 8446, section 5.1).
class Fork {
 public:
  Fork(std::uint16_t plain, std::uint16_t tls) : plain_(plain), tls_(tls) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("cannot listen on loopback");
    }
    port_ = ntohs(address.sin_port);
    accepting_ = std::jthread([this] { accept_all(); });
  }
  ~Fork() {
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    pumps_.clear();  // joins
    for (const int socket : sockets_) ::close(socket);
    ::close(listener_);
  }
  Fork(const Fork&) = delete;
  Fork& operator=(const Fork&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void accept_all() {
    for (;;) {
      const int from = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (from < 0) return;
      sockets_.push_back(from);
      char first = 0;
      if (::recv(from, &first, 1, MSG_PEEK) != 1) continue;
      const int to = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockets_.push_back(to);
      const auto address = loopback(first == 22 ? tls_ : plain_);
      if (::connect(to, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) continue;
      pumps_.emplace_back([from, to] { pump(from, to); });
      pumps_.emplace_back([from, to] { pump(to, from); });
    }
  }
  static void pump(int from, int to) {
    std::array<char, 4096> bytes{};
    for (;;) {
      const auto got = ::recv(from, bytes.data(), bytes.size(), 0);
      if (got <= 0) break;
      for (ssize_t sent = 0; sent < got;) {
        const auto moved = ::send(to, bytes.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
        if (moved <= 0) break;
        sent += moved;
      }
    }
    ::shutdown(to, SHUT_WR);
  }

  std::uint16_t plain_;
  std::uint16_t tls_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::vector<int> sockets_;         // of the accepting thread until that has ended
  std::vector<std::jthread> pumps_;  // the same
  std::jthread accepting_;
};

// Both sides of a copy within one registry ask at once. The slower one may hear "this is a TLS port" when the faster
// one has long been served over TLS.
TEST(RegistryWays, ALateWordThatThisIsTlsIsUnderstood) {
  if (const auto reason = RegistryProcess::missing(); !reason.empty()) GTEST_SKIP() << reason;
  if (!support::find_program("openssl")) GTEST_SKIP() << "openssl is not installed (Debian package openssl)";
  const support::TempFolder folder;
  const auto certificates = support::TestCertificates::make(folder.path());
  const RegistryProcess process({.tls = &certificates});

  support::ScriptedServer plain;
  const auto late = std::make_shared<support::Gate>();
  const std::string words = "Client sent an HTTP request to an HTTPS server.\n";
  plain.on_each("GET", "/v2/",
                {{.status = 400, .body = words, .close = true, .before_reply = late},
                 {.status = 400, .body = words, .close = true}});
  const Fork fork(plain.port(), port_of(process.host()));
  net::TransferLoop loop;
  RegistryOptions options;
  options.host = fork.host();
  options.retry_times = 0;
  options.endpoint.ca_files = {certificates.ca};
  options.endpoint.proxy = "";
  Registry registry(loop, options);

  std::optional<Status> slow;
  std::jthread asking([&] { slow = registry.check_login({}); });
  plain.wait_for_requests(1);
  const auto fast = registry.check_login({});
  late->open();
  asking.join();
  EXPECT_TRUE(fast.ok()) << why(fast);
  ASSERT_TRUE(slow.has_value());
  EXPECT_TRUE(slow->ok()) << why(*slow);
  EXPECT_EQ(plain.requests().size(), 2U) << "both began with plain HTTP";
}

}  // namespace
}  // namespace sluice::places
