// Blobs over wires that break, against whole registries: what each side is asked for again, what arrives, and what the
// report says.

#include "component/copy_testing.hpp"
#include "copy/blob_mover.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice {

namespace {

using support::failed_with;
using support::FakeImage;
using support::why;
using testing::blob_path;
using testing::holds;
using testing::image_of;
using testing::layer;

constexpr std::size_t kMiB = 1024 * 1024;

class CopyWiresTest : public testing::CopyTest {
 protected:
  /// One layer that is large enough for a source that comes back.
  const FakeImage image = image_of("wires", {3 * kMiB});
  const std::string path = blob_path(layer(image, 0));

  void SetUp() override { testing::store(source_, kFrom, image, "1"); }

  void cut_source(std::uint64_t at_byte) { source_.add({.method = "GET", .path = path, .at_byte = at_byte}); }
  /// The ranges that were asked for, in their order.
  std::vector<std::string> ranges() const {
    std::vector<std::string> out;
    for (const auto& request : source_.log()) {
      if (request.method == "GET" && request.path.ends_with(layer(image, 0))) out.push_back(request.range);
    }
    return out;
  }
  void expect_arrived(const testing::Copied& copied, std::size_t retries) {
    ASSERT_TRUE(copied.ok()) << why(copied.status);
    EXPECT_TRUE(holds(dest_, kTo, "1", image));
    EXPECT_EQ(dest_.open_uploads(), 0U);
    EXPECT_EQ(copied.item().bytes.moved, image.blob_bytes());
    EXPECT_EQ(copied.item().retries, retries);
    EXPECT_EQ(copied.retried(layer(image, 0)).size(), retries);
  }
  void expect_not_there() {
    EXPECT_FALSE(dest_.has_blob(kTo, layer(image, 0)));
    EXPECT_THAT(dest_.tags(kTo), ::testing::IsEmpty());
    EXPECT_EQ(dest_.open_uploads(), 0U) << "the upload was given back";
  }
};

TEST_F(CopyWiresTest, ASourceThatIsCutIsAskedForTheRest) {
  cut_source(2 * kMiB);
  const auto copied = copy();
  expect_arrived(copied, 1);
  const auto asked = ranges();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0], "");
  EXPECT_THAT(asked[1], ::testing::StartsWith("bytes="));
  EXPECT_NE(asked[1], "bytes=0-");
  EXPECT_EQ(dest_.count("PUT", "*/blobs/uploads/*"), 2U) << "config and layer, each sent once";
}

TEST_F(CopyWiresTest, ASourceThatKnowsNoRangesIsReadAgainAndItsBeginningDropped) {
  source_.turn([](auto& knobs) { knobs.ranges = false; });
  cut_source(2 * kMiB);
  const auto copied = copy();
  expect_arrived(copied, 1);
  EXPECT_EQ(dest_.bytes_received("*/blobs/uploads/*"), image.blob_bytes()) << "nothing was sent twice";
}

TEST_F(CopyWiresTest, ASourceThatSendsAnotherPartThanAskedIsAskedForEverything) {
  source_.turn([](auto& knobs) { knobs.wrong_content_range = true; });
  cut_source(2 * kMiB);
  const auto copied = copy();
  expect_arrived(copied, 1);
  EXPECT_EQ(ranges().size(), 3U) << "all, the rest, all";
  EXPECT_EQ(ranges().back(), "");
}

TEST_F(CopyWiresTest, ARedirectedSourceIsAskedForTheRestToo) {
  source_.turn([](auto& knobs) { knobs.redirect_blobs = true; });
  source_.add({.method = "GET", .path = path, .skip = 1, .at_byte = 2 * kMiB});  // where it was sent to
  expect_arrived(copy(), 1);
  EXPECT_EQ(dest_.bytes_received("*/blobs/uploads/*"), image.blob_bytes());
}

TEST_F(CopyWiresTest, ASourceThatRefusesTheRestIsAnErrorThatSaysSo) {
  cut_source(2 * kMiB);
  source_.add({.method = "GET", .path = path, .times = 0, .status = 416});
  const auto copied = copy();
  EXPECT_FALSE(copied.ok());
  EXPECT_THAT(why(copied.status), ::testing::HasSubstr("reading blob"));
  expect_not_there();
}

