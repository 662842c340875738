#include "findings/catalogue.hpp"

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

// Fills in `{name}`, in one go: what a value holds is never filled in again.
template <class Show>
std::string filled(std::string_view text, FindingValues values, const Show& show) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find('{');
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    text.remove_prefix(open);
    const auto name = text.substr(1, std::min(text.find('}'), text.size()) - 1);
    const auto value = std::find_if(values.begin(), values.end(), [&](const auto& one) { return one.first == name; });
    if (value == values.end()) {
      out.push_back('{');
      text.remove_prefix(1);
      continue;
    }
    out += show(name, value->second);
    text.remove_prefix(name.size() + 2);
  }
  return out;
}

// Whole commands, and a path that stands in quotes already, are no single words of a shell.
bool is_word(std::string_view name) { return name != "login" && name != "fix" && name != "path" && name != "list"; }

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
  const auto shown = [](std::string_view name, std::string_view value) {
    return text::printable(value, is_word(name) ? kMaxValueBytes : kMaxCommandBytes);
  };
  const auto word = [&](std::string_view name, std::string_view value) {
    return is_word(name) ? shell_word(shown(name, value)) : shown(name, value);
  };
  return {std::string(code), found->severity, std::move(subject), filled(found->sentence, values, shown),
          filled(found->fix, values, word)};
}

}  // namespace sluice::findings
