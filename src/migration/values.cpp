#include "migration/values.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace sluice::migration {

namespace {

constexpr std::size_t kMaxName = 60;
constexpr std::size_t kMaxVariables = 2000;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_unset(const std::map<std::string, Value>& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() || found->second.empty() ||
         (found->second.size() == 1 && (found->second.front().empty() || !is_known(found->second.front())));
}

}  // namespace

std::string unknown(std::string_view name) {
  const bool shown = !name.empty() && name.size() <= kMaxName &&
                     (name == "@" || std::all_of(name.begin(), name.end(), is_name_character));
  return kUnknownOpens + (shown ? std::string(name) : std::string()) + kUnknownCloses;
}

bool is_known(std::string_view text) { return text.find(kUnknownOpens) == std::string_view::npos; }

std::string unknown_name(std::string_view text) {
  const auto start = text.find(kUnknownOpens);
  if (start == std::string_view::npos) return "";
  return std::string(text.substr(start + 1, text.find(kUnknownCloses, start) - start - 1));
}

std::string why_unknown(std::string_view text) {
  const auto name = unknown_name(text);
  if (name.empty()) return "it holds the output of a command";
  return "the value of $" + name + " cannot be known from the script";
}

std::string as_pattern(std::string_view text) {
  std::string out;
  bool inside = false;
  for (const char c : text) {
    if (c == kUnknownOpens) {
      inside = true;
      if (!out.ends_with('*')) out += '*';
    } else if (c == kUnknownCloses) {
      inside = false;
    } else if (!inside) {
      out += c;
    }
  }
  return out;
}

std::string readable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    out += byte < 0x20 && text[i] != '\n' && text[i] != '\t' ? ' ' : text[i];
  }
  return out;
}

bool sounds_secret(std::string_view name) {
  static constexpr std::array kWords{"pass", "pwd", "token", "secret", "cred", "key", "auth"};
  const auto small = text::lower(name);
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](const char* word) { return small.find(word) != std::string::npos; });
}

bool is_name(std::string_view text) {
  return !text.empty() && !(text.front() >= '0' && text.front() <= '9') &&
         std::all_of(text.begin(), text.end(), is_name_character);
}

Value fields(std::string_view text, std::string_view separators) {
  Value out;
  std::size_t at = 0;
  while (out.size() < kMaxItems) {
    at = text.find_first_not_of(separators, at);
    if (at == std::string_view::npos) break;
    const auto end = std::min(text.find_first_of(separators, at), text.size());
    out.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

Variables::Variables(const std::map<std::string, std::string>& presets) {
  for (const auto& [name, value] : presets) {
    if (is_name(name)) {
      presets_[name] = value;
    } else {
      values_[name] = {value};
    }
  }
}

const Value* Variables::find(const std::string& name) const {
  if (const auto preset = presets_.find(name); preset != presets_.end()) {
    preset_ = {preset->second};
    return &preset_;
  }
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

std::string Variables::text(const std::string& name) const {
  const auto* value = find(name);
  if (value == nullptr) return unknown(name);
  return text::join(*value, " ");
}

void Variables::set(const std::string& name, Value value) {
  if (values_.size() >= kMaxVariables && !values_.contains(name)) return;
  std::size_t total = 0;
  for (const auto& item : value) total += item.size();
  // What is too long, and what should not be known, is not known.
  if (total > kMaxText || value.size() > kMaxItems || (sounds_secret(name) && !value.empty())) value = {unknown(name)};
  values_[name] = std::move(value);
}

void Variables::forget(const std::string& name) { values_.erase(name); }

void Variables::merge(const std::vector<std::map<std::string, Value>>& alternatives) {
  std::set<std::string> names;
  for (const auto& one : alternatives) {
    for (const auto& [name, value] : one) names.insert(name);
  }
  for (const auto& name : names) {
    std::set<Value> given;
    for (const auto& one : alternatives) {
      const auto found = one.find(name);
      const auto before = values_.find(name);
      if (found != one.end() && (before == values_.end() || before->second != found->second))
        given.insert(found->second);
    }
    const bool any_known = std::any_of(given.begin(), given.end(), [](const Value& value) {
      return std::all_of(value.begin(), value.end(), [](const std::string& item) { return is_known(item); });
    });
    // An option replaces a default: the default is a fair guess.
    if (given.empty() || (!any_known && !is_unset(values_, name))) continue;
    const bool agreed = given.size() == 1 && is_unset(values_, name);
    values_[name] = agreed ? *given.begin() : Value{unknown(name)};
  }
}

}  // namespace sluice::migration
