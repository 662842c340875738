// The source's side of one blob: when it is read again, and when that is left to others.

#include "copy/blob_relay.hpp"

#include "unit/copy/copy_testing.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::copy {
namespace {

using support::failed_with;
using support::FakeFault;
using support::Verb;
using support::why;

constexpr std::uint64_t kMiB = 1024 * 1024;

class BlobRelayTest : public ::testing::Test {
 protected:
  BlobRelayTest() {
    content = support::fake_bytes("relay", 2 * kMiB);
    dev.hold_blob("dev/web", content);
  }
  void fail_first(unsigned times, ErrorKind kind = ErrorKind::unreachable) {
    dev.script({.verb = Verb::read_blob, .effect = FakeFault::Effect::fail, .kind = kind, .times = times});
  }
  // The pipe has room for all of it, so that nobody has to take anything out.
  Status relay(RelayOptions options) {
    const oci::Descriptor blob{"application/octet-stream", oci::Digest::of(content), content.size(), {}, {}, {}};
    places::BlobPipe pipe(blob, {}, places::PipeOptions{.ring_bytes = 4 * kMiB, .source_returns = true});
    const auto resumed = [&](const Error&, std::uint64_t position, std::chrono::milliseconds) {
      again.push_back(position);
    };
    BlobRelay relay({&dev, "dev/web"}, pipe, options, resumed, {});
    return relay.finish();
  }
  std::size_t reads() const { return dev.calls_of(Verb::read_blob).size(); }

  support::FakePlace dev{"dev.example.com"};
  std::string content;
  std::vector<std::uint64_t> again;
};

TEST_F(BlobRelayTest, LeavesATryThatBroughtNothingToThoseWhoMoveTheBlob) {
  fail_first(1);
  EXPECT_TRUE(failed_with(relay({.retry_times = 3}), ErrorKind::unreachable));
  EXPECT_EQ(reads(), 1U);
}

TEST_F(BlobRelayTest, TriesAgainFromTheBeginningWhereNobodyElseWould) {
  fail_first(2, ErrorKind::busy);
  const auto done = relay({.retry_times = 2, .from_beginning = true});
  EXPECT_TRUE(done) << why(done);
  EXPECT_EQ(reads(), 3U);
  EXPECT_EQ(again, (std::vector<std::uint64_t>{0, 0}));
}

TEST_F(BlobRelayTest, TriesFromTheBeginningNoMoreOftenThanItMay) {
  fail_first(100);
  EXPECT_TRUE(failed_with(relay({.retry_times = 2, .from_beginning = true}), ErrorKind::unreachable));
  EXPECT_EQ(reads(), 3U);
}

TEST_F(BlobRelayTest, DoesNotAskAgainForWhatIsNotThere) {
  fail_first(1, ErrorKind::not_found);
  EXPECT_TRUE(failed_with(relay({.retry_times = 2, .from_beginning = true}), ErrorKind::not_found));
  EXPECT_EQ(reads(), 1U);
}

}  // namespace
}  // namespace sluice::copy
