#include "auth/authorizer.hpp"

#include "auth/identities.hpp"
#include "auth/realm.hpp"
#include "auth/scopes.hpp"
#include "auth/token.hpp"
#include "auth/token_server.hpp"
#include "auth/token_source.hpp"
#include "base/guarded.hpp"
#include "base/text.hpp"
#include "net/address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <utility>

namespace sluice::auth {

namespace {

enum class Scheme : std::uint8_t {
  unknown,  ///< no challenge yet
  basic,
  bearer,
};

// What the last challenge said.
struct Asked {
  Scheme scheme = Scheme::unknown;
  std::shared_ptr<const TokenServer> server;  ///< null when a registry token makes it needless
};

struct Challenges {
  std::vector<Challenge> all;

  const Challenge* find(std::string_view scheme) const {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Challenge& c) { return c.scheme == scheme; });
    return found == all.end() ? nullptr : &*found;
  }
  std::string schemes() const {
    std::vector<std::string> names;
    for (const auto& challenge : all) names.push_back(challenge.scheme);
    return text::printable(text::join(names, ", "), 80);
  }
};

bool has_password(const Identity& identity) { return identity.credentials && !identity.credentials->password.empty(); }

bool has_registry_token(const Identity& identity) {
  return identity.credentials && !identity.credentials->registry_token.empty();
}

// What of an identity's credentials is used, in the order in which it is.
std::string_view kind_of(const Identity& identity) {
  if (!identity.credentials) return "anonymous";
  if (has_registry_token(identity)) return "registry-token";
  return identity.credentials->identity_token.empty() ? "password" : "identity-token";
}

Secret basic_of(const Identity& identity) {
  return basic_authorization(identity.credentials->username, identity.credentials->password.reveal());
}

}  // namespace

struct Authorizer::State {
  State(net::Exchanger& exchanger, Options given)
      : options(std::move(given)), identities(options.find_credentials), tokens(exchanger, options.now, identities) {}

  Result<Secret> answer_basic(const Challenge& challenge, const Identity& identity, const Scopes& scopes,
                              const std::optional<Secret>& sent);
  Result<Secret> answer_bearer(const Challenge& challenge, const IdentityPtr& identity, const net::Url& url,
                               const Scopes& scopes, const std::optional<Secret>& sent,
                               const net::ExchangeContext& context);
  Result<Secret> answer_with_registry_token(const Credentials& credentials, const std::optional<Secret>& sent);
  Result<Secret> registry_token(const Identity& identity, const net::ExchangeContext& context) const;
  Result<std::optional<Secret>> replaced(const Identity& identity, const std::optional<Secret>& sent,
                                         const net::ExchangeContext& context) const;
  Result<std::shared_ptr<const TokenServer>> server_of(const Challenge& challenge, const net::Url& url) const;
  Error login_needed(const Identity& identity) const;
  Error not_allowed(const Identity& identity, const Scopes& scopes, std::string_view words) const;
  Error unanswerable(const Challenges& challenges) const;
  void remember(Scheme scheme, std::shared_ptr<const TokenServer> server) {
    asked.with([&](Asked& a) { a = {scheme, std::move(server)}; });
  }

  const Options options;
  Identities identities;
  TokenSource tokens;
  Guarded<Asked> asked;
  std::atomic<bool> sent_unasked{false};
};

Error Authorizer::State::login_needed(const Identity& identity) const {
  if (!identity.credentials) {
    return Error(ErrorKind::unauthenticated,
                 fmt::format("{} wants a login and there are no credentials for it", options.registry))
        .with_hint(login_hint(options.registry));
  }
  return Error(ErrorKind::unauthenticated,
               fmt::format("{} wants a user name and a password, and {} holds only a token for it", options.registry,
                           identity.credentials->source))
      .with_hint(login_hint(options.registry));
}

Error Authorizer::State::not_allowed(const Identity& identity, const Scopes& scopes, std::string_view words) const {
  const auto first = primary(scopes);
  const auto act = first.empty() ? std::string("this")
                                 : fmt::format("{} {}", first.begin()->push ? "pushing to" : "pulling from",
                                               first.begin()->repository);
  if (!identity.credentials) {
    return Error(ErrorKind::unauthenticated,
                 fmt::format("{} does not allow {} without credentials", options.registry, act))
        .with_hint(login_hint(options.registry));
  }
  return Error(ErrorKind::denied, fmt::format("{} does not allow {} with the credentials from {}{}", options.registry,
                                              act, identity.credentials->source, words))
      .with_hint(fmt::format("ask for the right to do it, or log in again with: sluice login {}", options.registry));
}

