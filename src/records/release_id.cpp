// The name of a release: the hash of what it holds.

#include "base/hash.hpp"
#include "records/records.hpp"

#include <map>

namespace sluice::records {

std::string release_id(const std::vector<ReleaseImage>& images) {
  std::map<std::string_view, const oci::Digest*> sorted;
  for (const auto& image : images) sorted.emplace(image.name, &image.digest);
  Json object = Json::object();
  for (const auto& [name, digest] : sorted) object.append_unchecked(std::string(name), digest->text());
  // JSON keeps the borders between the texts.
  return hash_hex(HashAlgorithm::sha256, object.canonical());
}

}  // namespace sluice::records
