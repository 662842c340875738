#include "kube/identity/oauth.hpp"

#include "auth/token.hpp"
#include "base/encoding.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "kube/objects/object.hpp"
#include "kube/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <sys/random.h>

namespace sluice::kube {

namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string form_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Parameters parse_form(std::string_view text) {
  Parameters out;
  while (!text.empty()) {
    const auto [pair, rest] = text::cut(text, '&');
    const auto [name, value] = text::cut(pair, '=');
    out.emplace(form_decoded(name), form_decoded(value));
    text = rest;
  }
  return out;
}

std::string value_of(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  return found != parameters.end() ? found->second : std::string();
}

struct Redirect {
  Parameters query;
  Parameters fragment;
};

Result<Redirect> read_redirect(const net::HttpResponse& reply) {
  const auto location = reply.headers.get("location");
  if (!location) return Error(ErrorKind::protocol, "the login server redirects to nowhere");
  const auto [before, fragment] = text::cut(*location, '#');
  const auto [path, query] = text::cut(before, '?');
  return Redirect{parse_form(query), parse_form(fragment)};
}

Error oauth_error(std::string_view code, std::string_view description, std::string_view fallback) {
  std::string said = text::printable(code, 80);
  if (!description.empty()) said += ", " + text::printable(description, 300);
  if (said.empty()) said = fallback;
  return Error(ErrorKind::denied, "the login server refused: " + said);
}

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  long long seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (parsed.ec != std::errc() || seconds <= 0 || seconds > 10LL * 365 * 86'400) return std::nullopt;
  return std::chrono::seconds(seconds);
}

Result<LoggedIn> checked(std::string token, std::optional<std::chrono::seconds> life) {
  if (!auth::is_header_safe(token)) {
    return Error(ErrorKind::protocol, "the login server gave a token that cannot be one");
  }
  return LoggedIn{Secret(std::move(token)), life};
}

// An endpoint of the issuer. Passwords go there, so plain http is for loopback alone, next to an API that is there too.
Result<net::Url> endpoint_at(const Json& json, std::string_view key, const net::Url& server) {
  const auto text = json.string_at(key).value_or("");
  auto url = net::Url::parse(text);
  if (!url) {
    return Error(ErrorKind::protocol, fmt::format("{} names no usable '{}' for logins", server.authority(), key));
  }
  if (url->scheme != "https" && !(server.scheme == "http" && url->host == server.host)) {
    return Error(ErrorKind::untrusted, fmt::format("{} sends logins over plain http to {}; they were not sent",
                                                   server.authority(), url->authority()));
  }
  return url;
}

bool has(const Json& json, std::string_view key, std::string_view value) {
  const auto all = strings_at(json, {key});
  return std::find(all.begin(), all.end(), value) != all.end();
}

bool offers_basic(const net::HttpResponse& reply) {
  const auto challenges = reply.headers.all("www-authenticate");
  return std::any_of(challenges.begin(), challenges.end(), [](const std::string& challenge) {
    return text::lower(std::string_view(challenge).substr(0, 5)) == "basic";
  });
}

}  // namespace

Result<OAuthServer> read_discovery(const net::HttpResponse& reply, const net::Url& server) {
  if (reply.status == 404 || reply.status == 403) {
    return Error(ErrorKind::unsupported,
                 server.authority() + " has no login server: it is not OpenShift, or its users come from elsewhere")
        .with_status(reply.status)
        .with_hint("get a token and use it: sluice login " + server.scheme + "://" + server.authority() + " --token -");
  }
  if (reply.status / 100 != 2) {
    return to_error(read_failure(reply), server.authority(), "looking for the login server");
  }
  const auto json = parse_json(reply.body, {.max_bytes = 256 * 1024, .max_depth = 8, .max_values = 1000});
  if (!json || !json->is_object()) {
    return Error(ErrorKind::protocol, server.authority() + " does not say where its login server is");
  }
  OAuthServer out;
  SLUICE_TRY(const auto issuer, endpoint_at(*json, "issuer", server));
  out.issuer = issuer.scheme + "://" + issuer.authority() + (issuer.target.size() > 1 ? issuer.target : "");
  SLUICE_TRY(out.authorize, endpoint_at(*json, "authorization_endpoint", server));
  SLUICE_TRY(out.token, endpoint_at(*json, "token_endpoint", server));
  // Both were named by the API; that they are one host keeps a half-wrong answer from spreading the password.
  if (!out.authorize.same_origin(issuer) || !out.token.same_origin(issuer)) {
    return Error(ErrorKind::untrusted, fmt::format("{} names endpoints for logins that are not at its issuer {}",
                                                   server.authority(), issuer.authority()));
  }
  out.code_flow =
      has(*json, "response_types_supported", "code") && has(*json, "code_challenge_methods_supported", "S256");
  out.token_flow = has(*json, "response_types_supported", "token");
  return out;
}

