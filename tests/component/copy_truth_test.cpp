// The first answer of a registry is not always the truth, and success is what can be pulled.

#include "component/copy_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice {

namespace {

using support::failed_with;
using support::why;
using testing::blob_path;
using ::testing::HasSubstr;
using testing::holds;
using testing::image_of;
using testing::layer;

class CopyTruthTest : public testing::CopyTest {
 protected:
  CopyTruthTest() { testing::store(source_, kFrom, image_, "1"); }

  // The next reads of the tag at the destination answer with this image, as a replica that lags behind does.
  void lag(const support::FakeImage& old, unsigned reads) {
    support::FakeRule rule{.method = "GET", .path = "*/manifests/1", .times = reads, .skip = 1, .status = 200};
    rule.body = old.manifest.bytes;
    rule.headers.set("Content-Type", old.manifest.media_type);
    rule.headers.set("Docker-Content-Digest", old.digest().text());
    dest_.add(rule);
  }

  const support::FakeImage image_ = image_of("web", {1000, 200'000});
  const support::FakeImage old_ = image_of("old", {900});
};

TEST_F(CopyTruthTest, AReadBackThatLagsIsAskedAgain) {
  testing::store(dest_, kTo, old_, "1");
  lag(old_, 2);
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  EXPECT_EQ(dest_.count("GET", "*/manifests/1"), 4U) << "before, twice too early, and the truth";
}

TEST_F(CopyTruthTest, AMissingTagRightAfterItWasWrittenIsAskedAgain) {
  dest_.add(
      {.method = "GET", .path = "*/manifests/1", .times = 1, .skip = 1, .status = 404, .code = "MANIFEST_UNKNOWN"});
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
}

TEST_F(CopyTruthTest, ATagThatNeverComesIsAnIntegrityError) {
  testing::store(dest_, kTo, old_, "1");
  lag(old_, 0);
  const auto copied = copy();
  EXPECT_TRUE(failed_with(copied.status, ErrorKind::integrity, old_.digest().text()));
}

TEST_F(CopyTruthTest, ABlobThatOnlyHeadKnowsIsBrought) {
  for (const int status : {404, 500}) {
    SCOPED_TRACE(status);
    const auto tag = std::to_string(status);
    dest_.turn([&](support::FakeKnobs& knobs) { knobs.stale_heads = {{layer(image_, 0), status}}; });
    if (status == 500) dest_.turn([&](support::FakeKnobs& knobs) { knobs.stale_heads[layer(image_, 0)] = 404; });
    const auto copied = copy("1", tag);
    ASSERT_TRUE(copied.ok()) << why(copied.status);
    EXPECT_TRUE(holds(dest_, kTo, tag, image_));
    for (const auto& blob : dest_.blobs(kTo)) dest_.remove_blob(kTo, blob);
  }
}

TEST_F(CopyTruthTest, AMountThatMountsNothingIsMadeUpForByAnUpload) {
  testing::store(dest_, kFrom, image_, "1");
  dest_.turn([&](support::FakeKnobs& knobs) { knobs.stale_heads = {{layer(image_, 0), 404}}; });
  dest_.remove_blob(kTo, layer(image_, 0));
  auto one = item(kFrom, "1", kTo, "1");
  const auto copied = copy({one});
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
}

TEST_F(CopyTruthTest, InsideARegistryWithoutMountsOnlyWhatIsMissingIsSent) {
  testing::store(dest_, kFrom, image_, "1");
  dest_.turn([](support::FakeKnobs& knobs) { knobs.mount = 202; });
  auto inside = item(kFrom, "1", kTo, "1");
  inside.origins.front().place = to_.get();
  const auto first = copy({inside});
  ASSERT_TRUE(first.ok()) << why(first.status);
  EXPECT_EQ(first.item().blobs.moved, image_.blobs.size());
  inside.tags = {"again"};
  const auto received = dest_.bytes_received("*/blobs/uploads/*");
  const auto second = copy({inside});
  ASSERT_TRUE(second.ok()) << why(second.status);
  EXPECT_EQ(second.item().blobs.moved, 0U);
  EXPECT_EQ(second.item().blobs.present, image_.blobs.size());
  EXPECT_EQ(dest_.bytes_received("*/blobs/uploads/*"), received) << "no byte goes again";
  EXPECT_EQ(dest_.open_uploads(), 0U) << "the sessions that came instead of mounts were given back";
}

TEST_F(CopyTruthTest, ADigestThatTheRegistryMixedUpIsWrittenAgain) {
  for (const auto* path : {"*/manifests/1", "*/blobs/uploads/*"}) {
    SCOPED_TRACE(path);
    dest_.add({.method = "PUT", .path = path, .status = 400, .code = "DIGEST_INVALID"});
    const auto copied = copy();
    ASSERT_TRUE(copied.ok()) << why(copied.status);
    EXPECT_TRUE(holds(dest_, kTo, "1", image_));
    EXPECT_EQ(dest_.open_uploads(), 0U);
    dest_.remove_blob(kTo, layer(image_, 0));
    dest_.remove_blob(kTo, layer(image_, 1));
    testing::store(dest_, kTo, old_, "1");
  }
}

// A registry that reads entries while other copies write them: it says both, as long as that lasts.
TEST_F(CopyTruthTest, AMixedUpDigestBesideContentThatItCallsUnknownIsWrittenAgainUntilItIsDone) {
  support::FakeRule rule{.method = "PUT", .path = "*/manifests/1", .times = 4, .status = 400};
  rule.body = R"({"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"},)"
              R"({"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":{"digest":")" +
              layer(image_, 0) + "\"}}]}";
  rule.headers.set("Content-Type", "application/json");
  dest_.add(rule);
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  EXPECT_EQ(dest_.count("PUT", "*/manifests/1"), 5U);
}

TEST_F(CopyTruthTest, ARefusalWithSeveralReasonsIsNotRetriedWhenOneIsFinal) {
  support::FakeRule rule{.method = "PUT", .path = "*/manifests/1", .times = 0, .status = 500};
  rule.body = R"({"errors":[{"code":"UNKNOWN","message":"unknown error"},{"code":"MANIFEST_INVALID","message":"no"}]})";
  rule.headers.set("Content-Type", "application/json");
  dest_.add(rule);
  const auto copied = copy();
  EXPECT_TRUE(failed_with(copied.status, ErrorKind::unsupported, "MANIFEST_INVALID"));
  EXPECT_EQ(dest_.count("PUT", "*/manifests/1"), 1U);
}

TEST_F(CopyTruthTest, AForeignLayerThatIsRefusedIsNamedAndNotTriedAgain) {
  const auto foreign = oci::Digest::of("not kept in registries").text();
  auto text = image_.manifest.bytes;
  const auto layers = text.find("\"layers\":[");
  ASSERT_NE(layers, std::string::npos) << text;
  text.insert(layers + 10, R"({"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip","digest":")" +
                               foreign + R"(","size":7,"urls":["https://example.net/layer"]},)");
  source_.put_manifest(kFrom, text, image_.manifest.media_type, "foreign");
  support::FakeRule rule{.method = "PUT", .path = "*/manifests/*", .times = 0, .status = 500};
  rule.body = R"({"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{}},)"
              R"({"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":{"digest":")" +
              foreign + "\"}}]}";
  rule.headers.set("Content-Type", "application/json");
  dest_.add(rule);
  const auto copied = copy("foreign", "1");
  EXPECT_TRUE(failed_with(copied.status, ErrorKind::unsupported, "foreign layer " + foreign));
  EXPECT_EQ(dest_.count("PUT", "*/manifests/*"), 1U);
}

