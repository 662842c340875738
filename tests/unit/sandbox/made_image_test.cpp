#include "sandbox/control/made_image.hpp"

#include "base/hash.hpp"
#include "base/json.hpp"

#include <gtest/gtest.h>

namespace sluice::sandbox {
namespace {

Scenario::Image wanted(std::vector<std::string> platforms = {}) {
  Scenario::Image image;
  image.stream = "web";
  image.tag = "1";
  image.layers = 2;
  image.layer_bytes = 1000;
  image.platforms = std::move(platforms);
  return image;
}

TEST(MadeImages, AreTheSameEveryTime) {
  const auto first = make_image(wanted());
  const auto second = make_image(wanted());
  ASSERT_EQ(first.manifests.size(), 1U);
  EXPECT_EQ(first.manifests[0].digest, second.manifests[0].digest);
  EXPECT_EQ(first.blobs.size(), 3U) << "two layers and a config";
}

TEST(MadeImages, NameTheirBlobsByDigestAndSize) {
  const auto image = make_image(wanted());
  const auto manifest = parse_json(image.manifests[0].bytes).value();
  const auto& layers = manifest.find("layers")->items();
  ASSERT_EQ(layers.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(*layers[i].string_at("digest"), "sha256:" + hash_hex(HashAlgorithm::sha256, image.blobs[i]));
    EXPECT_EQ(*layers[i].integer_at("size"), static_cast<std::int64_t>(image.blobs[i].size()));
  }
}

TEST(MadeImages, OfSeveralPlatformsAreAListOfThem) {
  const auto image = make_image(wanted({"linux/amd64", "linux/arm64"}));
  ASSERT_EQ(image.manifests.size(), 3U);
  const auto list = parse_json(image.manifests.back().bytes).value();
  const auto& entries = list.find("manifests")->items();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(*entries[1].string_at("digest"), image.manifests[1].digest);
  EXPECT_EQ(*entries[1].find("platform")->string_at("architecture"), "arm64");
}

}  // namespace
}  // namespace sluice::sandbox
