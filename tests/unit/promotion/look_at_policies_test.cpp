// What look_at_policies() asks a cluster, when it asks nothing, and what it adds to the plan.

#include "promotion/plan/signature_findings.hpp"
#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace sluice::promotion {
namespace {

using kube::testing::json_reply;
using kube::testing::parsed;
using kube::testing::status_reply;
using support::failed_with;
using support::why;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

const std::string kPolicies = "/apis/config.openshift.io/v1/namespaces/shop/imagepolicies";
const std::string kClusterPolicies = "/apis/config.openshift.io/v1/clusterimagepolicies";
const std::string kStream = "/apis/image.openshift.io/v1/namespaces/shop/imagestreams/web";
const std::string kDigest = "sha256:" + std::string(64, 'a');

class LookAtPolicies : public kube::testing::ClusterTest, public Places {
 protected:
  Result<places::Place*> place_of(const pipeline::Target&) override {
    return Error(ErrorKind::internal, "no registry is asked here");
  }
  Result<ClusterSide> cluster_of(const pipeline::Target&) override { return ClusterSide{"prod", &client(), nullptr}; }

  void SetUp() override {
    retry_times = 0;
    groups({"image.openshift.io", "config.openshift.io"});
    answers[kStream] = json_reply(
        200, parsed(R"({"metadata":{"name":"web","namespace":"shop"},)"
                    R"("status":{"publicDockerImageRepository":"default-route.apps.example.com/shop/web"}})"));
    answers[kPolicies] = list("");
    answers[kClusterPolicies] = list(policy("release", "*.apps.example.com"));
    exchanger.otherwise([this](const net::HttpRequest& request, const auto&) -> Result<net::HttpResponse> {
      const auto path = request.url.target.substr(0, request.url.target.find('?'));
      const auto found = answers.find(path);
      return found == answers.end() ? status_reply(404, "NotFound", path) : found->second;
    });

    auto target =
        pipeline::Target{.cluster = "prod", .registry = {}, .project = "shop", .has_api = true, .position = {}};
    target.server = "api.example.com:6443";
    target.place = "uid:u1";
    planned.target = target;
    planned.streams = true;
    auto source = target;
    source.cluster = "dev";
    source.server = "api.dev.example.com:6443";
    source.registry = "registry.dev.example.com";
    source.project = "shop-dev";
    planned.images.push_back({.name = "web", .after = *oci::Digest::parse(kDigest), .tags = {}, .origins = {source}});
  }
  void groups(const std::vector<std::string>& names) {
    auto all = Json::array();
    for (const auto& name : names) all.push(Json::object().set("name", name));
    answers["/apis"] = json_reply(200, Json::object().set("kind", "APIGroupList").set("groups", std::move(all)));
  }
  static std::string policy(const std::string& name, const std::string& scope) {
    return R"({"metadata":{"name":")" + name + R"("},"spec":{"scopes":[")" + scope +
           R"("],"policy":{"rootOfTrust":{"policyType":"PublicKey"}}}})";
  }
  static net::HttpResponse list(const std::string& items) {
    return json_reply(200, parsed(R"({"metadata":{},"items":[)" + items + "]}"));
  }
  Status look(const SignatureOutlook& outlook) {
    Targets targets(*this, {});
    return look_at_policies(targets, planned, {outlook});
  }
  std::vector<std::string> paths() const {
    std::vector<std::string> out;
    for (const auto& request : exchanger.requests()) {
      out.push_back(request.url.target.substr(0, request.url.target.find('?')));
    }
    return out;
  }

  std::map<std::string, net::HttpResponse> answers;
  PlannedTarget planned{.target = {}, .images = {}, .findings = {}};
  const SignatureOutlook none{.at_source_known = true};
  const SignatureOutlook left{.at_source_known = true, .signatures_at_source = 1, .left_behind = true};
};

TEST_F(LookAtPolicies, AddsAFindingForThePublicNameThatTheStreamShows) {
  const auto looked = look(none);
  ASSERT_TRUE(looked.ok()) << why(looked);
  EXPECT_THAT(paths(), UnorderedElementsAre("/apis", kPolicies, kClusterPolicies, kStream));
  ASSERT_EQ(planned.findings.size(), 1U);
  EXPECT_EQ(planned.findings[0].code, "image-unsigned");
  EXPECT_EQ(planned.findings[0].subject, "prod/shop/web");
  EXPECT_THAT(
      planned.findings[0].sentence,
      HasSubstr("the ClusterImagePolicy release (scope *.apps.example.com) lets default-route.apps.example.com/"));
  EXPECT_EQ(planned.findings[0].fix, "cosign sign --key KEY registry.dev.example.com/shop-dev/web@" + kDigest);
}

TEST_F(LookAtPolicies, BlocksWhereSignaturesStayBehind) {
  ASSERT_TRUE(look(left).ok());
  ASSERT_EQ(planned.findings.size(), 1U);
  EXPECT_EQ(planned.findings[0].code, "signature-left-behind");
  EXPECT_EQ(planned.findings[0].severity, Severity::blocker);
}

TEST_F(LookAtPolicies, AsksNothingWhenThereIsNothingToJudge) {
  ASSERT_TRUE(look({}).ok());
  ASSERT_TRUE(look({.at_source_known = true, .signatures_at_source = 2}).ok());
  EXPECT_EQ(count(), 0U);
  EXPECT_TRUE(planned.findings.empty());
}

TEST_F(LookAtPolicies, AsksNoPoliciesOfAClusterWithoutTheGroup) {
  groups({"image.openshift.io"});
  ASSERT_TRUE(look(left).ok());
  EXPECT_THAT(paths(), UnorderedElementsAre("/apis"));
  EXPECT_TRUE(planned.findings.empty());
}

TEST_F(LookAtPolicies, SaysNothingOfPoliciesThatMayNotBeReadOrAreNotThere) {
  answers[kPolicies] = status_reply(403, "Forbidden", "forbidden");
  answers.erase(kClusterPolicies);
  const auto looked = look(left);
  ASSERT_TRUE(looked.ok()) << why(looked);
  EXPECT_TRUE(planned.findings.empty());
  EXPECT_THAT(paths(), UnorderedElementsAre("/apis", kPolicies, kClusterPolicies)) << "no stream is read for nothing";
}

TEST_F(LookAtPolicies, JudgesByTheInternalNameWhereTheStreamMayNotBeSeen) {
  answers[kStream] = status_reply(403, "Forbidden", "forbidden");
  answers[kClusterPolicies] = list(policy("inside", "*.svc") + "," + policy("outside", "*.apps.example.com"));
  const auto looked = look(left);
  ASSERT_TRUE(looked.ok()) << why(looked);
  ASSERT_EQ(planned.findings.size(), 1U);
  EXPECT_THAT(planned.findings[0].sentence, HasSubstr("the ClusterImagePolicy inside"));
}

TEST_F(LookAtPolicies, DoesNotTakeABrokenAnswerForNoPolicies) {
  answers[kClusterPolicies] = status_reply(500, "InternalError", "broken");
  EXPECT_FALSE(look(left).ok());
}

}  // namespace
}  // namespace sluice::promotion
