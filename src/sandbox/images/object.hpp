#pragma once
// The Image object that the registry posts for a manifest it has taken. Pure. What follows from manifest and config is
// filled in where the Image is stored (image_fields.hpp).
// Source: OpenShift image/v1 Image; the image registry's manifest service.

#include "base/json.hpp"

#include <string>

namespace sluice::sandbox {

struct PushedImage {
  std::string digest;
  std::string reference;  ///< <internal host>/<project>/<stream>@<digest>
  std::string media_type;
  std::string manifest;  ///< its text
  std::string config;    ///< its text; empty for lists and schema 1
};

Json image_object(const PushedImage& pushed);

}  // namespace sluice::sandbox