TEST_F(CopyTruthTest, AHostThatAsksForAnHourIsNotWaitedFor) {
  support::FakeRule rule{
      .method = "PUT", .path = "*/manifests/1", .times = 0, .status = 429, .code = "TOOMANYREQUESTS"};
  rule.headers.set("Retry-After", "3600");
  dest_.add(rule);
  const auto copied = copy();
  EXPECT_TRUE(failed_with(copied.status, ErrorKind::busy, "come back in 1h00m"));
  EXPECT_EQ(dest_.count("PUT", "*/manifests/1"), 1U);
}

TEST_F(CopyTruthTest, ALongWaitIsToldBeforeItBegins) {
  std::stop_source stop;
  Guarded<std::vector<net::Wait>> told;
  open([&](places::RegistryOptions& options) {
    options.tell_wait = [&](const net::Wait& wait) {
      told.with([&](auto& list) { list.push_back(wait); });
      stop.request_stop();  // nobody has to sit it out
    };
  });
  support::FakeRule rule{.method = "GET", .path = "*/manifests/1", .status = 429, .code = "TOOMANYREQUESTS"};
  rule.headers.set("Retry-After", "20");
  dest_.add(rule);
  const auto copied = copy("1", "1", {.stop = stop.get_token()});
  EXPECT_TRUE(failed_with(copied.status, ErrorKind::cancelled));
  told.with([&](const auto& list) {
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].host, dest_.host());
    EXPECT_GE(list[0].time, std::chrono::seconds(20));
    EXPECT_THAT(list[0].why, HasSubstr("429"));
  });
}

TEST_F(CopyTruthTest, AnAddressThatTheRegistryMadeUpIsNamedAndNotTriedAgain) {
  support::FakeRule rule{.method = "POST", .path = "*/blobs/uploads/*", .times = 0};
  rule.headers.set("Location", "http://127.0.0.1:1/v2/prod/web/blobs/uploads/1");
  dest_.add(rule);
  const auto copied = copy();
  ASSERT_FALSE(copied.ok());
  EXPECT_THAT(copied.status.error().sentence(), HasSubstr("handed out the address http://127.0.0.1:1"));
  EXPECT_THAT(copied.status.error().sentence(), HasSubstr(dest_.host()));
}

TEST_F(CopyTruthTest, ALayerWithAContentEncodingCountsByItsBytes) {
  support::FakeRule rule{.method = "GET", .path = blob_path(layer(image_, 1)), .times = 0};
  rule.headers.set("Content-Encoding", "gzip");
  source_.add(rule);
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
}

}  // namespace

}  // namespace sluice
