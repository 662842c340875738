// Pushing and reading manifests. Contract items 50 to 54, and the parts of 59 to 61 that the registry shows.

#include "sandbox/registry/schema1.hpp"
#include "unit/sandbox/registry_testing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::sandbox {
namespace {

using testing::RegistryTest;
using testing::SmallImage;

constexpr auto kSchema2 = "application/vnd.docker.distribution.manifest.v2+json";
constexpr auto kSchema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
constexpr auto kOci = "application/vnd.oci.image.manifest.v1+json";
constexpr auto kList = "application/vnd.docker.distribution.manifest.list.v2+json";

class RegistryManifests : public RegistryTest {
 protected:
  net::ServerReply get(const std::string& reference, const std::string& accept = kSchema2) {
    net::Headers headers;
    if (!accept.empty()) headers.set("Accept", accept);
    return send({"GET", "/v2/dev/web/manifests/" + reference, "ann", headers});
  }
  net::ServerReply put(const std::string& reference, const std::string& type, const std::string& body) {
    return send({"PUT", "/v2/dev/web/manifests/" + reference, "ann", {{"Content-Type", type}}, body});
  }
  static SmallImage oci(const std::string& word) {
    auto image = SmallImage::make(word);
    const auto swap = [&](const std::string& from, const std::string& to) {
      for (auto at = image.manifest.find(from); at != std::string::npos; at = image.manifest.find(from)) {
        image.manifest.replace(at, from.size(), to);
      }
    };
    swap(kSchema2, kOci);
    swap("application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json");
    swap("application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar+gzip");
    image.type = kOci;
    return image;
  }
  static std::string list_of(const SmallImage& image) {
    return fmt::format(
        R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","size":{},"digest":"{}",)"
        R"("platform":{{"architecture":"amd64","os":"linux"}}}}]}})",
        kList, image.type, image.manifest.size(), image.name());
  }
};

TEST_F(RegistryManifests, Item51CreatesTheStreamAndAnswersWhenItIsThere) {
  const auto image = SmallImage::make("a");
  push_blob("dev/web", image.layer);
  push_blob("dev/web", image.config);
  EXPECT_FALSE(backend_.stream_exists("dev", "web")) << "blobs alone create no stream";
  const auto done = put_manifest("dev/web", "1.0", image);
  EXPECT_EQ(done.status, 201) << done.body;
  EXPECT_EQ(target_of(done), "/v2/dev/web/manifests/" + image.name());
  EXPECT_EQ(header(done, "Docker-Content-Digest"), image.name());
  EXPECT_EQ(backend_.digest_of_tag("dev", "web", "1.0"), image.name());
}

TEST_F(RegistryManifests, Item52FillTheImageObject) {
  const auto image = SmallImage::make("a");
  push("dev/web", "1.0", image);
  const auto object = backend_.image(image.name());
  ASSERT_TRUE(object);
  EXPECT_EQ(text_at(*object, {"dockerImageReference"}), "registry.svc:5000/dev/web@" + image.name());
  EXPECT_EQ(annotation(*object, "openshift.io/image.managed"), "true");
  EXPECT_EQ(annotation(*object, "image.openshift.io/manifestBlobStored"), "true");
  EXPECT_EQ(annotation(*object, "image.openshift.io/dockerLayersOrder"), "ascending");
  EXPECT_EQ(text_at(*object, {"dockerImageMetadata", "Id"}), SmallImage::digest(image.config));
  EXPECT_EQ(text_at(*object, {"dockerImageManifestMediaType"}), kSchema2);
  EXPECT_EQ(text_at(*object, {"dockerImageManifest"}), "");
}

TEST_F(RegistryManifests, Item50RefusesWhatDoesNotFit) {
  const auto image = SmallImage::make("a");
  push("dev/web", "1.0", image);
  const auto missing = SmallImage::make("missing");
  auto wrong_size = image.manifest;
  const auto size = fmt::format(R"("size":{},"digest":"{}")", image.layer.size(), SmallImage::digest(image.layer));
  wrong_size.replace(
      wrong_size.find(size), size.size(),
      fmt::format(R"("size":{},"digest":"{}")", image.layer.size() + 1, SmallImage::digest(image.layer)));
  struct Row {
    std::string name;
    std::string type;
    std::string body;
    int status;
    std::string errors;
  };
  const std::string invalid = R"({"code":"MANIFEST_INVALID","message":"manifest invalid","detail":{}})";
  const auto unknown_blob = [](const std::string& content) {
    return R"({"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":")" +
           SmallImage::digest(content) + "\"}";
  };
  const std::vector<Row> rows = {
      {"missing blobs", kSchema2, missing.manifest, 400,
       unknown_blob(missing.config) + "," + unknown_blob(missing.layer)},
      {"a wrong size", kSchema2, wrong_size, 500,
       R"({"code":"UNKNOWN","message":"unknown error"},{"code":"UNKNOWN","message":"unknown error","detail":{"Digest":")" +
           SmallImage::digest(image.layer) + R"(","ActualSize":7,"SizeInManifest":8}})"},
      {"OCI", kOci, oci("a").manifest, 400, invalid},
      {"a list", kList, list_of(image), 400, invalid},
      {"half a JSON", kSchema2, R"({"not":"a manifest")", 400,
       R"({"code":"MANIFEST_INVALID","message":"manifest invalid","detail":{"Offset":19}})"},
      {"nothing", kSchema2, "", 400,
       R"({"code":"MANIFEST_INVALID","message":"manifest invalid","detail":{"Offset":0}})"},
      {"no manifest", kSchema2, "[]", 400, invalid},
      {"no type", "", image.manifest, 400, invalid},
  };
  for (const auto& row : rows) {
    const auto reply = put("x", row.type, row.body);
    EXPECT_EQ(reply.status, row.status) << row.name;
    EXPECT_EQ(reply.body, "{\"errors\":[" + row.errors + "]}\n") << row.name;
  }
  EXPECT_EQ(backend_.tags("dev", "web"), std::vector<std::string>{"1.0"});
}

