#include "copy/attachments.hpp"

#include "unit/copy/copy_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace sluice::copy {
namespace {

using places::ManifestName;
using support::fake_artifact;
using support::fake_image;
using support::fake_index;
using support::FakeFault;
using support::FakeImage;
using support::FakePlace;
using support::Verb;
using support::why;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr places::Traits kLists{
    .mount = true, .ranges = true, .push_by_digest = true, .referrers = true, .attachments = true};
const std::string kSbom = "application/spdx+json";
const std::string kSignature = "application/vnd.dev.cosign.artifact.sig.v1+json";

std::string tag_for(const oci::Digest& digest, const std::string& suffix) { return "sha256-" + digest.hex() + suffix; }

class AttachmentsTest : public CopyBench {
 protected:
  AttachmentsTest() { options.pauses = {std::chrono::milliseconds(0), std::chrono::milliseconds(0)}; }

  Item carried(FakePlace& source, FakePlace& dest, Attachments wish = Attachments::carry) {
    auto item = item_of(source, "dev/web", ManifestName::tag("latest"), dest, "shop/web", {"latest"});
    item.attachments = wish;
    return item;
  }
  /// As registries without a list have it: the artifact, and an entry under the tag of its subject.
  static void attach_under_tag(FakePlace& place, const std::string& repository, const FakeImage& artifact) {
    place.hold_image(repository, artifact);
    const auto tag = oci::referrers_tag(artifact.manifest.subject->digest);
    std::optional<oci::Manifest> list;
    if (place.tag_of(repository, tag)) list = *place.manifest(repository, ManifestName::tag(tag), std::stop_token());
    const auto longer = oci::with_referrer(list, artifact.manifest);
    ASSERT_TRUE(longer.ok() && *longer) << why(longer);
    ASSERT_TRUE(place.put_manifest(repository, ManifestName::tag(tag), **longer, std::stop_token()).ok());
    place.forget_calls();
  }
  static std::set<oci::Digest> listed(FakePlace& place, const std::string& repository, const oci::Digest& subject) {
    const auto list = referrers_at(place, repository, subject, std::stop_token());
    EXPECT_TRUE(list.ok()) << why(list);
    return list.ok() ? list->digests : std::set<oci::Digest>();
  }
  static std::size_t arrived(const Survey& survey, std::size_t item = 0) {
    const auto all = survey.attachments_of(item);
    if (!all) return 99;
    return static_cast<std::size_t>(
        std::count_if(all->begin(), all->end(), [](const auto& one) { return one.arrived; }));
  }

