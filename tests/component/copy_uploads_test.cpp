// Uploads that are refused on their way, and tags that may not change.

#include "component/copy_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice {

namespace {

using support::failed_with;
using support::why;
using testing::holds;
using testing::image_of;
using testing::layer;
using Immutable = support::FakeKnobs::Immutable;

class CopyUploadsTest : public testing::CopyTest {
 protected:
  CopyUploadsTest() { testing::store(source_, kFrom, image_, "1"); }

  const support::FakeImage image_ = image_of("web", {2'000'000, 1'000});
};

TEST_F(CopyUploadsTest, ATokenThatExpiresInTheMiddleOfALayerIsRenewed) {
  dest_.turn([](support::FakeKnobs& knobs) { knobs.auth.scheme = support::FakeAuth::Scheme::bearer; });
  open();
  dest_.add({.method = "PUT", .path = "*/blobs/uploads/*", .times = 3, .at_byte = 100'000, .expire = true});
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  EXPECT_EQ(dest_.open_uploads(), 0U);
  EXPECT_GE(copied.item().retries, 1U);
}

TEST_F(CopyUploadsTest, ARestThatTheDestinationDoesNotWantBeginsACleanSession) {
  dest_.add({.method = "PUT", .path = "*/blobs/uploads/*", .at_byte = 1'000'000});
  dest_.add({.method = "PATCH", .path = "*/blobs/uploads/*", .status = 416, .code = "BLOB_UPLOAD_INVALID"});
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
}

TEST_F(CopyUploadsTest, AnEqualTagThatMayNotChangeIsLeftAlone) {
  testing::store(dest_, kTo, image_, "1");
  dest_.turn([](support::FakeKnobs& knobs) { knobs.immutable = Immutable::always; });
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_EQ(dest_.count("PUT"), 0U);
}

TEST_F(CopyUploadsTest, AnotherTagThatMayNotChangeIsToldAsThatAndNotAsAMissingRight) {
  const auto old = image_of("old", {900});
  testing::store(dest_, kTo, old, "1");
  for (const auto& [status, code] :
       {std::pair(400, "TAG_INVALID"), std::pair(409, "TAG_IMMUTABLE"), std::pair(412, "PRECONDITION")}) {
    dest_.turn([&, status = status, code = code](support::FakeKnobs& knobs) {
      knobs.immutable = Immutable::different;
      knobs.immutable_status = status;
      knobs.immutable_code = code;
    });
    const auto copied = copy();
    EXPECT_TRUE(failed_with(copied.status, ErrorKind::conflict, "since before this copy began")) << status;
    EXPECT_TRUE(holds(dest_, kTo, "1", old)) << status;
  }
}

}  // namespace

}  // namespace sluice