TEST_F(RegistryManifests, Item50KnowsDigestsInPaths) {
  const auto image = SmallImage::make("a");
  push("dev/web", "1.0", image);
  const auto by_digest = put(image.name(), kSchema2, image.manifest);
  EXPECT_EQ(by_digest.status, 500);
  EXPECT_NE(by_digest.body.find(R"("detail":{"Code":"ImageStream:Unknown","Message":)"
                                R"("CreateImageStreamMapping: error creation of dev/web ImageStreamMapping",)"
                                R"("Err":{"ErrStatus":{"metadata":{},"status":"Failure","message":)"
                                R"("ImageStreamMapping.image.openshift.io \"web\" is invalid: tag: Required value")"),
            std::string::npos)
      << by_digest.body;
  const auto wrong = put("sha256:" + std::string(64, '9'), kSchema2, image.manifest);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.body,
            R"({"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"}]})"
            "\n");
}

TEST_F(RegistryManifests, RefuseMoreThanFourMebibytes) {
  const auto reply = put("x", kSchema2, std::string(std::size_t{4} * 1024 * 1024 + 1, ' '));
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("request body too large"), std::string::npos) << reply.body.substr(0, 300);
}

TEST_F(RegistryManifests, Item51SaysDeniedForLimitsAndMissingRights) {
  const auto image = SmallImage::make("a");
  const std::string denied = R"({"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]})"
                             "\n";
  backend_.rights.erase({"ann", "create imagestreams dev"});
  push_blob("dev/web", image.layer);
  push_blob("dev/web", image.config);
  auto reply = put_manifest("dev/web", "1.0", image);
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reply.body, denied);
  backend_.let("ann", "dev", {"create"});
  struct Row {
    std::string name;
    Refusal refusal;
    int status;
  };
  for (const auto& row :
       {Row{"image size", {403, "Forbidden", "x exceeds the maximum limit per openshift.io/Image (2 > 1)", {}}, 403},
        Row{"images in a stream", {422, "Invalid", "requested usage exceeds the maximum limit per", {}}, 403},
        Row{"quota", {403, "Forbidden", "exceeded quota: rq, requested: 1", {}}, 403},
        Row{"something else", {409, "Conflict", "try again", {}}, 500}}) {
    backend_.mapping_refusal = row.refusal;
    reply = put_manifest("dev/web", "1.0", image);
    EXPECT_EQ(reply.status, row.status) << row.name << ": " << reply.body;
    EXPECT_EQ(reply.body == denied, row.status == 403) << row.name;
  }
  EXPECT_TRUE(blobs_.size_of(SmallImage::digest(image.layer))) << "blobs stay";
}