Status check_authorized(const net::HttpResponse& reply, const OAuthServer& server, std::string_view username) {
  const auto host = server.authorize.authority();
  if (reply.status == 302 || reply.status == 303) return {};
  if (reply.status == 401) {
    if (offers_basic(reply)) {
      return Error(ErrorKind::unauthenticated, fmt::format("{} does not accept the user name or the password of {}",
                                                           host, text::printable(username, 80)))
          .with_status(401)
          .with_hint("check both; after several wrong ones some identity providers lock the user");
    }
    return Error(ErrorKind::unsupported, "this cluster's login needs a browser")
        .with_status(401)
        .with_hint("get a token at " + server.token.text() +
                   "/request, and log in with it: the same command with --token - instead of -u");
  }
  const auto json = parse_json(reply.body, {.max_bytes = 256 * 1024, .max_depth = 8, .max_values = 1000});
  if (json && json->find("error") != nullptr) {
    return oauth_error(json->string_at("error").value_or(""), json->string_at("error_description").value_or(""), "")
        .with_status(reply.status);
  }
  if (reply.status == 200) {
    // A login page: no challenge was made at all.
    return Error(ErrorKind::unsupported, "this cluster's login needs a browser")
        .with_hint("get a token at " + server.token.text() +
                   "/request, and log in with it: the same command with --token - instead of -u");
  }
  return to_error(read_failure(reply), host, "logging in");
}

Result<LoggedIn> read_token_redirect(const net::HttpResponse& reply, std::string_view issuer) {
  SLUICE_TRY(const auto redirect, read_redirect(reply));
  auto token = value_of(redirect.fragment, "access_token");
  if (!token.empty()) return checked(std::move(token), seconds_of(value_of(redirect.fragment, "expires_in")));
  for (const auto& part : {redirect.query, redirect.fragment}) {
    if (part.contains("error")) return oauth_error(value_of(part, "error"), value_of(part, "error_description"), "");
  }
  return Error(ErrorKind::unsupported, "this cluster's login needs a browser")
      .with_hint("get a token at " + std::string(issuer) +
                 "/oauth/token/request, and log in with it: the same command with --token - instead of -u");
}

Result<Secret> read_code_redirect(const net::HttpResponse& reply, std::string_view state) {
  SLUICE_TRY(const auto redirect, read_redirect(reply));
  if (redirect.query.contains("error")) {
    return oauth_error(value_of(redirect.query, "error"), value_of(redirect.query, "error_description"), "");
  }
  auto code = value_of(redirect.query, "code");
  if (code.empty()) {
    return Error(ErrorKind::unsupported, "this cluster's login needs a browser: it redirects to a page")
        .with_hint(
            "get a token with `oc whoami --show-token` or in the web console, and log in with it: the same command "
            "with "
            "--token - instead of -u");
  }
  if (value_of(redirect.query, "state") != state) {
    return Error(ErrorKind::untrusted, "the login server answered a login that is not ours");
  }
  return Secret(std::move(code));
}

Result<LoggedIn> read_token_reply(const net::HttpResponse& reply, std::string_view host) {
  const auto json = parse_json(reply.body, {.max_bytes = 256 * 1024, .max_depth = 8, .max_values = 1000});
  if (json && json->find("error") != nullptr) {
    return oauth_error(json->string_at("error").value_or(""), json->string_at("error_description").value_or(""), "")
        .with_status(reply.status);
  }
  if (reply.status / 100 != 2) return to_error(read_failure(reply), host, "giving out a token");
  auto token = json ? json->string_at("access_token").value_or("") : std::string();
  if (token.empty()) return Error(ErrorKind::protocol, std::string(host) + " gave no token after the login");
  const auto life = json->integer_at("expires_in");
  return checked(std::move(token), life ? seconds_of(std::to_string(*life)) : std::nullopt);
}

std::string url_base64_sha256(std::string_view text) {
  const auto hex = hash_hex(HashAlgorithm::sha256, text);
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(hex_value(hex[i]) * 16 + hex_value(hex[i + 1]));
  }
  auto out = encoding::base64(bytes);
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  while (out.ends_with('=')) out.pop_back();
  return out;
}

std::string random_text() {
  std::array<unsigned char, 32> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return {};
  // Hashed for its form alone: 43 characters of the alphabet that RFC 7636 wants.
  return url_base64_sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace sluice::kube
