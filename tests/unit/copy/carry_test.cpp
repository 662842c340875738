#include "copy/carry.hpp"

#include "unit/copy/copy_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::copy {
namespace {

using places::ManifestName;
using support::fake_artifact;
using support::fake_bytes;
using support::fake_docker_image;
using support::fake_image;
using support::fake_index;
using support::FakeImage;
using support::FakePlace;
using support::Verb;
using support::why;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using CarryTest = CopyBench;

std::size_t first_call(const FakePlace& place, const std::string& text) {
  const auto calls = place.calls();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].text() == text) return i;
  }
  ADD_FAILURE() << "there was no call: " << text;
  return calls.size();
}

TEST_F(CarryTest, BringsEveryKindOfImageWhole) {
  const auto web = fake_image("web", {"one", "two"});
  struct Row {
    const char* name;
    FakeImage image;
  };
  const std::vector<Row> rows{
      {"an OCI image", web},
      {"a Docker image", fake_docker_image("web", {"one", "two"})},
      {"an image without layers", fake_image("scratch", {})},
      {"an image with an empty layer", fake_image("hollow", {"", "one"})},
      {"an image that names a layer twice", fake_image("twice", {"one", "two", "one"})},
      {"an image larger than the ring", fake_image("large", {fake_bytes("large", 1'500'000)})},
      {"an index", fake_index({web, fake_image("arm", {"three"})})},
      {"a nested index", fake_index({fake_index({web, fake_image("arm", {"three"})}), fake_image("ppc", {"one"})})},
      {"an artifact", fake_artifact("application/vnd.example.sbom+json", "{\"packages\":[]}", web.manifest)},
  };
  for (const auto& row : rows) {
    FakePlace source("a.example.com");
    FakePlace dest("b.example.com");
    source.hold_image("dev/app", row.image, "latest");
    const auto done =
        bring({item_of(source, "dev/app", ManifestName::tag("latest"), dest, "shop/app", {"v1", "latest"})});
    ASSERT_TRUE(done.ok()) << row.name << ": " << why(done);
    EXPECT_TRUE(holds(dest, "shop/app", row.image)) << row.name;
    EXPECT_EQ(dest.tag_of("shop/app", "latest"), row.image.digest()) << row.name;
    EXPECT_EQ(dest.tag_of("shop/app", "v1"), row.image.digest()) << row.name;
    EXPECT_EQ(amounts(done->items.front().bytes),
              amounts({.moved = row.image.blob_bytes(), .mounted = 0, .present = 0}))
        << row.name;
    EXPECT_EQ(dest.open_uploads(), 0U) << row.name;
  }
}

TEST_F(CarryTest, UploadsSharedLayersOfTwentyImagesOnce) {
  const std::vector<std::string> base{fake_bytes("base", 4000), fake_bytes("runtime", 3000)};
  std::vector<Item> items;
  std::vector<FakeImage> images;
  for (int i = 0; i < 20; ++i) {
    const auto name = "app" + std::to_string(i);
    auto layers = base;
    layers.push_back("code of " + name);
    images.push_back(fake_image(name, layers));
    dev.hold_image("dev/" + name, images.back(), "latest");
    items.push_back(item_of(dev, "dev/" + name, ManifestName::tag("latest"), prod, "shop/" + name, {"latest"}));
  }
  const auto done = bring(std::move(items));
  ASSERT_TRUE(done.ok()) << why(done);
  Amounts bytes;
  Amounts blobs;
  for (std::size_t i = 0; i < images.size(); ++i) {
    EXPECT_TRUE(holds(prod, "shop/app" + std::to_string(i), images[i]));
    for (const auto& [digest, content] : images[i].blobs) {
      EXPECT_EQ(count_of(prod, Verb::write_blob, digest), 1U) << digest.text();
      EXPECT_EQ(count_of(dev, Verb::read_blob, digest), 1U) << digest.text();
    }
    bytes += done->items[i].bytes;
    blobs += done->items[i].blobs;
  }
  EXPECT_EQ(amounts(blobs), "moved 42 mounted 38 present 0") << "2 shared, 20 configs, 20 layers of their own";
  EXPECT_EQ(bytes.mounted, 19U * 7000U);
  EXPECT_EQ(prod.calls_of(Verb::mount_blob).size(), 38U);
}

