#pragma once
// Writes logins into kubeconfig files as `oc login` does, and takes them out again. What else is in a file stays as it
// is, in its order; comments are lost. Files are replaced atomically, nobody but their owner may read or write
// them afterwards.

#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/yaml.hpp"
#include "kube/identity/kubeconfig.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kube {

/// What a login found out.
struct KubeLogin {
  std::string server;   ///< "https://api.example.com:6443"
  std::string user;     ///< as the cluster calls us
  std::string project;  ///< may be empty
  Secret token;
  std::string ca_file;  ///< what the API's certificate was checked with, if that was said
  std::string ca_pem;
  bool insecure = false;
  std::string context;  ///< an existing context to log in to, with its cluster entry; empty: named as oc does
};

/// Where a login went.
struct StoredLogin {
  std::filesystem::path file;
  std::string context;                            ///< "project/api-example-com:6443/ann"; it is the current one now
  std::vector<std::filesystem::path> narrowed{};  ///< files that others could read or write before, and no more
};

/// "api-example-com:6443": the name that oc gives to a cluster entry. Errors: config (no URL).
Result<std::string> cluster_entry_name(std::string_view server);

/// Stores cluster, user and context, and makes the context current. Entries that are there keep their file; new ones go
/// to the first file of $KUBECONFIG that exists, else its last, else ~/.kube/config.
/// Errors: config (a file that cannot be read, or could not be read again; nothing is written then), denied, storage.
Result<StoredLogin> store_login(const Environment& environment, const KubeLogin& login);

/// What became of a token.
struct ErasedToken {
  bool erased = false;  ///< false: there was none
  std::vector<std::filesystem::path> narrowed{};
};

/// Removes the token of a user entry in the file that defines it; the entry itself stays.
Result<ErasedToken> erase_token(const Kubeconfig& config, std::string_view user);

/// The text of a file with one tree changed: YAML, or JSON when `as_json`. Reading it gives the same tree back, to us
/// and to kubectl: what no YAML holds without quotes is quoted, what no YAML holds at all is escaped. (A key of over
/// 1024 characters in JSON is one that kubectl does not read, whoever wrote it.) Errors: config (a
/// text that is no UTF-8, a file over the limits of reading); `file` is what they name.
Result<std::string> emit_kubeconfig(const yaml::Node& root, bool as_json, const std::filesystem::path& file);

}  // namespace sluice::kube
