#include "places/range_header.hpp"

#include "base/text.hpp"

#include <charconv>
#include <limits>
#include <system_error>

namespace sluice::places {

namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

// Digits and nothing else; a number that does not fit is none.
std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// "10-99"
std::optional<ByteSpan> span(std::string_view text) {
  const auto [from, to] = text::cut(text, '-');
  const auto first = number(from);
  const auto last = number(to);
  // The largest number is no position: the count of bytes before its end would not fit.
  if (!first || !last || *first > *last || *last == kLargest) return std::nullopt;
  return ByteSpan{*first, *last, std::nullopt};
}

}  // namespace

std::optional<ByteSpan> parse_content_range(std::string_view value) {
  const auto [unit, rest] = text::cut(text::trim(value), ' ');
  if (!text::iequals(unit, "bytes")) return std::nullopt;
  const auto [positions, total] = text::cut(text::trim(rest), '/');
  auto read = span(positions);
  if (!read || total == "*") return read;
  read->total = number(total);
  if (!read->total || *read->total <= read->last) return std::nullopt;
  return read;
}

std::optional<std::uint64_t> parse_upload_range(std::string_view value) {
  value = text::trim(value);
  // The specification has no unit here (it says "0-1023"); some registries write the one of RFC 9110.
  constexpr std::string_view kUnit = "bytes=";
  if (text::iequals(value.substr(0, kUnit.size()), kUnit)) value.remove_prefix(kUnit.size());
  const auto read = span(value);
  if (!read || read->first != 0) return std::nullopt;
  // distribution says "0-0" of an upload without a byte, because the format knows no empty range, and of one with a
  // single byte. Nothing is the safe reading: from there a registry that has the one byte refuses with 416, and
  // nothing is left out.
  return read->last == 0 ? 0 : read->last + 1;
}

}  // namespace sluice::places