TEST_F(RegistryManifests, Item51TellsTheMissingProjectOfAClusterAdmin) {
  const auto image = SmallImage::make("a");
  push_blob("gone/web", image.layer, "admin");
  push_blob("gone/web", image.config, "admin");
  const auto reply = put_manifest("gone/web", "1.0", image, "admin");
  EXPECT_EQ(reply.status, 500);
  EXPECT_NE(reply.body.find(R"("message":"namespaces \"gone\" not found","reason":"NotFound")"), std::string::npos)
      << reply.body;
}

TEST_F(RegistryManifests, Item54AreReadByTagAndByDigest) {
  const auto first = SmallImage::make("a");
  const auto second = SmallImage::make("b");
  push("dev/web", "1.0", first);
  push("dev/web", "1.0", second);
  auto reply = get("1.0");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, second.manifest);
  EXPECT_EQ(header(reply, "Content-Type"), kSchema2);
  EXPECT_EQ(header(reply, "Docker-Content-Digest"), second.name());
  EXPECT_EQ(header(reply, "ETag"), "\"" + second.name() + "\"");
  EXPECT_EQ(get(first.name()).body, first.manifest) << "an older item of the history";
  EXPECT_EQ(get(first.name(), "").body, first.manifest) << "by digest nothing is converted";
  EXPECT_EQ(get("1.0", std::string(kSchema1) + ", " + kSchema2).body, second.manifest);
  const auto known = send({"GET",
                           "/v2/dev/web/manifests/1.0",
                           "ann",
                           {{"Accept", kSchema2}, {"If-None-Match", "\"" + second.name() + "\""}}});
  EXPECT_EQ(known.status, 304);
}

TEST_F(RegistryManifests, Item54SaysWhatIsUnknown) {
  push("dev/web", "1.0", SmallImage::make("a"));
  const std::string nines = "sha256:" + std::string(64, '9');
  const auto error = [](const std::string& rest) { return "{\"errors\":[{\"code\":" + rest + "}]}\n"; };
  struct Row {
    std::string target;
    std::string body;
  };
  const std::string unknown = R"("MANIFEST_UNKNOWN","message":"manifest unknown","detail":)";
  const std::string no_name = R"("NAME_UNKNOWN","message":"repository name not known to registry")";
  for (const auto& row :
       {Row{"/v2/dev/web/manifests/none", error(unknown + R"({"Tag":"none"})")},
        Row{"/v2/dev/web/manifests/" + nines, error(unknown + R"({"Name":"dev/web","Revision":")" + nines + "\"}")},
        Row{"/v2/dev/none/manifests/1.0", error(no_name)},
        Row{"/v2/dev/none/tags/list", error(no_name + R"(,"detail":{"name":"dev/none"})")}}) {
    const auto reply = send({"GET", row.target, "ann", {{"Accept", kSchema2}}});
    EXPECT_EQ(reply.status, 404) << row.target;
    EXPECT_EQ(reply.body, row.body) << row.target;
  }
  EXPECT_EQ(send({"GET", "/v2/dev/web/tags/list?n=1"}).body, "{\"name\":\"dev/web\",\"tags\":[\"1.0\"]}\n");
}

TEST_F(RegistryManifests, Item37Says500WhenTheImageObjectIsGone) {
  const auto image = SmallImage::make("a");
  push("dev/web", "1.0", image);
  backend_.images.clear();
  for (const auto& reference : {std::string("1.0"), image.name()}) {
    const auto reply = get(reference);
    EXPECT_EQ(reply.status, 500) << reference;
    EXPECT_EQ(code_of(reply), "UNKNOWN") << reference;
  }
}

TEST_F(RegistryManifests, Item54BecomeSchema1ForClientsThatTakeNothingElse) {
  const auto image = SmallImage::make("a");
  push("dev/web", "1.0", image);
  const auto reply = get("1.0", "");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(header(reply, "Content-Type"), kSchema1);
  EXPECT_NE(header(reply, "Docker-Content-Digest"), image.name());
  const auto read = read_schema1(reply.body);
  ASSERT_TRUE(read.ok()) << support::why(read);
  EXPECT_EQ(header(reply, "Docker-Content-Digest"), SmallImage::digest(read->payload));
  EXPECT_EQ(read->layers, (std::vector<std::string>{std::string(kEmptyLayerDigest), SmallImage::digest(image.layer)}));
  for (const auto& layer : read->layers) EXPECT_EQ(send({"GET", "/v2/dev/web/blobs/" + layer}).status, 200) << layer;
}

