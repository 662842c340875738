#include "net/address.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>

namespace sluice::net {

namespace {

class AddressRefusal final : public ErrorDetail {};

// The address as IPv4 in host order, also when it is mapped into IPv6 (RFC 4291 section 2.5.5.2).
std::optional<std::uint32_t> as_v4(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return ntohl(v4.sin_addr.s_addr);
  }
  if (address.sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return std::nullopt;
  std::uint32_t v4 = 0;
  std::memcpy(&v4, v6.sin6_addr.s6_addr + 12, sizeof v4);
  return ntohl(v4);
}

std::optional<in6_addr> as_v6(const sockaddr& address) {
  if (address.sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  return v6.sin6_addr;
}

}  // namespace

bool is_loopback(const sockaddr& address) {
  if (const auto v4 = as_v4(address)) return *v4 >> 24U == 127;
  const auto v6 = as_v6(address);
  return v6 && IN6_IS_ADDR_LOOPBACK(&*v6);
}

bool is_link_local(const sockaddr& address) {
  if (const auto v4 = as_v4(address)) return *v4 >> 16U == 0xA9FE;
  const auto v6 = as_v6(address);
  return v6 && IN6_IS_ADDR_LINKLOCAL(&*v6);
}

bool is_unspecified(const sockaddr& address) {
  if (const auto v4 = as_v4(address)) return *v4 >> 24U == 0;
  const auto v6 = as_v6(address);
  return v6 && IN6_IS_ADDR_UNSPECIFIED(&*v6);
}

std::optional<sockaddr_storage> literal_address(const std::string& text) {
  sockaddr_storage out{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  // inet_aton ignores what stands after a blank.
  const bool has_blank = text.find_first_of(" \t\n\v\f\r") != std::string::npos;
  if (!has_blank && ::inet_aton(text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    std::memcpy(&out, &v4, sizeof v4);
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    std::memcpy(&out, &v6, sizeof v6);
  } else {
    return std::nullopt;
  }
  return out;
}

bool is_loopback_name(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  const auto address = literal_address(std::string(host));
  return address && is_loopback(reinterpret_cast<const sockaddr&>(*address));
}

bool is_local_host(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (is_loopback_name(host)) return true;
  const auto address = literal_address(std::string(host));
  if (!address) return false;
  const auto& any = reinterpret_cast<const sockaddr&>(*address);
  return is_link_local(any) || is_unspecified(any);
}

bool resolves_to_loopback(const std::string& host) {
  if (is_loopback_name(host)) return true;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const auto* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (!is_loopback(*entry->ai_addr)) return false;
  }
  return found != nullptr;
}

Error refused_address(std::string message) {
  static const auto kMark = std::make_shared<const AddressRefusal>();
  return Error(ErrorKind::untrusted, std::move(message)).with_detail(kMark);
}

bool is_refused_address(const Error& error) { return dynamic_cast<const AddressRefusal*>(error.detail()) != nullptr; }

}  // namespace sluice::net
