#pragma once
// Registries whose certificates an engine does not check: those it was told to trust by name, and all addresses of some
// networks. Pure. Source: moby registry/config.go, "isSecureIndex".

#include <string>
#include <string_view>
#include <vector>

namespace sluice::engine {

/// Whether one of `settings` ("host", "host:port", "10.0.0.0/8") covers a registry ("host[:port]", "[::1]:5000").
/// Names are not resolved here, as the engine does it with networks: a name is covered only by itself. Loopback within
/// a network of loopback is not, since nobody else answers there.
bool leaves_unchecked(const std::vector<std::string>& settings, std::string_view registry);

}  // namespace sluice::engine
