#include "promotion/plan/rules.hpp"

#include "support/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

using support::failed_with;
using support::why;

using Digests = std::vector<std::vector<std::optional<oci::Digest>>>;

pipeline::Pipeline app(const std::string& source_tag, std::optional<std::string> prod_tag = std::nullopt) {
  pipeline::Pipeline out;
  out.app = "shop";
  out.images = {"web", "api"};
  out.source.tag = source_tag;
  out.environments = {{.name = "dev", .targets = {}, .tag = std::nullopt, .position = {}},
                      {.name = "prod", .targets = {}, .tag = std::move(prod_tag), .position = {}}};
  return out;
}

TEST(Rules, PickTheTagThatWorkloadsWatch) {
  struct Row {
    const char* name;
    const char* source;
    std::optional<std::string> own;
    const char* expected;
  };
  const std::vector<Row> rows{
      {"an exact source tag", "latest", std::nullopt, "latest"},
      {"another exact source tag", "stable", std::nullopt, "stable"},
      {"a pattern", "v*", std::nullopt, "live"},
      {"a pattern with one letter", "v?", std::nullopt, "live"},
      {"its own tag", "latest", "prod", "prod"},
      {"its own tag with a pattern", "v*", "prod", "prod"},
  };
  for (const auto& row : rows) {
    const auto pipeline = app(row.source, row.own);
    EXPECT_EQ(moving_tag(pipeline, pipeline.environments[1]), row.expected) << row.name;
  }
}

TEST(Rules, ListTheTagsOfARelease) {
  struct Row {
    const char* name;
    const char* source;
    std::optional<std::string> own;
    bool pattern_tag;
    const char* found_under;
    std::vector<std::string> expected;
  };
  const std::vector<Row> rows{
      {"found under an exact tag", "latest", std::nullopt, false, "latest", {"latest"}},
      {"found by a pattern: a pin and the moving tag", "v*", std::nullopt, true, "v1.4.2", {"v1.4.2", "live"}},
      {"found by a pattern, the environment's own tag", "v*", "prod", true, "v1.4.2", {"v1.4.2", "prod"}},
      {"the pin is the moving tag", "v*", "v1", true, "v1", {"v1"}},
      {"adopted: there is no pin", "v*", std::nullopt, false, "live", {"live"}},
      {"without a tag of its own", "v*", std::nullopt, true, "", {"live"}},
  };
  for (const auto& row : rows) {
    const auto pipeline = app(row.source, row.own);
    records::Release release;
    release.pattern_tag = row.pattern_tag;
    release.images = {{.name = "web", .digest = oci::Digest::of("web"), .tag = row.found_under}};
    EXPECT_EQ(tags_to_write(pipeline, pipeline.environments[1], release, "web"), row.expected) << row.name;
  }
}

TEST(Rules, FindTheNewestTagThatAllImagesCarry) {
  struct Row {
    const char* name;
    const char* pattern;
    std::vector<std::vector<std::string>> tags;
    const char* expected;
  };
  const std::vector<Row> rows{
      {"versions by precedence", "v*", {{"v1.9.0", "v1.10.0", "v1.2.0"}}, "v1.10.0"},
      {"only common ones", "v*", {{"v1.0", "v2.0", "v3.0"}, {"v3.1", "v2.0", "v1.0"}}, "v2.0"},
      {"others do not count", "v*", {{"latest", "v1.0", "x9"}, {"latest", "v1.0"}}, "v1.0"},
      {"a final version over its candidate", "v*", {{"v1.0.0-rc.1", "v1.0.0"}}, "v1.0.0"},
      {"numbers as numbers", "build-*", {{"build-9", "build-10"}}, "build-10"},
  };
  for (const auto& row : rows) {
    std::vector<std::string> images;
    for (std::size_t i = 0; i < row.tags.size(); ++i) images.push_back("image" + std::to_string(i));
    const auto tag = newest_common_tag(row.pattern, images, row.tags);
    ASSERT_TRUE(tag.ok()) << row.name << ": " << why(tag);
    EXPECT_EQ(*tag, row.expected) << row.name;
  }
}

TEST(Rules, SayWhichImageHasNoTag) {
  EXPECT_TRUE(failed_with(newest_common_tag("v*", {"web", "api"}, {{"v1"}, {"latest"}}), ErrorKind::not_found,
                          "no tag of api matches \"v*\""));
  EXPECT_TRUE(failed_with(newest_common_tag("v*", {"web"}, {{}}), ErrorKind::not_found, "no tag of web"));
  EXPECT_TRUE(failed_with(newest_common_tag("v*", {"web", "api"}, {{"v1"}, {"v2"}}), ErrorKind::not_found,
                          "carried by all images"));
}

TEST(Rules, JudgeWhatAnEnvironmentHolds) {
  const auto a = oci::Digest::of("web 1");
  const auto b = oci::Digest::of("api 1");
  const auto x = oci::Digest::of("web 2");
  const auto none = std::optional<oci::Digest>();
  records::Release one;
  one.number = 1;
  one.images = {{.name = "web", .digest = a, .tag = "latest"}, {.name = "api", .digest = b, .tag = "latest"}};
  const auto known = [&](const std::vector<records::ReleaseImage>& images) -> std::optional<records::Release> {
    if (images[0].digest == a && images[1].digest == b) return one;
    return std::nullopt;
  };
  const auto in_some_release = [&](const records::ReleaseImage& image) {
    return image.digest == a || image.digest == b;
  };
  struct Row {
    const char* name;
    Digests digests;
    Holding::Kind kind;
    const char* why;
  };
  const std::vector<Row> rows{
      {"nothing", {{none, none}}, Holding::Kind::nothing, ""},
      {"nothing at two targets", {{none, none}, {none, none}}, Holding::Kind::nothing, ""},
      {"a known release", {{a, b}}, Holding::Kind::release, ""},
      {"the same at two targets", {{a, b}, {a, b}}, Holding::Kind::release, ""},
      {"one image is missing", {{a, none}}, Holding::Kind::mixed, "only 1 of 2 images are there under the tag live"},
      {"one target is empty", {{a, b}, {none, none}}, Holding::Kind::mixed, "only 2 of 4 images"},
      {"targets differ", {{a, b}, {x, b}}, Holding::Kind::mixed, "its targets hold different images"},
      {"of two releases", {{x, b}}, Holding::Kind::mixed, "its images belong to different releases"},
      {"unknown", {{x, x}}, Holding::Kind::unknown, ""},
  };
  for (const auto& row : rows) {
    const auto holding = judge(app("v*"), "live", Observed{row.digests}, known, in_some_release);
    EXPECT_EQ(holding.kind, row.kind) << row.name;
    EXPECT_THAT(holding.why, ::testing::HasSubstr(row.why)) << row.name;
    EXPECT_EQ(holding.release.has_value(), row.kind == Holding::Kind::release) << row.name;
    const bool tells = row.kind == Holding::Kind::release || row.kind == Holding::Kind::unknown;
    EXPECT_TRUE(!tells || holding.images.size() == 2) << row.name;
    for (const auto& image : holding.images) EXPECT_EQ(image.tag, "live") << row.name;
  }
}

TEST(Rules, CallASingleImageOfAnOlderReleaseUnknownAndNotMixed) {
  auto pipeline = app("latest");
  pipeline.images = {"web"};
  const auto holding = judge(
      pipeline, "latest", Observed{{{oci::Digest::of("web")}}}, [](const auto&) { return std::nullopt; },
      [](const auto&) { return true; });
  EXPECT_EQ(holding.kind, Holding::Kind::unknown);
}

}  // namespace
}  // namespace sluice::promotion
