#pragma once
// Json: a small tree of our own, read strictly (depth, size, no duplicate keys, exact integers) and written in one
// canonical form. The parser below is nlohmann's; its header stays in json.cpp.
// Digests are computed over the bytes that arrived, never over what dump() writes.

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice {

class Json {
 public:
  using Array = std::vector<Json>;
  /// Members in the order in which they were read or added.
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(std::int64_t value) : value_(value) {}
  Json(int value) : value_(static_cast<std::int64_t>(value)) {}
  Json(std::uint64_t value) : value_(static_cast<std::int64_t>(value)) {}
  Json(double value) : value_(value) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}
  /// A null for an empty optional.
  template <class T>
  Json(const std::optional<T>& value) : Json(value ? Json(*value) : Json()) {}

  static Json object() { return Json(Object{}); }
  static Json array() { return Json(Array{}); }

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }

  /// The member of an object, or null when it is absent or this is no object. Borrowed.
  const Json* find(std::string_view key) const;
  Json* find(std::string_view key);
  /// Typed views; empty when the value is of another type.
  std::optional<std::string> as_string() const;
  std::optional<std::int64_t> as_integer() const;
  std::optional<bool> as_bool() const;
  std::optional<double> as_number() const;
  /// Elements; empty for anything that is no array.
  const Array& items() const;
  /// Members; empty for anything that is no object.
  const Object& members() const;
  /// The same for changing; null for anything that is no array or no object.
  Array* elements();
  Object* fields();

  /// Member look-ups with a type: empty when absent, null or of another type.
  std::optional<std::string> string_at(std::string_view key) const;
  std::optional<std::int64_t> integer_at(std::string_view key) const;
  std::optional<bool> bool_at(std::string_view key) const;

  /// Adds or replaces a member. Precondition: null or object.
  Json& set(std::string_view key, Json value);
  /// Adds a member that is known to be new; saves the look-up. Precondition: object.
  void append_unchecked(std::string key, Json value);
  /// Removes a member; true when it was there.
  bool remove(std::string_view key);
  /// Appends an element. Precondition: null or array.
  Json& push(Json value);

  /// One line, members in their order; invalid UTF-8 becomes U+FFFD.
  std::string dump() const;
  /// The same with line breaks and two spaces of indent.
  std::string dump_pretty() const;
  /// dump() for stdout, logs and event files: secrets that were sent (base/sent_secrets.hpp) are "***" in every text,
  /// and what a terminal or a CI system would obey (text::shown) is written as \u escapes, so that values stay.
  std::string dump_shown() const;
  /// One line, members sorted by key bytewise: what hashes are taken over.
  std::string canonical() const;

  friend bool operator==(const Json&, const Json&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
  enum class Style : std::uint8_t { plain, pretty, shown, canonical };
  void write(std::string& out, Style style, int depth) const;
};

struct JsonLimits {
  std::size_t max_bytes = std::size_t{8} * 1024 * 1024;  ///< the manifest limit of the distribution world
  int max_depth = 64;                                    ///< nothing we read nests deeper than a dozen
  std::size_t max_values = 200'000;
};

/// Reads one JSON text, UTF-8 with or without a byte order mark. Refuses other encodings, duplicate keys, integers over
/// 64 bits, and what exceeds the limits. Errors: protocol, with the byte offset. Callers add what the text was.
Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

}  // namespace sluice
