#include "oci/docker_hub.hpp"

#include <algorithm>
#include <array>

namespace sluice::oci {

namespace {

constexpr std::string_view kApi = "registry-1.docker.io";
constexpr std::array<std::string_view, 4> kNames{kDockerHub, "index.docker.io", kApi, "registry.hub.docker.com"};

}  // namespace

std::string canonical_registry(std::string_view registry) {
  // Its port is that of https, with or without being written.
  const auto host = registry.ends_with(":443") ? registry.substr(0, registry.size() - 4) : registry;
  const bool is_hub = std::find(kNames.begin(), kNames.end(), host) != kNames.end();
  return std::string(is_hub ? kDockerHub : registry);
}

std::string api_host(std::string_view registry) { return std::string(registry == kDockerHub ? kApi : registry); }

std::string canonical_path(std::string_view canonical_registry, std::string_view path) {
  const bool official = canonical_registry == kDockerHub && path.find('/') == std::string_view::npos && !path.empty();
  return (official ? "library/" : "") + std::string(path);
}

}  // namespace sluice::oci
