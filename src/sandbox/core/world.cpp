#include "sandbox/core/world.hpp"

#include "sandbox/core/token_text.hpp"
#include "sandbox/core/tree.hpp"

namespace sluice::sandbox {

namespace {

constexpr std::string_view kServiceAccount = "system:serviceaccount:";

}  // namespace

World::World(Profile which) : profile(which), store([this] { return now(); }) {
  registry.internal =
      which == Profile::v3_11 ? "docker-registry.default.svc:5000" : "image-registry.openshift-image-registry.svc:5000";
  add_builtin_roles(store, which == Profile::v4);
}

std::optional<Caller> World::authenticate(std::string_view text) {
  const auto found = tokens.find(text);
  if (found == tokens.end()) return std::nullopt;
  auto& token = found->second;
  if (token.revoked || (token.expires && *token.expires <= now())) return std::nullopt;
  if (token.requests_left) {
    if (*token.requests_left == 0) return std::nullopt;
    --*token.requests_left;
  }
  return caller_of(token.identity);
}

Caller World::caller_of(std::string_view identity) const {
  if (identity.starts_with(kServiceAccount)) {
    const auto rest = identity.substr(kServiceAccount.size());
    const auto colon = rest.find(':');
    auto caller = Caller::service_account(rest.substr(0, colon), rest.substr(colon + 1));
    const auto account =
        store.get({"serviceaccounts", std::string(rest.substr(0, colon)), std::string(rest.substr(colon + 1))});
    if (account) caller.uid = uid_of(*account);
    return caller;
  }
  if (identity == "system:admin") return {"system:admin", {"system:authenticated", "system:masters"}, ""};
  const auto user = users.find(identity);
  auto caller = Caller::person(identity, user != users.end() ? user->second.groups : std::vector<std::string>{});
  if (user != users.end()) caller.uid = user->second.uid;
  return caller;
}

std::string World::new_token(std::string_view identity, std::optional<std::chrono::seconds> life) {
  const bool person = !identity.starts_with("system:");
  auto text =
      person ? random_token() : service_account_token(identity, life ? std::optional(now() + *life) : std::nullopt);
  // Since 4.6 the stored object is named after the hash, and the token says so.
  if (profile == Profile::v4 && person) text = "sha256~" + text;
  Token token;
  token.identity = std::string(identity);
  if (life) token.expires = now() + *life;
  add_token(text, std::move(token));
  return text;
}

void World::add_token(const std::string& text, Token token) {
  // A person's token shows up in the API as an object that can be deleted: logging out.
  const Key key{"oauthaccesstokens.oauth.openshift.io", "", token_object_name(text)};
  if (!token.identity.starts_with("system:") && !store.get(key)) {
    auto object = Json::object();
    object.set("clientName", "openshift-challenging-client");
    object.set("userName", token.identity);
    object.set("scopes", Json(Json::Array{Json("user:full")}));
    store.create(key, std::move(object));
  }
  tokens.insert_or_assign(text, std::move(token));
}

void World::revoke(std::string_view object_name) {
  for (auto& [text, token] : tokens) {
    if (text == object_name || token_object_name(text) == object_name) token.revoked = true;
  }
}

bool World::project_exists(std::string_view name) const {
  return store.get({"namespaces", "", std::string(name)}) != nullptr;
}

}  // namespace sluice::sandbox
