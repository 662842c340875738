// What a place says when a manifest is written, and what cures it: content it misses, tags that may not change.

#include "unit/copy/copy_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::copy {
namespace {

using places::ManifestName;
using support::failed_with;
using support::fake_bytes;
using support::fake_image;
using support::fake_index;
using support::FakeFault;
using support::FakeImage;
using support::Verb;
using support::why;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Effect = FakeFault::Effect;

class Recovery : public CopyBench {
 protected:
  const std::string stale = fake_bytes("stale", 5'000);
  const std::string fresh = fake_bytes("fresh", 3'000);
  const oci::Digest stale_digest = oci::Digest::of(stale);
  const oci::Digest fresh_digest = oci::Digest::of(fresh);
  const FakeImage image = fake_image("web", {stale, fresh});

  void SetUp() override { dev.hold_image("dev/web", image, "latest"); }

  // As registries do whose caches outlive a blob.
  void claim_the_stale_layer() {
    prod.script({.verb = Verb::has_blob, .effect = Effect::claim_there, .name = stale_digest.text()});
  }
  void refuse(const std::string& name, ErrorKind kind) {
    prod.script({.verb = Verb::put_manifest, .kind = kind, .name = name});
  }
};

TEST_F(Recovery, BringsExactlyWhatThePlaceMissesAlthoughItSaidYes) {
  for (const bool staged : {true, false}) {
    SCOPED_TRACE(staged ? "found while the content is staged" : "found while the tag is written");
    options.stage_roots = staged;
    auto item = web();
    item.dest_repository = staged ? "shop/staged" : "shop/tagged";
    claim_the_stale_layer();
    prod.forget_calls();
    const auto done = bring({item});
    ASSERT_TRUE(done.ok()) << why(done);
    EXPECT_TRUE(holds(prod, item.dest_repository, image));
    EXPECT_EQ(prod.tag_of(item.dest_repository, "latest"), image.digest());
    EXPECT_EQ(count_of(prod, Verb::write_blob, stale_digest), 1U);
    EXPECT_EQ(count_of(prod, Verb::write_blob, fresh_digest), 1U) << "what was there is not sent again";
    EXPECT_EQ(done->items[0].blobs.moved, image.blobs.size()) << amounts(done->items[0].blobs);
    EXPECT_EQ(done->items[0].blobs.present, 0U) << amounts(done->items[0].blobs);
    EXPECT_EQ(done->items[0].bytes.present, 0U) << amounts(done->items[0].bytes);
  }
}

TEST_F(Recovery, EndsWithWhatIsMissingWhenThePlaceLosesItAgainAndAgain) {
  claim_the_stale_layer();
  // It takes the blob, and says that it does not have it.
  prod.script({.verb = Verb::write_blob, .effect = Effect::forget, .times = 10, .name = stale_digest.text()});
  EXPECT_TRUE(failed_with(bring({web()}), ErrorKind::conflict, stale_digest.text()));
  EXPECT_EQ(count_of(prod, Verb::write_blob, stale_digest), 2U);
  EXPECT_EQ(prod.tag_of("shop/web", "latest"), std::nullopt);
}

TEST_F(Recovery, WritesAChildAgainThatThePlaceHasLost) {
  const auto index = fake_index({fake_image("amd64", {"one"}), fake_image("arm64", {"two"})});
  dev.hold_image("dev/multi", index, "latest");
  const auto& child = index.below.front().digest;
  prod.script({.verb = Verb::put_manifest, .effect = Effect::forget, .name = child.text()});
  const auto done = bring({item_of(dev, "dev/multi", ManifestName::tag("latest"), prod, "shop/multi", {"latest"})});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_TRUE(holds(prod, "shop/multi", index));
  EXPECT_EQ(count_of(prod, Verb::put_manifest, child), 2U);
}

TEST_F(Recovery, TakesARefusedTagThatIsRightForDone) {
  auto found = look({web()});
  ASSERT_TRUE(found.ok()) << why(found);
  ASSERT_TRUE(carry(*found, options, events, {}).ok());
  // Somebody else promoted the same thing meanwhile, and tags may not be written twice there.
  prod.set_tag("shop/web", "latest", image.digest());
  for (const auto kind : {ErrorKind::conflict, ErrorKind::denied, ErrorKind::unsupported}) {
    refuse("latest", kind);
    const auto done = publish(*found, {0}, {}, kAtOnce, events, {});
    EXPECT_TRUE(done.ok()) << to_string(kind) << ": " << why(done);
  }
}

TEST_F(Recovery, ExplainsATagThatStandsForSomethingElseAndMayNotChange) {
  const auto other = fake_image("other", {"other"});
  prod.hold_image("shop/web", other, "latest");
  refuse("latest", ErrorKind::conflict);
  const auto done = bring({web()});
  EXPECT_TRUE(failed_with(done, ErrorKind::conflict, "prod.example.com/shop/web:latest stands for"));
  EXPECT_TRUE(failed_with(done, ErrorKind::conflict, other.digest().text()));
  EXPECT_TRUE(failed_with(done, ErrorKind::conflict, "since before this copy began"));
  EXPECT_THAT(done.error().hint(), ::testing::HasSubstr("copy to a tag that is not in use"));
  EXPECT_EQ(prod.tag_of("shop/web", "latest"), other.digest());
}

TEST_F(Recovery, SaysWhenTheTagWasWrittenWhileTheCopyRan) {
  auto found = look({web()});
  ASSERT_TRUE(found.ok()) << why(found);
  ASSERT_TRUE(carry(*found, options, events, {}).ok());
  const auto other = fake_image("other", {"other"});
  prod.hold_image("shop/web", other, "latest");
  refuse("latest", ErrorKind::conflict);
  EXPECT_TRUE(
      failed_with(publish(*found, {0}, {}, kAtOnce, events, {}), ErrorKind::conflict, "wrote it while this copy ran"));
}

TEST_F(Recovery, LeavesAMissingRightWhatItIs) {
  prod.hold_image("shop/web", fake_image("other", {"other"}), "latest");
  refuse("latest", ErrorKind::denied);
  const auto done = bring({web()});
  ASSERT_TRUE(failed_with(done, ErrorKind::denied));
  EXPECT_THAT(done.error().message(), ::testing::Not(::testing::HasSubstr("stands for")));
}

}  // namespace
}  // namespace sluice::copy
