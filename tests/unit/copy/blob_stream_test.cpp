// One blob over broken wires: what moves again, and what does not.

#include "copy/blob_mover.hpp"
#include "unit/copy/copy_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::copy {
namespace {

using support::failed_with;
using support::fake_bytes;
using support::FakeFault;
using support::FakePlace;
using support::Verb;
using support::why;

using Effect = FakeFault::Effect;

constexpr std::uint64_t kMiB = 1024 * 1024;

class BlobStreamTest : public ::testing::Test {
 protected:
  FakePlace dev{"dev.example.com"};
  FakePlace prod{"prod.example.com"};
  support::RecordedEvents events;
  std::stop_source stop;
  std::string content;
  BlobMove move{.blob = {"application/octet-stream", oci::Digest::of(""), 0, {}, {}, {}},
                .item = 0,
                .dest = &prod,
                .dest_repository = "shop/web",
                .how = BlobMove::How::stream,
                .mount_from = {},
                .after = {},
                .origin = {&dev, "dev/web"}};

  void have(std::string bytes) {
    content = std::move(bytes);
    dev.hold_blob("dev/web", content);
    move.blob.digest = oci::Digest::of(content);
    move.blob.size_bytes = content.size();
  }
  Result<BlobMove::How> bring(MoveOptions options = {.retry_times = 2}) {
    return move_blob(move, options, events, stop.get_token());
  }
  void expect_arrived(const Result<BlobMove::How>& moved) {
    EXPECT_TRUE(moved.ok()) << why(moved);
    EXPECT_TRUE(prod.has("shop/web", move.blob.digest));
    EXPECT_EQ(prod.open_uploads(), 0U) << "every upload is used up or given back";
  }
  void fault(FakePlace& place, Verb verb, Effect effect, std::optional<std::uint64_t> at = {}, unsigned times = 1,
             ErrorKind kind = ErrorKind::unreachable) {
    place.script({.verb = verb, .effect = effect, .kind = kind, .times = times, .at = at});
  }
};

TEST_F(BlobStreamTest, ReadsOnlyTheRestOfALargeBlobAfterTheSourceBrokeOff) {
  have(fake_bytes("large", 3 * kMiB));
  fault(dev, Verb::read_blob, Effect::break_off, 2 * kMiB);
  expect_arrived(bring());
  EXPECT_EQ(dev.bytes_read(), 3 * kMiB) << "no byte was read twice";
  EXPECT_EQ(prod.bytes_written(), 3 * kMiB);
  EXPECT_EQ(prod.calls_of(Verb::write_blob).size(), 1U) << "the destination just waited";
}

TEST_F(BlobStreamTest, ASourceThatBringsSomethingEachTimeIsAskedWithoutEnd) {
  have(fake_bytes("drops", 2 * kMiB));
  fault(dev, Verb::read_blob, Effect::break_off, 256 * 1024, 6);
  expect_arrived(bring({.retry_times = 1}));
  EXPECT_EQ(dev.bytes_read(), 2 * kMiB);
  EXPECT_EQ(prod.calls_of(Verb::write_blob).size(), 1U);
}

TEST_F(BlobStreamTest, ASourceThatBringsNothingMoreIsGivenUpOnce) {
  have(fake_bytes("stuck", 2 * kMiB));
  fault(dev, Verb::read_blob, Effect::break_off, kMiB);
  fault(dev, Verb::read_blob, Effect::fail, {}, 100);
  const auto moved = bring({.retry_times = 2});
  EXPECT_TRUE(failed_with(moved, ErrorKind::unreachable));
  EXPECT_EQ(dev.calls_of(Verb::read_blob).size(), 1U + 2U);
  EXPECT_FALSE(prod.has("shop/web", move.blob.digest));
  EXPECT_EQ(prod.open_uploads(), 0U) << "the upload was given back";
}

TEST_F(BlobStreamTest, AShortAnswerThatIsNoErrorIsAskedForItsRest) {
  have(fake_bytes("short", 2 * kMiB));
  fault(dev, Verb::read_blob, Effect::short_bytes);
  expect_arrived(bring());
  EXPECT_EQ(dev.bytes_read(), 2 * kMiB);
}

TEST_F(BlobStreamTest, WrongBytesAreReadOnceMoreFromTheBeginningIntoACleanUpload) {
  have(fake_bytes("wrong", 2 * kMiB));
  fault(dev, Verb::read_blob, Effect::wrong_bytes);
  expect_arrived(bring());
  EXPECT_EQ(dev.calls_of(Verb::read_blob).size(), 2U);
  EXPECT_EQ(prod.calls_of(Verb::begin_upload).size(), 2U);
}

TEST_F(BlobStreamTest, SendsOnlyTheRestWhereTheDestinationKeptAPart) {
  have(fake_bytes("kept", 40 * kMiB));
  fault(prod, Verb::write_blob, Effect::cut, 33 * kMiB);
  expect_arrived(bring());
  EXPECT_EQ(prod.bytes_written(), 40 * kMiB) << "no byte was sent twice";
  EXPECT_EQ(prod.calls_of(Verb::begin_upload).size(), 1U);
  // Read again: from the newest checkpoint that the destination has, not from the beginning.
  EXPECT_LE(dev.bytes_read(), 40 * kMiB + 2 * kMiB);
}

TEST_F(BlobStreamTest, AnUploadWithoutACheckpointStillSparesTheDestinationWhatItHas) {
  have(fake_bytes("early", 4 * kMiB));
  fault(prod, Verb::write_blob, Effect::cut, 3 * kMiB);
  expect_arrived(bring());
  EXPECT_EQ(prod.bytes_written(), 4 * kMiB);
}

TEST_F(BlobStreamTest, ADestinationThatHasEverythingIsCommittedOnlyAfterTheProof) {
  have(fake_bytes("all", 3 * kMiB));
  fault(prod, Verb::write_blob, Effect::cut, 3 * kMiB);
  expect_arrived(bring());
  EXPECT_EQ(prod.bytes_written(), 3 * kMiB);
}

TEST_F(BlobStreamTest, BeginsACleanUploadWhereTheDestinationKeptNothing) {
  have(fake_bytes("void", 3 * kMiB));
  fault(prod, Verb::write_blob, Effect::cut_and_lose, 2 * kMiB);
  expect_arrived(bring());
  EXPECT_EQ(prod.calls_of(Verb::begin_upload).size(), 2U);
  EXPECT_EQ(prod.bytes_written(), 5 * kMiB);
}

TEST_F(BlobStreamTest, ADestinationThatForgotAPartIsGivenThatPartAgain) {
  have(fake_bytes("forgot", 40 * kMiB));
  fault(prod, Verb::write_blob, Effect::cut, 36 * kMiB);
  fault(prod, Verb::upload_state, Effect::forget_part, 20 * kMiB);
  expect_arrived(bring());
  EXPECT_EQ(prod.bytes_written(), 36 * kMiB + 20 * kMiB);
}

TEST_F(BlobStreamTest, TriesAsLongAsEachAttemptGetsFurther) {
  have(fake_bytes("far", 4 * kMiB));
  fault(prod, Verb::write_blob, Effect::cut, 512 * 1024, 6);
  expect_arrived(bring({.retry_times = 1}));
  EXPECT_EQ(prod.bytes_written(), 4 * kMiB);
}

TEST_F(BlobStreamTest, GivesTheUploadBackWhenNoAttemptGetsFurther) {
  have(fake_bytes("nowhere", 2 * kMiB));
  fault(prod, Verb::write_blob, Effect::cut, 0, 100);
  EXPECT_TRUE(failed_with(bring({.retry_times = 2}), ErrorKind::unreachable));
  EXPECT_EQ(prod.calls_of(Verb::write_blob).size(), 3U);
  EXPECT_EQ(prod.calls_of(Verb::abandon_upload).size(), 1U);
  EXPECT_EQ(prod.open_uploads(), 0U);
}

TEST_F(BlobStreamTest, SendsNothingAgainWhenTheUploadHasEndedWithoutOurHearingOfIt) {
  have(fake_bytes("ended", 2 * kMiB));
  // The upload is gone, as it is after a commit whose answer got lost, and the place has the blob.
  fault(prod, Verb::write_blob, Effect::cut_and_lose, 2 * kMiB);
  fault(prod, Verb::has_blob, Effect::claim_there);
  const auto moved = bring();
  EXPECT_TRUE(moved.ok()) << why(moved);
  EXPECT_EQ(prod.calls_of(Verb::write_blob).size(), 1U);
  EXPECT_EQ(prod.open_uploads(), 0U);
}

TEST_F(BlobStreamTest, CarriesBlobsOfOneByteAndOfNone) {
  for (const auto* bytes : {"", "x"}) {
    have(bytes);
    expect_arrived(bring());
    EXPECT_EQ(prod.bytes_written(), content.size());
  }
}

TEST_F(BlobStreamTest, NamesTheSideThatStandsStill) {
  have(fake_bytes("still", 2 * kMiB));
  fault(dev, Verb::read_blob, Effect::fail, {}, 100, ErrorKind::timeout);
  const auto from = bring({.retry_times = 0});
  ASSERT_FALSE(from.ok());
  EXPECT_THAT(from.error().sentence(), ::testing::HasSubstr("the source stands still"));
  dev.clear_faults();
  fault(prod, Verb::write_blob, Effect::cut, 0, 100, ErrorKind::timeout);
  const auto to = bring({.retry_times = 0});
  ASSERT_FALSE(to.ok());
  EXPECT_THAT(to.error().sentence(), ::testing::HasSubstr("the destination stands still"));
}

TEST_F(BlobStreamTest, ProgressAddsUpToTheBlobSinceTheLastRetry) {
  have(fake_bytes("progress", 40 * kMiB));
  fault(dev, Verb::read_blob, Effect::break_off, 5 * kMiB);
  fault(prod, Verb::write_blob, Effect::cut, 33 * kMiB);
  expect_arrived(bring());
  std::uint64_t sum = 0;
  std::size_t retries = 0;
  for (const auto& event : events.all()) {
    if (event.kind == EventKind::blob_retried) {
      ++retries;
      sum = 0;
    }
    if (event.kind == EventKind::blob_progress) sum += event.bytes;
  }
  EXPECT_EQ(sum, 40 * kMiB);
  EXPECT_EQ(retries, 2U);
}

}  // namespace
}  // namespace sluice::copy
