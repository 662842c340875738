#pragma once
// Credential helpers: programs named docker-credential-NAME that keep secrets in a keychain.
// Source: docker/docker-credential-helpers README, "Development": get, store and erase over stdin and stdout.

#include "auth/credentials.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace sluice::auth {

/// One helper, as a credentials file names it. Immutable. Thread: any; every verb runs a program and blocks, 30 s at
/// most. Errors: config (a bad name, not installed, failed: with the first line it printed, unless that might hold a
/// secret), cancelled.
class CredentialHelper {
 public:
  /// `named_in` is the file that names it, for messages. Errors: config (the name is not [A-Za-z0-9._-]+).
  static Result<CredentialHelper> open(std::string_view name, std::string named_in,
                                       const std::filesystem::path& folder);

  /// Empty: the helper knows nobody for this server.
  Result<std::optional<Credentials>> get(std::string_view server, const std::stop_token& stop) const;
  Status store(std::string_view server, const Credentials& credentials, const std::stop_token& stop) const;
  Status erase(std::string_view server, const std::stop_token& stop) const;

  /// "~/.docker/config.json (docker-credential-pass)".
  std::string source() const;

 private:
  CredentialHelper(std::string program, std::string command, std::string named_in)
      : program_(std::move(program)), command_(std::move(command)), named_in_(std::move(named_in)) {}

  struct Answer {
    bool found = false;
    std::string output;
  };
  Result<Answer> run(const std::string& verb, std::string_view input, const Secret& hidden,
                     const std::stop_token& stop) const;

  std::string program_;  ///< "docker-credential-pass", for people
  std::string command_;  ///< the same, with its folder when one is given
  std::string named_in_;
};

}  // namespace sluice::auth
