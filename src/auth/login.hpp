#pragma once
// Stores and removes registry credentials the way docker and podman do.

#include "auth/credentials.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::auth {

struct StoredCredentials {
  std::string place;                            ///< where they went, for people
  std::vector<std::filesystem::path> narrowed;  ///< files that others could read or write before, and no more
};

struct ErasedCredentials {
  std::vector<std::string> places;  ///< for people; empty when there was nothing
  std::vector<std::filesystem::path> narrowed;
};

/// Writes credentials for `registry` (host[:port]) into the file that already names it, else --authfile /
/// REGISTRY_AUTH_FILE, else docker's config.json (which podman reads too). A file with a credsStore or a credHelper
/// for the host gets them through the helper. Other content of the file is kept as it was. Nobody but
/// its owner may read or write the file afterwards.
/// Errors: config, denied, storage.
Result<StoredCredentials> store_credentials(const CredentialSources& sources, std::string_view registry,
                                            const Credentials& credentials);

/// Removes the host's entry from every file (and helper) that has one; the file is narrowed as above.
Result<ErasedCredentials> erase_credentials(const CredentialSources& sources, std::string_view registry);

}  // namespace sluice::auth