TEST_F(CarryTest, UploadsOncePerHostWhenThereAreTwo) {
  const auto image = fake_image("web", {"one"});
  FakePlace backup("backup.example.com");
  dev.hold_image("dev/web", image, "latest");
  const auto done =
      bring({web(), item_of(dev, "dev/web", ManifestName::tag("latest"), backup, "shop/web", {"latest"})});
  ASSERT_TRUE(done.ok()) << why(done);
  for (const auto& [digest, content] : image.blobs) {
    EXPECT_EQ(count_of(prod, Verb::write_blob, digest), 1U);
    EXPECT_EQ(count_of(backup, Verb::write_blob, digest), 1U);
  }
}

TEST_F(CarryTest, PutsAManifestAfterAllThatItNames) {
  const auto amd = fake_image("amd", {"one"});
  const auto arm = fake_image("arm", {"two"});
  const auto image = fake_index({amd, arm});
  dev.hold_image("dev/web", image, "latest");
  const auto done = bring({web()});
  ASSERT_TRUE(done.ok()) << why(done);
  // FakePlace refuses a manifest that comes too early; what is left to see is that tags come last.
  const auto put = [&](const std::string& name) { return first_call(prod, "put_manifest shop/web " + name); };
  EXPECT_LT(put(amd.digest().text()), put(image.digest().text()));
  EXPECT_LT(put(arm.digest().text()), put(image.digest().text()));
  EXPECT_LT(put(image.digest().text()), put("latest"));
  EXPECT_EQ(prod.calls().back().text(), "find_manifest shop/web latest") << "the last word is what was read back";
}

TEST_F(CarryTest, StagesNothingForASingleImageThatHasATag) {
  const auto image = fake_image("web", {"one"});
  dev.hold_image("dev/web", image, "latest");
  options.stage_roots = false;
  const auto done = bring({web()});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_THAT(prod.call_texts({Verb::put_manifest}), ElementsAre("put_manifest shop/web latest"));
}

TEST_F(CarryTest, WritesAnImageWithoutTagsUnderItsDigest) {
  const auto image = fake_image("web", {"one"});
  dev.hold_image("dev/web", image, "latest");
  options.stage_roots = false;
  auto item = web();
  item.tags.clear();
  const auto done = bring({item});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_TRUE(holds(prod, "shop/web", image));
  EXPECT_THAT(prod.call_texts({Verb::put_manifest}), ElementsAre("put_manifest shop/web " + image.digest().text()));
}

TEST_F(CarryTest, LeavesRootsToPublishWhereAPlaceWantsTags) {
  FakePlace old("old.example.com", {.mount = true, .ranges = true, .push_by_digest = false, .referrers = false});
  const auto image = fake_image("web", {"one"});
  dev.hold_image("dev/web", image, "latest");
  const auto done = bring({item_of(dev, "dev/web", ManifestName::tag("latest"), old, "shop/web", {"latest"})});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_THAT(old.call_texts({Verb::put_manifest}), ElementsAre("put_manifest shop/web latest"));
}

TEST_F(CarryTest, WritesOnlyTheTagWhenTheContentIsThere) {
  const auto image = fake_index({fake_image("amd", {"one"}), fake_image("arm", {"two"})});
  const std::set<Verb> moving{Verb::put_manifest, Verb::mount_blob, Verb::begin_upload, Verb::write_blob};
  dev.hold_image("dev/web", image, "latest");

  prod.hold_image("shop/web", image, "v1");
  auto item = web();
  item.tags = {"v1", "latest"};
  auto done = bring({item});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_THAT(prod.call_texts(moving), ElementsAre("put_manifest shop/web latest")) << "known there by another tag";
  EXPECT_EQ(amounts(done->items.front().bytes), amounts({.moved = 0, .mounted = 0, .present = image.blob_bytes()}));

  done = bring({item_of(dev, "dev/web", ManifestName::tag("latest"), dev, "dev/web", {"tested"})});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_THAT(dev.call_texts(moving), ElementsAre("put_manifest dev/web tested")) << "the same repository";
  EXPECT_EQ(dev.tag_of("dev/web", "tested"), image.digest());
}

TEST_F(CarryTest, WritesNothingAtAllWhenEverythingIsEqual) {
  const auto image = fake_image("web", {"one"});
  dev.hold_image("dev/web", image, "latest");
  prod.hold_image("shop/web", image, "latest");
  const auto done = bring({web()});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_THAT(prod.call_texts({Verb::put_manifest, Verb::mount_blob, Verb::begin_upload, Verb::write_blob}), IsEmpty());
}

