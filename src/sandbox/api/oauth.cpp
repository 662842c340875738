#include "sandbox/api/oauth.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "sandbox/core/http_text.hpp"
#include "sandbox/core/token_text.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kClient = "openshift-challenging-client";
constexpr std::chrono::seconds kTokenLife{86400};
constexpr std::chrono::seconds kGrantLife{300};
constexpr std::size_t kMaxGrants = 1000;

struct NameAndPassword {
  std::string name;
  std::string password;
};

std::optional<NameAndPassword> basic_of(const net::ServerRequest& request) {
  const auto header = request.headers.get("Authorization");
  if (!header) return std::nullopt;
  const auto [scheme, rest] = text::cut(*header, ' ');
  if (!text::iequals(scheme, "basic")) return std::nullopt;
  const auto plain = encoding::decode_base64(text::trim(rest));
  if (!plain.ok()) return std::nullopt;
  const auto [name, password] = text::cut(*plain, ':');
  return NameAndPassword{std::string(name), std::string(password)};
}

net::ServerReply json_reply(int status, const Json& body) {
  net::ServerReply reply;
  reply.status = status;
  reply.headers.add("Content-Type", "application/json");
  reply.headers.add("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate");
  reply.body = body.dump();
  return reply;
}

net::ServerReply oauth_error(int status, std::string_view error, std::string_view description) {
  auto body = Json::object();
  body.set("error", error);
  body.set("error_description", description);
  return json_reply(status, body);
}

net::ServerReply found(const std::string& location) {
  net::ServerReply reply;
  reply.status = 302;
  reply.headers.add("Location", location);
  return reply;
}

net::ServerReply challenge(bool token_header) {
  net::ServerReply reply;
  reply.status = 401;
  if (token_header) {
    reply.headers.add("WWW-Authenticate", "Basic realm=\"openshift\"");
    return reply;
  }
  static constexpr std::string_view kWhy =
      "A non-empty X-CSRF-Token header is required to receive basic-auth challenges";
  reply.headers.add("Content-Type", "text/plain; charset=utf-8");
  reply.headers.add("Warning", fmt::format("199 Origin \"{}\"", kWhy));
  reply.body = fmt::format("{}\n", kWhy);
  return reply;
}

// A form value: blanks become '+'.
std::string form(std::string_view text) {
  auto encoded = encoding::percent(text, " ");
  for (auto& letter : encoded) {
    if (letter == ' ') letter = '+';
  }
  return encoded;
}

std::string value_of(const Query& query, std::string_view name) {
  const auto entry = query.find(name);
  return entry == query.end() ? "" : entry->second;
}

constexpr std::string_view kInvalidGrant =
    "The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is "
    "invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued "
    "to another client.";

}  // namespace

net::ServerReply OAuthServer::metadata() const {
  auto body = Json::object();
  body.set("issuer", issuer_);
  body.set("authorization_endpoint", issuer_ + "/oauth/authorize");
  body.set("token_endpoint", issuer_ + "/oauth/token");
  const auto list = [](std::initializer_list<const char*> values) {
    auto entries = Json::array();
    for (const auto* value : values) entries.push(value);
    return entries;
  };
  body.set("scopes_supported",
           list({"user:check-access", "user:full", "user:info", "user:list-projects", "user:list-scoped-projects"}));
  body.set("response_types_supported", list({"code", "token"}));
  body.set("grant_types_supported", list({"authorization_code", "implicit"}));
  body.set("code_challenge_methods_supported", list({"plain", "S256"}));
  return json_reply(200, body);
}

net::ServerReply OAuthServer::authorize(World& world, const net::ServerRequest& request) {
  const auto query = parse_query(request.query());
  const auto implicit = issuer_ + "/oauth/token/implicit";
  if (value_of(query, "client_id") != kClient) {
    return oauth_error(400, "unauthorized_client",
                       "The client is not authorized to request a token using this method.");
  }
  const auto redirect = value_of(query, "redirect_uri").empty() ? implicit : value_of(query, "redirect_uri");
  if (redirect != implicit) {
    return oauth_error(400, "invalid_request", "The redirect URI is not one of this client's.");
  }
  const auto type = value_of(query, "response_type");
  if (type != "token" && type != "code") {
    return found(fmt::format("{}?error=unsupported_response_type&error_description={}", implicit,
                             form("The authorization server does not support obtaining a token using this method.")));
  }
  const bool asked = !request.headers.get("X-CSRF-Token").value_or("").empty();
  const auto credentials = basic_of(request);
  if (!asked || !credentials) return challenge(asked);
  const auto user = world.users.find(credentials->name);
  if (user == world.users.end() || user->second.password.empty() || user->second.password != credentials->password) {
    return challenge(true);
  }
  const auto state = value_of(query, "state");
  const auto suffix = state.empty() ? "" : "&state=" + form(state);
  if (type == "token") {
    const auto token = world.new_token(user->first, kTokenLife);
    return found(fmt::format("{}#access_token={}&expires_in={}&scope=user%3Afull{}&token_type=Bearer", implicit,
                             form(token), kTokenLife.count(), suffix));
  }
  if (grants_.size() >= kMaxGrants) grants_.clear();
  const auto code = random_suffix(40);
  grants_.emplace(code, Grant{user->first, redirect, value_of(query, "code_challenge"),
                              value_of(query, "code_challenge_method"), world.now() + kGrantLife});
  return found(fmt::format("{}?code={}{}", implicit, code, suffix));
}

net::ServerReply OAuthServer::token(World& world, const net::ServerRequest& request) {
  if (request.method != "POST") return oauth_error(400, "invalid_request", "A token is asked for by POST.");
  const auto client = basic_of(request);
  const auto query = parse_query(request.body);
  const auto client_name = client ? client->name : value_of(query, "client_id");
  if (client_name != kClient) return oauth_error(401, "unauthorized_client", "The client is not known.");
  const auto entry = grants_.find(value_of(query, "code"));
  if (value_of(query, "grant_type") != "authorization_code" || entry == grants_.end()) {
    return oauth_error(400, "invalid_grant", kInvalidGrant);
  }
  const auto grant = entry->second;
  grants_.erase(entry);  // a code is good for one try
  const auto verifier = value_of(query, "code_verifier");
  const bool proven = grant.challenge.empty() || (grant.method == "S256" ? base64url_sha256(verifier) == grant.challenge
                                                                         : verifier == grant.challenge);
  if (!proven || grant.expires <= world.now() || value_of(query, "redirect_uri") != grant.redirect) {
    return oauth_error(400, "invalid_grant", kInvalidGrant);
  }
  const auto token = world.new_token(grant.user, kTokenLife);
  auto body = Json::object();
  body.set("access_token", token);
  body.set("expires_in", kTokenLife.count());
  body.set("scope", "user:full");
  body.set("token_type", "Bearer");
  return json_reply(200, body);
}

std::optional<net::ServerReply> OAuthServer::handle(World& world, const net::ServerRequest& request) {
  const auto path = request.path();
  if (path == "/.well-known/oauth-authorization-server") return metadata();
  if (path == "/oauth/authorize") return authorize(world, request);
  if (path == "/oauth/token") return token(world, request);
  if (path == "/oauth/token/implicit" || path == "/oauth/token/request") {
    net::ServerReply reply;
    reply.headers.add("Content-Type", "text/plain; charset=utf-8");
    reply.body = "The sandbox has no pages: log in with a name and a password.\n";
    return reply;
  }
  return std::nullopt;
}

}  // namespace sluice::sandbox
