#pragma once
// What an image consists of, as far as limits and rights ask for it. Pure.

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::openshift {

/// An image for one platform; a list has several.
struct ImagePart {
  struct Layer {
    std::string digest;
    std::int64_t size_bytes = 0;
  };
  std::string os;  ///< empty: not said
  std::string architecture;
  std::int64_t config_bytes = 0;
  std::vector<Layer> layers;
  /// What OpenShift takes for the size of an image: the config and each distinct layer.
  std::int64_t size_bytes() const;
};

}  // namespace sluice::openshift
