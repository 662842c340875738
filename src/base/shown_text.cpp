// text::printable, text::shown and what they are made of: foreign text that is shown to people and read by CI systems.

#include "base/sent_secrets.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace sluice::text {

namespace {

// A secret that begins before the cut must be seen whole; tokens are no longer than this.
constexpr std::size_t kLongestSecret = std::size_t{64} * 1024;

unsigned byte_of(std::string_view text, std::size_t i) {
  return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// What GitHub's runner takes off the start of a line before it looks for "::" (.NET's String.TrimStart).
bool is_blank(std::string_view character) {
  const auto code = code_point(character);
  return code == '\t' || code == '\r' || code == 0x20 || code == 0xA0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200B) || code == 0x202F || code == 0x205F || code == 0x3000 || code == 0xFEFF;
}

// What stands for one character; `length` is how many bytes of `rest` it takes.
std::string_view harmless(std::string_view rest, std::size_t& length) {
  length = utf8_length(rest);
  if (length == 0) {
    length = 1;
    return "?";
  }
  const char c = rest.front();
  if (c == '\n' || c == '\t' || c == '\r') return " ";
  const auto character = rest.substr(0, length);
  return is_obeyed(character) ? std::string_view("?") : character;
}

// The colour that stands here; empty when there is none.
std::string_view colour_at(std::string_view rest) {
  if (!rest.starts_with('\033')) return {};
  const auto* const found =
      std::find_if(std::begin(kColours), std::end(kColours), [&](auto colour) { return rest.starts_with(colour); });
  return found == std::end(kColours) ? std::string_view() : *found;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const unsigned first = byte_of(text, 0);
  const auto continues = [&](std::size_t count) {
    if (text.size() <= count) return false;
    for (std::size_t i = 1; i <= count; ++i) {
      if ((byte_of(text, i) & 0xC0U) != 0x80U) return false;
    }
    return true;
  };
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(2)) return 0;
    if (first == 0xE0 && byte_of(text, 1) < 0xA0) return 0;
    if (first == 0xED && byte_of(text, 1) > 0x9F) return 0;  // surrogates
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(3)) return 0;
    if (first == 0xF0 && byte_of(text, 1) < 0x90) return 0;
    if (first == 0xF4 && byte_of(text, 1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

unsigned code_point(std::string_view character) {
  switch (character.size()) {
    case 1:
      return byte_of(character, 0);
    case 2:
      return (byte_of(character, 0) & 0x1FU) << 6U | (byte_of(character, 1) & 0x3FU);
    case 3:
      return (byte_of(character, 0) & 0x0FU) << 12U | (byte_of(character, 1) & 0x3FU) << 6U |
             (byte_of(character, 2) & 0x3FU);
    default:
      return (byte_of(character, 0) & 0x07U) << 18U | (byte_of(character, 1) & 0x3FU) << 12U |
             (byte_of(character, 2) & 0x3FU) << 6U | (byte_of(character, 3) & 0x3FU);
  }
}

bool is_obeyed(std::string_view character) {
  const auto code = code_point(character);
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

bool starts_log_command(std::string_view text, std::size_t at) {
  if (!text.substr(at).starts_with("##")) return false;
  at += 2;
  while (at < text.size() && is_letter(text[at])) ++at;
  return at < text.size() && text[at] == '[';
}

std::string printable(std::string_view text, std::size_t limit) {
  const auto beginning = text.substr(0, std::max(limit, limit + kLongestSecret));
  const auto hidden = SentSecrets::process().hide(beginning);
  std::string out;
  std::size_t length = 0;
  for (std::string_view rest = hidden; !rest.empty(); rest.remove_prefix(length)) {
    const auto character = harmless(rest, length);
    if (out.size() + character.size() > limit) return out + "...";
    out += character;
  }
  return beginning.size() < text.size() ? out + "..." : out;
}

std::string shown(std::string_view text, bool colours) {
  const auto hidden = SentSecrets::process().hide(text);
  const std::string_view all = hidden;
  std::string out;
  bool line_start = true;
  bool coloured = false;
  for (std::size_t at = 0; at < all.size();) {
    const auto rest = all.substr(at);
    if (const auto colour = colours ? colour_at(rest) : std::string_view(); !colour.empty()) {
      out += colour;
      coloured = colour != kColours[0];
      at += colour.size();
      continue;
    }
    std::size_t length = 1;
    if (rest.front() == '\n') {
      out += '\n';
      line_start = true;
      at += length;
      continue;
    }
    if (starts_log_command(all, at)) {
      out += "#?";
      length = 2;
    } else if (line_start && rest.starts_with("::")) {
      out += "?:";
      length = 2;
    } else {
      out += harmless(rest, length);
    }
    line_start = line_start && is_blank(rest.substr(0, length));
    at += length;
  }
  if (coloured) out += kColours[0];
  return out;
}

}  // namespace sluice::text
