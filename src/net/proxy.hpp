#pragma once
// Which proxy a request goes through, from the variables of the environment. Pure.
// Source: Go's golang.org/x/net/http/httpproxy, which podman, skopeo, oc and the registries' own tools use. libcurl
// reads these variables in another way (no "*.x", no "x:443", ".x" stands for x too), so it is told the outcome only.

#include "base/environment.hpp"
#include "net/url.hpp"

#include <string>

namespace sluice::net {

/// What the variables say. Upper case counts before lower case.
struct ProxySettings {
  std::string http;      ///< HTTP_PROXY, for http URLs; not read in a CGI program, where a client could set it
  std::string https;     ///< HTTPS_PROXY, for https URLs
  std::string all;       ///< ALL_PROXY: where the one above is not set. Not Go's, but curl's and of long use
  std::string no_proxy;  ///< NO_PROXY

  static ProxySettings from(const Environment& environment);
};

/// The proxy for a URL as curl takes it ("http://proxy:3128"; without a scheme it is an http proxy); "" for none.
/// Loopback is never asked for through a proxy. NO_PROXY is a list with commas: `*` for all; a name for itself and all
/// names below it; `.x` and `*.x` for the names below x; an IP address; a range of them (10.0.0.0/8); name and address
/// may be followed by a port. Case and blanks around an entry do not matter.
std::string proxy_for(const ProxySettings& settings, const Url& url);

}  // namespace sluice::net
