#include "promotion/targets/targets.hpp"

#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

using kube::testing::json_reply;
using kube::testing::parsed;
using kube::testing::status_reply;
using support::failed_with;
using support::why;

class TargetsTest : public kube::testing::ClusterTest, public Places {
 protected:
  Result<places::Place*> place_of(const pipeline::Target&) override {
    return Error(ErrorKind::internal, "no registry is asked here");
  }
  Result<ClusterSide> cluster_of(const pipeline::Target&) override { return ClusterSide{"prod", &client(), nullptr}; }

  static pipeline::Target project(const std::string& name) {
    pipeline::Target target{.cluster = "prod", .registry = {}, .project = name, .has_api = true, .position = {}};
    target.server = "api.example.com:6443";
    return target;
  }
  static Json groups(const std::string& names) {
    return parsed(R"({"kind": "APIGroupList", "groups": [)" + names + "]}");
  }
  static Json openshift() {
    return groups(R"({"name": "apps"}, {"name": "image.openshift.io"}, {"name": "project.openshift.io"})");
  }
  static Json named(const std::string& name, const std::string& uid) {
    return parsed(R"({"metadata": {"name": ")" + name + R"(", "uid": ")" + uid + R"("}})");
  }
};

TEST_F(TargetsTest, AskEachProjectOnceWhichOneItIs) {
  exchanger.then(json_reply(200, openshift()))
      .then(json_reply(200, named("shop", "u1")))
      .then(json_reply(200, named("dev", "u2")));
  Targets targets(*this, {});
  for (const auto* name : {"shop", "dev", "shop", "dev"}) {
    const auto opened = targets.open(project(name));
    ASSERT_TRUE(opened.ok()) << why(opened);
    EXPECT_TRUE(opened->streams);
    EXPECT_EQ(opened->target.place, std::string("uid:") + (std::string(name) == "shop" ? "u1" : "u2"));
    EXPECT_EQ(opened->target.identity(), opened->target.place);
  }
  EXPECT_EQ(count(), 3U);
  EXPECT_EQ(asked(1), "GET /apis/project.openshift.io/v1/projects/shop");
  EXPECT_EQ(targets.known_place(project("dev")), "uid:u2");
  EXPECT_EQ(targets.known_place(project("test")), "") << "nobody opened it";
  auto planned = project("shop");
  planned.place = "uid:u1";
  Targets later(*this, {});
  exchanger.then(json_reply(200, openshift()));
  EXPECT_TRUE(later.open(planned).ok());
  EXPECT_EQ(count(), 4U) << "a plan knows the place already";
}

TEST_F(TargetsTest, AskForTheNamespaceWhereThereAreNoProjects) {
  exchanger.then(json_reply(200, groups(R"({"name": "apps"})"))).then(json_reply(200, named("shop", "u1")));
  Targets targets(*this, {});
  const auto opened = targets.open(project("shop"));
  ASSERT_TRUE(opened.ok()) << why(opened);
  EXPECT_FALSE(opened->streams);
  EXPECT_EQ(opened->target.place, "uid:u1");
  EXPECT_EQ(asked(1), "GET /api/v1/namespaces/shop");
}

TEST_F(TargetsTest, GoOnWithoutAPlaceThatMayNotBeRead) {
  exchanger.then(json_reply(200, openshift()))
      .then(status_reply(403, "Forbidden", "may not"))
      .then(status_reply(404, "NotFound", "not there"));
  Targets targets(*this, {});
  for (const auto* name : {"shop", "dev", "shop", "dev"}) {
    const auto opened = targets.open(project(name));
    ASSERT_TRUE(opened.ok()) << why(opened);
    EXPECT_EQ(opened->target.place, "");
    EXPECT_EQ(opened->target.identity(), std::string("api.example.com:6443/") + name);
  }
  EXPECT_EQ(count(), 3U);
}

TEST_F(TargetsTest, DoNotTakeABrokenAnswerForAPlaceThatNobodyKnows) {
  retry_times = 0;
  exchanger.then(json_reply(200, openshift())).then(status_reply(500, "InternalError", "broken"));
  Targets targets(*this, {});
  const auto opened = targets.open(project("shop"));
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().sentence(), ::testing::HasSubstr("looking at prod/shop"));
}

}  // namespace
}  // namespace sluice::promotion
