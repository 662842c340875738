#include "oci/attachment.hpp"

#include "support/checks.hpp"
#include "support/fake_images.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::oci {
namespace {

using support::fake_artifact;
using support::fake_image;
using support::why;
using ::testing::ElementsAre;

const std::string kHex(64, 'a');
const Digest kSubject = *Digest::parse("sha256:" + kHex);

TEST(Attachment, TagsOfCosignAreReadWithWhatTheyAreAbout) {
  struct Row {
    std::string tag;
    std::optional<AttachmentKind> kind;
  };
  for (const auto& row : std::vector<Row>{{"sha256-" + kHex + ".sig", AttachmentKind::signature},
                                          {"sha256-" + kHex + ".att", AttachmentKind::attestation},
                                          {"sha256-" + kHex + ".sbom", AttachmentKind::sbom},
                                          {"sha256-" + kHex, std::nullopt}}) {
    const auto read = parse_digest_tag(row.tag);
    ASSERT_TRUE(read) << row.tag;
    EXPECT_EQ(read->subject, kSubject) << row.tag;
    EXPECT_EQ(read->kind, row.kind) << row.tag;
    EXPECT_TRUE(is_digest_tag(row.tag)) << row.tag;
  }
}

TEST(Attachment, OtherTagsAreNobodysAttachment) {
  for (const auto& tag : {std::string("latest"), std::string("v1.sig"), std::string("sha256-abc.sig"), kHex,
                          "sha256-" + kHex + ".sig.old", "sha256-" + std::string(64, 'A'), "sha512-" + kHex + ".sig"}) {
    EXPECT_FALSE(parse_digest_tag(tag)) << tag;
    EXPECT_FALSE(is_digest_tag(tag)) << tag;
  }
}

TEST(Attachment, ALongDigestIsCutInTheTagOfItsListAndHasNoneOfCosigns) {
  const auto subject = *Digest::parse("sha512:" + std::string(128, 'b'));
  EXPECT_EQ(referrers_tag(subject), "sha512-" + std::string(64, 'b'));
  EXPECT_TRUE(is_digest_tag(referrers_tag(subject)));
  EXPECT_TRUE(cosign_tags(subject).empty());
  EXPECT_EQ(referrers_tag(kSubject), "sha256-" + kHex);
}

TEST(Attachment, ReferrersAreKnownByTheirType) {
  EXPECT_EQ(kind_of_type("application/vnd.dev.cosign.artifact.sig.v1+json"), AttachmentKind::signature);
  EXPECT_EQ(kind_of_type("application/vnd.cncf.notary.signature"), AttachmentKind::signature);
  EXPECT_EQ(kind_of_type("application/vnd.dev.sigstore.bundle.v0.3+json"), AttachmentKind::signature);
  EXPECT_EQ(kind_of_type("application/spdx+json"), AttachmentKind::sbom);
  EXPECT_EQ(kind_of_type("application/vnd.cyclonedx+json"), AttachmentKind::sbom);
  EXPECT_EQ(kind_of_type("application/vnd.in-toto+json"), AttachmentKind::attestation);
  EXPECT_EQ(kind_of_type("application/vnd.example.readme"), AttachmentKind::artifact);
}

TEST(Attachment, AListGetsAnEntryAndKeepsTheOthersAsTheyWere) {
  const auto image = fake_image("web", {"one"});
  const auto first = fake_artifact("application/vnd.example.first", "1", image.manifest);
  const auto second = fake_artifact("application/vnd.example.second", "2", image.manifest);
  const auto one = with_referrer(std::nullopt, first.manifest);
  ASSERT_TRUE(one.ok() && *one) << why(one);
  EXPECT_TRUE((*one)->is_index());
  // Somebody else's entry has fields that this program does not know.
  auto bytes = (*one)->bytes;
  bytes.insert(bytes.find("\"digest\""), "\"annotations\":{\"by\":\"another\"},");
  const auto theirs = parse_manifest(bytes, media::kOciIndex);
  ASSERT_TRUE(theirs.ok()) << why(theirs);
  const auto both = with_referrer(*theirs, second.manifest);
  ASSERT_TRUE(both.ok() && *both) << why(both);
  ASSERT_EQ((*both)->children.size(), 2U);
  EXPECT_EQ((*both)->children[0].digest, first.digest());
  EXPECT_EQ((*both)->children[1].digest, second.digest());
  EXPECT_EQ((*both)->children[1].artifact_type, artifact_type_of(second.manifest));
  EXPECT_NE((*both)->bytes.find("\"by\":\"another\""), std::string::npos);
  const auto again = with_referrer(*both, second.manifest);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(*again) << "it is in it already";
}

TEST(Attachment, AnImageUnderTheTagOfAListIsNotOverwritten) {
  const auto image = fake_image("web", {"one"});
  const auto referrer = fake_artifact("application/vnd.example.first", "1", image.manifest);
  const auto done = with_referrer(image.manifest, referrer.manifest);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::unsupported);
}

