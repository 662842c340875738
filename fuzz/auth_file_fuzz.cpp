// config.json and auth.json, which other programs write.

#include "auth/auth_file.hpp"
#include "fuzz/require.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);

  // What a host's key stands for is found again under it. ("https://a/v1/" and "a/v1/" are the host "a".)
  const auto keys = auth::candidate_keys("registry.example.com", "a/b/c");
  require(keys.size() == 4 && keys.back() == "registry.example.com", "the host comes last");
  const auto host = auth::normalised_key("https://" + text);
  require(host.find('/') == std::string::npos, "an entry written as a URL counts for its host");

  const auto file = auth::parse_auth_file(text, "/home/ann/.docker/config.json", "/home/ann");
  if (!file.ok()) {
    require(file.error().kind() == ErrorKind::config, "a broken file is a config error");
    require(file.error().sentence().find("/home/ann/.docker/config.json") != std::string::npos, "the file is named");
    require(file.error().sentence().size() < 2000, "a message does not echo endless text");
    return 0;
  }
  static_cast<void>(file->store());
  const auto* auths = file->root.find("auths");
  if (auths == nullptr) return 0;
  for (const auto& [key, entry] : auths->members()) {
    const auto found = file->entry_keys(auth::normalised_key(key));
    require(std::find(found.begin(), found.end(), key) != found.end(), "an entry is found under what it stands for");
    static_cast<void>(file->helper_for(auth::normalised_key(key)));
    const auto credentials = file->credentials_at(key);
    if (!credentials.ok()) {
      require(credentials.error().kind() == ErrorKind::config, "a broken entry is a config error");
    } else if (credentials->has_value()) {
      const auto& got = **credentials;
      require(!got.password.empty() || !got.identity_token.empty() || !got.registry_token.empty(),
              "credentials hold a secret");
      require(got.source == "~/.docker/config.json (auths)", "credentials say where they come from");
    }
  }
  return 0;
}
