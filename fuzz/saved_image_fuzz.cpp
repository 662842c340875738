// Archives of images, as docker save writes them: whoever may write to an engine, or a file, writes them.

#include "archive/saved_image.hpp"
#include "fuzz/require.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto spool = archive::Spool::open(std::filesystem::temp_directory_path(), 0);
  require(spool.ok(), "a temporary file can be made");
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  std::size_t at = 0;
  const auto next = [&]() -> Result<std::string> {
    auto piece = bytes.substr(at, 700);
    at += piece.size();
    return piece;
  };
  const auto image = archive::read_saved(next, *spool, {.entries = 100, .unpacked_bytes = 1 << 20});
  if (!image.ok()) return 0;
  require(image->manifest.layers.size() == image->facts.diff_ids.size(), "a layer for each diff id");
  require(image->manifest.config && image->manifest.config->size_bytes == image->config.size(), "the config's size");
  for (const auto& layer : image->layers)
    require(layer.where.offset + layer.where.size_bytes <= spool->size(), "a layer lies in the spool");
  return 0;
}
