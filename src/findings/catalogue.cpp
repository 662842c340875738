#include "findings/catalogue.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace sluice::findings {

namespace {

constexpr std::size_t kMaxValueBytes = 400;     // a list of rights, or an error of one line
constexpr std::size_t kMaxCommandBytes = 2000;  // a command that is cut off is worse than none

const FindingText* text_of(std::string_view code) {
  for (const auto table : {preflight(), workloads(), signatures()}) {
    const auto at = std::find_if(table.begin(), table.end(), [&](const FindingText& one) { return one.code == code; });
    if (at != table.end()) return &*at;
  }
  return nullptr;
}

// Fills in `{name}`, in one go: what a value holds is never filled in again. `show` is told whether the place stands
// within single quotes of the text.
template <class Show>
std::string filled(std::string_view text, FindingValues values, const Show& show) {
  std::string out;
  bool quoted = false;
  while (!text.empty()) {
    const auto open = text.find('{');
    const auto plain = text.substr(0, open);
    if (std::count(plain.begin(), plain.end(), '\'') % 2 != 0) quoted = !quoted;
    out += plain;
    if (open == std::string_view::npos) break;
    text.remove_prefix(open);
    const auto name = text.substr(1, std::min(text.find('}'), text.size()) - 1);
    const auto value = std::find_if(values.begin(), values.end(), [&](const auto& one) { return one.first == name; });
    if (value == values.end()) {
      out.push_back('{');
      text.remove_prefix(1);
      continue;
    }
    out += show(name, value->second, quoted);
    text.remove_prefix(name.size() + 2);
  }
  return out;
}

// Whole commands are no single words of a shell; whoever makes them quotes what is in them.
bool is_word(std::string_view name) { return name != "login" && name != "fix" && name != "list"; }

// Within the single quotes of a command stands JSON, and the value in one of its texts.
std::string in_quoted_json(std::string_view value) {
  const auto text = Json(std::string(value)).dump();
  std::string out;
  for (const char letter : std::string_view(text).substr(1, text.size() - 2)) {
    if (letter == '\'') {
      out += "'\\''";
    } else {
      out.push_back(letter);
    }
  }
  return out;
}

}  // namespace

std::vector<std::string_view> codes() {
  std::vector<std::string_view> out;
  for (const auto table : {preflight(), workloads(), signatures()}) {
    for (const auto& one : table) out.push_back(one.code);
  }
  for (const auto table : {host(), runs(), first_days()}) {
    for (const auto& one : table) out.push_back(one.code);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string out = "'";
  for (const char letter : text) {
    if (letter == '\'') {
      out += "'\\''";
    } else {
      out.push_back(letter);
    }
  }
  return out + "'";
}

Finding make_finding(std::string_view code, std::string subject, FindingValues values) {
  const auto* found = text_of(code);
  assert(found != nullptr);
  const auto shown = [](std::string_view name, std::string_view value, bool /*quoted*/) {
    return text::printable(value, is_word(name) ? kMaxValueBytes : kMaxCommandBytes);
  };
  const auto word = [&](std::string_view name, std::string_view value, bool quoted) {
    const auto text = shown(name, value, quoted);
    if (quoted) return in_quoted_json(text);
    return is_word(name) ? shell_word(text) : text;
  };
  return {std::string(code), found->severity, std::move(subject), filled(found->sentence, values, shown),
          filled(found->fix, values, word)};
}

}  // namespace sluice::findings