TEST_F(RegistryManifests, OfSchema1CanBePushedAndComeBackAsTheyWere) {
  push_blob("dev/web", "layer");
  const auto payload = schema1_payload(
      "dev/web", "old", R"({"architecture":"amd64","history":[{"created_by":"x"}],"rootfs":{"diff_ids":["d"]}})",
      {SmallImage::digest("layer")});
  ASSERT_TRUE(payload.ok()) << support::why(payload);
  const auto text = Schema1Signer().sign(*payload);
  ASSERT_TRUE(text.ok()) << support::why(text);
  const auto done = put("old", kSchema1, *text);
  EXPECT_EQ(done.status, 201) << done.body;
  EXPECT_EQ(header(done, "Docker-Content-Digest"), SmallImage::digest(*payload));
  const auto reply = get("old", kSchema1);
  EXPECT_EQ(reply.body, *text);
  EXPECT_EQ(header(reply, "Docker-Content-Digest"), SmallImage::digest(*payload));
}

TEST_F(RegistryManifests, OfEveryTypeAreTakenByTheReleasesThatKnowThem) {
  struct Row {
    RegistryRelease release;
    int oci;
    int list;
    int by_digest;
  };
  const auto image = SmallImage::make("a");
  const auto modern = oci("a");
  for (const auto& row : {Row{RegistryRelease::v3_11, 400, 400, 500}, Row{RegistryRelease::v4_1, 400, 400, 500},
                          Row{RegistryRelease::v4_7, 201, 400, 500}, Row{RegistryRelease::v4_13, 201, 201, 201}}) {
    const auto name = static_cast<int>(row.release);
    start(row.release);
    push("dev/web", "1.0", image);
    EXPECT_EQ(put("oci", kOci, modern.manifest).status, row.oci) << name;
    EXPECT_EQ(put(image.name(), kSchema2, image.manifest).status, row.by_digest) << name;
    EXPECT_EQ(put("list", kList, list_of(image)).status, row.list) << name;
  }
  EXPECT_EQ(get("oci", kOci).body, modern.manifest);
  const auto refused = get("oci");
  EXPECT_EQ(refused.status, 404);
  EXPECT_NE(refused.body.find("OCI manifest found, but accept header does not support OCI manifests"),
            std::string::npos)
      << refused.body;
  EXPECT_EQ(get("list", kList).body, list_of(image));
  EXPECT_EQ(get("list").body, image.manifest) << "the child for linux/amd64";
}

TEST(Schema1, RefusesConfigsThatDoNotFit) {
  for (const std::string config : {"{}", "[]", "no json", R"({"history":[]})",
                                   R"({"history":[{"created_by":"x"}],"rootfs":{"diff_ids":["a","b"]}})"}) {
    EXPECT_FALSE(schema1_payload("a/b", "t", config, {"sha256:1"}).ok()) << config;
  }
  for (const std::string text :
       {"", "{}", R"({"schemaVersion":2})", R"({"schemaVersion":1,"fsLayers":[],"history":[]})",
        R"({"schemaVersion":1,"fsLayers":[{"blobSum":"a"}],"history":[{}]})"}) {
    EXPECT_FALSE(read_schema1(text).ok()) << text;
  }
}

TEST(Schema1, NoticesThatTheSignatureIsOfAnotherText) {
  const auto payload =
      schema1_payload("a/b", "t", R"({"history":[{"created_by":"x"}],"rootfs":{"diff_ids":["d"]}})", {"sha256:1"});
  ASSERT_TRUE(payload.ok());
  auto text = Schema1Signer().sign(*payload);
  ASSERT_TRUE(text.ok());
  ASSERT_TRUE(read_schema1(*text).ok());
  EXPECT_EQ(read_schema1(*text)->payload, *payload);
  auto changed = *text;
  changed.insert(changed.rfind('}'), R"(,"tag2":"x")");
  EXPECT_FALSE(read_schema1(changed).ok());
}

}  // namespace
}  // namespace sluice::sandbox
