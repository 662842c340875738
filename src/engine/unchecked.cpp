#include "engine/unchecked.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice::engine {

namespace {

struct Address {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t length = 0;  ///< bytes: 4 or 16
};

std::optional<Address> parse_address(std::string_view text) {
  const std::string name(text);
  Address out;
  if (::inet_pton(AF_INET, name.c_str(), out.bytes.data()) == 1) {
    out.length = 4;
    return out;
  }
  if (::inet_pton(AF_INET6, name.c_str(), out.bytes.data()) == 1) {
    out.length = 16;
    return out;
  }
  return std::nullopt;
}

// "10.1.2.3:5000" -> "10.1.2.3", "[::1]:5000" -> "::1"
std::string_view host_of(std::string_view registry) {
  if (registry.starts_with('[')) return registry.substr(1, registry.find(']') - 1);
  return registry.substr(0, registry.find(':'));
}

bool is_loopback(const Address& address) {
  constexpr std::uint8_t kLoopbackNet = 127;
  if (address.length == 4) return address.bytes[0] == kLoopbackNet;
  Address one{.bytes = {}, .length = 16};
  one.bytes.back() = 1;
  return address.bytes == one.bytes;
}

bool network_covers(std::string_view network, const Address& address) {
  constexpr unsigned kBitsOfByte = 8;
  const auto slash = network.find('/');
  if (slash == std::string_view::npos) return false;
  const auto base = parse_address(network.substr(0, slash));
  const auto text = network.substr(slash + 1);
  unsigned bits = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (!base || base->length != address.length || read.ec != std::errc() || read.ptr != text.data() + text.size() ||
      bits > base->length * kBitsOfByte)
    return false;
  if (is_loopback(*base) || is_loopback(address)) return false;
  for (unsigned bit = 0; bit < bits; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % kBitsOfByte));
    const auto at = bit / kBitsOfByte;
    if ((base->bytes[at] & mask) != (address.bytes[at] & mask)) return false;
  }
  return true;
}

}  // namespace

bool leaves_unchecked(const std::vector<std::string>& settings, std::string_view registry) {
  const auto address = parse_address(host_of(registry));
  return std::any_of(settings.begin(), settings.end(), [&](const std::string& one) {
    return one == registry || (address && network_covers(one, *address));
  });
}

}  // namespace sluice::engine
