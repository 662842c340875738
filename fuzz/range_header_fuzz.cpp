// Content-Range of replies and Range of uploads: any text as both.

#include "fuzz/require.hpp"
#include "places/range_header.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto span = places::parse_content_range(text)) {
    require(span->first <= span->last, "the first byte comes before the last");
    require(span->last < std::numeric_limits<std::uint64_t>::max(), "the bytes can be counted");
    require(!span->total || span->last < *span->total, "the last byte is one of them");
    const auto total = span->total ? std::to_string(*span->total) : "*";
    const auto written = "bytes " + std::to_string(span->first) + "-" + std::to_string(span->last) + "/" + total;
    require(places::parse_content_range(written) == span, "what is written is read back");
  }
  if (const auto count = places::parse_upload_range(text)) {
    require(*count != 1, "one byte cannot be told from none");
    if (*count > 0) {
      require(places::parse_upload_range("0-" + std::to_string(*count - 1)) == count, "a count is read back");
      require(text.find(std::to_string(*count - 1)) != std::string_view::npos,
              "the last byte is the one that is named");
    }
  }
  return 0;
}
