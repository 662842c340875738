#pragma once
// Small artifacts in a plain registry: an OCI image manifest whose content is its annotations, under one tag.
// Source: image-spec 1.1, manifest.md, "Guidelines for Artifact Usage" (config and layer are the empty descriptor).
// Reading one is one exchange, and so is writing one; the two bytes that it refers to are brought once per repository.

#include "base/result.hpp"
#include "oci/manifest.hpp"
#include "places/place.hpp"

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace sluice::memory {

/// Error::registry_code() of a registry that takes no such artifact, or does not let us write.
inline constexpr std::string_view kMemoryRefused = "memory-refused";

using Annotations = std::map<std::string, std::string, std::less<>>;

/// What stands under a tag.
struct Artifact {
  oci::Digest digest;
  Annotations annotations{};  ///< texts only; at most 256 KiB of manifest is read
  std::string problem{};      ///< why it is none of the wanted type, a clause; empty otherwise
};

oci::Manifest make_artifact(std::string_view type, const Annotations& annotations);

/// Empty when there is no such tag or repository. A registry that says "denied" is believed only when its list of tags
/// says that the tag is there, or is denied as well: some say so of what they do not have. Errors: those of places.
Result<std::optional<Artifact>> find_artifact(places::Place& place, const std::string& repository,
                                              const std::string& tag, std::string_view type,
                                              const std::stop_token& stop);

/// Brings the empty blob where the registry lacks it.
/// Errors: denied or unsupported with the code kMemoryRefused (nothing was written); others of places leave that open.
Status put_artifact(places::Place& place, const std::string& repository, const std::string& tag,
                    const oci::Manifest& artifact, const std::stop_token& stop);

/// A refusal as one error of kind denied or unsupported with the code kMemoryRefused; any other error as it is.
Error as_memory_refused(Error error, const places::Place& place, const std::string& repository);
bool is_memory_refused(const Error& error);

/// From the system's random source.
std::string random_hex(std::size_t digits);

}  // namespace sluice::memory