Error Authorizer::State::unanswerable(const Challenges& challenges) const {
  if (challenges.all.empty()) {
    return Error(ErrorKind::protocol, fmt::format("{} answered 401 and did not say how to log in", options.registry))
        .with_hint("check that this is the address of a registry");
  }
  if (challenges.find("bearer") != nullptr) {
    return Error(ErrorKind::protocol,
                 fmt::format("{} asks for a token and does not say where to get one", options.registry));
  }
  return Error(ErrorKind::unsupported, fmt::format("{} asks for a login by {}; only Basic and Bearer are supported",
                                                   options.registry, challenges.schemes()));
}

Result<Secret> Authorizer::State::answer_basic(const Challenge& challenge, const Identity& identity,
                                               const Scopes& scopes, const std::optional<Secret>& sent) {
  // OpenShift's registry says this to everybody it knows who may not, and to everybody whose token has ended; asking
  // for another token would go on for ever.
  if (sent && challenge.get("error") == "access denied") {
    return not_allowed(identity, scopes, " (access denied), or they have expired");
  }
  if (!has_password(identity)) return login_needed(identity);
  auto header = basic_of(identity);
  if (sent && *sent == header) return credentials_refused(options.registry, *identity.credentials);
  remember(Scheme::basic, nullptr);
  return header;
}

Result<Secret> Authorizer::State::answer_with_registry_token(const Credentials& credentials,
                                                             const std::optional<Secret>& sent) {
  if (!is_header_safe(credentials.registry_token.reveal())) {
    return Error(ErrorKind::config,
                 fmt::format("the registry token for {} in {} cannot be sent: it holds blanks or other "
                             "characters that no token has",
                             options.registry, credentials.source));
  }
  auto header = bearer_authorization(credentials.registry_token);
  if (sent && *sent == header) return credentials_refused(options.registry, credentials);
  remember(Scheme::bearer, nullptr);
  return header;
}

Result<Secret> Authorizer::State::registry_token(const Identity& identity, const net::ExchangeContext& context) const {
  if (options.current_token) return options.current_token(nullptr, context);
  return identity.credentials->registry_token;
}

// The header with a newer registry token than the one that was refused; empty when there is none.
Result<std::optional<Secret>> Authorizer::State::replaced(const Identity& identity, const std::optional<Secret>& sent,
                                                          const net::ExchangeContext& context) const {
  constexpr std::string_view kBearer = "Bearer ";
  using Header = std::optional<Secret>;
  if (!sent || !options.current_token || !has_registry_token(identity)) return Header();
  if (!sent->reveal().starts_with(kBearer)) return Header();
  const Secret refused(sent->reveal().substr(kBearer.size()));
  SLUICE_TRY(const auto token, options.current_token(&refused, context));
  if (token == refused || !is_header_safe(token.reveal())) return Header();
  return Header(bearer_authorization(token));
}

Result<std::shared_ptr<const TokenServer>> Authorizer::State::server_of(const Challenge& challenge,
                                                                        const net::Url& url) const {
  SLUICE_TRY(auto realm, trusted_realm(url, challenge.get("realm")));
  TokenServer server{options.registry, std::move(realm), challenge.get("service"), nullptr};
  // The same server again keeps its endpoint, and with it its connections.
  const auto before = asked.with([](const Asked& a) { return a.server; });
  if (before != nullptr && before->same_as(server)) return before;
  server.endpoint = realm_endpoint(url, server.realm, options.endpoint);
  return std::make_shared<const TokenServer>(std::move(server));
}

Result<Secret> Authorizer::State::answer_bearer(const Challenge& challenge, const IdentityPtr& identity,
                                                const net::Url& url, const Scopes& scopes,
                                                const std::optional<Secret>& sent,
                                                const net::ExchangeContext& context) {
  if (has_registry_token(*identity)) return answer_with_registry_token(*identity->credentials, sent);
  SLUICE_TRY(const auto server, server_of(challenge, url));
  remember(Scheme::bearer, server);

  auto wanted = scopes_to_ask(parse_challenge_scope(challenge.get("scope")), scopes);
  const TokenNeed need{identity, server, std::move(wanted), sent.has_value()};
  if (sent) tokens.refused(*sent, need);
  SLUICE_TRY(const auto token, tokens.token_for(need, context));
  auto header = bearer_authorization(token);
  if (sent && *sent == header) return not_allowed(*identity, scopes, "");
  return header;
}

Authorizer::Authorizer(net::Exchanger& exchanger, Options options)
    : state_(std::make_unique<State>(exchanger, std::move(options))) {}
