#include "places/place.hpp"

namespace sluice::places {

Result<std::optional<oci::Digest>> Place::digest_of(const std::string& repository, const ManifestName& name,
                                                    const std::stop_token& stop, HashAlgorithm algorithm) {
  SLUICE_TRY(const auto found, find_manifest(repository, name, stop));
  if (!found) return std::optional<oci::Digest>();
  return std::optional(found->digest(name.as_digest() ? name.as_digest()->algorithm() : algorithm));
}

}  // namespace sluice::places
