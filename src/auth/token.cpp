#include "auth/token.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <utility>

namespace sluice::auth {

namespace {

constexpr std::size_t kMaxReplyBytes = std::size_t{1} * 1024 * 1024;
constexpr std::size_t kMaxTokenBytes = std::size_t{64} * 1024;  // header limits of servers are 8-64 KiB
constexpr std::size_t kMaxReasonBytes = 200;
constexpr JsonLimits kLimits{.max_bytes = kMaxReplyBytes, .max_depth = 16, .max_values = 10'000};
constexpr std::string_view kClient = "sluice";
// docker's word for "the password is an identity token", for servers that know no POST.
constexpr std::string_view kTokenUser = "<token>";
constexpr std::chrono::seconds kShortestLife{60};          // token specification: "expires_in" defaults to 60
constexpr std::chrono::seconds kLongestLife{30 * 86'400};  // a guess; keeps the arithmetic far from overflow

void add_field(std::string& form, std::string_view name, std::string_view value) {
  if (!form.empty()) form += '&';
  form += name;
  form += '=';
  form += encoding::percent(value);
}

// Some servers send the number as text or with a fraction.
std::chrono::seconds life_of(const Json& reply) {
  const auto* member = reply.find("expires_in");
  const auto number = member != nullptr ? member->as_number() : std::nullopt;
  if (!number || !(*number > static_cast<double>(kShortestLife.count()))) return kShortestLife;
  if (*number > static_cast<double>(kLongestLife.count())) return kLongestLife;
  return std::chrono::seconds(static_cast<std::int64_t>(*number));
}

// The places where token servers put their words: the distribution envelope, OAuth, Quay and Harbor, plain "details".
std::string words_in(const Json& reply) {
  if (const auto* errors = reply.find("errors"); errors != nullptr && !errors->items().empty()) {
    if (auto message = errors->items().front().string_at("message")) return *message;
  }
  for (const auto* name : {"error_description", "message", "details", "error"}) {
    if (auto text = reply.string_at(name); text && !text->empty()) return *text;
  }
  return {};
}

}  // namespace

Secret basic_authorization(std::string_view username, std::string_view password) {
  std::string user(username);
  // "kube:admin" is a real user; registries that take its token as the password take any user name.
  std::replace(user.begin(), user.end(), ':', '-');
  return Secret("Basic " + encoding::base64(user + ":" + std::string(password)));
}

Secret bearer_authorization(const Secret& token) { return Secret("Bearer " + token.reveal()); }

bool is_header_safe(std::string_view token) {
  return !token.empty() && token.size() <= kMaxTokenBytes &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

net::HttpRequest token_request(const net::Url& realm, const TokenWish& wish, const Credentials* credentials) {
  net::HttpRequest request;
  request.url = realm;
  request.max_reply_bytes = kMaxReplyBytes;
  request.headers.add("Accept", "application/json");
  if (!wish.service.empty()) request.url.add_query("service", wish.service);
  for (const auto& scope : wish.scopes) request.url.add_query("scope", scope);
  if (credentials == nullptr) return request;
  const bool only_token = credentials->password.empty();
  const auto& secret = only_token ? credentials->identity_token : credentials->password;
  if (!credentials->username.empty()) request.url.add_query("account", credentials->username);
  request.authorization = basic_authorization(
      only_token && credentials->username.empty() ? kTokenUser : credentials->username, secret.reveal());
  return request;
}

net::HttpRequest refresh_request(const net::Url& realm, const TokenWish& wish, const Credentials& credentials) {
  net::HttpRequest request;
  request.method = net::Method::post;
  request.url = realm;
  request.max_reply_bytes = kMaxReplyBytes;
  request.headers.add("Accept", "application/json");
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  add_field(request.body, "grant_type", "refresh_token");
  add_field(request.body, "client_id", kClient);
  add_field(request.body, "service", wish.service);
  if (!wish.scopes.empty()) add_field(request.body, "scope", text::join(wish.scopes, " "));
  add_field(request.body, "refresh_token", credentials.identity_token.reveal());
  return request;
}

Result<TokenReply> parse_token_reply(std::string_view body) {
  const auto reply = parse_json(body, kLimits);
  if (!reply || !reply->is_object()) return Error(ErrorKind::protocol, "the answer is no JSON object");
  auto token = reply->string_at("token");
  if (!token || token->empty()) token = reply->string_at("access_token");
  if (!token || token->empty()) return Error(ErrorKind::protocol, "the answer holds no token");
  if (!is_header_safe(*token))
    return Error(ErrorKind::protocol, "the answer holds a token that cannot stand in a header");
  return TokenReply{Secret(std::move(*token)), life_of(*reply)};
}

std::string refusal_reason(std::string_view body) {
  const auto reply = parse_json(body, kLimits);
  return reply ? text::printable(words_in(*reply), kMaxReasonBytes) : std::string();
}

bool is_invalid_grant(std::string_view body) {
  const auto reply = parse_json(body, kLimits);
  return reply.ok() && reply->string_at("error") == "invalid_grant";
}

}  // namespace sluice::auth
