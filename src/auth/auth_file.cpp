#include "auth/auth_file.hpp"

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "oci/docker_hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace sluice::auth {

namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} * 1024 * 1024;  // real ones are a few KiB; a guess
// Files nest three deep; the limit leaves room for plugins' settings of docker.
constexpr JsonLimits kLimits{.max_bytes = kMaxFileBytes, .max_depth = 32, .max_values = 50'000};

std::string lower_host(std::string_view key) {
  const auto slash = std::min(key.find('/'), key.size());
  return oci::canonical_registry(text::lower(key.substr(0, slash))) + std::string(key.substr(slash));
}

std::string shorten(const std::filesystem::path& path, const std::filesystem::path& home) {
  const auto below = path.lexically_relative(home);
  if (home.empty() || home == "/" || below.empty() || *below.begin() == "..") return path.string();
  return "~/" + below.string();
}

Error broken(const std::filesystem::path& path, const std::string& why, const std::string& hint = {}) {
  return Error(ErrorKind::config, fmt::format("cannot use the credentials file {}: {}", path.string(), why))
      .with_hint(hint.empty() ? "correct the file, or name another one with --authfile" : hint);
}

// Null counts as absent, as Go's decoder has it.
const Json* present(const Json& root, std::string_view key) {
  const auto* member = root.find(key);
  return member != nullptr && !member->is_null() ? member : nullptr;
}

bool looks_like_registry(std::string_view key) {
  return key.find_first_of(".:") != std::string_view::npos || key == "localhost";
}

bool holds_login(const Json& entry) {
  constexpr std::array kNames{"auth", "username", "password", "identitytoken", "registrytoken"};
  return std::any_of(kNames.begin(), kNames.end(), [&](const char* name) { return entry.string_at(name).has_value(); });
}

// The form before docker 1.7: entries without "auths" around them. Secrets of type kubernetes.io/dockercfg hold it.
bool is_old_form(const Json& root) {
  const auto& members = root.members();
  return present(root, "auths") == nullptr && std::any_of(members.begin(), members.end(), [](const auto& member) {
           return looks_like_registry(member.first) && holds_login(member.second);
         });
}

// What stands beside the entries of the old form would be lost, or would take them along. Empty: nothing does.
std::string stranger_in_old_form(const Json& root) {
  for (const auto& [key, value] : root.members()) {
    if (value.is_object() && key != "credHelpers") continue;
    return fmt::format(R"(logins stand in it outside of "auths", as in a .dockercfg, beside the setting "{}")",
                       text::printable(key, 64));
  }
  return {};
}

// Empty: fine. Otherwise what is wrong with the shape.
std::string wrong_shape(const Json& root) {
  if (!root.is_object()) return "it is no JSON object";
  if (const auto* auths = present(root, "auths")) {
    if (!auths->is_object()) return "\"auths\" is no object";
    for (const auto& [key, entry] : auths->members()) {
      if (!entry.is_object()) return fmt::format("the entry \"{}\" of \"auths\" is no object", text::printable(key));
    }
  }
  if (const auto* helpers = present(root, "credHelpers")) {
    if (!helpers->is_object()) return "\"credHelpers\" is no object";
    for (const auto& [key, helper] : helpers->members()) {
      if (!helper.is_string())
        return fmt::format("the entry \"{}\" of \"credHelpers\" is no text", text::printable(key));
    }
  }
  if (const auto* store = present(root, "credsStore"); store != nullptr && !store->is_string()) {
    return "\"credsStore\" is no text";
  }
  return {};
}

// A member that must be a text when it is there.
Result<std::string> text_member(const Json& entry, std::string_view name) {
  const auto* member = present(entry, name);
  if (member == nullptr) return std::string();
  if (auto value = member->as_string()) return std::move(*value);
  return Error(ErrorKind::config, fmt::format("\"{}\" is no text", name));
}

// "auth" is base64 of "user:password". docker pads the password with NULs on some systems and trims them again.
Status read_auth(const std::string& encoded, Credentials& into) {
  const auto decoded = encoding::decode_base64(text::trim(encoded));
  if (!decoded) return Error(ErrorKind::config, "\"auth\" is no base64");
  const auto colon = decoded->find(':');
  if (colon == std::string::npos)
    return Error(ErrorKind::config, "\"auth\" holds no ':' between user name and password");
  auto password = decoded->substr(colon + 1);
  password.erase(password.find_last_not_of('\0') + 1);
  into.username = decoded->substr(0, colon);
  into.password = Secret(std::move(password));
  return {};
}

Result<Credentials> read_entry(const Json& entry) {
  Credentials out;
  SLUICE_TRY(out.username, text_member(entry, "username"));
  SLUICE_TRY(auto password, text_member(entry, "password"));
  SLUICE_TRY(auto identity, text_member(entry, "identitytoken"));
  SLUICE_TRY(auto registry_token, text_member(entry, "registrytoken"));
  SLUICE_TRY(const auto encoded, text_member(entry, "auth"));
  out.password = Secret(std::move(password));
  out.identity_token = Secret(std::move(identity));
  out.registry_token = Secret(std::move(registry_token));
  if (!encoded.empty()) SLUICE_CHECK(read_auth(encoded, out));
  return out;
}

}  // namespace