  FakeImage image = fake_image("web", {"one", "two"});
  FakeImage signature = fake_image("signature", {"signed by dev"});
};

TEST_F(AttachmentsTest, TagsOfCosignTravelWithTheImage) {
  dev.hold_image("dev/web", image, "latest");
  dev.hold_image("dev/web", signature, tag_for(image.digest(), ".sig"));
  dev.hold_image("dev/web", fake_image("sbom", {"packages"}), tag_for(image.digest(), ".sbom"));
  dev.hold_image("dev/web", fake_image("other", {"of another image"}), "sha256-" + std::string(64, '0') + ".sig");
  const auto done = bring({carried(dev, prod)});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(arrived(*done), 2U);
  EXPECT_EQ(prod.tag_of("shop/web", tag_for(image.digest(), ".sig")), signature.digest());
  EXPECT_TRUE(holds(prod, "shop/web", signature));
  EXPECT_FALSE(prod.tag_of("shop/web", "sha256-" + std::string(64, '0') + ".sig"));
}

TEST_F(AttachmentsTest, ReferrersTravelBetweenAllKindsOfRegistries) {
  const auto sbom = fake_artifact(kSbom, "packages", image.manifest);
  const auto of_sbom = fake_artifact(kSignature, "signed", sbom.manifest);
  for (const bool source_lists : {false, true}) {
    for (const bool dest_lists : {false, true}) {
      SCOPED_TRACE(std::string(source_lists ? "listing" : "old") + " -> " + (dest_lists ? "listing" : "old"));
      FakePlace source("a.example.com", source_lists ? kLists : FakePlace::kRegistryTraits);
      FakePlace dest("b.example.com", dest_lists ? kLists : FakePlace::kRegistryTraits);
      source.hold_image("dev/web", image, "latest");
      for (const auto& one : {sbom, of_sbom}) {
        if (source_lists) source.hold_image("dev/web", one);
        if (!source_lists) attach_under_tag(source, "dev/web", one);
      }
      const auto done = bring({carried(source, dest)});
      ASSERT_TRUE(done.ok()) << why(done);
      EXPECT_EQ(arrived(*done), 2U);
      EXPECT_EQ(listed(dest, "shop/web", image.digest()), std::set{sbom.digest()});
      EXPECT_EQ(listed(dest, "shop/web", sbom.digest()), std::set{of_sbom.digest()});
      EXPECT_EQ(dest.tag_of("shop/web", oci::referrers_tag(image.digest())).has_value(), !dest_lists);
    }
  }
}

TEST_F(AttachmentsTest, ThoseOfTheChildrenOfAnIndexTravelToo) {
  const auto child = fake_image("arm", {"three"});
  const auto index = fake_index({image, child});
  dev.hold_image("dev/web", index, "latest");
  dev.hold_image("dev/web", signature, tag_for(child.digest(), ".att"));
  dev.hold_image("dev/web", fake_image("whole", {"of all"}), tag_for(index.digest(), ".sig"));
  const auto done = bring({carried(dev, prod)});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(arrived(*done), 2U);
  EXPECT_EQ(prod.tag_of("shop/web", tag_for(child.digest(), ".att")), signature.digest());
}

TEST_F(AttachmentsTest, AnImageThatIsThereGetsWhatWasAttachedSince) {
  dev.hold_image("dev/web", image, "latest");
  ASSERT_TRUE(bring({carried(dev, prod)}).ok());
  dev.hold_image("dev/web", signature, tag_for(image.digest(), ".sig"));
  prod.forget_calls();
  const auto done = bring({carried(dev, prod)});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_TRUE(done->items.front().all_equal);
  EXPECT_EQ(arrived(*done), 1U);
  EXPECT_EQ(prod.tag_of("shop/web", tag_for(image.digest(), ".sig")), signature.digest());
  // And nothing is written when all of it is there.
  prod.forget_calls();
  const auto again = bring({carried(dev, prod)});
  ASSERT_TRUE(again.ok()) << why(again);
  EXPECT_EQ(arrived(*again), 1U);
  EXPECT_THAT(prod.calls_of(Verb::put_manifest), IsEmpty());
}

TEST_F(AttachmentsTest, SomeMayBeLeftByWishAndAreTold) {
  dev.hold_image("dev/web", image, "latest");
  dev.hold_image("dev/web", signature, tag_for(image.digest(), ".sig"));
  const auto done = bring({carried(dev, prod, Attachments::leave)});
  ASSERT_TRUE(done.ok()) << why(done);
  const auto told = done->attachments_of(0);
  ASSERT_TRUE(told && told->size() == 1U);
  EXPECT_FALSE(told->front().goes_along);
  EXPECT_EQ(told->front().what.kind, oci::AttachmentKind::signature);
  EXPECT_FALSE(prod.tag_of("shop/web", tag_for(image.digest(), ".sig")));
}

TEST_F(AttachmentsTest, WhatTheDestinationCannotHoldIsLeftBeforeAnythingIsWritten) {
  dev.hold_image("dev/web", image, "latest");
  dev.hold_image("dev/web", signature, tag_for(image.digest(), ".sig"));
  attach_under_tag(dev, "dev/web", fake_artifact(kSbom, "packages", image.manifest));
  auto item = carried(dev, prod);
  item.attachments_held = AttachmentsHeld::cosign_tags;
  const auto done = bring({item});
  ASSERT_TRUE(done.ok()) << why(done);
  const auto told = done->attachments_of(0);
  ASSERT_TRUE(told && told->size() == 2U);
  EXPECT_TRUE((*told)[0].goes_along && (*told)[0].arrived);
  EXPECT_FALSE((*told)[1].goes_along);
  EXPECT_EQ((*told)[1].what.kind, oci::AttachmentKind::sbom);
}

TEST_F(AttachmentsTest, NobodyLooksWithoutBeingAsked) {
  dev.hold_image("dev/web", image, "latest");
  dev.hold_image("dev/web", signature, tag_for(image.digest(), ".sig"));
  const auto done = bring({web()});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_FALSE(done->attachments_of(0));
  EXPECT_THAT(dev.calls_of(Verb::tags), IsEmpty());
  EXPECT_THAT(dev.calls_of(Verb::referrers), IsEmpty());
}

TEST_F(AttachmentsTest, ARepositoryThatMayNotBeListedIsAskedByName) {
  dev.hold_image("dev/web", image, "latest");
  dev.hold_image("dev/web", signature, tag_for(image.digest(), ".sig"));
  attach_under_tag(dev, "dev/web", fake_artifact(kSbom, "packages", image.manifest));
  for (const auto kind : {ErrorKind::denied, ErrorKind::protocol, ErrorKind::unreachable}) {
    FakePlace dest("to-" + std::to_string(static_cast<int>(kind)));
    dev.script({.verb = Verb::tags, .kind = kind, .times = 1});
    const auto done = bring({carried(dev, dest)});
    ASSERT_TRUE(done.ok()) << why(done);
    EXPECT_EQ(arrived(*done), 2U);
  }
}

TEST_F(AttachmentsTest, AListThatCannotBeReadFailsTheCopyUnlessTheyAreLeft) {
  FakePlace source("a.example.com", kLists);
  source.hold_image("dev/web", image, "latest");
  source.script({.verb = Verb::referrers, .kind = ErrorKind::busy, .times = 9, .name = image.digest().text()});
  EXPECT_FALSE(bring({carried(source, prod)}).ok());
  EXPECT_FALSE(prod.tag_of("shop/web", "latest"));
  const auto left = bring({carried(source, prod, Attachments::leave)});
  ASSERT_TRUE(left.ok()) << why(left);
  EXPECT_FALSE(left->attachments_of(0)) << "nobody knows all of them";
}

TEST_F(AttachmentsTest, AnEntryWithoutContentIsNoAttachment) {
  dev.hold_image("dev/web", image, "latest");
  const auto gone = fake_artifact(kSbom, "gone", image.manifest);
  const auto there = fake_artifact(kSbom, "there", image.manifest);
  attach_under_tag(dev, "dev/web", gone);
  attach_under_tag(dev, "dev/web", there);
  dev.script({.verb = Verb::manifest, .kind = ErrorKind::not_found, .times = 9, .name = gone.digest().text()});
  const auto done = bring({carried(dev, prod)});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(arrived(*done), 1U);
  EXPECT_EQ(listed(prod, "shop/web", image.digest()), std::set{there.digest()});
}

TEST_F(AttachmentsTest, AnEntryThatBelongsToAnotherImageIsNoAttachment) {
  dev.hold_image("dev/web", image, "latest");
  const auto others = fake_artifact(kSbom, "others", fake_image("other", {"x"}).manifest);
  dev.hold_image("dev/web", others);
  const auto list = oci::with_referrer(std::nullopt, others.manifest);
  ASSERT_TRUE(dev.put_manifest("dev/web", ManifestName::tag(oci::referrers_tag(image.digest())), **list, {}).ok());
  const auto done = bring({carried(dev, prod)});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(arrived(*done), 0U);
  EXPECT_FALSE(prod.has("shop/web", others.digest()));
}

TEST_F(AttachmentsTest, OneThatIsListedTwiceIsJudgedByEachList) {
  dev.hold_image("dev/web", image, "latest");
  const auto child = fake_artifact(kSbom, "packages", image.manifest);
  const auto of_child = fake_artifact(kSignature, "signed", child.manifest);
  attach_under_tag(dev, "dev/web", child);
  attach_under_tag(dev, "dev/web", of_child);
  // The list of the image names the signature of the SBOM as well, wrongly.
  const auto tag = ManifestName::tag(oci::referrers_tag(image.digest()));
  const auto list = oci::with_referrer(*dev.manifest("dev/web", tag, {}), of_child.manifest);
  ASSERT_TRUE(list.ok() && *list) << why(list);
  ASSERT_TRUE(dev.put_manifest("dev/web", tag, **list, {}).ok());
  const auto done = bring({carried(dev, prod)});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(arrived(*done), 2U);
  EXPECT_EQ(listed(prod, "shop/web", child.digest()), std::set{of_child.digest()});
}

TEST_F(AttachmentsTest, TheImageIsThereBeforeAnybodyLooksForWhatIsAttachedToIt) {
  dev.hold_image("dev/web", image, "latest");
  attach_under_tag(dev, "dev/web", fake_artifact(kSbom, "packages", image.manifest));
  options.stage_roots = false;
  auto found = look({carried(dev, prod)});
  ASSERT_TRUE(found.ok()) << why(found);
  ASSERT_TRUE(carry(*found, options, events, stop.get_token()).ok());
  // Harbor lists nothing that is attached to what it does not have.
  EXPECT_TRUE(prod.has("shop/web", image.digest()));
  EXPECT_FALSE(prod.tag_of("shop/web", "latest"));
}

TEST_F(AttachmentsTest, ASignatureThatWasMadeAtTheDestinationWhileBytesTravelledStays) {
  const auto theirs = fake_image("theirs", {"signed by prod"});
  dev.hold_image("dev/web", image, "latest");
  dev.hold_image("dev/web", signature, tag_for(image.digest(), ".sig"));
  auto found = look({carried(dev, prod)});
  ASSERT_TRUE(found.ok()) << why(found);
  prod.hold_image("shop/web", theirs, tag_for(image.digest(), ".sig"));
  ASSERT_TRUE(carry(*found, options, events, stop.get_token()).ok());
  const auto both = prod.manifest("shop/web", ManifestName::tag(tag_for(image.digest(), ".sig")), {});
  ASSERT_TRUE(both.ok()) << why(both);
  EXPECT_EQ(both->layers.size(), 2U);
}

TEST_F(AttachmentsTest, ACountThatDoesNotComeOutFailsTheCopyBeforeItsTagMoves) {
  dev.hold_image("dev/web", image, "latest");
  dev.hold_image("dev/web", signature, tag_for(image.digest(), ".sig"));
  prod.script({.verb = Verb::put_manifest,
               .effect = FakeFault::Effect::forget,
               .times = 99,
               .name = tag_for(image.digest(), ".sig")});
  const auto done = bring({carried(dev, prod)});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::integrity);
  EXPECT_THAT(done.error().sentence(), HasSubstr("of 1 attachments 0 arrived"));
  EXPECT_FALSE(prod.tag_of("shop/web", "latest"));
}

