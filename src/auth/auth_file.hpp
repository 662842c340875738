#pragma once
// AuthFile: one config.json or auth.json, read and matched against a registry. It runs no helper and writes nothing.
// Source: docker/cli "config.json", containers-auth.json(5); Kubernetes "Docker config Secrets" (.dockercfg).

#include "auth/credentials.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::auth {

/// What a key of "auths" or "credHelpers" stands for: "https://Host/v1/" -> "host", "host/project" as it is,
/// and every name of Docker Hub -> "docker.io". Empty when it names nothing.
std::string normalised_key(std::string_view key);

/// The keys that may hold a repository's credentials, longest first: "host/project/name", "host/project", "host".
std::vector<std::string> candidate_keys(std::string_view registry, std::string_view repository_path);

/// Immutable. Unknown keys stay in `root` and are otherwise ignored.
struct AuthFile {
  std::filesystem::path path;
  Json root = Json::object();
  /// The file as people know it: below the home folder it starts with "~".
  std::string shown_path;
  bool is_there = true;
  /// The file is a .dockercfg: its entries stand in it without "auths" around them. `root` has it around them all the
  /// same, and text() takes it off.
  bool old_form = false;

  /// The file's text with what `root` holds by now, in its own form.
  std::string text() const;

  /// The keys as they are written in "auths" that stand for `normalised`; the plain spelling first.
  std::vector<std::string> entry_keys(std::string_view normalised) const;
  /// The helper that "credHelpers" names for `normalised`, with the key it stands under.
  struct NamedHelper {
    std::string key;
    std::string helper;
  };
  std::optional<NamedHelper> helper_for(std::string_view normalised) const;
  /// "credsStore"; empty when there is none.
  std::string store() const;

  /// What the entry `key` of "auths" holds; empty when it holds nothing ("{}" means: ask the store).
  /// Errors: config (broken base64, no ':'), never quoting what stands there.
  Result<std::optional<Credentials>> credentials_at(const std::string& key) const;
};

/// Reads the text of one file, config.json, auth.json or .dockercfg. Blank text is a file without entries. Errors:
/// config, with the path.
Result<AuthFile> parse_auth_file(std::string_view text, const std::filesystem::path& path,
                                 const std::filesystem::path& home);

/// Reads one file of at most 1 MiB; a missing one is empty. Errors: config, with the path.
Result<AuthFile> read_auth_file(const std::filesystem::path& path, const std::filesystem::path& home);

}  // namespace sluice::auth
