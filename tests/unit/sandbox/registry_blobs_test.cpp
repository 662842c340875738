// Blobs on their way out, deleting, signatures, the catalog, pull-through. Contract items 55 to 57.

#include "sandbox/registry/blobs.hpp"
#include "unit/sandbox/registry_testing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::sandbox {
namespace {

using sluice::testing::reply;
using testing::RegistryTest;
using testing::SmallImage;

class RegistryBlobs : public RegistryTest {
 protected:
  std::string blob(const std::string& digest) const { return "/v2/dev/web/blobs/" + digest; }
};

TEST_F(RegistryBlobs, AreServedWholeAndInParts) {
  const auto digest = push_blob("dev/web", "hello world");
  const auto whole = send({"GET", blob(digest)});
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, "hello world");
  EXPECT_EQ(whole.stream_bytes, 11U);
  EXPECT_EQ(header(whole, "Content-Type"), "application/octet-stream");
  EXPECT_EQ(header(whole, "Docker-Content-Digest"), digest);
  EXPECT_EQ(header(whole, "ETag"), "\"" + digest + "\"");
  EXPECT_EQ(header(whole, "Accept-Ranges"), "bytes");
  const auto part = send({"GET", blob(digest), "ann", {{"Range", "bytes=6-10"}}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "world");
  EXPECT_EQ(header(part, "Content-Range"), "bytes 6-10/11");
  const auto head = send({"HEAD", blob(digest)});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.head_bytes, 11U);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(send({"GET", blob(digest), "ann", {{"If-None-Match", "\"" + digest + "\""}}}).status, 304);
  const auto beyond = send({"GET", blob(digest), "ann", {{"Range", "bytes=11-"}}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(header(beyond, "Content-Range"), "bytes */11");
}

TEST_F(RegistryBlobs, ThatAreEmptyCanBeServed) {
  const auto digest = push_blob("dev/web", "");
  const auto empty = send({"GET", blob(digest)});
  EXPECT_EQ(empty.status, 200);
  EXPECT_EQ(empty.body, "");
}

TEST_F(RegistryBlobs, ThatAreUnknownAreSaidToBe) {
  const std::string zeros = "sha256:" + std::string(64, '0');
  const auto unknown = send({"GET", blob(zeros)});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body,
            R"({"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry","detail":")" + zeros + "\"}]}\n");
  EXPECT_EQ(unknown.body.size(), 157U);
  const auto odd = send({"GET", "/v2/dev/web/blobs/sha256:" + std::string(40, 'a')});
  EXPECT_EQ(code_of(odd), "DIGEST_INVALID");
}

TEST_F(RegistryBlobs, Item55AreSeenThroughTheHistoryOfAStream) {
  const auto image = SmallImage::make("a");
  push("dev/web", "1.0", image);
  const auto elsewhere = "/v2/prod/site/blobs/";
  EXPECT_EQ(send({"GET", elsewhere + SmallImage::digest(image.layer), "peter"}).status, 404);
  backend_.histories["prod/site"]["live"] = {image.name()};  // as tagging does it
  for (const auto& content : {image.layer, image.config, image.manifest}) {
    EXPECT_EQ(send({"GET", elsewhere + SmallImage::digest(content), "peter"}).body, content);
  }
  const auto manifest = send({"GET", "/v2/prod/site/manifests/live", "peter", {{"Accept", image.type}}});
  EXPECT_EQ(manifest.body, image.manifest);
}

TEST_F(RegistryBlobs, Item56DeletesByItsRules) {
  const auto image = SmallImage::make("a");
  push("dev/web", "1.0", image);
  const auto manifest = "/v2/dev/web/manifests/";
  const auto remove = [&](const std::string& target) { return send({"DELETE", target, "admin"}); };
  const auto in_stream = remove(manifest + image.name());
  EXPECT_EQ(in_stream.status, 405);
  EXPECT_EQ(in_stream.body, R"({"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]})"
                            "\n");
  const auto by_tag = remove(std::string(manifest) + "1.0");
  EXPECT_EQ(by_tag.status, 500);
  EXPECT_EQ(by_tag.body, R"({"errors":[{"code":"UNKNOWN","message":"unknown error"}]})"
                         "\n");
  const auto unknown = remove(manifest + ("sha256:" + std::string(64, '9')));
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"
                          "\n");
  EXPECT_EQ(remove(blob("sha256:" + std::string(64, '0'))).body,
            R"({"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]})"
            "\n");
  EXPECT_EQ(remove(blob(SmallImage::digest(image.layer))).status, 202);
  EXPECT_EQ(send({"GET", blob(SmallImage::digest(image.layer))}).status, 200) << "an image of the history names it";
  backend_.histories["dev/web"].clear();
  EXPECT_EQ(send({"GET", blob(SmallImage::digest(image.layer))}).status, 404);
  EXPECT_EQ(remove(manifest + image.name()).status, 202);
  EXPECT_EQ(remove("/admin/blobs/" + SmallImage::digest(image.config)).status, 204);
  EXPECT_FALSE(blobs_.size_of(SmallImage::digest(image.config)));
  start(RegistryRelease::v4_14);
  EXPECT_EQ(remove(std::string(manifest) + "1.0").status, 202) << "and nothing happens";
}

