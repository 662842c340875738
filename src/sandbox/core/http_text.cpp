#include "sandbox/core/http_text.hpp"

#include "base/text.hpp"

namespace sluice::sandbox {

namespace {

int hex_value(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

}  // namespace

std::string decode_percent(std::string_view text, bool plus) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      plain += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      plain += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

Query parse_query(std::string_view text) {
  Query query;
  for (const auto& part : text::split(text, '&')) {
    if (part.empty()) continue;
    const auto [name, value] = text::cut(part, '=');
    query.emplace(decode_percent(name, true), decode_percent(value, true));
  }
  return query;
}

std::vector<std::string> path_segments(std::string_view path) {
  std::vector<std::string> segments;
  for (const auto& part : text::split(path, '/')) {
    if (!part.empty()) segments.push_back(decode_percent(part));
  }
  return segments;
}

std::string bearer_of(std::string_view header) {
  const auto [scheme, rest] = text::cut(header, ' ');
  return text::iequals(scheme, "bearer") ? std::string(text::trim(rest)) : "";
}

}  // namespace sluice::sandbox
