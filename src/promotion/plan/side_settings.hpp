#pragma once
// What the administrators wrote about one side of a promotion: part of what people agree to.

#include <optional>
#include <string>

namespace sluice::promotion {

/// From the clusters file. What environment variables or the kubeconfig say is a machine's own, and not in here.
struct SideSettings {
  std::optional<std::string> registry{};  ///< host[:port] that the target's own entry names; empty: none is named
  bool insecure = false;                  ///< the registry may speak plain HTTP or show any certificate
  std::optional<std::string> proxy{};  ///< "host:port", or "none" (the environment's does not count); empty: not said
  friend bool operator==(const SideSettings&, const SideSettings&) = default;
};

}  // namespace sluice::promotion
