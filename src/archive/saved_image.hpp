#pragma once
// An image as `docker save` writes it: manifest.json, configs, layers. Read while it arrives: each layer is packed and
// put into the spool at once, so that nothing lies there unpacked. Source: moby image/tarexport (up to 24: a folder
// VERSION/json/layer.tar for each layer, links for repeated ones; from 25 on: blobs/sha256/...), docker image spec
// v1.2; Podman writes the older form. Whoever wrote the archive is not trusted.

#include "archive/spool.hpp"
#include "archive/tar.hpp"
#include "base/result.hpp"
#include "oci/manifest.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::archive {

/// One layer, packed with gzip.
struct SavedLayer {
  oci::Descriptor blob;
  oci::Digest diff_id;  ///< of the content, unpacked
  Spooled where{};
};

/// One image whose layers are in a spool. Its config has the bytes that the archive has.
struct SavedImage {
  oci::Manifest manifest;  ///< made here: Docker schema 2
  std::string config;
  oci::ImageConfig facts;
  std::vector<SavedLayer> layers;      ///< each digest once
  std::vector<std::string> repo_tags;  ///< "shop/web:1.4", as the archive says
};

/// What an archive may weigh that nobody has looked into yet.
struct ArchiveLimits {
  std::size_t entries = 20000;
  std::uint64_t unpacked_bytes = std::uint64_t{1} << 40;       ///< of all entries together, and of what they unpack to
  std::uint64_t spooled_bytes = std::uint64_t{1} << 40;        ///< of all entries packed, also those that nobody names
  std::size_t text_bytes = std::size_t{8} * 1024 * 1024;       ///< of one manifest.json or config
  std::size_t all_text_bytes = std::size_t{64} * 1024 * 1024;  ///< of all JSON, which is held in memory
};

/// Reads an archive of one image. The same content gives the same manifest (gzip.hpp). Errors: protocol (no archive of
/// an image, cut off, paths or links out of it, a name twice, something is missing), integrity (a layer is not what the
/// config says), unsupported (several images, layers that are not packed with gzip, over a limit), storage, those of
/// `next`.
Result<SavedImage> read_saved(NextBytes next, Spool& spool, const ArchiveLimits& limits = {});

}  // namespace sluice::archive
