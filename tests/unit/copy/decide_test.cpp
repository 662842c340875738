#include "copy/decide.hpp"

#include "unit/copy/decide_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::copy {
namespace {

using support::fake_image;
using support::FakeImage;
using support::FakePlace;
using ::testing::ElementsAre;

// One image with one layer; the names of its blobs in the lines of a survey.
const std::string kLayer = "the layer";

struct Bench {
  FakePlace dev{"dev.example.com"};
  FakePlace prod{"prod.example.com"};
  FakeImage web = fake_image("web", {kLayer});
  FakeImage api = fake_image("api", {kLayer});
  std::vector<std::pair<oci::Digest, std::string>> names{{oci::Digest::of(kLayer), "layer"},
                                                         {web.manifest.config->digest, "web-config"},
                                                         {api.manifest.config->digest, "api-config"}};
};

std::vector<std::string> asked(const std::vector<Wish>& wishes,
                               const std::vector<std::pair<oci::Digest, std::string>>& names) {
  std::vector<SurveyedItem> items;
  for (const auto& wish : wishes) items.push_back(surveyed(wish));
  std::vector<std::string> out;
  for (const auto& question : questions(items)) {
    std::string blob = question.blob.digest.brief();
    for (const auto& [digest, name] : names) {
      if (digest == question.blob.digest) blob = name;
    }
    out.push_back(question.dest->name() + "/" + question.repository + " " + blob);
  }
  return out;
}

TEST(Decide, ChoosesTheRoadOfOneImage) {
  Bench b;
  FakePlace no_mount("dev.example.com", {.mount = false, .ranges = true, .push_by_digest = true, .referrers = false});
  const auto size = b.web.blob_bytes();
  struct Row {
    const char* name;
    Wish wish;
    Road road;
    const char* why;
    std::vector<std::string> moves;
    Amounts bytes;
  };
  const std::vector<Row> rows{
      {"equal",
       {&b.dev, "dev/web", &b.prod, "shop/web", b.web, false, true},
       Road::present,
       "the tag stands for this digest already",
       {},
       {0, 0, size}},
      {"content there",
       {&b.dev, "dev/web", &b.prod, "shop/web", b.web, true, false},
       Road::present,
       "the target has this digest; only the tag is written",
       {},
       {0, 0, size}},
      {"same repository",
       {&b.dev, "dev/web", &b.dev, "dev/web", b.web},
       Road::present,
       "same repository; only the tag is written",
       {},
       {0, 0, size}},
      {"same registry",
       {&b.dev, "dev/web", &b.dev, "shop/web", b.web},
       Road::mount,
       "same registry; it links the layers itself",
       {"mount shop/web web-config from dev/web", "mount shop/web layer from dev/web"},
       {0, size, 0}},
      {"same registry that cannot mount",
       {&no_mount, "dev/web", &no_mount, "shop/web", b.web},
       Road::stream,
       "same registry, but it cannot link layers",
       {"stream shop/web web-config", "stream shop/web layer"},
       {size, 0, 0}},
      {"another registry",
       {&b.dev, "dev/web", &b.prod, "shop/web", b.web},
       Road::stream,
       "another registry",
       {"stream shop/web web-config", "stream shop/web layer"},
       {size, 0, 0}},
  };
  for (const auto& row : rows) {
    const auto survey = decided({row.wish});
    const auto& item = survey.items.front();
    EXPECT_EQ(to_string(item.road), to_string(row.road)) << row.name;
    EXPECT_EQ(item.why, row.why) << row.name;
    EXPECT_EQ(lines(survey, b.names), row.moves) << row.name;
    EXPECT_EQ(item.bytes.moved, row.bytes.moved) << row.name;
    EXPECT_EQ(item.bytes.mounted, row.bytes.mounted) << row.name;
    EXPECT_EQ(item.bytes.present, row.bytes.present) << row.name;
    EXPECT_EQ(item.blobs.total(), 2U) << row.name;
    EXPECT_EQ(survey.bytes_to_move(), row.bytes.moved) << row.name;
  }
}

TEST(Decide, LeavesBlobsThatAreThereWhereTheyAre) {
  Bench b;
  b.prod.hold_blob("shop/web", kLayer);
  const auto survey = decided({{&b.dev, "dev/web", &b.prod, "shop/web", b.web}});
  EXPECT_THAT(lines(survey, b.names), ElementsAre("stream shop/web web-config", "present shop/web layer"));
  EXPECT_EQ(survey.items.front().bytes.present, kLayer.size());
  EXPECT_EQ(survey.bytes_to_move(), b.web.blob_bytes() - kLayer.size());
}

TEST(Decide, SendsASharedBlobOnceToAHostAndMountsItAfterwards) {
  Bench b;
  const auto survey =
      decided({{&b.dev, "dev/web", &b.prod, "shop/web", b.web}, {&b.dev, "dev/api", &b.prod, "shop/api", b.api}});
  EXPECT_THAT(lines(survey, b.names),
              ElementsAre("stream shop/web web-config", "stream shop/web layer", "stream shop/api api-config",
                          "mount shop/api layer from shop/web after 1"));
  EXPECT_EQ(survey.items[1].bytes.mounted, kLayer.size());
  EXPECT_EQ(survey.items[1].blobs.mounted, 1U);
}

TEST(Decide, SendsASharedBlobToEachHostThatNeedsIt) {
  Bench b;
  FakePlace backup("backup.example.com");
  const auto survey =
      decided({{&b.dev, "dev/web", &b.prod, "shop/web", b.web}, {&b.dev, "dev/web", &backup, "shop/web", b.web}});
  EXPECT_THAT(lines(survey, b.names), ElementsAre("stream shop/web web-config", "stream shop/web layer",
                                                  "stream shop/web web-config", "stream shop/web layer"));
}

TEST(Decide, SendsASharedBlobToEveryRepositoryOfAHostThatCannotMount) {
  Bench b;
  FakePlace old("old.example.com", {.mount = false, .ranges = true, .push_by_digest = true, .referrers = false});
  const auto survey =
      decided({{&b.dev, "dev/web", &old, "shop/web", b.web}, {&b.dev, "dev/api", &old, "shop/api", b.api}});
  EXPECT_THAT(lines(survey, b.names), ElementsAre("stream shop/web web-config", "stream shop/web layer",
                                                  "stream shop/api api-config", "stream shop/api layer"));
}

TEST(Decide, MountsFromARepositoryThatHasTheBlobAlready) {
  Bench b;
  b.prod.hold_image("shop/api", b.api);
  const auto survey =
      decided({{&b.dev, "dev/web", &b.prod, "shop/web", b.web}, {&b.dev, "dev/api", &b.prod, "shop/api", b.api, true}});
  EXPECT_THAT(lines(survey, b.names), ElementsAre("stream shop/web web-config", "mount shop/web layer from shop/api"));
}

TEST(Decide, BringsABlobOfTwoImagesOfOneRepositoryOnce) {
  Bench b;
  const auto survey =
      decided({{&b.dev, "dev/web", &b.prod, "shop/all", b.web}, {&b.dev, "dev/api", &b.prod, "shop/all", b.api}});
  EXPECT_THAT(lines(survey, b.names),
              ElementsAre("stream shop/all web-config", "stream shop/all layer", "stream shop/all api-config"));
  EXPECT_THAT(survey.items[1].moves, ElementsAre(2, 1)) << "the second image waits for the first one's layer";
  EXPECT_EQ(survey.items[1].bytes.present, kLayer.size());
}

// The repository has the layer for sure, through the image that is there, although nobody was asked about it there.
TEST(Decide, DoesNotMountIntoTheRepositoryItMountsFrom) {
  Bench b;
  b.prod.hold_image("shop/all", b.web);
  const auto other = fake_image("other", {kLayer});
  const std::vector<Wish> wishes{
      {&b.dev, "dev/web", &b.prod, "shop/all", b.web, true},
      {&b.dev, "dev/other", &b.prod, "shop/other", other, false, false, oci::Digest::of("an older image")},
      {&b.dev, "dev/api", &b.prod, "shop/all", b.api}};
  const auto survey = decided(wishes);
  for (const auto& move : survey.moves)
    EXPECT_NE(move.mount_from, move.dest_repository) << "blob " << move.blob.digest.text();
  EXPECT_EQ(survey.items[2].bytes.present, kLayer.size());
  EXPECT_EQ(survey.items[2].bytes.mounted, 0U);
}

TEST(Questions, AreAskedOnlyWhereTheAnswerMatters) {
  Bench b;
  FakePlace old("old.example.com", {.mount = false, .ranges = true, .push_by_digest = true, .referrers = false});
  const auto older = oci::Digest::of("an older image");
  struct Row {
    const char* name;
    std::vector<Wish> wishes;
    std::vector<std::string> expected;
  };
  const std::vector<Row> rows{
      {"equal: nothing", {{&b.dev, "dev/web", &b.prod, "shop/web", b.web, false, true}}, {}},
      {"content there: nothing", {{&b.dev, "dev/web", &b.prod, "shop/web", b.web, true}}, {}},
      {"same repository: nothing", {{&b.dev, "dev/web", &b.dev, "dev/web", b.web}}, {}},
      {"mounted from the source: nothing", {{&b.dev, "dev/web", &b.dev, "shop/web", b.web}}, {}},
      {"one image: everything",
       {{&b.dev, "dev/web", &b.prod, "shop/web", b.web}},
       {"prod.example.com/shop/web web-config", "prod.example.com/shop/web layer"}},
      {"two new repositories: the shared layer once",
       {{&b.dev, "dev/web", &b.prod, "shop/web", b.web}, {&b.dev, "dev/api", &b.prod, "shop/api", b.api}},
       {"prod.example.com/shop/web web-config", "prod.example.com/shop/web layer",
        "prod.example.com/shop/api api-config"}},
      {"two repositories that exist: both about everything",
       {{&b.dev, "dev/web", &b.prod, "shop/web", b.web, false, false, older},
        {&b.dev, "dev/api", &b.prod, "shop/api", b.api, false, false, older}},
       {"prod.example.com/shop/web web-config", "prod.example.com/shop/web layer",
        "prod.example.com/shop/api api-config", "prod.example.com/shop/api layer"}},
      {"one that exists after a new one: it is asked first",
       {{&b.dev, "dev/web", &b.prod, "shop/web", b.web},
        {&b.dev, "dev/api", &b.prod, "shop/api", b.api, false, false, older}},
       {"prod.example.com/shop/api api-config", "prod.example.com/shop/api layer",
        "prod.example.com/shop/web web-config"}},
      {"one repository twice: each blob once",
       {{&b.dev, "dev/web", &b.prod, "shop/all", b.web}, {&b.dev, "dev/api", &b.prod, "shop/all", b.api}},
       {"prod.example.com/shop/all web-config", "prod.example.com/shop/all layer",
        "prod.example.com/shop/all api-config"}},
      {"a host that cannot mount: everything",
       {{&b.dev, "dev/web", &old, "shop/web", b.web}, {&b.dev, "dev/api", &old, "shop/api", b.api}},
       {"old.example.com/shop/web web-config", "old.example.com/shop/web layer", "old.example.com/shop/api api-config",
        "old.example.com/shop/api layer"}},
      {"two hosts: each one",
       {{&b.dev, "dev/web", &b.prod, "shop/web", b.web}, {&b.dev, "dev/web", &old, "shop/web", b.web}},
       {"prod.example.com/shop/web web-config", "prod.example.com/shop/web layer",
        "old.example.com/shop/web web-config", "old.example.com/shop/web layer"}},
  };
  for (const auto& row : rows) EXPECT_EQ(asked(row.wishes, b.names), row.expected) << row.name;
}

TEST(Questions, AskAboutEveryBlobOfAnIndex) {
  Bench b;
  const auto index = support::fake_index({b.web, b.api});
  EXPECT_THAT(asked({{&b.dev, "dev/web", &b.prod, "shop/web", index}}, b.names),
              ElementsAre("prod.example.com/shop/web web-config", "prod.example.com/shop/web layer",
                          "prod.example.com/shop/web api-config"));
}

TEST(Amounts, AddUp) {
  Amounts sum{1, 2, 3};
  sum += {10, 20, 30};
  EXPECT_EQ(sum.moved, 11U);
  EXPECT_EQ(sum.mounted, 22U);
  EXPECT_EQ(sum.present, 33U);
  EXPECT_EQ(sum.total(), 66U);
}

}  // namespace
}  // namespace sluice::copy