Authorizer::~Authorizer() = default;

void Authorizer::expect(const Scopes& scopes) { state_->tokens.expect(scopes); }

bool is_private_road(const net::HttpRequest& request, std::string_view registry) {
  if (!leads_to(request.url, registry)) return false;
  static const net::Endpoint kDefault;
  const auto& endpoint = request.endpoint ? *request.endpoint : kDefault;
  // These names never go through a proxy, and what they lead to is held to this machine.
  if (net::is_loopback_name(request.url.host) &&
      (endpoint.addresses == net::AddressRule::loopback_only || net::literal_address(request.url.host))) {
    return true;
  }
  return request.url.scheme == "https" && endpoint.verify_tls;
}

Result<std::optional<Secret>> Authorizer::header_for(const Scopes& scopes, const net::ExchangeContext& context,
                                                     const net::HttpRequest* request) {
  using Header = std::optional<Secret>;
  const auto asked = state_->asked.with([](const Asked& a) { return a; });
  const auto& options = state_->options;
  const bool unasked = asked.scheme == Scheme::unknown && options.preemptive_bearer && request != nullptr &&
                       is_private_road(*request, options.registry);
  if (asked.scheme == Scheme::unknown && !unasked) return Header();
  SLUICE_TRY(const auto identity, state_->identities.for_scopes(scopes, context));
  if (unasked) {
    if (!has_registry_token(*identity)) return Header();
    SLUICE_TRY(const auto token, state_->registry_token(*identity, context));
    if (!is_header_safe(token.reveal())) return Header();
    state_->sent_unasked.store(true);
    return Header(bearer_authorization(token));
  }
  if (asked.scheme == Scheme::basic) return has_password(*identity) ? Header(basic_of(*identity)) : Header();
  if (has_registry_token(*identity)) {
    SLUICE_TRY(const auto token, state_->registry_token(*identity, context));
    return Header(bearer_authorization(token));
  }
  if (asked.server == nullptr) return Header();
  SLUICE_TRY(const auto token, state_->tokens.token_for({identity, asked.server, merged(scopes)}, context));
  return Header(bearer_authorization(token));
}

Result<Secret> Authorizer::answer(const net::Url& url, const std::vector<std::string>& www_authenticate,
                                  const Scopes& scopes, const std::optional<Secret>& sent,
                                  const net::ExchangeContext& context) {
  if (!leads_to(url, state_->options.registry)) {
    return Error(ErrorKind::untrusted, fmt::format("{} asks for the credentials of {}; they were not sent",
                                                   url.authority(), state_->options.registry));
  }
  Challenges challenges;
  for (const auto& value : www_authenticate) {
    auto more = parse_challenges(value);
    std::move(more.begin(), more.end(), std::back_inserter(challenges.all));
  }
  SLUICE_TRY(const auto identity, state_->identities.for_scopes(scopes, context));
  SLUICE_TRY(auto newer, state_->replaced(*identity, sent, context));
  if (newer) return std::move(*newer);
  // Bearer before Basic: the password then goes to the token server only.
  if (const auto* bearer = challenges.find("bearer");
      bearer != nullptr && (!bearer->get("realm").empty() || has_registry_token(*identity))) {
    return state_->answer_bearer(*bearer, identity, url, scopes, sent, context);
  }
  if (const auto* basic = challenges.find("basic")) {
    return state_->answer_basic(*basic, *identity, scopes, sent);
  }
  return state_->unanswerable(challenges);
}

std::string Authorizer::explain() const { return state_->identities.explain(); }

LoginExplanation Authorizer::explanation() const {
  LoginExplanation out;
  out.registry = state_->options.registry;
  out.preemptive = state_->sent_unasked.load();
  const auto asked = state_->asked.with([](const Asked& a) { return a; });
  if (asked.scheme == Scheme::basic) out.scheme = "basic";
  if (asked.scheme == Scheme::bearer) out.scheme = "bearer";
  if (asked.server != nullptr) {
    out.realm = asked.server->realm.redacted();  // nobody knows what a registry puts into the query
    out.service = asked.server->service;
  }
  for (const auto& [path, identity] : state_->identities.by_path()) {
    Login login{.repository = path, .source = {}, .user = {}, .kind = std::string(kind_of(*identity))};
    if (const auto* credentials = identity->get()) {
      login.source = credentials->source;
      if (login.kind == "password") login.user = credentials->username;
    }
    if (state_->options.looked_at) login.looked_at = state_->options.looked_at(path);
    out.logins.push_back(std::move(login));
  }
  return out;
}

}  // namespace sluice::auth
