// Upload sessions and mounts. Contract items 48 and 49.

#include "sandbox/registry/upload_state.hpp"
#include "unit/sandbox/registry_testing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace sluice::sandbox {
namespace {

using testing::RegistryTest;
using testing::SmallImage;

class RegistryUploads : public RegistryTest {
 protected:
  std::string begin(const std::string& as = "ann") {
    const auto begun = send({"POST", "/v2/dev/web/blobs/uploads/", as});
    EXPECT_EQ(begun.status, 202);
    return target_of(begun);
  }
};

TEST_F(RegistryUploads, Item48TakesABlobInChunks) {
  const auto begun = send({"POST", "/v2/dev/web/blobs/uploads/"});
  EXPECT_EQ(header(begun, "Range"), "0-0");
  const auto id = header(begun, "Docker-Upload-UUID");
  EXPECT_NE(header(begun, "Location").find("/uploads/" + id + "?_state="), std::string::npos);
  const auto first = send({"PATCH", target_of(begun), "ann", {{"Content-Type", "application/octet-stream"}}, "hello "});
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(header(first, "Range"), "0-5");
  const auto second = send({"PATCH", target_of(first), "ann", {{"Content-Range", "100-2000"}}, "world"});
  EXPECT_EQ(second.status, 202) << "3.11 does not look at Content-Range";
  EXPECT_EQ(header(second, "Range"), "0-10");
  const auto status = send({"GET", target_of(second)});
  EXPECT_EQ(status.status, 204);
  EXPECT_EQ(header(status, "Location"), header(second, "Location")) << "the same state is the same text";
  const auto digest = SmallImage::digest("hello world");
  const auto done = send({"PUT", target_of(second) + "&digest=" + digest});
  EXPECT_EQ(done.status, 201);
  EXPECT_EQ(target_of(done), "/v2/dev/web/blobs/" + digest);
  EXPECT_EQ(header(done, "Docker-Content-Digest"), digest);
  EXPECT_EQ(send({"GET", "/v2/dev/web/blobs/" + digest}).body, "hello world");
  EXPECT_EQ(code_of(send({"GET", target_of(second)})), "BLOB_UPLOAD_UNKNOWN") << "the session is finished";
}

TEST_F(RegistryUploads, Item48RefusesWrongDigestsAndEndsTheSession) {
  const std::string ones = "sha256:" + std::string(64, '1');
  const auto target = begin();
  const auto wrong = send({"PUT", target + "&digest=" + ones, "ann", {}, "hello"});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.body,
            R"({"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content",)"
            R"("detail":{"Digest":")" +
                ones + R"(","Reason":{}}}]})" + "\n");
  EXPECT_EQ(code_of(send({"GET", target})), "BLOB_UPLOAD_UNKNOWN");
  const auto nonsense = send({"PUT", begin() + "&digest=nonsense", "ann", {}, "hello"});
  EXPECT_EQ(nonsense.status, 400);
  EXPECT_NE(nonsense.body.find(R"("detail":"digest parsing failed")"), std::string::npos) << nonsense.body;
  const auto missing = send({"PUT", begin(), "ann", {}, "hello"});
  EXPECT_NE(missing.body.find(R"("detail":"digest missing")"), std::string::npos) << missing.body;
}

TEST_F(RegistryUploads, Item48KnowsCancelledMadeUpAndStaleSessions) {
  const auto target = begin();
  const auto cancelled = send({"DELETE", target});
  EXPECT_EQ(cancelled.status, 204);
  EXPECT_NE(header(cancelled, "Docker-Upload-UUID"), "");
  const auto gone = send({"PATCH", target, "ann", {}, "x"});
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.body,
            R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown to registry","detail":{}}]})"
            "\n");
  const auto made_up = send({"PATCH", "/v2/dev/web/blobs/uploads/nope?_state=x", "ann", {}, "a"});
  EXPECT_EQ(made_up.status, 404);
  EXPECT_EQ(made_up.body, R"({"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"blob upload invalid","detail":0}]})"
                          "\n");

  const auto stale = begin();
  EXPECT_EQ(send({"PATCH", stale, "ann", {}, "abc"}).status, 202);
  EXPECT_EQ(code_of(send({"PATCH", stale, "ann", {}, "def"})), "BLOB_UPLOAD_INVALID");
}

TEST_F(RegistryUploads, Item48OpensASessionForAPostWithADigest) {
  const auto reply =
      send({"POST", "/v2/dev/web/blobs/uploads/?digest=" + SmallImage::digest("single"), "ann", {}, "single"});
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(header(reply, "Range"), "0-0");
}

TEST_F(RegistryUploads, TakeNothingFromThoseWhoMayNotPush) {
  const auto target = begin();
  backend_.tokens.erase("t-ann");
  EXPECT_EQ(send({"PATCH", target, "ann", {}, "abc"}).status, 401);
  EXPECT_EQ(send({"PATCH", target, "peter", {}, "abc"}).status, 401);
  backend_.tokens["t-ann"] = "ann";
  EXPECT_EQ(header(send({"GET", target}), "Range"), "0-0");
}

