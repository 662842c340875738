#pragma once
// Which bytes a reply holds, and how many an upload has. Pure.
// Source: RFC 9110 section 14.4 (Content-Range); distribution-spec 1.1, "Pushing a blob in chunks" (Range of uploads).

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::places {

/// Bytes `first` to `last`, both included, of `total` (empty: not known). first <= last < total.
struct ByteSpan {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<std::uint64_t> total;

  bool operator==(const ByteSpan&) const = default;
};

/// "bytes 10-99/100" or "bytes 10-99/*". Empty for everything else, "bytes */100" of a 416 among it: no bytes came.
std::optional<ByteSpan> parse_content_range(std::string_view value);

/// How many bytes an upload has: "0-1023" or "bytes=0-1023" give 1024. "0-0" gives 0, see there. Empty for everything
/// else, and for a range that does not begin with the first byte.
std::optional<std::uint64_t> parse_upload_range(std::string_view value);

}  // namespace sluice::places
