#include "promotion/plan/roads.hpp"

#include "support/checks.hpp"

#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

using pipeline::Via;
using support::why;

pipeline::Target in_cluster(const std::string& server, const std::string& project) {
  pipeline::Target target;
  target.project = project;
  target.has_api = true;
  target.server = server;
  return target;
}

pipeline::Target in_registry(const std::string& host) {
  pipeline::Target target;
  target.project = "shop-dev";
  target.registry = host;
  return target;
}

struct Row {
  const char* name;
  std::optional<Via> via;
  bool there;  ///< the target's stream has the image
  bool may_tag;
  std::vector<RoadOrigin> origins;
  const char* road;  ///< "" when it is refused
  bool by_api;
};

const auto kNear = RoadOrigin{in_cluster("a:6443", "shop-dev"), true};
const auto kNearWithout = RoadOrigin{in_cluster("a:6443", "shop-dev"), false};
const auto kFar = RoadOrigin{in_cluster("b:6443", "shop-dev"), false};
const auto kPlain = RoadOrigin{in_registry("registry.example.com"), false};

TEST(Roads, AreTheCheapestThatLeadThere) {
  const std::vector<Row> rows{
      {"there already", {}, true, true, {kNear}, "present", true},
      {"one cluster", {}, false, true, {kNear}, "tag", true},
      {"one cluster, a second origin has it", {}, false, true, {kFar, kNear}, "tag", true},
      {"one cluster, tags may not be set", {}, false, false, {kNear}, "stream", false},
      {"there already, tags may not be set", {}, true, false, {kNear}, "stream", false},
      {"one cluster whose stream lost it", {}, false, true, {kNearWithout}, "stream", false},
      {"two clusters", {}, false, true, {kFar}, "stream", false},
      {"from a plain registry", {}, false, true, {kPlain}, "stream", false},
      {"tag, asked for", Via::tag, false, true, {kNear}, "tag", true},
      {"tag, asked for, there already", Via::tag, true, true, {kNear}, "tag", true},
      {"tag between clusters", Via::tag, false, true, {kFar}, "", false},
      {"mount in one cluster", Via::mount, false, true, {kNear}, "stream", false},
      {"mount between clusters", Via::mount, false, true, {kFar}, "", false},
      {"mount from where the image is not", Via::mount, false, true, {kFar, kNearWithout}, "", false},
      {"mount from another registry", Via::mount, false, true, {kPlain}, "", false},
      {"stream in one cluster", Via::stream, false, true, {kNear}, "stream", false},
      {"import between clusters", Via::import_images, false, true, {kFar}, "import", true},
      {"import from a plain registry", Via::import_images, false, true, {kPlain}, "import", true},
      {"import from nowhere", Via::import_images, false, true, {}, "", false},
      {"docker in one cluster, there already", Via::docker, true, true, {kNear}, "docker", false},
      {"docker between clusters", Via::docker, false, true, {kFar}, "docker", false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto answer = choose_road({.target = in_cluster("a:6443", "shop-prod"),
                                     .via = row.via,
                                     .has_image = row.there,
                                     .may_tag = row.may_tag,
                                     .origins = row.origins});
    if (std::string(row.road).empty()) {
      ASSERT_FALSE(answer.ok()) << "it took the road " << to_string(answer->road);
      EXPECT_EQ(answer.error().kind(), ErrorKind::blocked);
      EXPECT_FALSE(answer.error().hint().empty()) << "what to do instead";
      continue;
    }
    ASSERT_TRUE(answer.ok()) << why(answer);
    EXPECT_EQ(to_string(answer->road), row.road);
    EXPECT_EQ(answer->by_api, row.by_api);
    EXPECT_TRUE(!row.by_api || !answer->why.empty()) << "why this road";
  }
}

TEST(Roads, AreEachTakenOrSaidToBeNot) {
  struct Case {
    const char* name;
    std::optional<Via> via;
    bool there;
    bool may_tag;
    std::vector<RoadOrigin> origins;
    std::vector<std::string> lines;
  };
  const std::vector<Case> cases{
      {"there already",
       {},
       true,
       true,
       {kNear},
       {"present: taken, the stream has this image; only tags are set", "tag: no, nothing has to travel",
        "mount: no, nothing has to travel", "stream: no, nothing has to travel",
        "import: no, taken only when it is asked for"}},
      {"one cluster",
       {},
       false,
       true,
       {kNear},
       {"present: no, the target's stream does not have this image", "tag: taken, same cluster; no bytes move",
        "mount: no, the road tag leads there by itself", "stream: no, the road tag leads there by itself",
        "import: no, taken only when it is asked for"}},
      {"one cluster, tags may not be set",
       {},
       false,
       false,
       {kNear},
       {"present: no, the target's stream does not have this image", "tag: no, its tags may not be set by us",
        "import: no, taken only when it is asked for"}},
      {"one cluster whose stream lost it",
       {},
       false,
       true,
       {kNearWithout},
       {"present: no, the target's stream does not have this image",
        "tag: no, no other stream of this cluster has the image", "import: no, taken only when it is asked for"}},
      {"two clusters",
       {},
       false,
       true,
       {kFar},
       {"present: no, the target's stream does not have this image",
        "tag: no, the source is not in the target's cluster", "import: no, taken only when it is asked for"}},
      {"stream was asked for",
       Via::stream,
       true,
       true,
       {kNear},
       {"present: no, another road was asked for", "tag: no, another road was asked for",
        "import: no, taken only when it is asked for"}},
      {"import was asked for",
       Via::import_images,
       false,
       true,
       {kFar},
       {"present: no, the target's stream does not have this image",
        "tag: no, the source is not in the target's cluster", "mount: no, the road import leads there by itself",
        "stream: no, the road import leads there by itself", "import: taken, asked for; the target cluster pulls"}},
  };
  for (const auto& one : cases) {
    const RoadQuestion question{.target = in_cluster("a:6443", "shop-prod"),
                                .via = one.via,
                                .has_image = one.there,
                                .may_tag = one.may_tag,
                                .origins = one.origins};
    const auto answer = choose_road(question);
    ASSERT_TRUE(answer.ok()) << one.name << ": " << why(answer);
    std::vector<std::string> lines;
    for (const auto& road : considered_roads(question, *answer))
      lines.push_back(std::string(to_string(road.road)) + (road.taken ? ": taken, " : ": no, ") + road.why);
    EXPECT_EQ(lines, one.lines) << one.name;
  }
}

TEST(Roads, OfOneClusterTakeTheImageFromWhereItIs) {
  const auto other = RoadOrigin{in_cluster("a:6443", "shop-test"), true};
  const auto answer = choose_road({.target = in_cluster("a:6443", "shop-prod"),
                                   .via = {},
                                   .has_image = false,
                                   .may_tag = true,
                                   .origins = {kNearWithout, other}});
  ASSERT_TRUE(answer.ok()) << why(answer);
  EXPECT_EQ(answer->source.project, "shop-test");
}

}  // namespace
}  // namespace sluice::promotion
