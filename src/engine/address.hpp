#pragma once
// Where the engine is, read as the docker program reads it. Source: docker/cli docs "docker" (environment variables)
// and "docker context"; cli/context/store (the folders of contexts).

#include "base/environment.hpp"
#include "base/result.hpp"
#include "net/http.hpp"

#include <memory>
#include <string>

namespace sluice::engine {

struct Address {
  std::string shown;   ///< for people: "unix:///var/run/docker.sock", "tcp://build-1:2376"
  std::string origin;  ///< who says so: "DOCKER_HOST", "the context ci", "the default"
  net::Url base;       ///< of unix sockets a stand-in: http://engine/
  std::shared_ptr<const net::Endpoint> endpoint;
  std::string socket{};  ///< the path of a unix socket; empty: another host, or a port
  bool is_local() const { return !socket.empty(); }
  /// One engine by one text, whatever links lead to its socket.
  std::string key() const;
};

/// DOCKER_HOST, else the context that DOCKER_CONTEXT or config.json name, else the default socket. With
/// DOCKER_TLS_VERIFY or a context's own files TLS with client certificates. Asks nobody. Errors: config (an address or
/// a context that cannot be read), unsupported (ssh://, tcp:// without TLS to another machine: credentials would travel
/// in the clear).
Result<Address> find_address(const Environment& environment);

}  // namespace sluice::engine
