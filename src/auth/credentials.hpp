#pragma once
// Where credentials come from: docker's config.json and containers' auth.json, with helpers. Read-only; login.hpp
// writes. Source: docker/cli docs "login" (credHelpers, credsStore, helper protocol), containers-auth.json(5).

#include "auth/explain.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::auth {

struct Credentials {
  std::string username;
  Secret password;
  Secret identity_token;    ///< a refresh token for the token server; then user name and password are not used
  std::string source;       ///< for --explain and errors: "~/.docker/config.json (auths)", "--src-creds"
  Secret registry_token{};  ///< a bearer token for the registry itself ("registrytoken"): no token server is asked
};

/// Where to look. `authfile` is --authfile; when set, nothing else is read.
struct CredentialSources {
  std::optional<std::filesystem::path> authfile;
  Environment environment = Environment::process();
  std::filesystem::path helper_folder{};  ///< where the docker-credential-* programs are; empty: in PATH
};

/// The files that would be read, most important first: --authfile or REGISTRY_AUTH_FILE alone; else
/// $XDG_RUNTIME_DIR/containers/auth.json (without that variable /run/containers/UID/auth.json, where podman writes
/// then), $XDG_CONFIG_HOME/containers/auth.json, $DOCKER_CONFIG/config.json or ~/.docker/config.json,
/// and ~/.dockercfg, which docker wrote before it had that.
std::vector<std::filesystem::path> credential_files(const CredentialSources& sources);

/// Where a login goes that no file knows yet: --authfile or REGISTRY_AUTH_FILE, else docker's config.json.
std::filesystem::path new_login_file(const CredentialSources& sources);

/// Looks credentials up for the repositories of one registry. Each file is read once and each helper asked once per
/// server, however many repositories are looked up and however many threads ask; what failed is tried again.
/// Thread: any.
class CredentialLookup {
 public:
  CredentialLookup(CredentialSources sources, std::string registry);
  ~CredentialLookup();
  CredentialLookup(const CredentialLookup&) = delete;
  CredentialLookup& operator=(const CredentialLookup&) = delete;

  /// As find_credentials below.
  Result<std::optional<Credentials>> find(std::string_view repository_path, std::stop_token stop);
  /// Where find() looked for this repository the last time, in order, and why each place did not win; at the end the
  /// entries behind the winner, which nobody asked. Empty before find().
  std::vector<LookedAt> looked_at(std::string_view repository_path) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Looks credentials up for one repository. Path-scoped entries ("host/project/name", "host/project") win over the
/// host's; within a file: the longest matching path of credHelpers and auths, then credsStore. The first file that
/// knows the repository wins. Entries written as URLs ("https://host/v1/") count for their host.
/// Empty: nobody knows it (anonymous).
/// Errors: config (a file that cannot be parsed, named with its path; a helper that fails or has a bad name).
/// Helpers are run without a shell, get the server on stdin, 30 s, and the name matches [A-Za-z0-9._-]+.
/// Thread: any; blocks.
Result<std::optional<Credentials>> find_credentials(const CredentialSources& sources, std::string_view registry,
                                                    std::string_view repository_path, std::stop_token stop);

/// Reads "user:password", "env:NAME", "file:PATH" or "-" (one line of stdin) as credentials; the password is all
/// after the first ':'. `source` names the flag. Errors: usage.
Result<Credentials> parse_credentials(std::string_view text, std::string_view source, const Environment& environment,
                                      const std::stop_token& stop = {});

/// The secret itself, or what "env:NAME", "file:PATH" or "-" points at. Errors: usage, naming the flag.
Result<Secret> parse_secret(std::string_view text, std::string_view flag, const Environment& environment,
                            const std::stop_token& stop = {});

}  // namespace sluice::auth