TEST(Attachment, SignaturesOfBothSidesAreToldApart) {
  const auto theirs = fake_image("a", {"base", "prod"}).manifest;
  EXPECT_EQ(compare_layers(fake_image("a", {"base"}).manifest, theirs), TagContent::has_all);
  EXPECT_EQ(compare_layers(fake_image("a", {"base", "prod", "new"}).manifest, theirs), TagContent::adds);
  EXPECT_EQ(compare_layers(fake_image("a", {"base", "new"}).manifest, theirs), TagContent::diverged);
}

TEST(Attachment, SignaturesOfBothSidesStandInOneManifest) {
  const auto theirs = fake_image("theirs", {"base", "prod"}).manifest;
  const auto ours = fake_image("ours", {"base", "new"}).manifest;
  const auto both = with_layers_of(theirs, ours);
  ASSERT_TRUE(both.ok()) << why(both);
  ASSERT_EQ(both->layers.size(), 3U);
  EXPECT_EQ(both->layers[0].digest, theirs.layers[0].digest);
  EXPECT_EQ(both->layers[1].digest, theirs.layers[1].digest);
  EXPECT_EQ(both->layers[2].digest, ours.layers[1].digest);
  EXPECT_EQ(both->config->digest, theirs.config->digest);
  EXPECT_EQ(compare_layers(ours, *both), TagContent::has_all);
}

// cosign signs the same bytes with every key: the layers have one digest, and the signatures stand in annotations.
Manifest signed_by(const std::vector<std::string>& keys) {
  const auto base = fake_image("signature", {"payload"}).manifest;
  auto bytes = base.bytes;
  const auto begin = bytes.find("\"layers\":[") + std::string("\"layers\":[").size();
  const auto end = bytes.find(']', begin);
  const auto layer = bytes.substr(begin, end - begin);
  std::string layers;
  for (const auto& key : keys) {
    layers += (layers.empty() ? "" : ",") + layer.substr(0, layer.size() - 1) +
              ",\"annotations\":{\"dev.cosignproject.cosign/signature\":\"" + key + "\"}}";
  }
  auto made = parse_manifest(bytes.replace(begin, end - begin, layers), base.media_type);
  EXPECT_TRUE(made.ok()) << why(made);
  return std::move(made).value();
}

TEST(Attachment, SignaturesOfTwoKeysAreTwoAlthoughTheySignTheSameBytes) {
  EXPECT_EQ(compare_layers(signed_by({"a", "b"}), signed_by({"a"})), TagContent::adds);
  EXPECT_EQ(compare_layers(signed_by({"a"}), signed_by({"a", "b"})), TagContent::has_all);
  EXPECT_EQ(compare_layers(signed_by({"a", "c"}), signed_by({"a", "b"})), TagContent::diverged);
  const auto all = with_layers_of(signed_by({"a", "b"}), signed_by({"a", "c"}));
  ASSERT_TRUE(all.ok()) << why(all);
  EXPECT_EQ(compare_layers(signed_by({"a", "b", "c"}), *all), TagContent::has_all);
  EXPECT_EQ(all->layers.size(), 3U);
}

TEST(Attachment, ABundleOfSigstoresIsWhatItSaysItIs) {
  const std::string type = "application/vnd.dev.sigstore.bundle.v0.3+json";
  const auto subject = fake_image("web", {"one"}).manifest;
  const auto bundle = [&](const std::string& predicate) {
    auto made = fake_artifact(type, "bundle", subject).manifest;
    made.bytes.insert(1, "\"annotations\":{\"dev.sigstore.bundle.predicateType\":\"" + predicate + "\"},");
    return kind_of(made);
  };
  EXPECT_EQ(bundle("https://sigstore.dev/cosign/sign/v1"), AttachmentKind::signature);
  EXPECT_EQ(bundle("https://slsa.dev/provenance/v1"), AttachmentKind::attestation);
  EXPECT_EQ(kind_of(fake_artifact(type, "bundle", subject).manifest), AttachmentKind::signature);
}

TEST(Attachment, TheyAreCountedByKind) {
  using enum AttachmentKind;
  EXPECT_EQ(counted({sbom, signature, signature}), "2 signatures, 1 SBOM");
  EXPECT_EQ(counted({}), "");
}

}  // namespace
}  // namespace sluice::oci