TEST_F(RegistryUploads, DoNotMoveBetweenRepositories) {
  backend_.let("ann", "prod", {"get", "update"});
  auto target = begin();
  target.replace(target.find("/dev/"), 5, "/prod/");
  EXPECT_EQ(code_of(send({"PATCH", target, "ann", {}, "abc"})), "BLOB_UPLOAD_INVALID");
}

TEST_F(RegistryUploads, KeepNothingOfAPutThatStopsInTheMiddle) {
  net::ServerRequest request;
  request.method = "PUT";
  request.target = begin() + "&digest=" + SmallImage::digest("abc");
  request.headers = {{"Host", "reg:5000"}, {"Authorization", "Bearer t-ann"}, {"Content-Length", "100"}};
  const auto receiver = api_->receive(request);
  receiver->take(std::as_bytes(std::span(std::string_view("abc"))));
  EXPECT_EQ(api_->handle(request, receiver.get()).status, 500);
  EXPECT_FALSE(blobs_.size_of(SmallImage::digest("abc")));
}

TEST_F(RegistryUploads, HaveOneWriterAtATime) {
  net::ServerRequest request;
  request.method = "PATCH";
  request.target = begin();
  request.headers = {{"Host", "reg:5000"}, {"Authorization", "Bearer t-ann"}};
  const auto first = api_->receive(request);
  EXPECT_EQ(code_of(send({"PATCH", request.target, "ann", {}, "x"})), "BLOB_UPLOAD_INVALID");
  first->take(std::as_bytes(std::span(std::string_view("abc"))));
  EXPECT_EQ(header(api_->handle(request, first.get()), "Range"), "0-2");
}

TEST_F(RegistryUploads, LookAtContentRangeSinceDistribution3) {
  start(RegistryRelease::v4_14);
  struct Row {
    std::string range;
    int status;
  };
  for (const auto& row : {Row{"0-2", 202}, Row{"3-5", 416}, Row{"2-0", 416}, Row{"a-b", 500}}) {
    const auto reply = send({"PATCH", begin(), "ann", {{"Content-Range", row.range}}, "abc"});
    EXPECT_EQ(reply.status, row.status) << row.range << ": " << reply.body;
  }
}

TEST_F(RegistryUploads, Item49MountsWhatMayBeReadAndIsKnown) {
  push("dev/web", "1.0", SmallImage::make("a"));
  const auto layer = SmallImage::digest("layer a");
  const auto mount = [&](const std::string& digest, const std::string& from, const std::string& as) {
    return send({"POST", "/v2/prod/site/blobs/uploads/?mount=" + digest + "&from=" + from, as});
  };
  const auto mounted = mount(layer, "dev/web", "peter");
  EXPECT_EQ(mounted.status, 201);
  EXPECT_EQ(target_of(mounted), "/v2/prod/site/blobs/" + layer);
  EXPECT_EQ(header(mounted, "Docker-Content-Digest"), layer);
  EXPECT_EQ(send({"HEAD", "/v2/prod/site/blobs/" + layer, "peter"}).status, 200);
  backend_.let("admin2", "prod", {"get", "update"});
  backend_.tokens["t-admin2"] = "admin2";
  struct Row {
    std::string name;
    std::string digest;
    std::string from;
    std::string as;
    int status;
  };
  for (const auto& row : {Row{"unknown digest", "sha256:" + std::string(64, '0'), "dev/web", "peter", 202},
                          Row{"unknown stream", layer, "dev/none", "peter", 202},
                          Row{"no right on the source", layer, "dev/web", "admin2", 202},
                          Row{"nonsense for a digest", "x", "dev/web", "peter", 202},
                          Row{"no right on the target", layer, "dev/web", "nobody", 401},
                          Row{"a source of one part", layer, "web", "peter", 400}}) {
    EXPECT_EQ(mount(row.digest, row.from, row.as).status, row.status) << row.name;
  }
}

TEST(UploadStates, CannotBeMadeUp) {
  const UploadState state{"dev/web", "id", 7, "2020-01-01T00:00:00Z"};
  const auto text = pack_state(state, "secret");
  EXPECT_EQ(pack_state(state, "secret"), text);
  const auto again = unpack_state(text, "secret");
  ASSERT_TRUE(std::holds_alternative<UploadState>(again));
  EXPECT_EQ(std::get<UploadState>(again), state);
  auto changed = text;
  changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
  for (const auto& other : {changed, pack_state(state, "other secret"), std::string(), std::string("x"),
                            std::string("äöü"), std::string(10'000, 'A'), text.substr(0, text.size() - 4)}) {
    EXPECT_TRUE(std::holds_alternative<Json>(unpack_state(other, "secret"))) << other.substr(0, 50);
  }
}

}  // namespace
}  // namespace sluice::sandbox