TEST_F(AttachmentsTest, ARefusalNamesTheAttachmentAndTheWayWithout) {
  dev.hold_image("dev/web", image, "latest");
  dev.hold_image("dev/web", signature, tag_for(image.digest(), ".sig"));
  prod.script({.verb = Verb::put_manifest,
               .kind = ErrorKind::unsupported,
               .times = 99,
               .name = tag_for(image.digest(), ".sig")});
  const auto done = bring({carried(dev, prod)});
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error().sentence(), HasSubstr("the signature of " + image.digest().text() + " is refused"));
  EXPECT_THAT(done.error().hint(), HasSubstr("--no-attachments"));
}

TEST_F(AttachmentsTest, WhatOthersSignedAtTheDestinationStays) {
  const auto theirs = fake_image("theirs", {"signed by prod"});
  dev.hold_image("dev/web", image, "latest");
  dev.hold_image("dev/web", signature, tag_for(image.digest(), ".sig"));
  prod.hold_image("shop/web", theirs, tag_for(image.digest(), ".sig"));
  const auto done = bring({carried(dev, prod)});
  ASSERT_TRUE(done.ok()) << why(done);
  const auto both = prod.manifest("shop/web", ManifestName::tag(tag_for(image.digest(), ".sig")), std::stop_token());
  ASSERT_TRUE(both.ok()) << why(both);
  ASSERT_EQ(both->layers.size(), 2U);
  EXPECT_EQ(both->layers[0].digest, theirs.manifest.layers[0].digest);
  EXPECT_EQ(both->layers[1].digest, signature.manifest.layers[0].digest);
  // From now on there is nothing more to bring.
  prod.forget_calls();
  ASSERT_TRUE(bring({carried(dev, prod)}).ok());
  EXPECT_THAT(prod.calls_of(Verb::put_manifest), IsEmpty());
}

