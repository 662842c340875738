#include "base/encoding.hpp"

#include <cstdint>

namespace sluice::encoding {

namespace {
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
}  // namespace

std::string hex(std::span<const std::byte> bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    out += kHex[value >> 4U];
    out += kHex[value & 15U];
  }
  return out;
}

bool is_lower_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kHex) == std::string_view::npos;
}

std::string base64(std::string_view bytes) {
  std::string out;
  std::uint32_t window = 0;
  int bits = 0;
  for (const char c : bytes) {
    window = (window << 8U) | static_cast<unsigned char>(c);
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out += kBase64[(window >> static_cast<unsigned>(bits)) & 63U];
    }
  }
  if (bits > 0) out += kBase64[(window << static_cast<unsigned>(6 - bits)) & 63U];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

Result<std::string> decode_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return Error(ErrorKind::config, "not base64: it is cut short");
  std::string out;
  std::uint32_t window = 0;
  int bits = 0;
  for (const char c : text) {
    const char standard = c == '-' ? '+' : c == '_' ? '/' : c;
    const auto value = kBase64.find(standard);
    if (value == std::string_view::npos) return Error(ErrorKind::config, "not base64");
    window = (window << 6U) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>((window >> static_cast<unsigned>(bits)) & 255U);
    }
  }
  return out;
}

std::string percent(std::string_view text, std::string_view keep) {
  std::string out;
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos || keep.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto value = static_cast<unsigned char>(c);
      out += '%';
      out += static_cast<char>(kHex[value >> 4U] >= 'a' ? kHex[value >> 4U] - 32 : kHex[value >> 4U]);
      out += static_cast<char>(kHex[value & 15U] >= 'a' ? kHex[value & 15U] - 32 : kHex[value & 15U]);
    }
  }
  return out;
}

std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  return text;
}

// Source: RFC 4627 section 3: JSON begins with two ASCII characters, so that the pattern of NULs tells the encoding.
std::string_view foreign_encoding(std::string_view text) {
  using namespace std::string_view_literals;
  if (text.starts_with("\xFF\xFE\0\0"sv) || text.starts_with("\0\0\xFE\xFF"sv)) return "UTF-32";
  if (text.starts_with("\xFF\xFE"sv) || text.starts_with("\xFE\xFF"sv)) return "UTF-16";
  if (text.size() < 4) return {};
  const bool first = text[0] == '\0';
  const bool second = text[1] == '\0';
  if (first != second && (text[2] == '\0') == first && (text[3] == '\0') == second) return "UTF-16";
  return {};
}

}  // namespace sluice::encoding
