#include "openshift/preflight/rights.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using ::testing::ElementsAreArray;

PreflightRequest request_by(PreflightRoad road) {
  PreflightRequest request;
  request.road = road;
  request.source = {"a", "dev", "shop"};
  request.target = {"a", "prod", "web"};
  request.tags = {"v1", "live"};
  request.follow = false;
  return request;
}

std::vector<std::string> shown(const std::vector<Right>& rights) {
  std::vector<std::string> out;
  for (const auto& right : rights) out.push_back((right.of_source ? "source: " : "") + right.question.shown());
  return out;
}

TEST(PreflightRights, AreThoseOfTheRoad) {
  struct Row {
    const char* name;
    PreflightRoad road;
    bool with_source;
    bool one_identity;
    std::vector<std::string> rights;
  };
  const std::string read = "get imagestreams of dev/shop";
  const std::string pull = "get imagestreams/layers of dev/shop";
  const std::vector<std::string> push{"get imagestreams/layers of prod/web", "update imagestreams/layers of prod/web"};
  const std::vector<Row> rows{
      {"tag",
       PreflightRoad::tag,
       true,
       true,
       {read, pull, "create imagestreamtags in prod", "update imagestreamtags of prod/web:v1",
        "update imagestreamtags of prod/web:live"}},
      {"mount", PreflightRoad::mount, true, true, {read, pull, push[0], push[1]}},
      {"mount with two identities",
       PreflightRoad::mount,
       true,
       false,
       {"source: " + read, "source: " + pull, pull, push[0], push[1]}},
      {"stream", PreflightRoad::stream, true, false, {"source: " + read, "source: " + pull, push[0], push[1]}},
      {"stream in one cluster", PreflightRoad::stream, true, true, {read, pull, push[0], push[1]}},
      {"stream from a registry", PreflightRoad::stream, false, false, push},
      {"import", PreflightRoad::import_images, true, false, {"source: " + read, "create imagestreamimports in prod"}},
  };
  for (const auto& row : rows) {
    auto wanted = row.rights;
    for (const auto* always :
         {"get imagestreams of prod/web", "create imagestreams in prod", "update imagestreams of prod/web"}) {
      wanted.emplace_back(always);
    }
    const auto rights = rights_for_preflight(request_by(row.road), row.with_source, row.one_identity);
    EXPECT_THAT(shown(rights), ElementsAreArray(wanted)) << row.name;
  }
}

TEST(PreflightRights, AreNeverAskedTwice) {
  for (const auto road :
       {PreflightRoad::tag, PreflightRoad::mount, PreflightRoad::stream, PreflightRoad::import_images}) {
    for (const bool one_identity : {true, false}) {
      auto request = request_by(road);
      request.follow = request.start_rollouts = request.change_workloads = request.carry_signatures = true;
      const auto rights = shown(rights_for_preflight(request, true, one_identity));
      EXPECT_EQ(std::set<std::string>(rights.begin(), rights.end()).size(), rights.size())
          << to_string(road) << ": " << ::testing::PrintToString(rights);
    }
  }
}

TEST(PreflightRights, OfFollowingAreListAndWatchOfEachKind) {
  auto request = request_by(PreflightRoad::stream);
  request.follow = true;
  std::vector<std::string> followed;
  for (const auto& right : rights_for_preflight(request, true, true)) {
    if (right.purpose == Purpose::follow) followed.push_back(right.question.shown());
  }
  std::vector<std::string> wanted;
  for (const std::string kind : {"pods", "replicationcontrollers", "deploymentconfigs", "deployments", "replicasets",
                                 "statefulsets", "daemonsets"}) {
    wanted.push_back("list " + kind + " in prod");
    wanted.push_back("watch " + kind + " in prod");
  }
  EXPECT_THAT(followed, ElementsAreArray(wanted));
}

TEST(PreflightRights, OfTheTargetsPodsMatterWhenTheyPullFromTheSource) {
  struct Row {
    const char* name;
    PreflightRoad road;
    bool same_cluster;
    bool reference;
    bool triggers_across;
    bool pulls;
  };
  for (const auto& row : {Row{"tag", PreflightRoad::tag, true, false, false, false},
                          Row{"tag by reference", PreflightRoad::tag, true, true, false, true},
                          Row{"push, reference is of no account", PreflightRoad::stream, true, true, false, false},
                          Row{"triggers across", PreflightRoad::stream, true, false, true, true},
                          Row{"import within", PreflightRoad::import_images, true, false, false, true},
                          Row{"import across", PreflightRoad::import_images, false, false, false, false}}) {
    auto request = request_by(row.road);
    request.same_cluster = row.same_cluster;
    request.reference = row.reference;
    request.triggers_across = row.triggers_across;
    EXPECT_EQ(request.target_pulls(), row.pulls) << row.name;
  }
}

TEST(PreflightRights, AnImageWeighsItsConfigAndEachLayerOnce) {
  ImagePart part;
  part.config_bytes = 7;
  part.layers = {{"sha256:a", 100}, {"sha256:b", 20}, {"sha256:a", 100}, {"sha256:c", -1}};
  EXPECT_EQ(part.size_bytes(), 127);
}

}  // namespace
}  // namespace sluice::openshift