TEST_F(CarryTest, MountsWithinARegistry) {
  const auto image = fake_index({fake_image("amd", {"one"}), fake_image("arm", {"one", "two"})});
  dev.hold_image("dev/web", image, "latest");
  const auto done = bring({item_of(dev, "dev/web", ManifestName::tag("latest"), dev, "shop/web", {"latest"})});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_TRUE(holds(dev, "shop/web", image));
  EXPECT_THAT(dev.call_texts({Verb::read_blob, Verb::begin_upload, Verb::write_blob, Verb::has_blob}), IsEmpty());
  EXPECT_EQ(to_string(done->items.front().road), "mount");
  EXPECT_EQ(amounts(done->items.front().bytes), amounts({.moved = 0, .mounted = image.blob_bytes(), .present = 0}));
}

TEST_F(CarryTest, CountsWhatIsThereAndWhatMoves) {
  const auto image = fake_image("web", {"a layer that is there", "one that is not"});
  dev.hold_image("dev/web", image, "latest");
  prod.hold_blob("shop/web", "a layer that is there");
  const auto done = bring({web()});
  ASSERT_TRUE(done.ok()) << why(done);
  const auto there = std::string("a layer that is there").size();
  EXPECT_EQ(amounts(done->items.front().bytes),
            amounts({.moved = image.blob_bytes() - there, .mounted = 0, .present = there}));
  EXPECT_EQ(amounts(done->items.front().blobs), "moved 2 mounted 0 present 1");
}

TEST_F(CarryTest, CountsASharedBlobForTheImageThatBroughtIt) {
  const auto web_image = fake_image("web", {"shared"});
  const auto api_image = fake_image("api", {"shared"});
  dev.hold_image("dev/web", web_image, "latest");
  dev.hold_image("dev/api", api_image, "latest");
  const auto done = bring({item_of(dev, "dev/web", ManifestName::tag("latest"), prod, "shop/all", {"web"}),
                           item_of(dev, "dev/api", ManifestName::tag("latest"), prod, "shop/all", {"api"})});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(amounts(done->items[0].blobs), "moved 2 mounted 0 present 0");
  EXPECT_EQ(amounts(done->items[1].blobs), "moved 1 mounted 0 present 1");
  EXPECT_EQ(prod.tag_of("shop/all", "web"), web_image.digest());
  EXPECT_EQ(prod.tag_of("shop/all", "api"), api_image.digest());
}

TEST_F(CarryTest, KeepsToTheSlotsOfBothSides) {
  FakePlace narrow("narrow.example.com", FakePlace::kRegistryTraits, {.blobs = 2, .calls = 3});
  std::vector<std::string> layers;
  for (int i = 0; i < 12; ++i) layers.push_back(fake_bytes("layer " + std::to_string(i), 20'000));
  dev.hold_image("dev/web", fake_image("web", layers), "latest");
  const auto done = bring({item_of(dev, "dev/web", ManifestName::tag("latest"), narrow, "shop/web", {"latest"})});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_LE(narrow.most_bodies(), 2U);
  EXPECT_LE(narrow.most_calls(), 3U);
}

TEST_F(CarryTest, TellsWhatHappensToEachBlob) {
  const auto image = fake_image("web", {"one"});
  dev.hold_image("dev/web", image, "latest");
  prod.hold_blob("shop/web", "one");
  ASSERT_TRUE(bring({web()}).ok());
  std::vector<std::string> done;
  for (const auto& event : events.of(EventKind::blob_done)) done.push_back(event.digest + " " + event.detail);
  EXPECT_THAT(done, ::testing::UnorderedElementsAre(oci::Digest::of("one").text() + " present",
                                                    image.manifest.config->digest.text() + " moved"));
  std::uint64_t progress = 0;
  for (const auto& event : events.of(EventKind::blob_progress)) progress += event.bytes;
  EXPECT_EQ(progress, image.manifest.config->size_bytes);
  const auto tags = events.of(EventKind::tag);
  ASSERT_EQ(tags.size(), 1U);
  EXPECT_EQ(tags[0].target, "prod.example.com/shop/web:latest");
  EXPECT_EQ(tags[0].digest, image.digest().text());
}

}  // namespace
}  // namespace sluice::copy
