#include "oci/content_id.hpp"

#include "base/hash.hpp"
#include "base/json.hpp"

namespace sluice::oci {

std::string content_id(const std::map<std::string, std::string>& digests_by_name) {
  Json content = Json::object();
  for (const auto& [name, digest] : digests_by_name) content.append_unchecked(name, digest);
  return hash_hex(HashAlgorithm::sha256, content.canonical());
}

}  // namespace sluice::oci
