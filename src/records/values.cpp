#include "records/values.hpp"

#include "base/text.hpp"
#include "records/records.hpp"

#include <algorithm>
#include <limits>
#include <unordered_set>

namespace sluice::records {

Status check_text(std::string_view what, std::string_view text) {
  if (text.size() <= kMaxText) return {};
  return Error(ErrorKind::usage, "cannot use the records: " + std::string(what) + " is longer than " +
                                     std::to_string(kMaxText) + " bytes: " + text::printable(text, 40));
}

Status check_number(std::int64_t number) {
  if (number >= 1 && number <= kMaxNumber) return {};
  return Error(ErrorKind::usage, "there is no release number " + std::to_string(number) + ": numbers go from 1 to " +
                                     std::to_string(kMaxNumber))
      .with_hint("list them with: sluice releases");
}

Status check_places(const std::vector<std::string>& places) {
  if (places.size() > kMaxPlaces) {
    return Error(ErrorKind::usage, "cannot use the records: " + std::to_string(places.size()) +
                                       " places at once are more than " + std::to_string(kMaxPlaces));
  }
  for (const auto& place : places) {
    if (place.empty()) return Error(ErrorKind::usage, "cannot use the records: a place has no name");
    SLUICE_CHECK(check_text("the name of a place", place));
  }
  return {};
}

std::vector<std::string> each_once(const std::vector<std::string>& places) {
  std::vector<std::string> out;
  std::unordered_set<std::string_view> seen;
  for (const auto& place : places) {
    if (seen.insert(place).second) out.push_back(place);
  }
  return out;
}

std::int64_t row_limit(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(limit, std::numeric_limits<std::int64_t>::max()));
}

Result<std::string> encode(const Json& value, std::string_view what) {
  std::string out = value.dump();
  if (auto readable = parse_json(out); !readable.ok()) {
    return Error(ErrorKind::unsupported, "cannot record " + std::string(what) + ": " + readable.error().message());
  }
  return out;
}

Result<std::string> encode_who(const Json& who) {
  if (!who.is_null() && !who.is_object()) {
    return Error(ErrorKind::internal, "cannot record who asked for it: it is neither an object nor null");
  }
  SLUICE_TRY(auto out, encode(who, "who asked for it"));
  SLUICE_CHECK(check_text("the record of who asked for it", out));
  return out;
}

}  // namespace sluice::records
