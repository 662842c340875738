// Config blobs of images.

#include "fuzz/require.hpp"
#include "oci/manifest.hpp"

#include <cstddef>
#include <cstdint>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = oci::parse_image_config(std::string_view(reinterpret_cast<const char*>(data), size));
  if (config.ok()) {
    require(config->platform.text().size() <= size + 16, "a platform is no longer than what it was read from");
  } else {
    require(config.error().kind() == ErrorKind::protocol, "what is no config is a protocol error");
  }
  return 0;
}
