// Registries that answer otherwise than the specification says, and are in daily use.

#include "component/copy_testing.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace sluice {

namespace {

using support::failed_with;
using support::why;
using testing::blob_path;
using testing::holds;
using testing::image_of;
using testing::layer;
using Scheme = support::FakeAuth::Scheme;

class CopyOddAnswersTest : public testing::CopyTest {
 protected:
  CopyOddAnswersTest() { testing::store(source_, kFrom, image_, "1"); }

  void ask_for_tokens(std::size_t max_scopes, int status) {
    for (auto* registry : {&source_, &dest_}) {
      registry->turn([&](support::FakeKnobs& knobs) {
        knobs.auth.scheme = Scheme::bearer;
        knobs.auth.username = "robot";
        knobs.auth.password = "hunter2";
        knobs.auth.max_scopes = max_scopes;
        knobs.auth.too_many_scopes_status = status;
      });
    }
    log_in();
    open();
  }

  const support::FakeImage image_ = image_of("web", {1000, 200'000});
};

TEST_F(CopyOddAnswersTest, AnAnswerWithoutDigestIsHashed) {
  testing::store(dest_, kTo, image_, "1");
  dest_.turn([](support::FakeKnobs& knobs) { knobs.manifest_digest_header = false; });
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(copied.item().all_equal);
  EXPECT_EQ(dest_.count("P*"), 0U);
  EXPECT_EQ(dest_.count("GET", "*/manifests/1"), 1U);
}

TEST_F(CopyOddAnswersTest, AnAnswerWithoutDigestDoesNotKeepAnImageFromBeingReadBack) {
  dest_.turn([](support::FakeKnobs& knobs) { knobs.manifest_digest_header = false; });
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  EXPECT_EQ(copied.details(copy::EventKind::tag), std::vector<std::string>{"1"});
}

TEST_F(CopyOddAnswersTest, ARegistryWithoutHeadGetsTheImageAllTheSame) {
  dest_.turn([](support::FakeKnobs& knobs) {
    knobs.head_manifest = false;
    knobs.head_blob = false;
  });
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  EXPECT_EQ(copied.item().blobs.moved, image_.blobs.size());
}

TEST_F(CopyOddAnswersTest, ForbiddenIsTakenForMissingWhereItIsAskedWhatIsThere) {
  // Artifactory, Google: 403 where 404 is meant.
  dest_.turn([](support::FakeKnobs& knobs) { knobs.missing = 403; });
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  EXPECT_EQ(copied.item().blobs.moved, image_.blobs.size());
}

TEST_F(CopyOddAnswersTest, ForbiddenIsNotTakenForMissingAtTheSource) {
  source_.turn([](support::FakeKnobs& knobs) { knobs.missing = 403; });
  const auto copied = copy("none");
  EXPECT_TRUE(failed_with(copied.status, ErrorKind::denied));
  EXPECT_EQ(dest_.count("P*"), 0U);
}

TEST_F(CopyOddAnswersTest, NullForTagsMeansThatThereAreNone) {
  source_.turn([](support::FakeKnobs& knobs) { knobs.null_tags = true; });
  testing::store(source_, "dev/empty", image_);
  const auto list = from_->tags("dev/empty", {});
  ASSERT_TRUE(list.ok()) << why(list);
  EXPECT_TRUE(list->empty());
}

TEST_F(CopyOddAnswersTest, ATokenServerThatRefusesSeveralScopesIsAskedForOneAtATime) {
  for (const int status : {401, 400}) {
    ask_for_tokens(1, status);
    const auto tag = std::to_string(status);
    // Two repositories of one registry: a mount needs rights in both.
    testing::store(dest_, kFrom, image_, "1");
    auto inside = item(kFrom, "1", kTo, tag);
    inside.origins.front().place = to_.get();
    const auto copied = copy({inside});
    ASSERT_TRUE(copied.ok()) << status << ": " << why(copied.status);
    EXPECT_TRUE(holds(dest_, kTo, tag, image_));
    EXPECT_EQ(copied.item().bytes.total(), image_.blob_bytes());
    std::size_t refused = 0;
    for (const auto& request : dest_.log()) refused += request.path == "/token" && request.status == status ? 1U : 0U;
    EXPECT_GE(refused, 1U) << "nobody ever asked for two scopes: nothing is proven";
  }
}

TEST_F(CopyOddAnswersTest, AVoidUploadIsBegunAgain) {
  for (const std::string code : {"BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN"}) {
    dest_.add(
        {.method = "PUT", .path = "*/uploads/*", .status = code == "BLOB_UPLOAD_INVALID" ? 400 : 404, .code = code});
    const auto copied = copy("1", code);
    ASSERT_TRUE(copied.ok()) << code << ": " << why(copied.status);
    EXPECT_TRUE(holds(dest_, kTo, code, image_));
    for (const auto& blob : dest_.blobs(kTo)) dest_.remove_blob(kTo, blob);
  }
}

TEST_F(CopyOddAnswersTest, ASlowSourceDoesNotBreakTheUploadThatWaitsForIt) {
  const auto gate = std::make_shared<support::FakeGate>();
  const auto path = blob_path(layer(image_, 1));
  source_.add({.method = "GET", .path = path, .hold = gate, .at_byte = 70'000});
  testing::Copied copied;
  std::jthread copying([&] { copied = copy(); });
  gate->wait_for(1);
  dest_.wait_for(2, "PUT", "*/uploads/*");
  EXPECT_TRUE(dest_.tags(kTo).empty());
  gate->open();
  copying.join();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  EXPECT_EQ(copied.item().retries, 0U);
  EXPECT_EQ(dest_.count("PUT", "*/uploads/*"), image_.blobs.size());
  EXPECT_EQ(source_.count("GET", path), 1U);
}

}  // namespace

}  // namespace sluice
