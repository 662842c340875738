#include "promotion/shadow.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <utility>

namespace sluice::promotion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Held = std::shared_ptr<const oci::Manifest>;

oci::Descriptor descriptor(const std::string& content, const std::string& architecture = {}) {
  oci::Descriptor out{
      .media_type = {}, .digest = oci::Digest::of(content), .urls = {}, .platform = {}, .artifact_type = {}};
  if (!architecture.empty())
    out.platform = oci::Platform{.os = "linux", .architecture = architecture, .variant = {}, .os_version = {}};
  return out;
}

oci::Manifest manifest(const std::string& content) {
  return {.media_type = {},
          .digest = oci::Digest::of(content),
          .bytes = content,
          .kind = oci::ManifestKind::image,
          .config = {},
          .layers = {},
          .children = {},
          .subject = {},
          .artifact_type = {}};
}

Held image(const std::string& content, const std::string& config) {
  auto out = manifest(content);
  out.config = descriptor(config);
  return std::make_shared<const oci::Manifest>(std::move(out));
}

Held index(const std::string& content, std::initializer_list<std::pair<const char*, const char*>> children) {
  auto out = manifest(content);
  out.kind = oci::ManifestKind::index;
  for (const auto& [child, architecture] : children) out.children.push_back(descriptor(child, architecture));
  return std::make_shared<const oci::Manifest>(std::move(out));
}

Compared between(const Manifests& old, const Manifests& ours) {
  return compare(old.back()->digest, old, ours.back()->digest, ours);
}

const Manifests kIndex{image("amd", "amd config"), image("arm", "arm config"),
                       index("both", {{"amd", "amd64"}, {"arm", "arm64"}})};

TEST(Shadow, TheSameDigestIsNoDifferenceWhateverCouldBeRead) {
  EXPECT_EQ(compare(oci::Digest::of("a"), {}, oci::Digest::of("a"), {}).difference, Difference::none);
}

TEST(Shadow, ATagThatIsNotThereIsToldSo) {
  EXPECT_EQ(compare(std::nullopt, {}, oci::Digest::of("a"), {}).difference, Difference::nothing_there);
}

TEST(Shadow, AnImageOutOfTheIndexHasLostTheOtherPlatforms) {
  const auto found = between({image("amd", "amd config")}, kIndex);
  EXPECT_EQ(found.difference, Difference::one_platform);
  EXPECT_THAT(found.lost_platforms, ElementsAre("linux/arm64"));
}

TEST(Shadow, AnImageOutOfTheIndexIsKnownByItsConfigWhenItWasPackedAnew) {
  const auto found = between({image("arm, packed anew", "arm config")}, kIndex);
  EXPECT_EQ(found.difference, Difference::one_platform);
  EXPECT_THAT(found.lost_platforms, ElementsAre("linux/amd64"));
}

TEST(Shadow, TheOnlyImageOfAnIndexHasLostNothingButItsIndex) {
  const auto found =
      between({image("amd", "amd config")}, {image("amd", "amd config"), index("one", {{"amd", "amd64"}})});
  EXPECT_EQ(found.difference, Difference::packed_anew);
  EXPECT_THAT(found.lost_platforms, IsEmpty());
}

TEST(Shadow, TheSameConfigUnderAnotherManifestWasPackedAnew) {
  EXPECT_EQ(between({image("old", "config")}, {image("new", "config")}).difference, Difference::packed_anew);
}

TEST(Shadow, AnotherConfigIsAnotherImage) {
  EXPECT_EQ(between({image("old", "config")}, {image("new", "another")}).difference, Difference::another_image);
  EXPECT_EQ(between({image("old", "config")}, kIndex).difference, Difference::another_image);
  EXPECT_EQ(between(kIndex, {image("amd", "amd config")}).difference, Difference::another_image);
}

TEST(Shadow, WhatCouldNotBeReadIsNotGuessedAt) {
  EXPECT_EQ(compare(oci::Digest::of("a"), {}, oci::Digest::of("b"), kIndex).difference, Difference::not_known);
  EXPECT_EQ(compare(kIndex.back()->digest, kIndex, oci::Digest::of("b"), {}).difference, Difference::not_known);
}

TEST(Shadow, AWorkloadDiffersWhereMovingATagIsNotEnough) {
  using openshift::UseAction;
  for (const auto action : {UseAction::none, UseAction::rolls, UseAction::build}) {
    EXPECT_TRUE(shadow_of({.kind = "Deployment", .name = "web", .tags = {}, .action = action}).same);
  }
  for (const auto action : {UseAction::start, UseAction::patch, UseAction::blocked}) {
    EXPECT_FALSE(shadow_of({.kind = "Deployment", .name = "web", .tags = {}, .action = action}).same);
  }
  PlannedWorkload paused{.kind = "Deployment", .name = "web", .tags = {}, .action = UseAction::blocked};
  paused.why = "it is paused";
  EXPECT_THAT(shadow_of(paused).sentence, HasSubstr("it is paused"));
}

}  // namespace
}  // namespace sluice::promotion
