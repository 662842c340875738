#include "places/certs_d.hpp"

#include <algorithm>

namespace sluice::places {

std::vector<std::filesystem::path> certs_folders(const Environment& environment) {
  return {environment.config_home() / "containers" / "certs.d", "/etc/containers/certs.d", "/etc/docker/certs.d"};
}

Status add_certificates(net::Endpoint& endpoint, const std::filesystem::path& folder) {
  std::error_code code;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) files.push_back(entry.path());
  if (code)
    return Error(ErrorKind::config, "cannot read the certificate folder " + folder.string() + ": " + code.message());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    if (file.extension() == ".crt") endpoint.ca_files.push_back(file.string());
    if (file.extension() != ".cert" || !endpoint.client_cert_file.empty()) continue;
    auto key = file;
    key.replace_extension(".key");
    if (!std::filesystem::exists(key, code)) {
      return Error(ErrorKind::config,
                   "the client certificate " + file.string() + " has no key " + key.string() + " beside it");
    }
    endpoint.client_cert_file = file.string();
    endpoint.client_key_file = key.string();
  }
  return {};
}

Status add_host_certificates(net::Endpoint& endpoint, const std::string& host, const Environment& environment) {
  for (const auto& folder : certs_folders(environment)) {
    std::error_code code;
    if (std::filesystem::is_directory(folder / host, code)) SLUICE_CHECK(add_certificates(endpoint, folder / host));
  }
  return {};
}

}  // namespace sluice::places