std::string normalised_key(std::string_view key) {
  if (const auto scheme = key.find("://"); scheme != std::string_view::npos) {
    const auto rest = key.substr(scheme + 3);
    return lower_host(rest.substr(0, rest.find('/')));
  }
  // What docker wrote before it wrote URLs.
  for (const std::string_view version : {"/v1/", "/v2/"}) {
    if (key.ends_with(version) && key.find('/') == key.size() - version.size()) key.remove_suffix(version.size());
  }
  while (key.ends_with('/')) key.remove_suffix(1);
  return lower_host(key);
}

std::vector<std::string> candidate_keys(std::string_view registry, std::string_view repository_path) {
  std::vector<std::string> out;
  const auto host = normalised_key(registry);
  for (auto path = repository_path; !path.empty();) {
    out.push_back(host + "/" + std::string(path));
    const auto slash = path.rfind('/');
    path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  }
  out.push_back(host);
  return out;
}

std::vector<std::string> AuthFile::entry_keys(std::string_view normalised) const {
  std::vector<std::string> out;
  const auto* auths = root.find("auths");
  if (auths == nullptr) return out;
  for (const auto& [key, entry] : auths->members()) {
    if (normalised_key(key) == normalised) out.push_back(key);
  }
  std::stable_partition(out.begin(), out.end(), [&](const std::string& key) { return key == normalised; });
  return out;
}

std::optional<AuthFile::NamedHelper> AuthFile::helper_for(std::string_view normalised) const {
  const auto* helpers = root.find("credHelpers");
  if (helpers == nullptr) return std::nullopt;
  for (const auto& [key, helper] : helpers->members()) {
    if (normalised_key(key) != normalised) continue;
    // docker treats an empty name as "no helper for this host".
    if (auto name = helper.as_string(); name && !name->empty()) return NamedHelper{key, std::move(*name)};
  }
  return std::nullopt;
}

std::string AuthFile::text() const {
  const auto* auths = root.find("auths");
  const Json& written = old_form && auths != nullptr ? *auths : root;
  return written.dump_pretty() + "\n";
}

std::string AuthFile::store() const { return root.string_at("credsStore").value_or(""); }

Result<std::optional<Credentials>> AuthFile::credentials_at(const std::string& key) const {
  const auto* auths = root.find("auths");
  const auto* entry = auths != nullptr ? auths->find(key) : nullptr;
  if (entry == nullptr) return std::optional<Credentials>();
  auto read = read_entry(*entry);
  if (!read) {
    return broken(path,
                  fmt::format("in the entry \"{}\" of \"auths\", {}", text::printable(key), read.error().message()));
  }
  if (read->password.empty() && read->identity_token.empty() && read->registry_token.empty()) {
    return std::optional<Credentials>();
  }
  read->source = shown_path + " (auths)";
  return std::optional(std::move(*read));
}

Result<AuthFile> parse_auth_file(std::string_view text, const std::filesystem::path& path,
                                 const std::filesystem::path& home) {
  AuthFile out;
  out.path = path;
  out.shown_path = shorten(path, home);
  text = encoding::without_byte_order_mark(text);
  if (text::trim(text).empty()) return out;
  auto root = parse_json(text, kLimits);
  if (!root) return broken(path, text::printable(root.error().message()), root.error().hint());
  if (is_old_form(*root)) {
    if (const auto why = stranger_in_old_form(*root); !why.empty()) {
      return broken(path, why, "put the logins into \"auths\": {...}");
    }
    out.old_form = true;
    root = Json::object().set("auths", std::move(*root));
  }
  if (const auto why = wrong_shape(*root); !why.empty()) return broken(path, why);
  out.root = std::move(*root);
  return out;
}

Result<AuthFile> read_auth_file(const std::filesystem::path& path, const std::filesystem::path& home) {
  auto text = read_file(path, kMaxFileBytes);
  if (!text) {
    // A home that is no folder ("/dev/null" for service accounts) has no such file either.
    std::error_code code;
    const auto found = std::filesystem::status(path, code);
    if (found.type() == std::filesystem::file_type::not_found) {
      SLUICE_TRY(auto nothing, parse_auth_file("", path, home));
      nothing.is_there = false;
      return nothing;
    }
    return broken(path, text.error().message());
  }
  return parse_auth_file(*text, path, home);
}

}  // namespace sluice::auth
