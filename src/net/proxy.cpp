#include "net/proxy.hpp"

#include "base/text.hpp"
#include "net/address.hpp"

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <string_view>

namespace sluice::net {

namespace {

using Bytes = std::array<std::uint8_t, 16>;
constexpr unsigned kV4Bits = 32;
constexpr unsigned kV6Bits = 128;

/// An address as 16 bytes, IPv4 as mapped into IPv6: so both are compared in one way.
struct Ip {
  Bytes bytes{};
  bool is_v4 = false;
};

// The strict forms only: what Go's net.ParseIP takes.
std::optional<Ip> parse_ip(std::string_view text) {
  const std::string terminated(text);
  Ip out;
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, terminated.c_str(), &v4) == 1) {
    out.bytes[10] = out.bytes[11] = 0xFF;
    std::memcpy(out.bytes.data() + 12, &v4, sizeof v4);
    out.is_v4 = true;
    return out;
  }
  if (::inet_pton(AF_INET6, terminated.c_str(), &v6) != 1) return std::nullopt;
  std::memcpy(out.bytes.data(), &v6, sizeof v6);
  out.is_v4 = IN6_IS_ADDR_V4MAPPED(&v6);
  return out;
}

bool same_beginning(const Bytes& a, const Bytes& b, unsigned bits) {
  const auto whole = bits / 8;
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  const auto rest = bits % 8;
  return rest == 0 || (a.at(whole) >> (8 - rest)) == (b.at(whole) >> (8 - rest));
}

/// "10.0.0.0/8": empty when the entry is no range; else whether `ip` is in it.
std::optional<bool> in_range(std::string_view entry, const std::optional<Ip>& ip) {
  const auto slash = entry.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto base = parse_ip(entry.substr(0, slash));
  const auto length = entry.substr(slash + 1);
  if (!base) return std::nullopt;
  const bool written_as_v4 = entry.substr(0, slash).find(':') == std::string_view::npos;
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
  const bool whole = error == std::errc() && end == length.data() + length.size();
  if (!whole || bits > (written_as_v4 ? kV4Bits : kV6Bits)) return std::nullopt;
  if (!ip || ip->is_v4 != base->is_v4) return false;
  return same_beginning(base->bytes, ip->bytes, written_as_v4 ? kV6Bits - kV4Bits + bits : bits);
}

struct HostAndPort {
  std::string_view host;
  std::string_view port;  ///< empty: every port
};

// "x:443" and "[::1]:443". More than one ':' without brackets is an address.
HostAndPort take_apart(std::string_view entry) {
  const auto colon = entry.rfind(':');
  if (entry.starts_with('[')) {
    const auto end = entry.find(']');
    if (end == std::string_view::npos) return {entry, {}};
    const auto after = entry.substr(end + 1);
    return {entry.substr(1, end - 1), after.starts_with(':') ? after.substr(1) : std::string_view()};
  }
  if (colon == std::string_view::npos || entry.find(':') != colon) return {entry, {}};
  return {entry.substr(0, colon), entry.substr(colon + 1)};
}

bool name_matches(std::string_view pattern, std::string_view host) {
  if (pattern.starts_with("*.")) pattern.remove_prefix(1);
  if (pattern.starts_with('.')) return host.ends_with(pattern);
  if (host == pattern) return true;
  return host.size() > pattern.size() && host.ends_with(pattern) && host[host.size() - pattern.size() - 1] == '.';
}

bool is_excepted(std::string_view no_proxy, const Url& url) {
  const auto ip = parse_ip(url.host);
  const auto port = std::to_string(url.port);
  for (const auto& item : text::split(no_proxy, ',')) {
    const auto entry = text::lower(text::trim(item));
    if (entry.empty()) continue;
    if (entry == "*") return true;
    if (const auto inside = in_range(entry, ip)) {
      if (*inside) return true;
      continue;
    }
    const auto parts = take_apart(entry);
    if (parts.host.empty() || (!parts.port.empty() && parts.port != port)) continue;
    if (const auto address = parse_ip(parts.host)) {
      if (ip && ip->bytes == address->bytes) return true;
    } else if (name_matches(parts.host, url.host)) {
      return true;
    }
  }
  return false;
}

}  // namespace

ProxySettings ProxySettings::from(const Environment& environment) {
  const auto either = [&](const char* upper, const char* lower) {
    if (auto value = environment.get(upper)) return *value;
    return environment.get(lower).value_or("");
  };
  ProxySettings out;
  if (!environment.get("REQUEST_METHOD")) out.http = either("HTTP_PROXY", "http_proxy");
  out.https = either("HTTPS_PROXY", "https_proxy");
  out.all = either("ALL_PROXY", "all_proxy");
  out.no_proxy = either("NO_PROXY", "no_proxy");
  return out;
}

std::string proxy_for(const ProxySettings& settings, const Url& url) {
  if (is_loopback_name(url.host)) return {};
  const auto& own = url.scheme == "https" ? settings.https : settings.http;
  const auto& proxy = own.empty() ? settings.all : own;
  if (proxy.empty() || is_excepted(settings.no_proxy, url)) return {};
  return proxy;
}

}  // namespace sluice::net
