// Lists of referrers, as places::Registry::referrers() reads them: an index, whatever the registry says.

#include "fuzz/require.hpp"
#include "oci/manifest.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

using namespace sluice;

namespace {

void check(const oci::Manifest& index) {
  require(index.is_index() && index.media_type == oci::media::kOciIndex, "a list of referrers is an index");
  require(index.layers.empty() && !index.config, "an index has children and nothing else");
  for (const auto& child : index.children) {
    require(!child.media_type.empty(), "a referrer has a type");
    const auto digest = oci::Digest::parse(child.digest.text());
    require(digest.ok() && *digest == child.digest, "a referrer has a digest that is read back");
  }
  const auto platforms = oci::platforms_of(index);
  require(platforms.size() <= index.children.size(), "a platform is that of a child");
  for (const auto& platform : platforms) {
    require(platform.find('/') != std::string::npos && platform != "unknown/unknown", "an attestation has none");
    require(std::any_of(index.children.begin(), index.children.end(),
                        [&](const auto& child) { return child.platform && child.platform->text() == platform; }),
            "a platform is that of a child");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto index = oci::parse_manifest(bytes, oci::media::kOciIndex);
  if (index.ok()) {
    check(*index);
    return 0;
  }
  const auto kind = index.error().kind();
  require(kind == ErrorKind::protocol || kind == ErrorKind::unsupported, "errors have the kinds of the contract");
  require(index.error().sentence().size() < 2000, "a message does not echo endless text");
  return 0;
}
