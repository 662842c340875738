#pragma once
// The id of a release: a release is what it holds.

#include <map>
#include <string>

namespace sluice::oci {

/// SHA-256 over the canonical JSON object {image name: digest}, 64 lower-case hexadecimal digits. The same wherever it
/// is computed, and another one for every other content.
std::string content_id(const std::map<std::string, std::string>& digests_by_name);

}  // namespace sluice::oci
