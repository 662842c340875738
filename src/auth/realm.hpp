#pragma once
// Realms: which token servers may be given credentials, and with which TLS settings. Pure.

#include "base/result.hpp"
#include "net/http.hpp"
#include "net/url.hpp"

#include <memory>
#include <string_view>

namespace sluice::auth {

/// True when `url` leads to the registry `host[:port]`; every name of Docker Hub counts as "docker.io".
bool leads_to(const net::Url& url, std::string_view registry);

/// Reads a realm and decides whether credentials may go there: over https anywhere, over http only when the registry
/// itself is spoken to over http and the realm is on the same host, or both are loopback.
/// Errors: protocol (no usable URL), untrusted (names the realm's host).
Result<net::Url> trusted_realm(const net::Url& registry, std::string_view realm);

/// The TLS settings for a realm. On the registry's own host they are the registry's. On another host: verified, with
/// the registry's CA files (a private CA signs both as a rule) and its proxy, without its client certificate, which is
/// the user's name tag for that registry alone. Plain HTTP on loopback is held to loopback addresses; a registry that
/// is not on this machine names no realm on it or its link.
std::shared_ptr<const net::Endpoint> realm_endpoint(const net::Url& registry, const net::Url& realm,
                                                    const std::shared_ptr<const net::Endpoint>& registry_endpoint);

}  // namespace sluice::auth
