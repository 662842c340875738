#include "oci/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::oci {
namespace {

using testing::HasSubstr;

TEST(MediaTypes, AreAllAskedFor) {
  const auto accept = media::accept_all();
  for (const auto type : {media::kOciManifest, media::kOciIndex, media::kDockerManifest, media::kDockerList,
                          media::kDockerSchema1, media::kDockerSchema1Signed}) {
    EXPECT_THAT(accept, HasSubstr(std::string(type)));
    EXPECT_TRUE(media::is_manifest(type)) << type;
  }
}

TEST(MediaTypes, AreToldApart) {
  EXPECT_TRUE(media::is_index(media::kOciIndex));
  EXPECT_TRUE(media::is_index(media::kDockerList));
  EXPECT_FALSE(media::is_index(media::kOciManifest));
  EXPECT_FALSE(media::is_manifest("application/json"));
  EXPECT_FALSE(media::is_manifest("application/vnd.oci.image.config.v1+json"));
}

TEST(MediaTypes, KnowForeignLayers) {
  struct Row {
    const char* type;
    bool is_foreign;
  };
  const Row rows[] = {
      {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar", true},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", true},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", true},
      {"application/vnd.docker.image.rootfs.diff.tar.gzip", false},
      {"application/vnd.oci.image.layer.v1.tar+gzip", false},
      {"", false},
  };
  for (const auto& row : rows) EXPECT_EQ(media::is_foreign_layer(row.type), row.is_foreign) << row.type;
}

TEST(Descriptor, IsForeignOnlyWithAddresses) {
  Descriptor layer{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Digest::of("x"), 1, {}, {}, {}};
  EXPECT_FALSE(layer.is_foreign());
  layer.urls = {"https://example.com/x"};
  EXPECT_TRUE(layer.is_foreign());
  layer.media_type = "application/vnd.oci.image.layer.v1.tar";
  EXPECT_FALSE(layer.is_foreign());
}

TEST(Platform, IsWrittenForPeople) {
  EXPECT_EQ((Platform{"linux", "amd64", "", ""}).text(), "linux/amd64");
  EXPECT_EQ((Platform{"linux", "arm64", "v8", ""}).text(), "linux/arm64/v8");
  EXPECT_EQ((Platform{"windows", "amd64", "", "10.0.17763.1"}).text(), "windows/amd64");
  EXPECT_EQ((Platform{"linux", "", "", ""}).text(), "linux/unknown");
  EXPECT_EQ(Platform{}.text(), "");
}

}  // namespace
}  // namespace sluice::oci
