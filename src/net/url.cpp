#include "net/url.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace sluice::net {

namespace {

constexpr std::size_t kMaxUrlBytes = 16384;  // upload locations carry signed state; 8 KiB is common, 16 generous

// Queries are capabilities, and what cannot be read as a URL may hold a password anywhere before an '@'.
Error bad(std::string_view text, const char* why) {
  const bool secret = text.find('@') != std::string_view::npos;
  const auto shown = secret ? std::string("not shown, as it may hold a password")
                            : text::printable(text.substr(0, text.find_first_of("?#")), 80);
  return Error(ErrorKind::protocol, "not a usable URL (" + std::string(why) + "): " + shown);
}

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0 || value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

bool has_control_or_blank(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

// RFC 3986 section 5.2.4, on the path only.
std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string> kept;
  const auto segments = text::split(path.substr(1), '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool last = i + 1 == segments.size();
    if (segments[i] == "..") {
      if (!kept.empty()) kept.pop_back();
      if (last) kept.emplace_back();
    } else if (segments[i] == ".") {
      if (last) kept.emplace_back();
    } else {
      kept.push_back(segments[i]);
    }
  }
  return "/" + text::join(kept, "/");
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return bad(text, "too long");
  if (has_control_or_blank(text)) return bad(text, "blank or control character");
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return bad(text, "no scheme");
  Url url;
  url.scheme = text::lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return bad(text, "neither http nor https");
  auto rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const auto slash = rest.find_first_of("/?");
  auto authority = rest.substr(0, slash);
  url.target = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  if (url.target.front() == '?') url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return bad(text, "user information");

  std::string_view port;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return bad(text, "no ']' after the IPv6 address");
    url.host = text::lower(authority.substr(1, end - 1));
    const auto after = authority.substr(end + 1);
    if (!after.empty() && after.front() != ':') return bad(text, "bad port");
    port = after.empty() ? after : after.substr(1);
    if (!after.empty() && port.empty()) return bad(text, "bad port");
    if (url.host.find_first_not_of("0123456789abcdef:.") != std::string::npos) return bad(text, "bad host");
  } else {
    const auto [name, number] = text::cut(authority, ':');
    url.host = text::lower(name);
    port = number;
    if (port.empty() && authority.ends_with(':')) return bad(text, "bad port");
    if (url.host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") != std::string::npos) {
      return bad(text, "bad host");
    }
  }
  if (url.host.empty()) return bad(text, "no host");
  url.port = default_port(url.scheme);
  if (!port.empty()) {
    const auto number = parse_port(port);
    if (!number) return bad(text, "bad port");
    url.port = *number;
  }
  return url;
}

Result<Url> Url::resolve(std::string_view location) const {
  if (location.empty()) return bad(location, "empty");
  const auto scheme_end = location.find("://");
  if (scheme_end != std::string_view::npos && scheme_end < location.find_first_of("/?#")) return parse(location);
  if (location.starts_with("//")) return parse(scheme + ":" + std::string(location));
  if (has_control_or_blank(location) || location.size() > kMaxUrlBytes) return bad(location, "blank or too long");
  location = location.substr(0, location.find('#'));
  Url out = *this;
  if (location.empty()) return out;
  if (location.starts_with('/')) {
    out.target = location;
    return out;
  }
  const std::string path = target.substr(0, target.find('?'));
  if (location.starts_with('?')) {
    out.target = path + std::string(location);
    return out;
  }
  const auto query = location.find('?');
  const auto merged = path.substr(0, path.rfind('/') + 1) + std::string(location.substr(0, query));
  out.target = remove_dot_segments(merged);
  if (query != std::string_view::npos) out.target += location.substr(query);
  return out;
}

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != default_port(scheme)) out += ":" + std::to_string(port);
  return out;
}

std::string Url::text() const { return scheme + "://" + authority() + target; }

std::string Url::redacted() const {
  const auto query = target.find('?');
  return scheme + "://" + authority() + target.substr(0, query) + (query == std::string::npos ? "" : "?...");
}

bool Url::same_origin(const Url& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

void Url::add_query(std::string_view name, std::string_view value) {
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += encoding::percent(name);
  target += '=';
  target += encoding::percent(value);
}

std::string host_of(const std::string& host_and_port) {
  const auto url = Url::parse("https://" + host_and_port + "/");
  return url ? url->host : host_and_port;
}

}  // namespace sluice::net
