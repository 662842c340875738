#include "oci/manifest.hpp"

#include "manifest_samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::oci {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> hexes(const std::vector<Descriptor>& descriptors) {
  std::vector<std::string> out;
  for (const auto& one : descriptors) out.push_back(one.digest.hex());
  return out;
}

std::string hex_of(std::string_view content) { return Digest::of(content).hex(); }

TEST(Manifest, ReadsAnImage) {
  const auto bytes = samples::image(samples::layer("one") + "," + samples::layer("two"));
  const auto manifest = parse_manifest(bytes, media::kOciManifest);
  ASSERT_TRUE(manifest.ok()) << manifest.error().sentence();
  EXPECT_EQ(manifest->kind, ManifestKind::image);
  EXPECT_EQ(manifest->media_type, media::kOciManifest);
  EXPECT_EQ(manifest->bytes, bytes);
  EXPECT_EQ(manifest->digest, Digest::of(bytes));
  ASSERT_TRUE(manifest->config);
  EXPECT_EQ(manifest->config->size_bytes, 2U);
  EXPECT_EQ(hexes(manifest->layers), (std::vector{hex_of("one"), hex_of("two")}));
  EXPECT_THAT(manifest->children, IsEmpty());
  EXPECT_FALSE(manifest->subject);
}

TEST(Manifest, ReadsAnIndexWithPlatformsAndNestedIndexes) {
  const auto arm =
      samples::descriptor(media::kOciManifest, "arm",
                          R"(,"platform":{"os":"linux","architecture":"arm64","variant":"v8","os.version":"1"})");
  const auto nested = samples::descriptor(media::kOciIndex, "nested", R"(,"artifactType":"application/x")");
  const auto manifest = parse_manifest(samples::index(arm + "," + nested), media::kOciIndex);
  ASSERT_TRUE(manifest.ok()) << manifest.error().sentence();
  EXPECT_TRUE(manifest->is_index());
  ASSERT_EQ(manifest->children.size(), 2U);
  EXPECT_EQ(manifest->children[0].platform, (Platform{"linux", "arm64", "v8", "1"}));
  EXPECT_FALSE(manifest->children[1].platform);
  EXPECT_EQ(manifest->children[1].media_type, media::kOciIndex);
  EXPECT_EQ(manifest->children[1].artifact_type, "application/x");
  EXPECT_THAT(manifest->blobs(), IsEmpty());
}

TEST(Manifest, ListsPlatformsOfChildrenThatNameASystem) {
  std::string children;
  for (const auto* platform :
       {R"({"os":"linux","architecture":"amd64"})", R"({"os":"unknown","architecture":"unknown"})",
        R"({"architecture":"unknown"})", R"({"architecture":"arm64"})", R"({})", R"({"os":"","architecture":""})",
        R"({"os":"linux"})", R"({"os":"linux","architecture":"arm","variant":"v7"})"}) {
    if (!children.empty()) children += ",";
    children += samples::descriptor(media::kOciManifest, "child", std::string(R"(,"platform":)") + platform);
  }
  const auto manifest = parse_manifest(samples::index(children), media::kOciIndex);
  ASSERT_TRUE(manifest.ok()) << manifest.error().sentence();
  EXPECT_EQ(manifest->children.size(), 8U);
  EXPECT_EQ(platforms_of(*manifest), (std::vector<std::string>{"linux/amd64", "linux/unknown", "linux/arm/v7"}));
}

TEST(Manifest, ReadsAnArtifactWithItsSubject) {
  const auto more = R"(,"artifactType":"application/vnd.example.sbom","subject":)" +
                    samples::descriptor(media::kOciManifest, "image");
  const auto manifest = parse_manifest(samples::image(samples::layer("sbom"), more), media::kOciManifest);
  ASSERT_TRUE(manifest.ok()) << manifest.error().sentence();
  EXPECT_EQ(manifest->artifact_type, "application/vnd.example.sbom");
  ASSERT_TRUE(manifest->subject);
  EXPECT_EQ(manifest->subject->digest, Digest::of("image"));
  EXPECT_EQ(manifest->descriptor().artifact_type, manifest->artifact_type);
  EXPECT_EQ(manifest->descriptor().size_bytes, manifest->bytes.size());
}

