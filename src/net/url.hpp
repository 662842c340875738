#pragma once
// http and https URLs, as far as registries and token servers use them. Source: RFC 3986, sections 3 and 5.2.

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::net {

/// An absolute URL. `host` is lower case, without brackets; `target` is path and query, starting with '/'.
struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;
  std::uint16_t port = 0;  ///< always set: 80 and 443 by default
  std::string target;

  /// Errors: protocol. User information in a URL is refused; fragments are dropped.
  static Result<Url> parse(std::string_view text);
  /// What a Location header means, seen from this URL: absolute, host-relative or path-relative.
  Result<Url> resolve(std::string_view location) const;

  /// "host" or "host:port" when the port is not the scheme's own; IPv6 in brackets.
  std::string authority() const;
  std::string text() const;
  /// The text without the query: upload locations and tokens in queries are capabilities.
  std::string redacted() const;
  bool same_origin(const Url& other) const;
  /// Adds a query parameter; the value is percent-encoded.
  void add_query(std::string_view name, std::string_view value);
};

/// The host of "registry.example.com:5000", of "[::1]:5000" without its brackets; the text itself when it is no host.
std::string host_of(const std::string& host_and_port);

}  // namespace sluice::net
