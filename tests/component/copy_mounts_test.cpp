// Mounts and what registries answer to them: 201, 202, 401, 403, 404, 405, blob by blob.

#include "component/copy_testing.hpp"

#include <gtest/gtest.h>

namespace sluice {

namespace {

using support::why;
using testing::blob_path;
using testing::config;
using testing::Copied;
using testing::holds;
using testing::image_of;
using testing::layer;

/// Source and destination are repositories of one registry, dest_.
class CopyMountsTest : public testing::CopyTest {
 protected:
  CopyMountsTest() { testing::store(dest_, kFrom, image_, "1"); }

  Copied copy_inside() {
    auto one = item(kFrom, "1", kTo, "1");
    one.origins.front().place = to_.get();
    return copy({one});
  }

  const support::FakeImage image_ = image_of("web", {1000, 2000, 3000, 4000, 5000, 6000});
};

TEST_F(CopyMountsTest, AMountThatIsTakenMovesNoByte) {
  const auto copied = copy_inside();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  EXPECT_EQ(copied.item().road, copy::Road::mount);
  EXPECT_EQ(copied.item().blobs.mounted, image_.blobs.size());
  EXPECT_EQ(copied.item().bytes.mounted, image_.blob_bytes());
  EXPECT_EQ(copied.item().bytes.moved, 0U);
  EXPECT_EQ(dest_.bytes_received("*/blobs/*"), 0U);
  EXPECT_EQ(dest_.bytes_sent("*/blobs/*"), 0U);
}

TEST_F(CopyMountsTest, EachRefusedMountBecomesAStreamAndTheOthersAreStillMounted) {
  dest_.turn([&](support::FakeKnobs& knobs) {
    const int answers[] = {202, 401, 403, 404, 405};
    for (std::size_t i = 0; i < 5; ++i) knobs.mounts[layer(image_, i)] = answers[i];
  });
  const auto copied = copy_inside();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(copied.done(layer(image_, i)), std::vector<std::string>{"moved"}) << i;
    EXPECT_EQ(dest_.bytes_sent("*/dev/web" + blob_path(layer(image_, i))), image_.manifest.layers[i].size_bytes) << i;
  }
  EXPECT_EQ(copied.done(layer(image_, 5)), std::vector<std::string>{"mounted"});
  EXPECT_EQ(copied.done(config(image_)), std::vector<std::string>{"mounted"});
  EXPECT_EQ(copied.item().blobs.moved, 5U);
  EXPECT_EQ(copied.item().bytes.moved, 15'000U);
  EXPECT_EQ(copied.item().blobs.mounted, 2U);
  EXPECT_EQ(copied.item().retries, 0U) << "a refused mount is no broken transfer";
  EXPECT_EQ(dest_.open_uploads(), 0U) << "the session that came with 202 was to be used";
}

TEST_F(CopyMountsTest, AMountThatIsRefusedWithAnyStatusBecomesAStream) {
  for (const int status : {400, 409, 412, 416, 501}) {
    dest_.add({.method = "POST", .path = "*/blobs/uploads/*", .status = status, .code = "UNKNOWN"});
    auto one = item(kFrom, "1", kTo + std::to_string(status), "1");
    one.origins.front().place = to_.get();
    const auto copied = copy({one});
    ASSERT_TRUE(copied.ok()) << status << ": " << why(copied.status);
    EXPECT_TRUE(holds(dest_, kTo + std::to_string(status), "1", image_)) << status;
    EXPECT_EQ(copied.item().blobs.moved, 1U) << status;
  }
}

TEST_F(CopyMountsTest, TheSessionThatComesInsteadOfAMountIsUsed) {
  dest_.turn([](support::FakeKnobs& knobs) { knobs.mount = 202; });
  const auto copied = copy_inside();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  EXPECT_EQ(copied.item().blobs.moved, image_.blobs.size());
  EXPECT_EQ(dest_.count("POST"), image_.blobs.size()) << "one POST for each blob, mount and session in one";
  EXPECT_EQ(dest_.open_uploads(), 0U);
}

}  // namespace

}  // namespace sluice
