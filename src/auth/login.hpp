#pragma once
// Stores and removes registry credentials the way docker and podman do.

#include "auth/credentials.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace sluice::auth {

/// Writes credentials for `registry` (host[:port]) into the file that already names it, else --authfile /
/// REGISTRY_AUTH_FILE, else docker's config.json (which podman reads too). A file with a credsStore or a credHelper
/// for the host gets them through the helper. Other content of the file is kept as it was. New files have mode 0600.
/// Returns where they went, for people. Errors: config, denied, storage.
Result<std::string> store_credentials(const CredentialSources& sources, std::string_view registry,
                                      const Credentials& credentials);

/// Removes the host's entry from every file (and helper) that has one. Returns the places; empty when there was none.
Result<std::vector<std::string>> erase_credentials(const CredentialSources& sources, std::string_view registry);

}  // namespace sluice::auth