TEST(Manifest, ReadsWhatIsUnusualButAllowed) {
  struct Row {
    const char* name;
    std::string bytes;
  };
  const std::string start = R"({"schemaVersion":2,)";
  const Row rows[] = {
      {"a layer of no bytes", samples::image(samples::layer(""))},
      {"no layers", samples::image("")},
      {"layers are null", start + R"("layers":null,"config":)" + samples::config() + "}"},
      {"no config", start + R"("layers":[)" + samples::layer("a") + "]}"},
      {"config is null", start + R"("config":null,"layers":[]})"},
      {"subject and artifactType are null", samples::image("", R"(,"subject":null,"artifactType":null)")},
      {"empty index", samples::index("")},
      {"manifests is null", start + R"("manifests":null})"},
      {"no schemaVersion", R"({"layers":[]})"},
      {"unknown keys", samples::image("", R"(,"annotations":{"a":"b"},"future":[1,2.5,null])")},
      {"platform with unexpected types",
       samples::index(samples::descriptor(media::kOciManifest, "a", R"(,"platform":{"os":1,"os.features":[]})"))},
      {"byte order and white space", "\n\t " + samples::image("") + "\n"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto manifest = parse_manifest(row.bytes, "");
    EXPECT_TRUE(manifest.ok()) << manifest.error().sentence();
  }
}

TEST(Manifest, ListsEachBlobOnceAndLeavesForeignLayersOut) {
  const auto foreign = samples::descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "base",
                                           R"(,"urls":["https://example.com/base"])");
  const auto layers = foreign + "," + samples::layer("one") + "," + samples::layer("two") + "," + samples::layer("one");
  const auto manifest = parse_manifest(samples::image(layers), media::kOciManifest);
  ASSERT_TRUE(manifest.ok()) << manifest.error().sentence();
  EXPECT_EQ(manifest->layers.size(), 4U) << "duplicates are kept in layers";
  EXPECT_EQ(hexes(manifest->blobs()), (std::vector{hex_of("{}"), hex_of("one"), hex_of("two")}));
}

TEST(Manifest, CarriesTheEmptyConfigLikeAnyBlob) {
  const auto bytes = R"({"schemaVersion":2,"config":)" +
                     samples::descriptor("application/vnd.oci.empty.v1+json", "{}") + R"(,"layers":[)" +
                     samples::descriptor("application/vnd.oci.empty.v1+json", "{}") + "]}";
  const auto manifest = parse_manifest(bytes, media::kOciManifest);
  ASSERT_TRUE(manifest.ok()) << manifest.error().sentence();
  EXPECT_EQ(manifest->blobs().size(), 1U);
}

TEST(Manifest, FindsItsType) {
  struct Row {
    const char* name;
    std::string bytes;
    std::string_view content_type;
    std::string_view expected;
  };
  const std::string docker = R"({"schemaVersion":2,"mediaType":")" + std::string(media::kDockerManifest) +
                             R"(","config":)" + samples::config() + R"(,"layers":[]})";
  const std::string bare_image = R"({"schemaVersion":2,"layers":[]})";
  const std::string bare_index = R"({"schemaVersion":2,"manifests":[]})";
  const Row rows[] = {
      {"both agree", docker, media::kDockerManifest, media::kDockerManifest},
      {"parameters and case of the header", docker,
       "Application/vnd.docker.distribution.manifest.v2+json; charset=utf-8", media::kDockerManifest},
      {"header says nothing: json", docker, "application/json", media::kDockerManifest},
      {"header says nothing: text", docker, "text/plain; charset=utf-8", media::kDockerManifest},
      {"header says nothing: bytes", docker, "application/octet-stream", media::kDockerManifest},
      {"no header", docker, "", media::kDockerManifest},
      {"body says nothing", bare_image, media::kDockerManifest, media::kDockerManifest},
      {"body of an index says nothing", bare_index, media::kDockerList, media::kDockerList},
      {"nobody says anything, image", bare_image, "", media::kOciManifest},
      {"nobody says anything, index", bare_index, "application/json", media::kOciIndex},
      {"body says the empty text", R"({"mediaType":"","layers":[]})", "", media::kOciManifest},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto manifest = parse_manifest(row.bytes, row.content_type);
    ASSERT_TRUE(manifest.ok()) << manifest.error().sentence();
    EXPECT_EQ(manifest->media_type, row.expected);
  }
}

