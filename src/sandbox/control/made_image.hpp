#pragma once
// Images made up for scenarios: real ones, that any client can pull and run nothing of. Each layer is a tar with one
// file; the same description gives the same digests every time. Pure.
// Source: POSIX ustar, RFC 1952 (gzip) and RFC 1951 (stored blocks), Docker image manifest v2 schema 2.

#include "sandbox/control/scenario.hpp"

#include <string>
#include <vector>

namespace sluice::sandbox {

struct MadeManifest {
  std::string digest;
  std::string media_type;
  std::string bytes;
};

struct MadeImage {
  std::vector<std::string> blobs;       ///< layers and configs
  std::vector<MadeManifest> manifests;  ///< children first; the last one is what the tag names
};

MadeImage make_image(const Scenario::Image& wanted);

}  // namespace sluice::sandbox
