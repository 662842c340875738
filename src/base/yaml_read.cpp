// The typed readers of yaml.hpp: from a node to a value, with an error that says what to write instead.

#include "base/text.hpp"
#include "base/yaml.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sluice::yaml {

namespace {

std::string_view name_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return node.plain ? "a value" : "a quoted text";
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "nothing";
}

Error wrong_kind(const Node& node, std::string_view what, std::string_view wanted) {
  if (node.kind == Node::Kind::null) return error_at(node, std::string(what) + " has no value");
  return error_at(node, std::string(what) + " must be " + std::string(wanted) + ", not " + std::string(name_of(node)));
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Error unknown_key(const Node& key, const std::string& what, const Keys& keys) {
  std::vector<std::string> all = keys.known;
  all.insert(all.end(), keys.planned.begin(), keys.planned.end());
  std::string message = "unknown key" + shown_key(key) + " in " + what;
  const auto meant = text::nearest(key.text, all);
  if (contains(keys.planned, meant)) {
    message += "; '" + meant + "' is not supported yet";
  } else if (!meant.empty()) {
    message += "; did you mean '" + meant + "'?";
  }
  return error_at(key, std::move(message)).with_hint("allowed here: " + text::join(keys.known, ", "));
}

}  // namespace

std::string shown_key(const Node& key) {
  constexpr std::size_t kLongestKey = 40;
  constexpr std::string_view kKeyChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  const bool is_word = key.text.find_first_not_of(kKeyChars) == std::string::npos;
  return is_word && key.text.size() <= kLongestKey ? " '" + key.text + "'" : "";
}

Result<std::string> as_string(const Node& node, std::string_view what) {
  if (node.kind != Node::Kind::scalar) return wrong_kind(node, what, "a text");
  if (node.text.empty()) return error_at(node, std::string(what) + " is empty");
  return node.text;
}

Result<std::int64_t> as_integer(const Node& node, std::string_view what) {
  if (node.kind != Node::Kind::scalar) return wrong_kind(node, what, "a whole number");
  const bool negative = node.text.starts_with('-');
  const auto digits = std::string_view(node.text).substr(negative ? 1 : 0);
  if (!is_digits(digits)) {
    return error_at(node, std::string(what) + " must be a whole number").with_hint("write it in decimal digits");
  }
  if (!node.plain) return error_at(node, std::string(what) + " must be a number").with_hint("leave the quotes out");
  if (digits.size() > 1 && digits.front() == '0') {
    // YAML 1.1 reads 012 as ten, YAML 1.2 as twelve.
    return error_at(node, std::string(what) + " begins with a zero, which YAML may read as octal")
        .with_hint("leave the zero out");
  }
  std::int64_t value = 0;
  const auto* end = node.text.data() + node.text.size();
  if (std::from_chars(node.text.data(), end, value).ec != std::errc()) {
    return error_at(node, std::string(what) + " is too large a number");
  }
  return value;
}

Result<bool> as_boolean(const Node& node, std::string_view what) {
  if (node.kind != Node::Kind::scalar) return wrong_kind(node, what, "true or false");
  if (node.text == "true" || node.text == "false") {
    if (node.plain) return node.text == "true";
    return error_at(node, std::string(what) + " must be true or false, not a quoted text")
        .with_hint("leave the quotes out");
  }
  auto error = error_at(node, std::string(what) + " must be true or false");
  const auto word = text::lower(node.text);
  for (const auto* yes : {"yes", "on", "y", "true"}) {
    if (word == yes) return std::move(error).with_hint("'" + node.text + "' is not read as true here; write true");
  }
  for (const auto* no : {"no", "off", "n", "false"}) {
    if (word == no) return std::move(error).with_hint("'" + node.text + "' is not read as false here; write false");
  }
  return error;
}

Result<std::chrono::seconds> as_duration(const Node& node, std::string_view what) {
  using std::chrono::seconds;
  constexpr std::string_view kHint = "write a whole number and a unit: 30s, 10m, 2h or 3d";
  constexpr seconds kLongest = std::chrono::hours(24 * 3653);  // a guess: longer is a slip of the finger
  if (node.kind != Node::Kind::scalar) return wrong_kind(node, what, "a duration");
  const std::string_view text = node.text;
  const auto digits = text.substr(0, text.find_first_not_of("0123456789"));
  const auto unit = text.substr(digits.size());
  seconds step{0};
  if (unit == "s") step = std::chrono::seconds(1);
  if (unit == "m") step = std::chrono::minutes(1);
  if (unit == "h") step = std::chrono::hours(1);
  if (unit == "d") step = std::chrono::hours(24);
  if (digits.empty() || step.count() == 0) {
    const bool bare = unit.empty() && !digits.empty();
    return error_at(node, std::string(what) + (bare ? " has no unit" : " is no duration"))
        .with_hint(std::string(kHint));
  }
  std::int64_t count = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (read.ec != std::errc() || count > kLongest / step) {
    return error_at(node, std::string(what) + " is longer than ten years");
  }
  return step * count;
}

Result<std::vector<std::string>> as_strings(const Node& node, std::string_view what) {
  if (node.kind == Node::Kind::scalar) {
    return error_at(node, std::string(what) + " must be a list").with_hint("put it in brackets: [one, two]");
  }
  if (node.kind != Node::Kind::sequence) return wrong_kind(node, what, "a list");
  std::vector<std::string> out;
  out.reserve(node.items.size());
  for (const auto& item : node.items) {
    SLUICE_TRY(auto text, as_string(item, "an entry of " + std::string(what)));
    out.push_back(std::move(text));
  }
  return out;
}

Result<MapReader> MapReader::open(const Node& node, std::string what, const Keys& keys) {
  if (node.kind != Node::Kind::map) {
    return wrong_kind(node, what, "a map").with_hint("allowed keys: " + text::join(keys.known, ", "));
  }
  for (const auto& [key, value] : node.members) {
    if (contains(keys.known, key.text)) continue;
    if (contains(keys.planned, key.text)) {
      return error_at(key, "'" + key.text + "' in " + what + " is not supported yet")
          .with_hint("remove it; supported here: " + text::join(keys.known, ", "));
    }
    return unknown_key(key, what, keys);
  }
  return MapReader(node, std::move(what));
}

Result<const Node*> MapReader::require(std::string_view key) const {
  if (const auto* value = find(key)) return value;
  return error_at(*node_, what_ + " has no '" + std::string(key) + "'");
}

Result<std::string> MapReader::required_string(std::string_view key) const {
  SLUICE_TRY(const auto* value, require(key));
  return as_string(*value, "'" + std::string(key) + "' of " + what_);
}

Result<std::optional<std::string>> MapReader::optional_string(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::optional<std::string>();
  SLUICE_TRY(auto text, as_string(*value, "'" + std::string(key) + "' of " + what_));
  return std::optional<std::string>(std::move(text));
}

}  // namespace sluice::yaml
