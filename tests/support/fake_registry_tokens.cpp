// Who may do what at the fake registry. Source: distribution, docs/spec/auth/token.md.

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "support/fake_registry_state.hpp"

#include <fmt/format.h>

namespace sluice::support {

namespace {

bool knows(const FakeAuth& auth, const std::optional<std::string>& header) {
  return header == "Basic " + encoding::base64(auth.username + ":" + auth.password);
}

std::string needed(const FakeCall& call) {
  const bool reads = call.request.method == "GET" || call.request.method == "HEAD";
  const bool pulls = reads && call.part != "uploads";
  return call.repository + (pulls ? ":pull" : ":push");
}

// "repository:shop/web:pull,push" -> what of it is granted.
void grant(FakeToken& token, const FakeAuth& auth, const std::string& scope) {
  const auto parts = text::split(scope, ':');
  if (parts.size() != 3 || parts[0] != "repository") return;
  for (const auto& action : text::split(parts[2], ',')) {
    const auto right = parts[1] + ":" + action;
    if (!auth.denied.contains(right)) token.grants.insert(right);
  }
}

}  // namespace

net::ServerReply unauthorized(const FakeContent& c, const FakeCall& call, bool expired) {
  auto reply = refused(401, "UNAUTHORIZED");
  if (c.knobs.auth.scheme == FakeAuth::Scheme::basic) {
    reply.headers.set("WWW-Authenticate", "Basic realm=\"fake\"");
    return reply;
  }
  auto challenge = fmt::format("Bearer realm=\"http://{}/token\",service=\"fake\"", c.host);
  if (!call.repository.empty()) {
    const bool push = needed(call).ends_with(":push");
    challenge += fmt::format(",scope=\"repository:{}:{}\"", call.repository, push ? "pull,push" : "pull");
  }
  if (expired) challenge += ",error=\"invalid_token\"";
  reply.headers.set("WWW-Authenticate", challenge);
  return reply;
}

std::optional<net::ServerReply> admit(FakeContent& c, const FakeCall& call) {
  const auto header = call.request.headers.get("Authorization");
  if (call.other_host) {
    if (!header) return std::nullopt;
    return refused(400, "INVALID_ARGUMENT");  // S3: only one way to authenticate is allowed
  }
  const auto& auth = c.knobs.auth;
  if (auth.scheme == FakeAuth::Scheme::none) return std::nullopt;
  if (auth.scheme == FakeAuth::Scheme::basic) {
    if (!knows(auth, header)) return unauthorized(c, call, false);
    if (auth.denied.contains(needed(call))) return refused(403, "DENIED");
    return std::nullopt;
  }
  if (!header || !header->starts_with("Bearer ")) return unauthorized(c, call, false);
  const auto token = c.tokens.find(header->substr(7));
  if (token == c.tokens.end()) return unauthorized(c, call, true);
  if (auth.uses > 0 && token->second.used == auth.uses) {
    c.tokens.erase(token);
    return unauthorized(c, call, true);
  }
  ++token->second.used;
  if (!call.repository.empty() && !token->second.grants.contains(needed(call))) return unauthorized(c, call, false);
  return std::nullopt;
}

bool may_pull(const FakeContent& c, const FakeCall& call, const std::string& repository) {
  if (c.knobs.auth.scheme != FakeAuth::Scheme::bearer) return !c.knobs.auth.denied.contains(repository + ":pull");
  const auto header = call.request.headers.get("Authorization").value_or("");
  const auto token = header.starts_with("Bearer ") ? c.tokens.find(header.substr(7)) : c.tokens.end();
  return token != c.tokens.end() && token->second.grants.contains(repository + ":pull");
}

net::ServerReply give_token(FakeContent& c, const net::ServerRequest& request, const std::string& body) {
  const auto& auth = c.knobs.auth;
  if (request.method != "GET" || !body.empty()) return empty_reply(405);  // like most token servers: no OAuth2 POST
  if (!auth.username.empty() && !knows(auth, request.headers.get("Authorization"))) return refused(401, "UNAUTHORIZED");
  const auto scopes = FakeCall::all_of(request.query(), "scope");
  std::size_t count = 0;
  FakeToken token;
  for (const auto& scope : scopes) {
    // One parameter may carry several, with blanks between them.
    for (const auto& one : text::split(scope, ' ')) {
      ++count;
      grant(token, auth, one);
    }
  }
  if (auth.max_scopes > 0 && count > auth.max_scopes) return refused(auth.too_many_scopes_status, "DENIED");
  const auto name = fmt::format("fake-token-{}", c.next_token++);
  c.tokens[name] = std::move(token);
  return json_reply(Json::object().set("token", name).set("expires_in", 300));
}

}  // namespace sluice::support
