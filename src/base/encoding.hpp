#pragma once
// Hex, base64 and percent encoding; the encodings of text.

#include "base/result.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sluice::encoding {

std::string hex(std::span<const std::byte> bytes);
bool is_lower_hex(std::string_view text);
/// RFC 4648 section 4, with padding.
std::string base64(std::string_view bytes);
/// RFC 4648 section 4 or 5; padding may be missing. Errors: config.
Result<std::string> decode_base64(std::string_view text);
/// RFC 3986 unreserved characters and those in `keep` stay as they are.
std::string percent(std::string_view text, std::string_view keep = "");

/// The text without the byte order mark of UTF-8 that editors of Windows put before it.
std::string_view without_byte_order_mark(std::string_view text);

/// "UTF-16" or "UTF-32" when the beginning of a text shows that it is that and no UTF-8; else empty.
std::string_view foreign_encoding(std::string_view text);

}  // namespace sluice::encoding
