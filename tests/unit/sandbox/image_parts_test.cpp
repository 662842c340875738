// The small pure parts of the image API: pull specs, limits, fields of an Image, pull secrets, the order of tags.
#include "base/encoding.hpp"
#include "oci/digest.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/images/fields.hpp"
#include "sandbox/images/import/credentials.hpp"
#include "sandbox/images/import/import.hpp"
#include "sandbox/images/limits.hpp"
#include "sandbox/images/pull_spec.hpp"
#include "sandbox/images/resolve.hpp"

#include <gtest/gtest.h>

namespace sluice::sandbox {
namespace {

Json parsed(std::string_view text) {
  auto json = parse_json(text);
  EXPECT_TRUE(json.ok()) << text;
  return json.ok() ? *json : Json();
}

struct SpecRow {
  const char* text;
  const char* registry;
  const char* path;
  const char* exact;
};

TEST(PullSpec, IsTakenApartAndPutTogether) {
  const std::vector<SpecRow> rows = {
      {"web", "", "web", "web:latest"},
      {"dev/web:1", "", "dev/web", "dev/web:1"},
      {"host:5000/dev/web", "host:5000", "dev/web", "host:5000/dev/web:latest"},
      {"localhost/web:1", "localhost", "web", "localhost/web:1"},
      {"h.test/a/b/c:1", "h.test", "a/b/c", "h.test/a/b/c:1"},
      {"h.test/a/b@sha256:1111111111111111111111111111111111111111111111111111111111111111", "h.test", "a/b",
       "h.test/a/b@sha256:1111111111111111111111111111111111111111111111111111111111111111"},
  };
  for (const auto& row : rows) {
    const auto spec = PullSpec::parse(row.text);
    ASSERT_TRUE(spec) << row.text;
    EXPECT_EQ(spec->registry, row.registry) << row.text;
    EXPECT_EQ(spec->path, row.path) << row.text;
    EXPECT_EQ(spec->exact(), row.exact) << row.text;
  }
}

TEST(PullSpec, RefusesWhatIsNoReference) {
  for (const auto* text : {"", "not a / reference", "a@b", "a:b:c", "Upper/case", "h.test/", "a/b@sha256:12"}) {
    EXPECT_FALSE(PullSpec::parse(text)) << '"' << text << '"';
  }
}

TEST(FromName, BelongsToTheOwnStreamWhenItIsBare) {
  EXPECT_EQ(split_from("web", "ImageStreamTag", "1.0")->stream, "web");
  EXPECT_EQ(split_from("web", "ImageStreamTag", "shop:1.0")->stream, "shop");
  EXPECT_EQ(split_from("web", "ImageStreamImage", "shop@sha256:ab")->item, "sha256:ab");
  EXPECT_FALSE(split_from("web", "ImageStreamTag", "a:b:c"));
  EXPECT_FALSE(split_from("web", "Foo", "a"));
}

TEST(Quantity, IsReadInAllItsUnits) {
  const std::vector<std::pair<std::string, std::optional<std::int64_t>>> rows = {
      {"100", 100}, {"1Ki", 1024}, {"2M", 2'000'000},   {"1.5Gi", 1'610'612'736},
      {"1500m", 2}, {"0", 0},      {"x", std::nullopt}, {"1Q", std::nullopt}};
  for (const auto& [text, value] : rows) EXPECT_EQ(quantity(text), value) << text;
  EXPECT_EQ(binary_quantity(454), "454");
  EXPECT_EQ(binary_quantity(2048), "2Ki");
  EXPECT_EQ(binary_quantity(3LL * 1024 * 1024), "3Mi");
}

TEST(Limits, CountDistinctImagesAndDistinctSources) {
  const auto stream = parsed(R"({"metadata":{"namespace":"prod"},
    "spec":{"tags":[{"name":"a","from":{"kind":"ImageStreamTag","namespace":"dev","name":"web:1"}},
                    {"name":"b","from":{"kind":"ImageStreamTag","namespace":"dev","name":"web:1"}},
                    {"name":"c","from":{"kind":"ImageStreamTag","name":"web:1"}},{"name":"d"}]},
    "status":{"tags":[{"tag":"a","items":[{"image":"sha256:1"},{"image":"sha256:2"}]},
                      {"tag":"b","items":[{"image":"sha256:1"},{"image":""}]},{"tag":"c","items":null}]}})");
  const auto usage = usage_of(stream);
  EXPECT_EQ(usage.images, 2);
  EXPECT_EQ(usage.tags, 2);
}

TEST(Limits, SayEverythingThatIsExceeded) {
  const auto range = parsed(R"({"spec":{"limits":[{"type":"openshift.io/ImageStream",
    "max":{"openshift.io/images":"2","openshift.io/image-tags":2}},{"type":"openshift.io/Image","max":{"storage":"1Ki"}}]}})");
  EXPECT_TRUE(exceeded({2, 2}, {&range}).empty());
  EXPECT_EQ(exceeded({3, 3}, {&range}),
            (std::vector<std::string>{
                "requested usage of openshift.io/images exceeds the maximum limit per openshift.io/ImageStream (3 > 2)",
                "requested usage of openshift.io/image-tags exceeds the maximum limit per openshift.io/ImageStream (3 "
                "> 2)"}));
  EXPECT_EQ(too_large(1025, {&range}),
            "requested usage of storage exceeds the maximum limit per openshift.io/Image (1025 > 1Ki)");
  EXPECT_FALSE(too_large(1024, {&range}));
}

