#pragma once
// Digest: algorithm and hex of some content. Source: image-spec, descriptor.md, "Digests".

#include "base/hash.hpp"
#include "base/result.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace sluice::oci {

/// Immutable. Always a valid sha256 or sha512 digest with lower-case hex.
class Digest {
 public:
  /// Reads "sha256:<64 hex>" or "sha512:<128 hex>". Errors: protocol, naming what is wrong.
  static Result<Digest> parse(std::string_view text);
  /// The sha256 digest of these bytes.
  static Digest of(std::string_view bytes, HashAlgorithm algorithm = HashAlgorithm::sha256);

  HashAlgorithm algorithm() const { return algorithm_; }
  const std::string& hex() const { return hex_; }
  /// "sha256:..."
  std::string text() const;
  /// The first 12 hex digits, for people.
  std::string brief() const { return hex_.substr(0, 12); }

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  Digest(HashAlgorithm algorithm, std::string hex) : algorithm_(algorithm), hex_(std::move(hex)) {}
  HashAlgorithm algorithm_;
  std::string hex_;
};

}  // namespace sluice::oci
