#include "auth/token_rights.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

namespace sluice::auth {

namespace {

constexpr std::size_t kMaxTokenBytes = std::size_t{64} * 1024;

// The middle of "head.claims.signature", which is base64url without padding.
std::optional<Json> claims_of(std::string_view token) {
  if (token.size() > kMaxTokenBytes) return std::nullopt;
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  std::string encoded(token.substr(first + 1, second - first - 1));
  std::replace(encoded.begin(), encoded.end(), '-', '+');
  std::replace(encoded.begin(), encoded.end(), '_', '/');
  while (encoded.size() % 4 != 0) encoded += '=';
  const auto bytes = encoding::decode_base64(encoded);
  if (!bytes) return std::nullopt;
  auto claims = parse_json(*bytes);
  if (!claims || !claims->is_object()) return std::nullopt;
  return std::move(claims).value();
}

bool lists(const Json& entry, std::string_view action) {
  const auto* actions = entry.find("actions");
  if (actions == nullptr) return false;
  return std::any_of(actions->items().begin(), actions->items().end(), [&](const Json& one) {
    const auto text = one.as_string();
    return text && (*text == action || *text == "*");
  });
}

}  // namespace

Grant grant_of(std::string_view token, const Scope& scope) {
  const auto claims = claims_of(token);
  const auto* access = claims ? claims->find("access") : nullptr;
  if (access == nullptr || !access->is_array()) return Grant::unsaid;
  bool speaks_of_others = false;
  bool speaks_of_it = false;
  for (const auto& entry : access->items()) {
    if (!entry.is_object() || entry.string_at("type").value_or("repository") != "repository") continue;
    if (entry.string_at("name") != scope.repository) {
      speaks_of_others = true;
      continue;
    }
    speaks_of_it = true;
    if (lists(entry, scope.push ? "push" : "pull")) return Grant::granted;
  }
  // Other names alone: a proxy in front of the registry may have renamed what we asked for.
  return speaks_of_others && !speaks_of_it ? Grant::unsaid : Grant::refused;
}

}  // namespace sluice::auth
