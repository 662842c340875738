#include "base/json.hpp"

#include "base/encoding.hpp"
#include "base/sent_secrets.hpp"
#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <set>

namespace sluice {

const Json* Json::find(std::string_view key) const {
  for (const auto& [name, value] : members()) {
    if (name == key) return &value;
  }
  return nullptr;
}

Json* Json::find(std::string_view key) { return const_cast<Json*>(std::as_const(*this).find(key)); }

Json::Array* Json::elements() { return std::get_if<Array>(&value_); }
Json::Object* Json::fields() { return std::get_if<Object>(&value_); }

std::optional<std::string> Json::as_string() const {
  if (const auto* v = std::get_if<std::string>(&value_)) return *v;
  return std::nullopt;
}
std::optional<std::int64_t> Json::as_integer() const {
  if (const auto* v = std::get_if<std::int64_t>(&value_)) return *v;
  return std::nullopt;
}
std::optional<bool> Json::as_bool() const {
  if (const auto* v = std::get_if<bool>(&value_)) return *v;
  return std::nullopt;
}
std::optional<double> Json::as_number() const {
  if (const auto* v = std::get_if<double>(&value_)) return *v;
  if (const auto* v = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*v);
  return std::nullopt;
}

const Json::Array& Json::items() const {
  static const Array kNone;
  const auto* v = std::get_if<Array>(&value_);
  return v != nullptr ? *v : kNone;
}
const Json::Object& Json::members() const {
  static const Object kNone;
  const auto* v = std::get_if<Object>(&value_);
  return v != nullptr ? *v : kNone;
}

std::optional<std::string> Json::string_at(std::string_view key) const {
  const auto* member = find(key);
  return member != nullptr ? member->as_string() : std::nullopt;
}
std::optional<std::int64_t> Json::integer_at(std::string_view key) const {
  const auto* member = find(key);
  return member != nullptr ? member->as_integer() : std::nullopt;
}
std::optional<bool> Json::bool_at(std::string_view key) const {
  const auto* member = find(key);
  return member != nullptr ? member->as_bool() : std::nullopt;
}

Json& Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = Object{};
  auto& members = std::get<Object>(value_);
  for (auto& [name, old] : members) {
    if (name == key) {
      old = std::move(value);
      return *this;
    }
  }
  members.emplace_back(std::string(key), std::move(value));
  return *this;
}

void Json::append_unchecked(std::string key, Json value) {
  std::get<Object>(value_).emplace_back(std::move(key), std::move(value));
}

bool Json::remove(std::string_view key) {
  auto* members = std::get_if<Object>(&value_);
  if (members == nullptr) return false;
  return std::erase_if(*members, [&](const auto& member) { return member.first == key; }) > 0;
}

Json& Json::push(Json value) {
  if (is_null()) value_ = Array{};
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

namespace {

void write_escaped(std::string& out, unsigned code) {
  char escaped[8];
  std::snprintf(escaped, sizeof escaped, "\\u%04x", code);
  out += escaped;
}

void write_characters(std::string& out, std::string_view text, bool for_people) {
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const auto length = text::utf8_length(text.substr(at));
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++at;
      continue;
    }
    const auto character = text.substr(at, length);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || (for_people && text::is_obeyed(character)) ||
               (for_people && text::starts_log_command(text, at))) {
      write_escaped(out, text::code_point(character));
    } else {
      out += character;
    }
    at += length;
  }
}

void write_string(std::string& out, std::string_view text, bool for_people) {
  out += '"';
  if (for_people) {
    write_characters(out, SentSecrets::process().hide(text), true);
  } else {
    write_characters(out, text, false);
  }
  out += '"';
}

void write_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  // A negative zero would read back as the integer 0 (RFC 8785 section 3.2.2.3 writes it so too).
  if (value == 0) {
    out += '0';
    return;
  }
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.17g", value);
  // The shortest text that reads back as the same number.
  for (int precision = 1; precision < 17; ++precision) {
    char shorter[32];
    std::snprintf(shorter, sizeof shorter, "%.*g", precision, value);
    if (std::strtod(shorter, nullptr) == value) {
      out += shorter;
      return;
    }
  }
  out += digits;
}

}  // namespace

