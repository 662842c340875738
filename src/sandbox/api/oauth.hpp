#pragma once
// The OAuth server of OpenShift: logging in with name and password, for tools that answer challenges.
// Source: RFC 6749 (code and implicit grants), RFC 7636 (PKCE), OpenShift's challenging client.

#include "net/server/http_server.hpp"
#include "sandbox/core/world.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace sluice::sandbox {

/// Thread: under the World's lock.
class OAuthServer {
 public:
  /// `issuer` is the URL under which clients reach it.
  explicit OAuthServer(std::string issuer) : issuer_(std::move(issuer)) {}

  /// Answers "/.well-known/oauth-authorization-server", "/oauth/authorize", "/oauth/token" and "/oauth/token/implicit";
  /// empty for other paths.
  std::optional<net::ServerReply> handle(World& world, const net::ServerRequest& request);
  void set_issuer(std::string issuer) { issuer_ = std::move(issuer); }

 private:
  struct Grant {
    std::string user;
    std::string redirect;
    std::string challenge;
    std::string method;
    World::Clock::time_point expires;
  };
  net::ServerReply metadata() const;
  net::ServerReply authorize(World& world, const net::ServerRequest& request);
  net::ServerReply token(World& world, const net::ServerRequest& request);

  std::string issuer_;
  std::map<std::string, Grant, std::less<>> grants_;
};

}  // namespace sluice::sandbox
