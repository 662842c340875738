#pragma once
// The names of Docker Hub. People and files use four of them for one registry. Pure.
// Source: distribution/reference "normalize.go" (the domain docker.io, and "library/" for names of one part);
// containers/image "docker_client.go" (registry-1.docker.io answers the API).

#include <string>
#include <string_view>

namespace sluice::oci {

/// The name under which Docker Hub is known here, in references and messages.
inline constexpr std::string_view kDockerHub = "docker.io";

/// "docker.io" for every name of Docker Hub (docker.io, index.docker.io, registry-1.docker.io,
/// registry.hub.docker.com); every other registry as it is. Precondition: lower case.
std::string canonical_registry(std::string_view registry);

/// The host[:port] that answers the API of a registry: that of Docker Hub has another name.
std::string api_host(std::string_view registry);

/// The path as the registry knows it: "web" at Docker Hub is "library/web".
std::string canonical_path(std::string_view canonical_registry, std::string_view path);

}  // namespace sluice::oci