void Json::write(std::string& out, Style style, int depth) const {
  const bool sorted = style == Style::canonical;
  const int indent = style == Style::pretty ? 2 : 0;
  const bool for_people = style == Style::shown;
  const auto line = [&](int level) {
    if (indent > 0) {
      out += '\n';
      out.append(static_cast<std::size_t>(indent * level), ' ');
    }
  };
  if (const auto* array = std::get_if<Array>(&value_)) {
    out += '[';
    for (const auto& item : *array) {
      if (&item != &array->front()) out += ',';
      line(depth + 1);
      item.write(out, style, depth + 1);
    }
    if (!array->empty()) line(depth);
    out += ']';
  } else if (const auto* object = std::get_if<Object>(&value_)) {
    std::vector<const Object::value_type*> order;
    for (const auto& member : *object) order.push_back(&member);
    if (sorted) std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->first < b->first; });
    out += '{';
    for (const auto* member : order) {
      if (member != order.front()) out += ',';
      line(depth + 1);
      write_string(out, member->first, for_people);
      out += indent > 0 ? ": " : ":";
      member->second.write(out, style, depth + 1);
    }
    if (!order.empty()) line(depth);
    out += '}';
  } else if (const auto* text = std::get_if<std::string>(&value_)) {
    write_string(out, *text, for_people);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value_)) {
    out += std::to_string(*integer);
  } else if (const auto* number = std::get_if<double>(&value_)) {
    write_number(out, *number);
  } else if (const auto* flag = std::get_if<bool>(&value_)) {
    out += *flag ? "true" : "false";
  } else {
    out += "null";
  }
}

std::string Json::dump() const {
  std::string out;
  write(out, Style::plain, 0);
  return out;
}
std::string Json::dump_pretty() const {
  std::string out;
  write(out, Style::pretty, 0);
  return out;
}
std::string Json::dump_shown() const {
  std::string out;
  write(out, Style::shown, 0);
  return out;
}
std::string Json::canonical() const {
  std::string out;
  write(out, Style::canonical, 0);
  return out;
}

namespace {

// Builds our tree from the parser's events, and stops it at the limits.
class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TreeBuilder(JsonLimits limits) : limits_(limits) {}

  bool null() override { return place(Json()); }
  bool boolean(bool value) override { return place(Json(value)); }
  bool number_integer(number_integer_t value) override { return place(Json(std::int64_t{value})); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
      return fail("an integer is larger than 2^63-1");
    }
    return place(Json(static_cast<std::int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    // The parser turns integers that do not fit into floats; a size that lost digits must not pass.
    if (text.find_first_of(".eE") == string_t::npos) return fail("an integer is larger than 2^63-1");
    return place(Json(value));
  }
  bool string(string_t& value) override { return place(Json(std::move(value))); }
  bool binary(binary_t&) override { return fail("binary"); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool key(string_t& value) override {
    if (!keys_.back().insert(value).second) {
      return fail("the key \"" + text::printable(value, 64) + "\" stands there twice");
    }
    pending_keys_.back() = std::move(value);
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& why) override {
    static_cast<void>(why);
    if (problem_.empty()) problem_ = "bad syntax at byte " + std::to_string(position);
    return false;
  }

  const std::string& problem() const { return problem_; }
  Json take() { return std::move(root_); }

 private:
  bool fail(std::string why) {
    problem_ = std::move(why);
    return false;
  }
  bool place(Json value) {
    if (++values_ > limits_.max_values) return fail("more than " + std::to_string(limits_.max_values) + " values");
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (stack_.back().is_array()) {
      stack_.back().push(std::move(value));
    } else {
      // Duplicates were refused in key(), so appending needs no look-up.
      stack_.back().append_unchecked(std::move(pending_keys_.back()), std::move(value));
    }
    return true;
  }
  bool open(Json container) {
    if (static_cast<int>(stack_.size()) >= limits_.max_depth) {
      return fail("nested deeper than " + std::to_string(limits_.max_depth));
    }
    stack_.push_back(std::move(container));
    keys_.emplace_back();
    pending_keys_.emplace_back();
    return true;
  }
  bool close() {
    Json done = std::move(stack_.back());
    stack_.pop_back();
    keys_.pop_back();
    pending_keys_.pop_back();
    return place(std::move(done));
  }

  JsonLimits limits_;
  std::vector<Json> stack_;
  std::vector<std::set<std::string>> keys_;
  std::vector<std::string> pending_keys_;
  std::size_t values_ = 0;
  std::string problem_;
  Json root_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.max_bytes) {
    return Error(ErrorKind::protocol, "JSON of " + std::to_string(text.size()) + " bytes is over the limit of " +
                                          std::to_string(limits.max_bytes));
  }
  text = encoding::without_byte_order_mark(text);
  if (const auto foreign = encoding::foreign_encoding(text); !foreign.empty()) {
    return Error(ErrorKind::protocol, "not valid JSON: the text is " + std::string(foreign) + ", and JSON is UTF-8")
        .with_hint("save it as UTF-8");
  }
  // The parser takes a NUL for the end of the text, and would not see what follows it.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    return Error(ErrorKind::protocol, "not valid JSON: bad syntax at byte " + std::to_string(nul + 1));
  }
  TreeBuilder builder(limits);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    return Error(ErrorKind::protocol, "not valid JSON: " + builder.problem());
  }
  return builder.take();
}

}  // namespace sluice
