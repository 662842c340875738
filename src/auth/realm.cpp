#include "auth/realm.hpp"

#include "auth/auth_file.hpp"
#include "base/text.hpp"
#include "net/address.hpp"

#include <fmt/format.h>

namespace sluice::auth {

namespace {

bool both_loopback(const net::Url& a, const net::Url& b) {
  return net::is_loopback_name(a.host) && net::is_loopback_name(b.host);
}

}  // namespace

bool leads_to(const net::Url& url, std::string_view registry) {
  if (normalised_key(url.authority()) == normalised_key(registry)) return true;
  // "host:443" and "host" are one registry over https.
  const auto named = net::Url::parse(url.scheme + "://" + std::string(registry));
  return named.ok() && named->same_origin(url);
}

Result<net::Url> trusted_realm(const net::Url& registry, std::string_view realm) {
  auto url = net::Url::parse(realm);
  if (!url) {
    return Error(ErrorKind::protocol, fmt::format("{} names a token server that cannot be used: {}",
                                                  registry.authority(), text::printable(url.error().message())));
  }
  if (url->scheme == "https") return url;
  if (registry.scheme == "http" && (url->host == registry.host || both_loopback(registry, *url))) return url;
  return Error(ErrorKind::untrusted,
               fmt::format("{} sends logins to the token server {} over plain http; no credentials "
                           "were sent",
                           registry.authority(), url->authority()))
      .with_hint("the registry must name an https realm");
}

std::shared_ptr<const net::Endpoint> realm_endpoint(const net::Url& registry, const net::Url& realm,
                                                    const std::shared_ptr<const net::Endpoint>& registry_endpoint) {
  if (realm.host == registry.host) return registry_endpoint;
  net::Endpoint out;
  if (registry_endpoint != nullptr) {
    out.ca_files = registry_endpoint->ca_files;
    // "" means that the registry is near; the realm may still be behind the proxy of the environment.
    if (registry_endpoint->proxy && !registry_endpoint->proxy->empty()) out.proxy = registry_endpoint->proxy;
  }
  // A registry elsewhere must not send logins, or anything, to services of this machine.
  const bool near = net::is_loopback_name(registry.host) ||
                    (registry_endpoint != nullptr && registry_endpoint->addresses == net::AddressRule::loopback_only);
  if (!near) out.addresses = net::AddressRule::not_local;
  if (realm.scheme == "http") out.addresses = net::AddressRule::loopback_only;
  return std::make_shared<const net::Endpoint>(std::move(out));
}

}  // namespace sluice::auth
