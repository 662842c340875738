#include "auth/login.hpp"

#include "auth/auth_file.hpp"
#include "auth/helper.hpp"
#include "base/encoding.hpp"
#include "base/file.hpp"
#include "oci/docker_hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::auth {

namespace {

constexpr std::string_view kHubEntry = "https://index.docker.io/v1/";  // what docker and podman both look for

// The key under which an entry for the host is written: as it stands there already, else as docker would write it.
std::string key_to_write(const AuthFile& file, const std::string& host) {
  const auto known = file.entry_keys(host);
  if (!known.empty()) return known.front();
  return host == oci::kDockerHub ? std::string(kHubEntry) : host;
}

// The helper that keeps this host's secret, with the name it knows the host by.
Result<std::optional<std::pair<CredentialHelper, std::string>>> keeper(const CredentialSources& sources,
                                                                       const AuthFile& file, const std::string& host) {
  using Keeper = std::optional<std::pair<CredentialHelper, std::string>>;
  if (const auto named = file.helper_for(host)) {
    SLUICE_TRY(auto helper, CredentialHelper::open(named->helper, file.shown_path, sources.helper_folder));
    return Keeper(std::in_place, std::move(helper), named->key);
  }
  if (const auto store = file.store(); !store.empty()) {
    SLUICE_TRY(auto helper, CredentialHelper::open(store, file.shown_path, sources.helper_folder));
    return Keeper(std::in_place, std::move(helper), key_to_write(file, host));
  }
  return Keeper();
}

// The entry that holds the credentials; what other tools keep in it ("email") stays.
Json filled_entry(const Json* old, const Credentials& credentials) {
  Json entry = old != nullptr ? *old : Json::object();
  for (const auto* name : {"auth", "username", "password", "identitytoken", "registrytoken"}) entry.remove(name);
  const bool token = !credentials.identity_token.empty();
  entry.set("auth", encoding::base64(credentials.username + ":" + (token ? "" : credentials.password.reveal())));
  if (token) entry.set("identitytoken", credentials.identity_token.reveal());
  return entry;
}

void set_entry(AuthFile& file, const std::string& key, Json entry) {
  const auto* auths = file.root.find("auths");
  Json changed = auths != nullptr && auths->is_object() ? *auths : Json::object();
  changed.set(key, std::move(entry));
  file.root.set("auths", std::move(changed));
}

const Json* entry_at(const AuthFile& file, const std::string& key) {
  const auto* auths = file.root.find("auths");
  return auths != nullptr ? auths->find(key) : nullptr;
}

Status write(const AuthFile& file, std::vector<std::filesystem::path>& narrowed) {
  SLUICE_TRY(const bool was_open, replace_private_file(file.path, file.text()));
  if (was_open) narrowed.push_back(file.path);
  return {};
}

Result<AuthFile> file_to_write(const CredentialSources& sources, const std::string& host) {
  const auto paths = credential_files(sources);
  const auto home = sources.environment.home();
  for (const auto& path : paths) {
    SLUICE_TRY(auto file, read_auth_file(path, home));
    if (!file.entry_keys(host).empty() || file.helper_for(host)) return file;
  }
  return read_auth_file(new_login_file(sources), home);
}

Status check(std::string_view registry, const Credentials& credentials) {
  if (credentials.password.empty() && credentials.identity_token.empty()) {
    return Error(ErrorKind::usage, fmt::format("there is no password to store for {}", registry));
  }
  if (credentials.username.find(':') != std::string::npos) {
    return Error(ErrorKind::usage,
                 fmt::format("cannot store credentials for {}: a user name with ':' cannot be sent to "
                             "a registry (RFC 7617)",
                             registry))
        .with_hint("with an OpenShift token as the password any other user name works");
  }
  return {};
}

// Takes the host's entries out of the file. True when one of them held credentials or stood there at all.
bool remove_entries(AuthFile& file, const std::string& host) {
  const auto keys = file.entry_keys(host);
  if (keys.empty()) return false;
  Json auths = *file.root.find("auths");
  for (const auto& key : keys) auths.remove(key);
  file.root.set("auths", std::move(auths));
  return true;
}

// Erases every name by which the helper may know the host; true when it knew one.
Result<bool> erase_from(const CredentialHelper& helper, const std::vector<std::string>& servers) {
  bool erased = false;
  for (const auto& server : servers) {
    // Helpers differ in what they answer when there is nothing to erase; all agree on "get".
    SLUICE_TRY(const auto known, helper.get(server, {}));
    if (!known) continue;
    SLUICE_CHECK(helper.erase(server, {}));
    erased = true;
  }
  return erased;
}

}  // namespace

Result<StoredCredentials> store_credentials(const CredentialSources& sources, std::string_view registry,
                                            const Credentials& credentials) {
  SLUICE_CHECK(check(registry, credentials));
  const auto host = normalised_key(registry);
  SLUICE_TRY(auto file, file_to_write(sources, host));
  SLUICE_TRY(const auto kept_by, keeper(sources, file, host));
  const auto key = key_to_write(file, host);
  StoredCredentials out;
  if (!kept_by) {
    set_entry(file, key, filled_entry(entry_at(file, key), credentials));
    SLUICE_CHECK(write(file, out.narrowed));
    out.place = file.shown_path;
    return out;
  }
  // The helper first: when it fails the file still says what was true before.
  const auto& [helper, server] = *kept_by;
  SLUICE_CHECK(helper.store(server, credentials, {}));
  set_entry(file, key, Json::object());
  SLUICE_CHECK(write(file, out.narrowed));
  out.place = helper.source();
  return out;
}

Result<ErasedCredentials> erase_credentials(const CredentialSources& sources, std::string_view registry) {
  ErasedCredentials out;
  const auto host = normalised_key(registry);
  for (const auto& path : credential_files(sources)) {
    SLUICE_TRY(auto file, read_auth_file(path, sources.environment.home()));
    SLUICE_TRY(const auto kept_by, keeper(sources, file, host));
    bool from_helper = false;
    if (kept_by) {
      auto servers = file.entry_keys(host);
      if (std::find(servers.begin(), servers.end(), kept_by->second) == servers.end())
        servers.push_back(kept_by->second);
      SLUICE_TRY(from_helper, erase_from(kept_by->first, servers));
      if (from_helper) out.places.push_back(kept_by->first.source());
    }
    if (!remove_entries(file, host)) continue;
    SLUICE_CHECK(write(file, out.narrowed));
    if (!from_helper) out.places.push_back(file.shown_path);
  }
  return out;
}

}  // namespace sluice::auth