TEST_F(RegistryBlobs, Item56ListsTheCatalogInPages) {
  backend_.histories = {{"a/1", {}}, {"b/2", {}}, {"c/3", {}}};
  auto page = send({"GET", "/v2/_catalog?n=2", "admin"});
  EXPECT_EQ(page.body, "{\"repositories\":[\"a/1\",\"b/2\"]}\n");
  EXPECT_EQ(header(page, "Link"), "</v2/_catalog?last=b%2F2&n=2>; rel=\"next\"");
  page = send({"GET", "/v2/_catalog?last=b%2F2&n=2", "admin"});
  EXPECT_EQ(page.body, "{\"repositories\":[\"c/3\"]}\n");
  EXPECT_EQ(header(page, "Link"), "");
  EXPECT_EQ(send({"GET", "/v2/_catalog?n=nonsense", "admin"}).body, "{\"repositories\":[\"a/1\",\"b/2\",\"c/3\"]}\n");
}

TEST_F(RegistryBlobs, Item56KeepsSignatures) {
  const auto image = SmallImage::make("a");
  push("dev/web", "1.0", image);
  const auto target = "/extensions/v2/dev/web/signatures/" + image.name();
  const auto put = [&](const std::string& as, int version, const std::string& name) {
    return send({"PUT",
                 target,
                 as,
                 {},
                 fmt::format(R"({{"schemaVersion":{},"type":"atomic","name":"{}","content":"YWJj"}})", version, name)});
  };
  EXPECT_EQ(send({"GET", target, "peter"}).body, "{\"signatures\":[]}\n");
  EXPECT_EQ(put("ann", 2, image.name() + "@sig1").status, 401) << "the right to push is not enough";
  EXPECT_EQ(put("admin", 2, image.name() + "@sig1").status, 201);
  EXPECT_EQ(code_of(put("admin", 2, image.name() + "@sig1")), "SIGNATURE_EXISTS");
  const auto version = put("admin", 1, image.name() + "@sig2");
  EXPECT_EQ(version.status, 400);
  EXPECT_EQ(code_of(version), "SIGNATURE_INVALID");
  const auto name = put("admin", 2, "bad");
  EXPECT_EQ(name.status, 500);
  EXPECT_NE(name.body.find("unable to create image dev/web@" + image.name() + " signature: "), std::string::npos)
      << name.body;
  EXPECT_EQ(send({"GET", target, "peter"}).body, fmt::format(R"({{"signatures":[{{"schemaVersion":2,"name":"{}@sig1",)"
                                                             R"("type":"atomic","content":"YWJj"}}]}})"
                                                             "\n",
                                                             image.name()));
  const auto unknown = send({"GET", "/extensions/v2/dev/web/signatures/sha256:" + std::string(64, '9')});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, "");
}

TEST_F(RegistryBlobs, Item57AreRedirectedToAStorageThatWantsNoAuthorization) {
  const auto digest = push_blob("dev/web", "hello world");
  api_->redirect_blobs("http://storage:9");
  const auto redirect = send({"GET", blob(digest)});
  EXPECT_EQ(redirect.status, 307);
  const auto location = header(redirect, "Location");
  ASSERT_TRUE(location.starts_with("http://storage:9/blobs/" + digest + "?")) << location;
  const auto fetch = [&](const std::string& url, const std::string& authorization) {
    net::ServerRequest request;
    request.method = "GET";
    request.target = url.substr(std::string_view("http://storage:9").size());
    if (!authorization.empty()) request.headers.set("Authorization", authorization);
    auto got = api_->object_storage().handle(request, nullptr);
    if (got.stream) got.body = got.stream->next(1000).bytes;
    return got;
  };
  EXPECT_EQ(fetch(location, "").body, "hello world");
  EXPECT_EQ(fetch(location, "Bearer t-ann").status, 400);
  EXPECT_EQ(fetch(location.substr(0, location.size() - 1), "").status, 403);
  api_->redirect_blobs("");
  EXPECT_EQ(send({"GET", blob(digest)}).status, 200);
}

TEST_F(RegistryBlobs, AreHealthyWithoutAskingWhoAsks) {
  EXPECT_EQ(send({"GET", "/healthz", ""}).status, 200);
  EXPECT_EQ(send({"GET", "/", ""}).status, 200);
  EXPECT_EQ(send({"GET", "/v2", ""}).status, 301);
}

