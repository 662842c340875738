// The name of a release: the hash of what it holds.

#include "oci/content_id.hpp"
#include "records/records.hpp"

#include <map>

namespace sluice::records {

std::string release_id(const std::vector<ReleaseImage>& images) {
  std::map<std::string, std::string> content;
  for (const auto& image : images) content.emplace(image.name, image.digest.text());
  return oci::content_id(content);
}

}  // namespace sluice::records
