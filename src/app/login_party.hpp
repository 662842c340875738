#pragma once
// Whom `sluice login ADDRESS` is meant for. docker, podman and helm take "https://HOST" for a registry, and oc takes it
// for the API of a cluster: what is written down decides, else the host itself, which is asked without credentials.

#include "net/http.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::app {

/// A registry as it was written with more than its host.
struct RegistryAddress {
  std::string scheme;    ///< "http", "https"; empty: none was written
  std::string host;      ///< host[:port], as oci::parse_registry gives it
  bool is_sure = false;  ///< nothing but a registry is called so: a path of its API, or a name of Docker Hub
};

/// Reads "https://HOST[:PORT]", with "/", "/v1/" or "/v2/" behind it, as the files of docker have it, and the same
/// without a scheme. Empty for what has another path, or is no registry at all.
std::optional<RegistryAddress> registry_address(std::string_view text);

/// True when an answer to an anonymous GET /v2/ is that of a registry: 200 or 401 with the API's version, an envelope
/// of errors, a challenge for tokens, or an empty object. An API server answers with a Status, or with "not found".
/// Source: distribution, "API Version Check"; Kubernetes, "Response Status".
bool is_registry_answer(const net::HttpResponse& response);

}  // namespace sluice::app
