#pragma once
// What may go into the records and into a question to them: bounds of texts, numbers and lists, and JSON that can be
// read back. What is beyond is refused here, in our own words, before SQLite sees it.

#include "base/json.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::records {

/// Names, keys, reasons, failures: bytes of one text. A guess: far above any of them, far below what would be slow.
constexpr std::size_t kMaxText = 16'384;
/// Images of one release. A guess: far above any app.
constexpr std::size_t kMaxImages = 10'000;
/// Places of one promotion or of one question. A guess: ten targets with all images that a release may have.
constexpr std::size_t kMaxPlaces = 100'000;

/// `what` is a noun with its article: "the app". Errors: usage.
Status check_text(std::string_view what, std::string_view text);
Status check_number(std::int64_t number);
/// None is empty, and each is a text. Errors: usage.
Status check_places(const std::vector<std::string>& places);

/// The same places, each once, in their order.
std::vector<std::string> each_once(const std::vector<std::string>& places);

/// A limit for SQL, where a negative one would mean none at all.
std::int64_t row_limit(std::size_t limit);

/// JSON as it is stored. It is read back under the limits that reading has. Errors: unsupported.
Result<std::string> encode(const Json& value, std::string_view what);
/// The same for an object or null. Errors: internal (another value), unsupported.
Result<std::string> encode_who(const Json& who);

}  // namespace sluice::records
