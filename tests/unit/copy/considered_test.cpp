// Why a road was taken and the others were not, and how often transfers were begun again.

#include "unit/copy/copy_testing.hpp"
#include "unit/copy/decide_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::copy {
namespace {

using places::ManifestName;
using support::fake_bytes;
using support::fake_image;
using support::FakeFault;
using support::FakePlace;
using support::Verb;
using support::why;
using ::testing::ElementsAre;

/// "mount: no, why", one line for each road.
std::vector<std::string> told(const SurveyedItem& item) {
  std::vector<std::string> out;
  for (const auto& road : item.considered)
    out.push_back(std::string(to_string(road.road)) + (road.taken ? ": taken, " : ": no, ") + road.why);
  return out;
}

TEST(Considered, SaysWhyEachRoadIsTakenOrNot) {
  FakePlace dev("dev.example.com");
  FakePlace prod("prod.example.com");
  FakePlace no_mount("dev.example.com", {.mount = false, .ranges = true, .push_by_digest = true, .referrers = false});
  const auto web = fake_image("web", {"a layer"});
  const auto old = oci::Digest::of("what was there before");
  struct Row {
    const char* name;
    Wish wish;
    bool must_stream;
    bool by_engine;
    std::vector<std::string> expected;
  };
  const std::vector<Row> rows{
      {"equal",
       {&dev, "dev/web", &prod, "shop/web", web, false, true},
       false,
       false,
       {"present: taken, the tag stands for this digest already", "mount: no, nothing has to travel",
        "stream: no, nothing has to travel"}},
      {"same registry, a new tag",
       {&dev, "dev/web", &dev, "shop/web", web},
       false,
       false,
       {"present: no, there is no tag latest at the target yet",
        "mount: taken, same registry; it links the layers itself", "stream: no, no bytes have to pass through here"}},
      {"another registry, a tag that stands for something else",
       {&dev, "dev/web", &prod, "shop/web", web, false, false, old},
       false,
       false,
       {"present: no, the tag latest stands for " + old.brief(),
        "mount: no, the source is another registry, dev.example.com", "stream: taken, another registry"}},
      {"a registry without mounts",
       {&no_mount, "dev/web", &no_mount, "shop/web", web},
       false,
       false,
       {"present: no, there is no tag latest at the target yet", "mount: no, this registry cannot link layers",
        "stream: taken, same registry, but it cannot link layers"}},
      {"streaming was asked for",
       {&dev, "dev/web", &dev, "shop/web", web},
       true,
       false,
       {"present: no, there is no tag latest at the target yet", "mount: no, the road stream was asked for",
        "stream: taken, asked for"}},
      {"an engine was asked for",
       {&dev, "dev/web", &dev, "shop/web", web},
       false,
       true,
       {"present: no, there is no tag latest at the target yet", "mount: no, the road docker was asked for",
        "stream: no, the road docker was asked for", "docker: taken, asked for"}},
      {"an engine was asked for, and nothing has to travel",
       {&dev, "dev/web", &prod, "shop/web", web, false, true},
       false,
       true,
       {"present: taken, the tag stands for this digest already", "mount: no, nothing has to travel",
        "stream: no, nothing has to travel", "docker: no, nothing has to travel"}},
  };
  for (const auto& row : rows) {
    Survey survey;
    survey.items.push_back(surveyed(row.wish));
    survey.items.front().item.must_stream = row.must_stream;
    survey.items.front().item.by_engine = row.by_engine;
    decide(survey, [](const auto&, const auto&, const auto&) { return false; });
    const auto& item = survey.items.front();
    EXPECT_EQ(told(item), row.expected) << row.name;
    for (const auto& road : item.considered) {
      EXPECT_EQ(road.taken, road.road == item.road) << row.name << ": " << to_string(road.road);
      EXPECT_TRUE(!road.taken || road.why == item.why) << row.name << ": two reasons for one road";
    }
  }
}

TEST(Considered, EveryRoadHasANameThatReadsBack) {
  for (const auto& traits : kRoads) EXPECT_EQ(parse_road(to_string(traits.road)), traits.road) << traits.name;
  EXPECT_EQ(parse_road("tunnel"), std::nullopt);
}

TEST(Considered, WhatAnEngineBringsIsNotCarriedByUs) {
  FakePlace dev("dev.example.com");
  FakePlace prod("prod.example.com");
  Survey survey;
  survey.items.push_back(surveyed({&dev, "dev/web", &prod, "shop/web", fake_image("web", {"a layer"})}));
  survey.items.front().item.by_engine = true;
  EXPECT_TRUE(questions(survey.items).empty()) << "nobody here needs to know which blobs are there";
  decide(survey, [](const auto&, const auto&, const auto&) { return false; });
  EXPECT_TRUE(survey.moves.empty());
  EXPECT_EQ(survey.items.front().road, Road::docker);
  EXPECT_GT(survey.items.front().bytes.moved, 0U) << "it travels all the same";
}

class ConsideredOnTheWay : public CopyBench {
 protected:
  const std::string layer = fake_bytes("layer", 30'000);
  const oci::Digest layer_digest = oci::Digest::of(layer);
  const support::FakeImage image = fake_image("web", {layer});
};

TEST_F(ConsideredOnTheWay, SaysThatAMountWasRefused) {
  dev.hold_image("dev/web", image, "latest");
  dev.script({.verb = Verb::mount_blob, .kind = ErrorKind::denied, .name = layer_digest.text()});
  const auto done = bring({item_of(dev, "dev/web", ManifestName::tag("latest"), dev, "shop/web", {"latest"})});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_TRUE(holds(dev, "shop/web", image));
  EXPECT_THAT(
      told(done->items.front()),
      ElementsAre("present: no, there is no tag latest at the target yet", "mount: no, it refused to link 1 of 2 blobs",
                  "stream: taken, same registry, but it refused to link some layers"));
}

TEST_F(ConsideredOnTheWay, CountsEachTransferThatWasBegunAgainAndSaysWhoseItIs) {
  dev.hold_image("dev/web", image, "latest");
  dev.script({.verb = Verb::read_blob, .kind = ErrorKind::unreachable, .times = 2, .name = layer_digest.text()});
  options.retry_times = 3;
  const auto done = bring({web()});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(done->items.front().retries, 2U);
  const auto retried = events.of(EventKind::blob_retried);
  ASSERT_EQ(retried.size(), 2U);
  EXPECT_EQ(retried.front().image, "shop/web");
  EXPECT_EQ(retried.front().target, "prod.example.com");
  EXPECT_EQ(events.of(EventKind::blob_started).front().image, "shop/web");
  EXPECT_TRUE(holds(prod, "shop/web", image));
}

TEST_F(ConsideredOnTheWay, CountsRetriesForTheImageThatTheBlobTravelledFor) {
  const auto other = fake_image("api", {layer});
  dev.hold_image("dev/web", image, "latest");
  dev.hold_image("dev/api", other, "latest");
  dev.script({.verb = Verb::read_blob, .kind = ErrorKind::busy, .times = 1, .name = layer_digest.text()});
  const auto done = bring({web(), item_of(dev, "dev/api", ManifestName::tag("latest"), prod, "shop/api", {"latest"})});
  ASSERT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(done->items[0].retries + done->items[1].retries, 1U) << "the layer travelled once, for one of them";
}

TEST_F(ConsideredOnTheWay, CountsRetriesAlsoWhenTheCopyFails) {
  dev.hold_image("dev/web", image, "latest");
  dev.script({.verb = Verb::read_blob, .kind = ErrorKind::unreachable, .times = 100, .name = layer_digest.text()});
  auto found = look({web()});
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_FALSE(carry(*found, options, events, {}).ok());
  EXPECT_EQ(found->items.front().retries, options.retry_times);
  EXPECT_EQ(prod.tag_of("shop/web", "latest"), std::nullopt);
}

}  // namespace
}  // namespace sluice::copy
