#pragma once
// What the tests of this room share: folders, environments, helpers and results in words.

#include "auth/credentials.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"
#include "net/http.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace sluice::auth::testing {

/// A folder of its own for one test, gone afterwards.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-auth-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline Environment environment(std::map<std::string, std::string> variables) {
  return Environment([variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

/// Only the given file counts.
inline CredentialSources only(const std::filesystem::path& file, const std::filesystem::path& helpers = {}) {
  return {
      .authfile = file, .environment = environment({{"HOME", file.parent_path().string()}}), .helper_folder = helpers};
}

/// A docker credential helper that keeps its secrets in files beside itself, and a list of what it was asked.
inline void install_helper(const std::filesystem::path& folder, const std::string& name) {
  const auto program = folder / ("docker-credential-" + name);
  write_text(program, R"sh(#!/bin/sh
here=$(dirname "$0")
input=$(cat)
server=$input
[ "$1" = store ] && server=$(printf %s "$input" | sed -n 's/.*"ServerURL":"\([^"]*\)".*/\1/p')
echo "$1 $server" >>"$here/calls"
kept="$here/kept.$(printf %s "$server" | tr ':/' '__')"
case "$1" in
  store) printf %s "$input" >"$kept"; exit 0 ;;
esac
if [ ! -f "$kept" ]; then
  echo 'credentials not found in native keychain'
  exit 1
fi
case "$1" in
  get) cat "$kept" ;;
  erase) rm "$kept" ;;
esac
)sh");
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
}

/// A helper of any other kind.
inline void install_script(const std::filesystem::path& folder, const std::string& name, const std::string& body) {
  const auto program = folder / ("docker-credential-" + name);
  write_text(program, "#!/bin/sh\ncat >/dev/null\n" + body + "\n");
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
}

inline Credentials login(std::string user, std::string password, std::string source = "--src-creds") {
  Credentials out;
  out.username = std::move(user);
  out.password = Secret(std::move(password));
  out.source = std::move(source);
  return out;
}

inline net::Url url(std::string_view text) {
  auto parsed = net::Url::parse(text);
  if (!parsed) throw std::invalid_argument(parsed.error().sentence());
  return *parsed;
}

/// "" when it went well, else the kind and the sentence.
template <class T>
std::string why(const Result<T>& result) {
  if (result.ok()) return {};
  return std::string(to_string(result.error().kind())) + ": " + result.error().sentence();
}

/// "user:password" as found, "token:..." for an identity token, "bearer:..." for a registry token, "nobody", or why
/// not.
inline std::string told(const Result<std::optional<Credentials>>& found) {
  if (!found.ok()) return why(found);
  if (!found->has_value()) return "nobody";
  const auto& credentials = **found;
  if (!credentials.registry_token.empty()) return "bearer:" + credentials.registry_token.reveal();
  if (!credentials.identity_token.empty()) return "token:" + credentials.identity_token.reveal();
  return credentials.username + ":" + credentials.password.reveal();
}

}  // namespace sluice::auth::testing
