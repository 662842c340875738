#include "auth/token_server.hpp"

#include "base/sent_secrets.hpp"
#include "base/text.hpp"
#include "net/retry_after.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace sluice::auth {

namespace {

std::optional<std::chrono::milliseconds> retry_after(const net::HttpResponse& response) {
  const auto value = response.headers.get("Retry-After");
  return value ? net::parse_retry_after(*value, std::chrono::system_clock::now()) : std::nullopt;
}

std::string with_reason(std::string sentence, const std::string& reason) {
  return reason.empty() ? sentence : sentence + ": " + reason;
}

Error refused_login(const TokenServer& server, const Credentials* credentials, const std::string& reason) {
  if (credentials == nullptr) {
    return Error(ErrorKind::unauthenticated,
                 with_reason(fmt::format("the token server {} gives no token for {} without credentials",
                                         server.realm.authority(), server.registry),
                             reason))
        .with_hint(login_hint(server.registry));
  }
  const auto refused = credentials_refused(server.registry, *credentials);
  return Error(refused.kind(), with_reason(refused.message(), reason)).with_hint(refused.hint());
}

Error not_allowed(const TokenServer& server, const Credentials* credentials, const std::string& reason) {
  if (credentials == nullptr) return refused_login(server, credentials, reason);
  return Error(ErrorKind::denied,
               with_reason(fmt::format("the token server {} denies the credentials from {} a token for {}",
                                       server.realm.authority(), credentials->source, server.registry),
                           reason))
      .with_hint("ask the registry's administrators for the right, or log in as somebody else");
}

Error busy(const TokenServer& server, const net::HttpResponse& response) {
  Error error(ErrorKind::busy, fmt::format("the token server {} of {} answered {}", server.realm.authority(),
                                           server.registry, response.status));
  if (const auto wait = retry_after(response)) return std::move(error).with_retry_after(*wait);
  return error;
}

Error strange(const TokenServer& server, const net::HttpResponse& response, const std::string& reason) {
  const bool redirect = response.status >= 300 && response.status < 400;
  const auto end = redirect ? "with a redirect, which is not followed with credentials" : "instead of giving a token";
  return Error(ErrorKind::protocol,
               with_reason(fmt::format("the token server {} of {} answered {} {}", server.realm.redacted(),
                                       server.registry, response.status, end),
                           reason));
}

// What a status other than 200 means.
Error refusal(const TokenServer& server, const Credentials* credentials, const net::HttpResponse& response) {
  const auto status = response.status;
  const auto reason = refusal_reason(response.body);
  const auto error = [&] {
    if (status == 401 || (status == 400 && is_invalid_grant(response.body))) {
      return refused_login(server, credentials, reason);
    }
    if (status == 403) return not_allowed(server, credentials, reason);
    if (status == 429 || status >= 500) return busy(server, response);
    return strange(server, response, reason);
  };
  return error().with_status(status);
}

bool is_success(const net::HttpResponse& response) { return response.status >= 200 && response.status < 300; }

}  // namespace

std::string login_hint(const std::string& registry) {
  return fmt::format("log in with: sluice login {} (or --src-creds / --dest-creds)", registry);
}

Error credentials_refused(const std::string& registry, const Credentials& credentials) {
  const auto what = !credentials.identity_token.empty()   ? "identity token"
                    : !credentials.registry_token.empty() ? "registry token"
                                                          : "user name or password";
  return Error(ErrorKind::unauthenticated,
               fmt::format("the {} for {} was refused (from {})", what, registry, credentials.source))
      .with_hint(login_hint(registry));
}

bool may_dislike_several_scopes(const Error& error) {
  const auto status = error.http_status().value_or(0);
  if (status == 400) return error.kind() != ErrorKind::unauthenticated;  // a dead refresh token stays dead
  return status == 401 || status == 403 || (status >= 500 && status < 600);
}

Result<TokenReply> ask_for_token(net::Exchanger& exchanger, const TokenServer& server, const Identity& identity,
                                 const std::vector<std::string>& scopes, const net::ExchangeContext& context) {
  const auto* credentials = identity.get();
  const TokenWish wish{server.service, scopes};
  const auto send = [&](net::HttpRequest request) {
    request.endpoint = server.endpoint;
    if (request.authorization) SentSecrets::process().add_authorization(*request.authorization);
    if (credentials != nullptr) SentSecrets::process().add(credentials->identity_token);
    return exchanger.exchange(request, context).context(fmt::format("logging in to {}", server.registry));
  };
  const bool refresh = credentials != nullptr && !credentials->identity_token.empty();
  auto response = send(refresh ? refresh_request(server.realm, wish, *credentials)
                               : token_request(server.realm, wish, credentials));
  if (refresh && response.ok() && (response->status == 404 || response->status == 405)) {
    response = send(token_request(server.realm, wish, credentials));
  }
  if (!response) return std::move(response).error();
  if (!is_success(*response)) return refusal(server, credentials, *response);
  auto reply = parse_token_reply(response->body);
  if (reply) return reply;
  return Error(reply.error().kind(), fmt::format("the token server {} of {} gave no token: {}",
                                                 server.realm.authority(), server.registry, reply.error().message()));
}

}  // namespace sluice::auth
