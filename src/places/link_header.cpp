#include "places/link_header.hpp"

#include "base/text.hpp"

namespace sluice::places {

namespace {

bool says_next(std::string_view parameters) {
  for (const auto& parameter : text::split(parameters, ';')) {
    const auto [name, value] = text::cut(parameter, '=');
    if (!text::iequals(text::trim(name), "rel")) continue;
    std::string words(text::trim(value));
    std::erase(words, '"');
    for (const auto& word : text::split(words, ' ')) {
      if (text::iequals(word, "next")) return true;
    }
  }
  return false;
}

}  // namespace

std::optional<std::string> next_link(std::string_view link) {
  for (;;) {
    const auto open = link.find('<');
    const auto close = link.find('>', open == std::string_view::npos ? link.size() : open);
    if (close == std::string_view::npos) return std::nullopt;
    const auto target = link.substr(open + 1, close - open - 1);
    link.remove_prefix(close + 1);
    std::size_t end = 0;
    for (bool quoted = false; end < link.size() && (quoted || link[end] != ','); ++end) {
      if (link[end] == '"') quoted = !quoted;
    }
    if (says_next(link.substr(0, end))) return std::string(target);
    link.remove_prefix(end);
  }
}

Result<std::optional<std::string>> next_page(const net::HttpResponse& response, const std::string& host,
                                             const std::string& from) {
  const auto link = next_link(text::join(response.headers.all("link"), ","));
  if (!link) return std::optional<std::string>();
  SLUICE_TRY(const auto base, net::Url::parse("https://" + host + from));
  SLUICE_TRY(const auto next, base.resolve(*link));
  return std::optional<std::string>(next.target);
}

}  // namespace sluice::places