TEST_F(AttachmentsTest, AnArtifactCopiedByNameIsListedWhereTheRegistryKeepsNoList) {
  const auto artifact = fake_artifact(kSbom, "packages", image.manifest);
  dev.hold_image("dev/sbom", artifact, "v1");
  const auto done = bring({item_of(dev, "dev/sbom", ManifestName::tag("v1"), prod, "shop/sbom", {"v1"})});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(listed(prod, "shop/sbom", image.digest()), std::set{artifact.digest()});
}

TEST_F(AttachmentsTest, TwoWritersOfOneListLoseNoEntryWhicheverStepTheOtherComesAt) {
  const auto ours = fake_artifact(kSbom, "ours", image.manifest);
  const auto theirs = fake_artifact(kSignature, "theirs", image.manifest);
  const auto tag = oci::referrers_tag(image.digest());
  // We are held before each of our calls; meanwhile the other writer does all of its work.
  for (const auto verb : {Verb::find_manifest, Verb::put_manifest}) {
    FakePlace place("b.example.com");
    for (const auto& one : {ours, theirs}) place.hold_image("shop/web", one);
    place.script({.verb = verb, .effect = FakeFault::Effect::hold, .name = tag});
    Status done;
    std::jthread us(
        [&] { done = list_under_tag(place, "shop/web", image.digest(), {ours.manifest}, events, std::stop_token()); });
    place.wait_until_held();
    ASSERT_TRUE(list_under_tag(place, "shop/web", image.digest(), {theirs.manifest}, events, std::stop_token()).ok());
    place.release();
    us.join();
    ASSERT_TRUE(done.ok()) << why(done);
    // A list that was read before the other one stood cannot but lose it; the other's second look brings it again.
    ASSERT_TRUE(list_under_tag(place, "shop/web", image.digest(), {theirs.manifest}, events, std::stop_token()).ok());
    EXPECT_EQ(listed(place, "shop/web", image.digest()), (std::set{ours.digest(), theirs.digest()}));
  }
}

TEST_F(AttachmentsTest, AListThatOthersOverwriteBeforeTheTagMovesIsMended) {
  dev.hold_image("dev/web", image, "latest");
  const auto sbom = fake_artifact(kSbom, "packages", image.manifest);
  attach_under_tag(dev, "dev/web", sbom);
  const auto tag = oci::referrers_tag(image.digest());
  auto found = look({carried(dev, prod)});
  ASSERT_TRUE(found.ok()) << why(found);
  ASSERT_TRUE(carry(*found, options, events, stop.get_token()).ok());
  // Somebody who had read the list before ours stood writes it now.
  const auto theirs = fake_artifact(kSignature, "theirs", image.manifest);
  prod.hold_image("shop/web", theirs);
  const auto list = oci::with_referrer(std::nullopt, theirs.manifest);
  ASSERT_TRUE(prod.put_manifest("shop/web", ManifestName::tag(tag), **list, {}).ok());
  const auto done = publish(*found, {0}, {}, kAtOnce, events, stop.get_token());
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(listed(prod, "shop/web", image.digest()), (std::set{sbom.digest(), theirs.digest()}));
}

}  // namespace
}  // namespace sluice::copy
