#include "sandbox/images/import/credentials.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "sandbox/core/tree.hpp"

#include <algorithm>

namespace sluice::sandbox {

namespace {

// "https://HOST/v1/" and "HOST" mean the same.
std::string host_of(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key = key.substr(scheme.size());
  }
  return text::lower(text::cut(key, '/').first);
}

std::optional<PullCredential> read_entry(const Json& entry) {
  PullCredential credential{text_at(entry, {"username"}), Secret(text_at(entry, {"password"})), ""};
  if (credential.user.empty() && credential.password.empty()) {
    const auto decoded = encoding::decode_base64(text_at(entry, {"auth"}));
    if (!decoded.ok()) return std::nullopt;
    const auto [user, password] = text::cut(*decoded, ':');
    credential.user = user;
    credential.password = Secret(std::string(password));
  }
  if (credential.user.empty() && credential.password.empty()) return std::nullopt;
  return credential;
}

// The map from host to entry that a Secret holds; null when it is no pull secret.
Json entries_of(const Json& secret) {
  const auto read = [&](std::string_view member) {
    const auto text = encoding::decode_base64(text_at(secret, {"data", member}));
    if (!text.ok()) return Json();
    auto parsed = parse_json(*text);
    return parsed.ok() ? *std::move(parsed) : Json();
  };
  const auto type = text_at(secret, {"type"});
  if (type == "kubernetes.io/dockercfg") return read(".dockercfg");
  if (type == "kubernetes.io/dockerconfigjson") {
    const auto config = read(".dockerconfigjson");
    return at(config, {"auths"});
  }
  return {};
}

}  // namespace

std::optional<PullCredential> pull_credential(const std::vector<ObjectRef>& secrets, std::string_view host) {
  const auto wanted = host_of(host);
  auto sorted = secrets;
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return name_of(*a) < name_of(*b); });
  for (const auto& secret : sorted) {
    const auto entries = entries_of(*secret);
    for (const auto& [key, entry] : entries.members()) {
      if (host_of(key) != wanted) continue;
      auto credential = read_entry(entry);
      if (!credential) continue;
      credential->secret = name_of(*secret);
      return credential;
    }
  }
  return std::nullopt;
}

}  // namespace sluice::sandbox
