// What counts as present is proven, and what cannot be read is brought again.

#include "copy/prove.hpp"

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
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Effect = FakeFault::Effect;

class ProofTest : public CopyBench {
 protected:
  const std::string lost = fake_bytes("lost", 5'000);
  const oci::Digest lost_digest = oci::Digest::of(lost);
  const FakeImage image = fake_image("web", {lost, fake_bytes("kept", 3'000)});

  void SetUp() override {
    dev.hold_image("dev/web", image, "latest");
    prod.hold_image("shop/web", image, "latest");
  }
  void lose(unsigned times) {
    prod.script({.verb = Verb::has_blob, .effect = Effect::deny_there, .times = times, .name = lost_digest.text()});
  }
  Survey surveyed(const Item& item) {
    auto found = look({item});
    EXPECT_TRUE(found.ok()) << why(found);
    return std::move(found).value();
  }
};

TEST_F(ProofTest, ReadsEveryBlobOfAnEqualImageOnce) {
  auto found = surveyed(web());
  EXPECT_THAT(prod.calls_of(Verb::has_blob), IsEmpty()) << "an equal image is not asked about by itself";
  const auto proven = prove(found, {0}, {}, events, {});
  ASSERT_TRUE(proven.ok()) << why(proven);
  EXPECT_EQ(prod.calls_of(Verb::has_blob).size(), image.blobs.size());
  EXPECT_EQ(found.items[0].blobs.moved, 0U);
}

TEST_F(ProofTest, BringsAgainWhatCannotBeReadWithoutAMount) {
  auto found = surveyed(web());
  lose(1);
  const auto proven = prove(found, {0}, {}, events, {});
  ASSERT_TRUE(proven.ok()) << why(proven);
  EXPECT_EQ(count_of(prod, Verb::write_blob, lost_digest), 1U);
  EXPECT_THAT(prod.calls_of(Verb::mount_blob), IsEmpty());
  EXPECT_EQ(found.items[0].blobs.moved, 1U);
  EXPECT_EQ(found.items[0].bytes.moved, lost.size());
  EXPECT_EQ(found.items[0].blobs.total(), image.blobs.size());
}

TEST_F(ProofTest, NamesTheCureWhenThePlaceOnlyClaimsToHaveIt) {
  auto found = surveyed(web());
  lose(2);
  const auto proven = prove(found, {0}, {}, events, {});
  EXPECT_TRUE(failed_with(proven, ErrorKind::integrity, lost_digest.text()));
  EXPECT_THAT(proven.error().hint(), HasSubstr("cache of blob descriptors"));
}

TEST_F(ProofTest, SaysThatThereIsNoOtherPlaceWhenTheImageIsOnlyRetagged) {
  auto item = item_of(prod, "shop/web", ManifestName::tag("latest"), prod, "shop/web", {"v2"});
  auto found = surveyed(item);
  lose(1);
  EXPECT_TRUE(failed_with(prove(found, {0}, {}, events, {}), ErrorKind::integrity, "no other place to bring it from"));
}

TEST_F(ProofTest, WritesAChildAgainThatIsMissingBelowAnIndex) {
  const auto index = fake_index({fake_image("amd64", {"one"}), fake_image("arm64", {"two"})});
  dev.hold_image("dev/multi", index, "latest");
  prod.hold_image("shop/multi", index, "latest");
  auto found = surveyed(item_of(dev, "dev/multi", ManifestName::tag("latest"), prod, "shop/multi", {"latest"}));
  const auto& child = index.below.front().digest;
  prod.script({.verb = Verb::find_manifest, .effect = Effect::deny_there, .name = child.text()});
  const auto proven = prove(found, {0}, {}, events, {});
  ASSERT_TRUE(proven.ok()) << why(proven);
  EXPECT_EQ(count_of(prod, Verb::put_manifest, child), 1U);
}

TEST_F(ProofTest, LeavesWhatWasBroughtAloneUnlessAllIsWanted) {
  auto item = web();
  item.dest_repository = "shop/other";
  auto found = bring({item});
  ASSERT_TRUE(found.ok()) << why(found);
  prod.forget_calls();
  ASSERT_TRUE(prove(*found, {0}, {}, events, {}).ok());
  EXPECT_THAT(prod.calls(), IsEmpty());
  ASSERT_TRUE(prove(*found, {0}, {.all = true}, events, {}).ok());
  EXPECT_EQ(prod.calls_of(Verb::has_blob).size(), image.blobs.size());
}

TEST_F(ProofTest, PutsTheTagBackWhenContentBesideItCannotBeRead) {
  const auto old = fake_image("old", {"old"});
  prod.hold_image("shop/web", old, "live");
  // Named by its digest, which is there: only the tag is written.
  auto found = surveyed(item_of(dev, "dev/web", ManifestName::digest(image.digest()), prod, "shop/web", {"live"}));
  lose(2);
  const PublishOptions how{.prove = true, .pauses = kAtOnce.pauses};
  const auto done = publish(found, {0}, {}, how, events, {});
  EXPECT_TRUE(failed_with(done, ErrorKind::integrity, lost_digest.text()));
  EXPECT_EQ(prod.tag_of("shop/web", "live"), old.digest()) << "nobody can pull the new one";
  if (!events.of(EventKind::put_back).empty()) {
    EXPECT_THAT(done.error().message(), HasSubstr("shop/web:live was put back to " + old.digest().text()));
  }
}

}  // namespace
}  // namespace sluice::copy
