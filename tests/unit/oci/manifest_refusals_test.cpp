// What parse_manifest refuses; what it reads is in manifest_test.cpp.

#include "manifest_samples.hpp"
#include "oci/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::oci {
namespace {

using testing::HasSubstr;

struct Row {
  const char* name;
  std::string bytes;
  std::string content_type;
  ErrorKind kind;
  const char* why;
};

void expect_refusals(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto manifest = parse_manifest(row.bytes, row.content_type);
    ASSERT_FALSE(manifest.ok());
    EXPECT_EQ(to_string(manifest.error().kind()), to_string(row.kind)) << manifest.error().sentence();
    EXPECT_THAT(manifest.error().message(), HasSubstr(row.why));
  }
}

std::string layer_with(const std::string& members) { return samples::image("{" + members + "}"); }

const std::string kType = R"("mediaType":"application/vnd.oci.image.layer.v1.tar")";
const std::string kDigest = R"("digest":")" + Digest::of("x").text() + "\"";

TEST(ManifestRefusals, OfWhatIsNoManifest) {
  using enum ErrorKind;
  expect_refusals({
      {"empty", "", "", protocol, "is not a manifest: it is empty"},
      {"html", "<html>", "application/json", protocol, "is not a manifest: it is an HTML"},
      {"text", "404 page not found", "text/plain", protocol, "is not a manifest: it is not valid JSON"},
      {"cut short", R"({"schemaVersion":2)", "", protocol, "is not a manifest: it is not valid JSON"},
      {"invalid UTF-8", "{\"a\":\"\xff\"}", "", protocol, "is not a manifest: it is not valid JSON"},
      {"list", "[]", "", protocol, "is not a manifest: it is JSON but no object"},
      {"number", "2", "", protocol, "is not a manifest: it is JSON but no object"},
      {"error envelope", R"({"errors":[{"code":"DENIED"}]})", "application/json", protocol, "is not a manifest"},
      {"two documents", "{}{}", "", protocol, "is not a manifest"},
      {"deep nesting", std::string(100'000, '['), "", protocol, "nested deeper than"},
      {"key twice", R"({"layers":[],"layers":[]})", "", protocol, "twice"},
  });
}

TEST(ManifestRefusals, OfTypesThatDisagreeOrAreUnknown) {
  using enum ErrorKind;
  const auto image = samples::image("");
  const std::string index_type(media::kOciIndex);
  expect_refusals({
      {"header says index", image, index_type, protocol, "calls itself"},
      {"header says docker", image, std::string(media::kDockerManifest), protocol, "calls itself"},
      {"header says html", image, "text/html", protocol, "calls itself"},
      {"body is no text", R"({"mediaType":7,"layers":[]})", "", protocol, "mediaType is no text"},
      {"unknown in the body", R"({"mediaType":"application/x","layers":[]})", "", unsupported, "\"application/x\""},
      {"unknown in the header", R"({"layers":[]})", "application/x", unsupported, "\"application/x\""},
      {"artifact manifest", R"({"mediaType":"application/vnd.oci.artifact.manifest.v1+json","blobs":[]})", "",
       unsupported, "artifact.manifest"},
      {"schemaVersion 3", R"({"schemaVersion":3,"layers":[]})", "", unsupported, "schemaVersion 3"},
      {"schemaVersion as text", R"({"schemaVersion":"2","layers":[]})", "", unsupported, "schemaVersion \"2\""},
  });
}

TEST(ManifestRefusals, OfDocumentsThatReadInTwoWays) {
  using enum ErrorKind;
  const std::string image_type(media::kOciManifest);
  const std::string index_type(media::kOciIndex);
  expect_refusals({
      {"manifests and layers", R"({"manifests":[],"layers":[]})", index_type, protocol, "has both"},
      {"manifests and config", R"({"manifests":[],"config":{}})", image_type, protocol, "has both"},
      {"manifests and null layers", R"({"manifests":[],"layers":null})", index_type, protocol, "has both"},
      {"index type, image body", R"({"layers":[]})", index_type, protocol, "has no \"manifests\""},
      {"image type, index body", R"({"manifests":[]})", image_type, protocol, "has neither"},
      {"key in another case", R"({"layers":[],"Manifests":[]})", "", protocol, "which some programs read as"},
      {"digest in another case", layer_with(kType + "," + kDigest + R"(,"size":1,"Digest":"x")"), "", protocol,
       "layers[0] has the key \"Digest\""},
  });
}

TEST(ManifestRefusals, OfWrongDescriptors) {
  using enum ErrorKind;
  const auto good = kType + "," + kDigest;
  expect_refusals({
      {"layers is no list", R"({"layers":{}})", "", protocol, "\"layers\" is no list"},
      {"layer is no object", samples::image("7"), "", protocol, "layers[0] is no object"},
      {"config is no object", R"({"config":[],"layers":[]})", "", protocol, "config is no object"},
      {"size is missing", layer_with(good), "", protocol, "layers[0].size is missing"},
      {"size is null", layer_with(good + R"(,"size":null)"), "", protocol, "layers[0].size is missing"},
      {"size is negative", layer_with(good + R"(,"size":-5)"), "", protocol, "layers[0].size is negative (-5)"},
      {"size is a fraction", layer_with(good + R"(,"size":1.5)"), "", protocol, "layers[0].size is no whole number"},
      {"size is text", layer_with(good + R"(,"size":"1")"), "", protocol, "layers[0].size is no whole number"},
      {"size is over 63 bits", layer_with(good + R"(,"size":9223372036854775808)"), "", protocol, "larger than 2^63"},
      {"size is absurd", layer_with(good + R"(,"size":9223372036854775807)"), "", protocol, "which no registry holds"},
      {"digest is missing", layer_with(kType + R"(,"size":1)"), "", protocol, "layers[0].digest"},
      {"digest is wrong", layer_with(kType + R"(,"digest":"sha256:12","size":1)"), "", protocol, "64 hex digits"},
      {"digest is a path", layer_with(kType + R"(,"digest":"../../x","size":1)"), "", protocol, "layers[0].digest"},
      {"type is missing", layer_with(kDigest + R"(,"size":1)"), "", protocol, "layers[0].mediaType is missing"},
      {"urls is text", layer_with(good + R"(,"size":1,"urls":"x")"), "", protocol, "urls is no list"},
      {"url is a number", layer_with(good + R"(,"size":1,"urls":[1])"), "", protocol, "urls holds something"},
      {"platform is text", samples::index("{" + good + R"(,"size":1,"platform":"linux"})"), "", protocol,
       "manifests[0].platform is no object"},
      {"subject is text", samples::image("", R"(,"subject":"x")"), "", protocol, "subject is no object"},
      {"artifactType is a number", samples::image("", R"(,"artifactType":1)"), "", protocol, "artifactType is no text"},
      {"two sizes of one layer", samples::image("{" + good + R"(,"size":1},{)" + good + R"(,"size":2})"), "", protocol,
       "1 bytes in one place"},
      {"two sizes of one child", samples::index("{" + good + R"(,"size":1},{)" + good + R"(,"size":2})"), "", protocol,
       "1 bytes in one place"},
  });
}

TEST(ManifestRefusals, OfWhatIsOverALimit) {
  const auto large = parse_manifest(std::string(kMaxManifestBytes + 1, ' '), "");
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().kind(), ErrorKind::protocol);
  EXPECT_THAT(large.error().message(), HasSubstr("over the limit of 8388608 bytes"));

  std::string layers = samples::layer("a");
  for (int i = 1; i < 4096; ++i) layers += "," + samples::layer("a");
  EXPECT_TRUE(parse_manifest(samples::image(layers), "").ok());
  const auto many = parse_manifest(samples::image(layers + "," + samples::layer("a")), "");
  ASSERT_FALSE(many.ok());
  EXPECT_EQ(many.error().kind(), ErrorKind::protocol);
  EXPECT_THAT(many.error().message(), HasSubstr("4097 entries, over the limit of 4096"));
}

TEST(ManifestRefusals, DoNotEchoControlCharacters) {
  const auto manifest = parse_manifest(R"({"mediaType":"\u001b[31mred","layers":[]})", "");
  ASSERT_FALSE(manifest.ok());
  EXPECT_EQ(manifest.error().sentence().find('\x1b'), std::string::npos);
  const auto key = parse_manifest("{\"LAYERS\":[],\"layers\":[],\"\\u001b\":1,\"\\u001b\":1}", "");
  ASSERT_FALSE(key.ok());
  EXPECT_EQ(key.error().sentence().find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace sluice::oci
