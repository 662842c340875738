#include "openshift/streams/image_part.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace sluice::openshift {

std::int64_t ImagePart::size_bytes() const {
  std::int64_t sum = std::max<std::int64_t>(0, config_bytes);
  std::set<std::string_view> seen;
  for (const auto& layer : layers) {
    if (seen.insert(layer.digest).second) sum += std::max<std::int64_t>(0, layer.size_bytes);
  }
  return sum;
}

}  // namespace sluice::openshift
