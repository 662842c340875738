// --explain-road and --explain-auth as text and JSON.

#include "cli/view/explanations.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using copy::Road;

ImageReport streamed() {
  return {.image = "web",
          .target = "b/shop\x1b[31m",
          .road = Road::stream,
          .considered = {{Road::present, false, "there is no tag v1"}, {Road::stream, true, "another registry"}}};
}

TEST(Explanations, AreNothingWhenNobodyAsked) {
  EXPECT_EQ(explanations_text({}), "");
  EXPECT_TRUE(explanations_json({}).is_null());
}

TEST(Explanations, SayWhichRoadsWereThoughtAbout) {
  Explanations asked;
  asked.roads = {streamed()};
  EXPECT_EQ(explanations_text(asked),
            "road of web to b/shop?[31m: stream\n"
            "  present: no, there is no tag v1\n"
            "  stream: taken, another registry\n");
  asked.roads->front().target = "b/shop";
  EXPECT_EQ(explanations_json(asked).dump(),
            R"({"auth":null,"roads":[{"image":"web","target":"b/shop","road":"stream","considered":[)"
            R"({"road":"present","taken":false,"why":"there is no tag v1"},)"
            R"({"road":"stream","taken":true,"why":"another registry"}]}]})");
}

TEST(Explanations, KeepWhatWasAskedForApartFromWhatWasNot) {
  Explanations asked;
  asked.logins = {auth::LoginExplanation{.registry = "r", .scheme = {}, .realm = {}, .service = {}}};
  const auto json = explanations_json(asked);
  EXPECT_EQ(json.find("auth")->items().size(), 1U);
  EXPECT_TRUE(json.find("roads")->is_null());
  asked.logins->clear();
  EXPECT_TRUE(explanations_json(asked).find("auth")->is_array()) << "asked for, and there was nothing to say";
}

TEST(RunReports, TakeOverWhatASurveyAndAPlanSay) {
  promotion::Plan plan;
  plan.app = "shop";
  plan.environment = "prod";
  plan.release = 7;
  promotion::PlannedTarget target;
  target.target = {.cluster = {}, .registry = "b.example.com", .project = "shop", .position = {}};
  promotion::PlannedImage image{.name = "web", .after = oci::Digest::of("x"), .tags = {}, .origins = {}};
  image.road = Road::mount;
  image.bytes = {.moved = 1, .mounted = 2, .present = 3};
  image.blobs = {.moved = 4, .mounted = 5, .present = 6};
  image.retries = 7;
  image.considered = {{Road::mount, true, "same registry"}};
  target.images = {image, image};
  plan.targets.push_back(target);
  RunReport report;
  report.images.push_back({.image = "of an older plan", .target = {}});
  report_plan(plan, true, report);
  EXPECT_EQ(report.app, "shop");
  EXPECT_EQ(report.environment, "prod");
  EXPECT_EQ(report.release, 7);
  EXPECT_EQ(report.retries(), 14U);
  ASSERT_EQ(report.images.size(), 2U);
  EXPECT_EQ(report.images[0].blobs.total(), 15U);
  EXPECT_EQ(report.images[0].considered, image.considered);
  EXPECT_TRUE(report.images[0].travelled);
}

}  // namespace
}  // namespace sluice::cli