TEST(ImageFields, FollowFromManifestAndConfig) {
  auto image = parsed(R"({"metadata":{"name":"sha256:m"},"dockerImageReference":"h/a/b@sha256:m"})");
  image.set("dockerImageManifest", R"({"schemaVersion":2,"mediaType":"M","config":{"digest":"sha256:c"},"layers":[)"
                                   R"({"digest":"sha256:l","size":10,"mediaType":"L"},)"
                                   R"({"digest":"sha256:l","size":10,"mediaType":"L"}]})");
  const std::string config = R"({"architecture":"amd64","created":"T","config":{"Env":["A=1"],"User":""}})";
  image.set("dockerImageConfig", config);
  const auto whole = complete_image(image);
  EXPECT_EQ(at(whole, {"dockerImageMetadata"}).dump(),
            R"({"kind":"DockerImage","apiVersion":"1.0","Id":"sha256:c","Created":"T","ContainerConfig":{},)"
            R"("Config":{"Env":["A=1"]},"Architecture":"amd64","Size":)" +
                std::to_string(config.size() + 10) + "}");
  EXPECT_EQ(at(whole, {"dockerImageLayers"}).items().size(), 2U);
  EXPECT_EQ(text_at(whole, {"dockerImageManifestMediaType"}), "M");
  EXPECT_NE(whole.find("dockerImageManifest"), nullptr);

  annotate(image, kManifestStored, "true");
  EXPECT_EQ(complete_image(image).find("dockerImageManifest"), nullptr) << "the registry has it as a blob";
}

TEST(ImageFields, ListTheChildrenOfAManifestList) {
  auto image = Json::object();
  image.set("dockerImageManifest",
            R"({"schemaVersion":2,"mediaType":"I","manifests":[{"digest":"sha256:c","mediaType":"M","size":5,)"
            R"("platform":{"os":"linux","architecture":"arm64","variant":"v8"}}]})");
  const auto whole = complete_image(image);
  EXPECT_EQ(
      at(whole, {"dockerImageManifests"}).dump(),
      R"([{"digest":"sha256:c","mediaType":"M","manifestSize":5,"architecture":"arm64","os":"linux","variant":"v8"}])");
  EXPECT_TRUE(at(whole, {"dockerImageLayers"}).is_null());
}

ObjectRef secret(std::string_view name, std::string_view type, std::string_view member, std::string_view content) {
  auto object = Json::object();
  set_at(object, {"metadata", "name"}, name);
  object.set("type", type);
  set_at(object, {"data", member}, encoding::base64(content));
  return std::make_shared<const Json>(std::move(object));
}

TEST(PullSecrets, GiveTheFirstMatchByName) {
  const std::vector<ObjectRef> secrets = {
      secret("z", "kubernetes.io/dockercfg", ".dockercfg", R"({"h:5000":{"username":"z","password":"p"}})"),
      secret("b", "kubernetes.io/dockerconfigjson", ".dockerconfigjson",
             R"({"auths":{"https://h:5000/v1/":{"auth":")" + encoding::base64("bob:pass:word") + R"("}}})"),
      secret("a", "kubernetes.io/dockercfg", ".dockercfg", "no json"),
      secret("0", "Opaque", ".dockercfg", R"({"h:5000":{"username":"no","password":"p"}})")};
  const auto found = pull_credential(secrets, "h:5000");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->user, "bob");
  EXPECT_EQ(found->password.reveal(), "pass:word");
  EXPECT_EQ(found->secret, "b");
  EXPECT_FALSE(pull_credential(secrets, "other:5000"));
}

TEST(RepositoryImport, TakesTheNewestVersionsFirst) {
  std::vector<std::string> tags = {"1.0", "alpha", "1.10", "v2.0.0", "latest", "1.1"};
  prioritize_tags(tags);
  EXPECT_EQ(tags, (std::vector<std::string>{"latest", "v2.0.0", "1.10", "1.1", "1.0", "alpha"}));
}

TEST(ResolvedTag, FollowsTheReferencePolicy) {
  auto stream = parsed(R"({"spec":{"tags":[{"name":"live","referencePolicy":{"type":"Local"}}]},
    "status":{"tags":[{"tag":"live","items":[{"dockerImageReference":"far/a/b@sha256:1","image":"sha256:1"}]},
                      {"tag":"ref","items":[{"dockerImageReference":"far/a/b:1","image":""}]}]}})");
  EXPECT_EQ(resolve_tag_of(stream, "h/dev/web", "live"), "h/dev/web@sha256:1");
  EXPECT_EQ(resolve_tag_of(stream, "", "live"), "far/a/b@sha256:1") << "without a registry";
  EXPECT_EQ(resolve_tag_of(stream, "h/dev/web", "ref"), "far/a/b:1");
  EXPECT_FALSE(resolve_tag_of(stream, "h/dev/web", "none"));
}

}  // namespace
}  // namespace sluice::sandbox
