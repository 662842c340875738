#include "copy/survey.hpp"

#include "base/json.hpp"
#include "unit/copy/copy_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

namespace sluice::copy {
namespace {

using places::ManifestName;
using support::failed_with;
using support::fake_image;
using support::fake_index;
using support::FakeFault;
using support::FakePlace;
using support::Verb;
using support::why;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using SurveyTest = CopyBench;

const std::set<Verb> kWriting{Verb::put_manifest, Verb::mount_blob, Verb::begin_upload, Verb::write_blob};

TEST_F(SurveyTest, WritesNothing) {
  const auto image = fake_image("web", {"one", "two"});
  dev.hold_image("dev/web", image, "latest");
  const auto found = look({web()});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_THAT(prod.call_texts(kWriting), IsEmpty());
  EXPECT_THAT(dev.call_texts(kWriting), IsEmpty());
  EXPECT_EQ(found->bytes_to_move(), image.blob_bytes());
  EXPECT_EQ(found->items.front().root().digest, image.digest());
  EXPECT_THAT(found->items.front().before, ElementsAre(std::nullopt));
}

TEST_F(SurveyTest, SaysBeforehandWhatItWillNeed) {
  dev.hold_image("dev/web", fake_image("web", {"one"}), "latest");
  ASSERT_TRUE(survey({web()}, false, events, {}).ok());
  ASSERT_TRUE(survey({web()}, true, events, {}).ok());
  EXPECT_THAT(dev.call_texts({Verb::expect}), ElementsAre("expect dev/web pull", "expect dev/web pull"));
  EXPECT_THAT(prod.call_texts({Verb::expect}), ElementsAre("expect shop/web pull", "expect shop/web push"));
  EXPECT_EQ(prod.calls().front().verb, Verb::expect) << "before anything else is asked";
}

TEST_F(SurveyTest, AsksAnEqualImageForNoBlob) {
  const auto image = fake_image("web", {"one", "two"});
  dev.hold_image("dev/web", image, "latest");
  prod.hold_image("shop/web", image, "latest");
  const auto found = look({web()});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_TRUE(found->items.front().all_equal);
  EXPECT_EQ(to_string(found->items.front().road), "present");
  EXPECT_EQ(found->bytes_to_move(), 0U);
  EXPECT_THAT(prod.call_texts({Verb::has_blob}), IsEmpty());
}

TEST_F(SurveyTest, SeesThatSomeTagsAreMissing) {
  const auto image = fake_image("web", {"one"});
  dev.hold_image("dev/web", image, "latest");
  prod.hold_image("shop/web", image, "v1");
  auto item = web();
  item.tags = {"v1", "live"};
  const auto found = look({item});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_FALSE(found->items.front().all_equal);
  EXPECT_TRUE(found->items.front().content_there);
  EXPECT_THAT(found->items.front().before, ElementsAre(image.digest(), std::nullopt));
}

TEST_F(SurveyTest, FindsADigestThatIsThereWithoutATag) {
  const auto image = fake_image("web", {"one"});
  dev.hold_image("dev/web", image);
  prod.hold_image("shop/web", image);
  const auto found =
      look({item_of(dev, "dev/web", ManifestName::digest(image.digest()), prod, "shop/web", {"latest"})});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_TRUE(found->items.front().content_there);
  EXPECT_FALSE(found->items.front().all_equal);
  EXPECT_EQ(to_string(found->items.front().road), "present");
}

TEST_F(SurveyTest, ReadsAnImageOfManyItemsOnce) {
  const auto image = fake_index({fake_image("amd", {"one"}), fake_image("arm", {"two"})});
  dev.hold_image("dev/web", image, "latest");
  FakePlace backup("backup.example.com");
  const auto found =
      look({web(), item_of(dev, "dev/web", ManifestName::tag("latest"), backup, "shop/web", {"latest"})});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_EQ(dev.calls_of(Verb::manifest).size(), 3U);
}

TEST_F(SurveyTest, PutsChildrenBeforeTheirParents) {
  const auto inner = fake_index({fake_image("amd", {"one"}), fake_image("arm", {"two"})});
  const auto image = fake_index({inner, fake_image("s390x", {"three"})});
  dev.hold_image("dev/web", image, "latest");
  const auto found = look({web()});
  ASSERT_TRUE(found.ok()) << why(found);
  std::set<oci::Digest> seen;
  for (const auto& manifest : found->items.front().manifests) {
    for (const auto& child : manifest->children)
      EXPECT_TRUE(seen.contains(child.digest)) << child.digest.text() << " comes after its parent";
    seen.insert(manifest->digest);
  }
  EXPECT_EQ(seen.size(), 5U);
  EXPECT_EQ(found->items.front().root().digest, image.digest());
}

TEST_F(SurveyTest, TakesTheFirstOriginThatHasTheImage) {
  const auto image = fake_image("web", {"one"});
  FakePlace test("test.example.com");
  dev.hold_image("dev/web", image, "latest");
  auto item = web();
  item.origins = {{&test, "test/web"}, {&dev, "dev/web"}};
  const auto found = look({item});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_EQ(found->items.front().origin.place->name(), "dev.example.com");
  EXPECT_EQ(test.calls_of(Verb::manifest).size(), 1U);
}

TEST_F(SurveyTest, KeepsTheOriginsOfEachItemApart) {
  const auto image = fake_image("web", {"one"});
  const auto name = ManifestName::digest(image.digest());
  FakePlace empty("empty.example.com");
  dev.hold_image("dev/web", image);
  auto lonely = item_of(empty, "shop/web", name, prod, "shop/web", {"latest"});
  auto rich = item_of(empty, "shop/web", name, prod, "shop/copy", {"latest"});
  rich.origins.push_back({&dev, "dev/web"});
  EXPECT_TRUE(failed_with(look({lonely, rich}), ErrorKind::not_found)) << "the first one has no origin that has it";
  EXPECT_TRUE(look({rich}).ok());
  lonely.origins.push_back({&dev, "dev/web"});
  rich.origins.pop_back();
  EXPECT_TRUE(failed_with(look({lonely, rich}), ErrorKind::not_found)) << "the second one may not use the first's";
}

TEST_F(SurveyTest, FailsWhenNoOriginHasTheImage) {
  dev.hold_image("dev/web", fake_image("web", {"one"}), "other");
  EXPECT_TRUE(failed_with(look({web()}), ErrorKind::not_found, "dev/web latest"));
}

TEST_F(SurveyTest, DoesNotAskTheNextOriginWhenOneIsOutOfReach) {
  const auto image = fake_image("web", {"one"});
  FakePlace test("test.example.com");
  dev.hold_image("dev/web", image, "latest");
  test.script({.verb = Verb::manifest, .kind = ErrorKind::unreachable});
  auto item = web();
  item.origins = {{&test, "test/web"}, {&dev, "dev/web"}};
  EXPECT_TRUE(failed_with(look({item}), ErrorKind::unreachable));
}

TEST_F(SurveyTest, PassesOnWhatAPlaceSays) {
  struct Row {
    const char* name;
    bool at_source;
    Verb verb;
    ErrorKind kind;
  };
  const std::vector<Row> rows{
      {"manifest denied", true, Verb::manifest, ErrorKind::denied},
      {"manifest damaged", true, Verb::manifest, ErrorKind::integrity},
      {"tag look-up unauthenticated", false, Verb::find_manifest, ErrorKind::unauthenticated},
      {"blob question timed out", false, Verb::has_blob, ErrorKind::timeout},
  };
  dev.hold_image("dev/web", fake_image("web", {"one"}), "latest");
  for (const auto& row : rows) {
    auto& place = row.at_source ? dev : prod;
    place.script({.verb = row.verb, .kind = row.kind});
    EXPECT_TRUE(failed_with(look({web()}), row.kind)) << row.name;
    place.clear_faults();
  }
}

TEST_F(SurveyTest, RefusesAnIndexThatIsNestedTooDeep) {
  auto image = fake_image("web", {"one"});
  for (int depth = 0; depth < 4; ++depth) image = fake_index({image});
  dev.hold_image("dev/web", image, "latest");
  EXPECT_TRUE(look({web()}).ok()) << "four levels are allowed";
  image = fake_index({image});
  dev.hold_image("dev/web", image, "latest");
  EXPECT_TRUE(failed_with(look({web()}), ErrorKind::unsupported, "nested"));
}

TEST_F(SurveyTest, StopsWhenAsked) {
  dev.hold_image("dev/web", fake_image("web", {"one"}), "latest");
  dev.script({.verb = Verb::manifest, .effect = FakeFault::Effect::hold});
  std::jthread user([&] {
    dev.wait_until_held();
    stop.request_stop();
  });
  EXPECT_TRUE(failed_with(look({web()}), ErrorKind::cancelled));
}

TEST_F(SurveyTest, TellsTheRoadOfEveryImageAndTheTotal) {
  const auto image = fake_image("web", {"one"});
  dev.hold_image("dev/web", image, "latest");
  ASSERT_TRUE(look({web()}).ok());
  const auto roads = events.of(EventKind::road);
  ASSERT_EQ(roads.size(), 1U);
  EXPECT_EQ(roads[0].image, "shop/web");
  EXPECT_EQ(roads[0].target, "prod.example.com/shop/web");
  EXPECT_EQ(roads[0].detail, "stream: another registry");
  const auto totals = events.of(EventKind::total);
  ASSERT_EQ(totals.size(), 1U);
  EXPECT_EQ(totals[0].bytes, image.blob_bytes());
}

// An index whose children say what they like of themselves.
support::FakeImage index_of_many(const std::string& name, const std::vector<oci::Descriptor>& children) {
  Json list = Json::array();
  for (const auto& child : children) {
    list.push(Json::object()
                  .set("mediaType", child.media_type)
                  .set("digest", child.digest.text())
                  .set("size", child.size_bytes));
  }
  const auto bytes = Json::object()
                         .set("schemaVersion", 2)
                         .set("mediaType", oci::media::kOciIndex)
                         .set("annotations", Json::object().set("name", name))
                         .set("manifests", std::move(list))
                         .dump();
  return {.manifest = oci::parse_manifest(bytes, oci::media::kOciIndex).value(), .blobs = {}, .below = {}};
}

oci::Descriptor child_of(const std::string& name, std::uint64_t size_bytes) {
  return {.media_type = std::string(oci::media::kOciManifest),
          .digest = oci::Digest::of(name),
          .size_bytes = size_bytes,
          .urls = {},
          .platform = {},
          .artifact_type = {}};
}

TEST_F(SurveyTest, AsksForAChildThatAThousandEntriesNameOnce) {
  const auto leaf = fake_image("leaf", {"one"});
  auto below = leaf;
  std::vector<oci::Manifest> all{leaf.manifest};
  for (const auto* level : {"inner", "middle", "outer"}) {
    auto index = index_of_many(level, std::vector<oci::Descriptor>(1000, below.manifest.descriptor()));
    index.blobs = leaf.blobs;
    index.below = all;
    all.push_back(index.manifest);
    below = std::move(index);
  }
  dev.hold_image("dev/web", below, "latest");
  const auto found = look({web()});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_EQ(dev.calls_of(Verb::manifest).size(), 4U);
  EXPECT_EQ(found->items.front().manifests.size(), 4U);
}

TEST_F(SurveyTest, RefusesAnImageWhoseManifestsAreTooManyOrTooLargeBeforeItReadsThem) {
  std::vector<oci::Descriptor> many;
  for (std::size_t i = 0; i <= kMaxManifests; ++i) many.push_back(child_of(std::to_string(i), 500));
  std::vector<oci::Descriptor> large;
  for (std::size_t i = 0; i < 9; ++i) large.push_back(child_of("l" + std::to_string(i), 8'000'000));
  const auto endless = child_of("endless", std::uint64_t{1} << 42U);
  const auto wrapping = std::vector<oci::Descriptor>{large[0], endless, large[1]};
  const std::map<std::string, std::vector<oci::Descriptor>> rows{{"many", many}, {"large", large}, {"wraps", wrapping}};
  for (const auto& [name, children] : rows) {
    dev.hold_image("dev/web", index_of_many(name, children), "latest");
    dev.forget_calls();
    EXPECT_TRUE(failed_with(look({web()}), ErrorKind::unsupported)) << name;
    EXPECT_EQ(dev.calls_of(Verb::manifest).size(), 1U) << name;
  }
}

TEST_F(SurveyTest, HoldsTheManifestsOfAnImageOnceForAllThatWantIt) {
  dev.hold_image("dev/web", fake_index({fake_image("amd64", {"one"}), fake_image("arm64", {"two"})}), "latest");
  auto second = web();
  second.dest_repository = "shop/second";
  const auto found = look({web(), second});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_EQ(found->items[0].manifests, found->items[1].manifests) << "the same objects";
}

TEST_F(SurveyTest, NamesThePlatformsThatTheTagOffersAndTheImageDoesNot) {
  const auto amd = fake_image("amd64", {"one"});
  const auto two = fake_index({amd, fake_image("arm64", {"two"})});
  const auto one = fake_index({amd});
  prod.hold_image("shop/web", two, "latest");
  const auto platforms = oci::platforms_of(two.manifest);
  ASSERT_EQ(platforms.size(), 2U);
  dev.hold_image("dev/web", one, "latest");
  auto found = look({web()});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_THAT(found->items[0].lost_platforms, ElementsAre(platforms[1]));
  const auto findings = findings_of(found->items[0], "shop/web:latest");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "platforms-lost");
  // The other way round nothing is lost, and an equal image loses nothing.
  dev.hold_image("dev/web", two, "latest");
  found = look({web()});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_THAT(found->items[0].lost_platforms, IsEmpty());
}

TEST_F(SurveyTest, ReadsThePlatformOfASingleImageThatReplacesAnIndex) {
  const auto amd = fake_image("amd64", {"one"});
  const auto two = fake_index({amd, fake_image("arm64", {"two"})});
  prod.hold_image("shop/web", two, "latest");
  dev.hold_image("dev/web", amd, "latest");
  const auto found = look({web()});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_GE(found->items[0].lost_platforms.size(), 1U);
  EXPECT_EQ(dev.calls_of(Verb::small_blob).size(), 1U);
}

TEST_F(SurveyTest, WarnsOfAnIndexThatListsNothing) {
  dev.hold_image("dev/web", index_of_many("empty", {}), "latest");
  const auto found = look({web()});
  ASSERT_TRUE(found.ok()) << why(found);
  const auto findings = findings_of(found->items[0], "shop/web:latest");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "index-empty");
}

}  // namespace
}  // namespace sluice::copy
