#pragma once
// Docker's image manifest V2 schema 1: made out of schema 2 for clients that ask for nothing newer, and read when one
// is pushed. Its digest is that of the text without its signatures. Source: distribution, manifest/schema1
// (config_builder.go, sign.go); libtrust JSON web signatures; RFC 7515.

#include "base/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

/// A key that is made at the start, as the registry does. Thread: any.
class Schema1Signer {
 public:
  Schema1Signer();

  /// `payload`, a JSON object over several lines, with its signature: "application/vnd.docker.distribution.manifest
  /// .v1+prettyjws". Errors: internal (OpenSSL).
  Result<std::string> sign(const std::string& payload) const;

 private:
  struct Key;
  std::shared_ptr<const Key> key_;
};

/// What schema 1 says of an image of schema 2. `layers` are digests, the base first. Errors: unsupported (a config
/// without a history, or with another number of layers).
Result<std::string> schema1_payload(std::string_view repository, std::string_view tag, std::string_view config,
                                    const std::vector<std::string>& layers);

/// The layer that schema 1 names where schema 2 has none, and its digest.
std::string_view empty_layer();
inline constexpr std::string_view kEmptyLayerDigest =
    "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4";

/// A pushed schema 1 manifest.
struct Schema1Manifest {
  std::string payload;              ///< without signatures
  std::vector<std::string> layers;  ///< digests
};
/// Errors: protocol.
Result<Schema1Manifest> read_schema1(std::string_view text);

}  // namespace sluice::sandbox
