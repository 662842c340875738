#pragma once
// Certificates of one registry in the folders that docker and podman use.
// Source: containers-certs.d(5); docker "Verify repository client with certificates".

#include "base/environment.hpp"
#include "base/result.hpp"
#include "net/http.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sluice::places {

/// ~/.config/containers/certs.d, /etc/containers/certs.d, /etc/docker/certs.d.
std::vector<std::filesystem::path> certs_folders(const Environment& environment);

/// Adds what a folder holds: every *.crt is a CA; the first *.cert with its *.key is the client certificate.
/// Errors: config (a *.cert without its *.key).
Status add_certificates(net::Endpoint& endpoint, const std::filesystem::path& folder);

/// Adds FOLDER/HOST[:PORT] of every folder of certs_folders that exists; the first client certificate wins.
Status add_host_certificates(net::Endpoint& endpoint, const std::string& host, const Environment& environment);

}  // namespace sluice::places