TEST(Manifest, IsHeldToTheDigestThatWasAskedFor) {
  const auto bytes = samples::image("");
  for (const auto algorithm : {HashAlgorithm::sha256, HashAlgorithm::sha512}) {
    const auto manifest = parse_manifest(bytes, media::kOciManifest, Digest::of(bytes, algorithm));
    ASSERT_TRUE(manifest.ok()) << manifest.error().sentence();
    EXPECT_EQ(manifest->digest, Digest::of(bytes, algorithm));
  }
  const auto other = parse_manifest(bytes, media::kOciManifest, Digest::of("other"));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().kind(), ErrorKind::integrity);
  EXPECT_THAT(other.error().message(), HasSubstr(Digest::of("other").text()));
  EXPECT_THAT(other.error().message(), HasSubstr(Digest::of(bytes).text()));
}

TEST(Manifest, ThatWasCutShortIsAnIntegrityError) {
  const auto bytes = samples::image(samples::layer("one"));
  const auto cut = parse_manifest(bytes.substr(0, bytes.size() / 2), media::kOciManifest, Digest::of(bytes));
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().kind(), ErrorKind::integrity);
}

TEST(Manifest, ThatIsALoginPageIsToldAsSuchEvenWithADigest) {
  const auto page = parse_manifest("\n<!DOCTYPE html><title>Log in</title>", "text/html", Digest::of("x"));
  ASSERT_FALSE(page.ok());
  EXPECT_EQ(page.error().kind(), ErrorKind::protocol);
  EXPECT_THAT(page.error().message(), HasSubstr("is not a manifest: it is an HTML or XML page"));
}

TEST(Manifest, OfSchema1IsExplained) {
  struct Row {
    const char* name;
    std::string bytes;
    std::string_view content_type;
  };
  const std::string schema1 = R"({"schemaVersion":1,"name":"shop/web","tag":"1","fsLayers":[],"history":[]})";
  const Row rows[] = {
      {"signed type", schema1, "application/vnd.docker.distribution.manifest.v1+prettyjws; charset=utf-8"},
      {"plain type", schema1, media::kDockerSchema1},
      {"only the version in the body", schema1, "application/json"},
      {"type in the body", R"({"mediaType":"application/vnd.docker.distribution.manifest.v1+json"})", ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    for (const auto& expected : {std::optional<Digest>(), std::optional(Digest::of(row.bytes))}) {
      const auto manifest = parse_manifest(row.bytes, row.content_type, expected);
      ASSERT_FALSE(manifest.ok());
      EXPECT_EQ(manifest.error().kind(), ErrorKind::unsupported);
      EXPECT_THAT(manifest.error().sentence(), HasSubstr("rebuild the image, or pull and push it again"));
    }
  }
  // Registries name such a manifest by a digest that leaves the signatures out.
  const auto by_digest = parse_manifest(schema1, "", Digest::of("without signatures"));
  ASSERT_FALSE(by_digest.ok());
  EXPECT_EQ(by_digest.error().kind(), ErrorKind::unsupported);
}

}  // namespace
}  // namespace sluice::oci