TEST_F(CopyWiresTest, ATokenThatExpiresBetweenTwoPartsIsRenewed) {
  for (auto* registry : {&source_, &dest_}) {
    registry->turn([](auto& knobs) { knobs.auth.scheme = support::FakeAuth::Scheme::bearer; });
  }
  open();
  cut_source(2 * kMiB);
  source_.add({.method = "GET", .path = path, .expire = true});
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image));
  EXPECT_EQ(dest_.bytes_received("*/blobs/uploads/*"), image.blob_bytes());
}

// The layer alone, so that the only upload is the one that is cut.
class LayerWiresTest : public CopyWiresTest {
 protected:
  const copy::BlobMove move{.blob = image.manifest.layers.at(0),
                            .item = 0,
                            .dest = to_.get(),
                            .dest_repository = kTo,
                            .how = copy::BlobMove::How::stream,
                            .mount_from = {},
                            .after = {},
                            .origin = {from_.get(), kFrom}};
  support::RecordedEvents events;

  Result<copy::BlobMove::How> bring() { return copy::move_blob(move, {.retry_times = 2}, events, {}); }
  void cut_dest(std::uint64_t at_byte) {
    dest_.add({.method = "PUT", .path = "*/blobs/uploads/*", .at_byte = at_byte});
  }
  void expect_arrived(const Result<copy::BlobMove::How>& moved, std::size_t retries) {
    ASSERT_TRUE(moved.ok()) << why(moved);
    EXPECT_EQ(dest_.blob_of(kTo, layer(image, 0)), image.blobs.at(move.blob.digest));
    EXPECT_EQ(dest_.open_uploads(), 0U);
    EXPECT_EQ(events.of(copy::EventKind::blob_retried).size(), retries);
  }
};

TEST_F(LayerWiresTest, ADestinationThatWasCutHasEverythingInTheEndWhateverItKept) {
  using Partial = support::FakeRegistry::Knobs::Partial;
  for (const auto partial : {Partial::kept, Partial::undone, Partial::lost}) {
    SCOPED_TRACE(static_cast<int>(partial));
    dest_.remove_blob(kTo, layer(image, 0));
    dest_.turn([&](auto& knobs) { knobs.partial = partial; });
    const auto before = events.of(copy::EventKind::blob_retried).size();
    cut_dest(2 * kMiB);
    expect_arrived(bring(), before + 1);
  }
}

TEST_F(LayerWiresTest, ADestinationThatKeepsWhatItGotIsSentOnlyTheRest) {
  dest_.turn([](auto& knobs) { knobs.partial = support::FakeRegistry::Knobs::Partial::kept; });
  cut_dest(2 * kMiB);
  expect_arrived(bring(), 1);
  // What was on the wire when it broke may have come to the fake without being kept.
  EXPECT_LE(dest_.bytes_received("*/blobs/uploads/*"), move.blob.size_bytes + places::kRingBytes)
      << "no part goes twice";
  EXPECT_EQ(dest_.count("PATCH", "*/blobs/uploads/*"), 1U) << "the rest goes as one chunk";
  EXPECT_EQ(dest_.count("POST", "*/blobs/uploads/*"), 1U) << "in the upload that was begun";
}

TEST_F(LayerWiresTest, BothSidesMayBeCutDuringOneBlob) {
  cut_source(kMiB);
  cut_dest(2 * kMiB);
  expect_arrived(bring(), 2);
}

TEST_F(CopyWiresTest, BlobsOfOneByteAndOfNoneSurviveACut) {
  const auto tiny = image_of("tiny", {0, 1});
  testing::store(source_, kFrom, tiny, "tiny");
  for (const auto i : {0U, 1U}) {
    source_.add({.method = "GET", .path = blob_path(layer(tiny, i)), .at_byte = 0});
    dest_.add({.method = "P*", .path = "*/blobs/uploads/*", .at_byte = 0});
  }
  const auto copied = copy("tiny", "tiny");
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "tiny", tiny));
  EXPECT_EQ(dest_.open_uploads(), 0U);
}

}  // namespace

}  // namespace sluice
