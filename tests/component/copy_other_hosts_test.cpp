// Locations, redirects and links that lead elsewhere: bytes may go there, credentials may not.

#include "component/copy_testing.hpp"

#include <gtest/gtest.h>

namespace sluice {

namespace {

using support::why;
using testing::holds;
using testing::image_of;
using Where = support::FakeKnobs::Where;

class CopyOtherHostsTest : public testing::CopyTest {
 protected:
  CopyOtherHostsTest() {
    testing::store(source_, kFrom, image_, "1");
    for (auto* registry : {&source_, &dest_}) {
      registry->turn([](support::FakeKnobs& knobs) {
        knobs.auth.scheme = support::FakeAuth::Scheme::bearer;
        knobs.auth.username = "robot";
        knobs.auth.password = "hunter2";
      });
    }
    log_in();
    open();
  }
  static std::size_t at_other_host(const support::FakeRegistry& registry, const std::string& method) {
    std::size_t out = 0;
    for (const auto& one : registry.log()) out += one.other_host && one.method == method ? 1U : 0U;
    return out;
  }

  const support::FakeImage image_ = image_of("web", {0, 1000, 200'000});
};

class CopyLocationsTest : public CopyOtherHostsTest, public ::testing::WithParamInterface<Where> {};

TEST_P(CopyLocationsTest, UploadsGoWhereTheLocationSays) {
  dest_.turn([](support::FakeKnobs& knobs) { knobs.upload_location = GetParam(); });
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  EXPECT_EQ(copied.item().blobs.moved, image_.blobs.size());
  EXPECT_EQ(copied.item().retries, 0U);
  EXPECT_EQ(dest_.leaks(), 0U) << "credentials went to the other host";
  EXPECT_EQ(at_other_host(dest_, "PUT"), GetParam() == Where::other_host ? image_.blobs.size() : 0U);
  for (const auto& request : dest_.log()) {
    if (request.method != "PUT" || request.path.find("/uploads/") == std::string::npos) continue;
    EXPECT_NE(request.target.find("?_state="), std::string::npos) << "the query was lost: " << request.target;
    EXPECT_NE(request.target.find("&digest=sha256"), std::string::npos) << request.target;
  }
}

INSTANTIATE_TEST_SUITE_P(All, CopyLocationsTest, ::testing::Values(Where::relative, Where::absolute, Where::other_host),
                         [](const auto& one) {
                           return std::string(one.param == Where::relative   ? "Relative"
                                              : one.param == Where::absolute ? "Absolute"
                                                                             : "OtherHost");
                         });

TEST_F(CopyOtherHostsTest, RedirectedBlobsAreReadWithoutAuthorization) {
  source_.turn([](support::FakeKnobs& knobs) { knobs.redirect_blobs = true; });
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  EXPECT_EQ(copied.item().bytes.moved, image_.blob_bytes());
  EXPECT_EQ(at_other_host(source_, "GET"), image_.blobs.size());
  EXPECT_EQ(source_.leaks(), 0U) << "credentials went to the other host";
}

TEST_F(CopyOtherHostsTest, ACapabilityIsNotPrintedWhenItFails) {
  source_.turn([](support::FakeKnobs& knobs) { knobs.redirect_blobs = true; });
  source_.add({.method = "GET", .path = "*", .times = 0, .at_byte = 10});
  const auto copied = copy("1", "1", {.retry_times = 1});
  ASSERT_FALSE(copied.ok()) << "every blob breaks at byte 10, and again";
  EXPECT_EQ(copied.status.error().sentence().find("signature="), std::string::npos) << copied.status.error().sentence();
  for (const auto& said : copied.details(copy::EventKind::blob_retried))
    EXPECT_EQ(said.find("signature="), std::string::npos) << said;
  EXPECT_TRUE(dest_.tags(kTo).empty());
}

class CopyLinksTest : public CopyOtherHostsTest, public ::testing::WithParamInterface<Where> {};

TEST_P(CopyLinksTest, AllPagesOfTagsAreRead) {
  const std::vector<std::string> tags = {"1", "2", "3", "4", "5"};
  for (const auto& tag : tags) source_.tag(kFrom, tag, image_.digest().text());
  source_.turn([](support::FakeKnobs& knobs) {
    knobs.page = 2;
    knobs.link = GetParam();
  });
  const auto list = from_->tags(kFrom, {});
  ASSERT_TRUE(list.ok()) << why(list);
  EXPECT_EQ(*list, tags);
  EXPECT_EQ(source_.count("GET", "*/tags/list"), 3U + 1U) << "three pages, and the first once more with a token";
  EXPECT_EQ(at_other_host(source_, "GET"), 0U) << "only the path of a link counts";
}

INSTANTIATE_TEST_SUITE_P(All, CopyLinksTest, ::testing::Values(Where::relative, Where::absolute, Where::other_host),
                         [](const auto& one) {
                           return std::string(one.param == Where::relative   ? "Relative"
                                              : one.param == Where::absolute ? "Absolute"
                                                                             : "OtherHost");
                         });

}  // namespace

}  // namespace sluice
