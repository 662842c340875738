#pragma once
// How promotion gets at places: app decides what stands behind a target.

#include "base/result.hpp"
#include "pipeline/pipeline.hpp"
#include "places/place.hpp"

namespace sluice::promotion {

/// Thread: any. Places live as long as this object.
class Places {
 public:
  virtual ~Places() = default;
  /// Errors: config (an unknown cluster, an unreadable CA or password reference).
  virtual Result<places::Place*> place_of(const pipeline::Target& target) = 0;
};

/// The repository of an image in a target's project.
inline std::string repository_of(const pipeline::Target& target, const std::string& image) {
  return target.project + "/" + image;
}

}  // namespace sluice::promotion