class RegistryPullThrough : public RegistryBlobs {
 protected:
  void SetUp() override {
    image_ = SmallImage::make("far");
    backend_.histories["dev/web"]["imported"] = {image_.name()};
    auto object = Json::object();
    set_at(object, {"metadata", "name"}, image_.name());
    object.set("dockerImageManifest", image_.manifest);
    object.set("dockerImageConfig", image_.config);
    object.set("dockerImageManifestMediaType", image_.type);
    backend_.images.emplace(image_.name(), complete_image(object));
    RemoteImage remote;
    remote.route.host = "far:5000";
    remote.route.address = "far:5000";
    remote.route.schemes = {"http"};
    remote.path = "their/app";
    remote.reference = "far:5000/their/app@" + image_.name();
    backend_.elsewhere = remote;
  }
  void serve(const std::string& what, const std::string& type) {
    exchanger_.then(reply(200));  // GET /v2/
    exchanger_.then(reply(200, what, {{"Content-Type", type}}));
  }

  SmallImage image_;
};

TEST_F(RegistryPullThrough, FetchesOnceAndKeepsIt) {
  serve(image_.manifest, image_.type);
  for (int i = 0; i < 2; ++i) {
    const auto got = send({"GET", "/v2/dev/web/manifests/imported", "ann", {{"Accept", image_.type}}});
    EXPECT_EQ(got.status, 200) << got.body;
    EXPECT_EQ(got.body, image_.manifest);
  }
  ASSERT_EQ(exchanger_.requests().size(), 2U);
  EXPECT_EQ(exchanger_.requests().back().url.text(), "http://far:5000/v2/their/app/manifests/" + image_.name());
  serve(image_.layer, "application/octet-stream");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(send({"GET", blob(SmallImage::digest(image_.layer))}).body, image_.layer);
  EXPECT_EQ(exchanger_.requests().size(), 4U);
}

TEST_F(RegistryPullThrough, SaysWhatItCouldNotHave) {
  exchanger_.otherwise([](const auto&, const auto&) { return reply(404); });
  const auto get = [&] { return send({"GET", "/v2/dev/web/manifests/imported", "ann", {{"Accept", image_.type}}}); };
  EXPECT_EQ(code_of(get()), "MANIFEST_UNKNOWN");
  EXPECT_EQ(code_of(send({"GET", blob(SmallImage::digest(image_.layer))})), "BLOB_UNKNOWN");
  start(RegistryRelease::v4_13);
  EXPECT_EQ(get().status, 404);
  EXPECT_EQ(code_of(get()), "OPENSHIFT_PULLTHROUGH_MANIFEST");
}

TEST_F(RegistryPullThrough, DoesNotAskItself) {
  backend_.elsewhere->route.host = backend_.internal_host();
  EXPECT_EQ(send({"GET", blob(SmallImage::digest(image_.layer))}).status, 404);
  EXPECT_TRUE(exchanger_.requests().empty());
}

TEST_F(RegistryPullThrough, BelievesNoContentThatIsNotItsDigest) {
  serve("something else", "application/octet-stream");
  EXPECT_EQ(send({"GET", blob(SmallImage::digest(image_.layer))}).status, 404);
  EXPECT_FALSE(blobs_.size_of(SmallImage::digest(image_.layer)));
}

TEST(Ranges, AreReadAsTheyAreMeant) {
  struct Row {
    std::string field;
    bool unsatisfiable;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> part;
  };
  using Part = std::pair<std::uint64_t, std::uint64_t>;
  for (const auto& row : {Row{"", false, {}}, Row{"bytes=0-3", false, Part{0, 3}}, Row{"bytes=5-", false, Part{5, 9}},
                          Row{"bytes=-3", false, Part{7, 9}}, Row{"bytes=-30", false, Part{0, 9}},
                          Row{"bytes=9-99", false, Part{9, 9}}, Row{"bytes=10-", true, {}}, Row{"bytes=-0", true, {}},
                          Row{"bytes=3-1", false, {}}, Row{"bytes=0-1,3-4", false, {}}, Row{"bytes=a-b", false, {}},
                          Row{"bytes=-", false, {}}, Row{"bytes=5", false, {}}, Row{"lines=0-1", false, {}}}) {
    const auto wish = parse_range(row.field, 10);
    EXPECT_EQ(wish.unsatisfiable, row.unsatisfiable) << row.field;
    ASSERT_EQ(wish.part.has_value(), row.part.has_value()) << row.field;
    if (!row.part) continue;
    EXPECT_EQ(wish.part->first, row.part->first) << row.field;
    EXPECT_EQ(wish.part->last, row.part->second) << row.field;
  }
}

}  // namespace
}  // namespace sluice::sandbox
