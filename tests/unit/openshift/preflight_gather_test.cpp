// What is asked, and what becomes of the answers. Against real answers: tests/component/openshift_preflight_test.cpp.

#include "unit/openshift/openshift_testing.hpp"
#include "unit/openshift/preflight_testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::openshift::testing {
namespace {

class PreflightGather : public ClusterTest {
 protected:
  PreflightGather() {
    answer("/apis/user.openshift.io/v1/users/~", 200, R"({"kind":"User","metadata":{"name":"ann"}})");
    answer("/apis", 200, R"({"groups":[{"name":"image.openshift.io"},{"name":"config.openshift.io"}]})");
    answer("/version", 200, R"({"major":"1","minor":"27+"})");
    for (const auto* project : {"dev", "prod"}) {
      answer(std::string("/apis/project.openshift.io/v1/projects/") + project, 200,
             R"({"kind":"Project","status":{"phase":"Active"}})");
    }
    answer("/api/v1/nodes", 200,
           R"({"items":[{"status":{"nodeInfo":{"operatingSystem":"linux","architecture":"amd64"}}},
                        {"status":{"nodeInfo":{"operatingSystem":"linux","architecture":"amd64"}}},
                        {"spec":{"unschedulable":true},"status":{"nodeInfo":{"architecture":"s390x"}}}]})");
    answer("/api/v1/namespaces/prod/limitranges", 200, R"({"items":[]})");
    answer("/api/v1/namespaces/prod/resourcequotas", 200, R"({"items":[]})");
    answer("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 201, R"({"status":{"allowed":true}})");
    exchanger.otherwise([this](const net::HttpRequest& request, const auto&) -> Result<net::HttpResponse> {
      const auto path = request.url.target.substr(0, request.url.target.find('?'));
      const auto found = answers_.find(path);
      if (found == answers_.end()) return status_reply(404, "NotFound", path + " not found");
      return found->second;
    });
  }

  void answer(const std::string& path, int status, const std::string& body) {
    answers_.insert_or_assign(path, json_reply(status, parsed(body)));
  }
  void refuse(const std::string& path, int status, const std::string& reason) {
    answers_.insert_or_assign(path, status_reply(status, reason, "for the test"));
  }
  PreflightFacts gathered(const PreflightRequest& request) {
    auto facts = gather_preflight({&client(), client()}, request, context());
    if (!facts) throw std::runtime_error(facts.error().sentence());
    return std::move(*facts);
  }
  std::vector<std::string> all_asked() const {
    std::vector<std::string> out;
    for (const auto& request : exchanger.requests()) {
      out.push_back(std::string(to_string(request.method)) + " " + request.url.target + " " + request.body);
    }
    return out;
  }

 private:
  std::map<std::string, net::HttpResponse> answers_;
};

TEST_F(PreflightGather, AsksEachQuestionOnce) {
  const auto facts = gathered(good_case().request);
  const auto asked = all_asked();
  EXPECT_EQ(std::set<std::string>(asked.begin(), asked.end()).size(), asked.size()) << ::testing::PrintToString(asked);
  EXPECT_EQ(asked.size(), facts.rights.size() + 10);
  EXPECT_EQ(facts.server.value->shown(), "OpenShift 4.14");
  EXPECT_EQ(*facts.nodes.value, (NodeCounts{{"linux/amd64", 2}}));
  EXPECT_FALSE(facts.source_identity);
  for (const auto& fact : facts.rights) EXPECT_TRUE(fact.allowed.known()) << fact.right.question.shown();
}

TEST_F(PreflightGather, AsksNothingMoreOfWhoRefusesTheToken) {
  refuse("/apis/user.openshift.io/v1/users/~", 401, "Unauthorized");
  const auto request = good_case().request;
  const auto facts = gathered(request);
  EXPECT_TRUE(facts.target_identity.refused);
  EXPECT_EQ(count(), 1U) << ::testing::PrintToString(all_asked());
  EXPECT_EQ(codes(judge_preflight(request, facts)), "token-expired");
}

TEST_F(PreflightGather, FailsOnlyWhenNobodyAnswersOrItIsStopped) {
  refuse("/apis/user.openshift.io/v1/users/~", 500, "InternalError");
  EXPECT_FALSE(gather_preflight({&client(), client()}, good_case().request, context()).ok());

  answer("/apis/user.openshift.io/v1/users/~", 200, R"({"kind":"User","metadata":{"name":"ann"}})");
  std::stop_source stop;
  stop.request_stop();
  const auto stopped =
      gather_preflight({&client(), client()}, good_case().request, {Deadline::never(), stop.get_token()});
  EXPECT_TRUE(failed_with(stopped, ErrorKind::cancelled, "stopped"));
}

TEST_F(PreflightGather, KeepsWhyAFactIsUnknown) {
  refuse("/api/v1/nodes", 403, "Forbidden");
  refuse("/api/v1/namespaces/prod/limitranges", 403, "Forbidden");
  refuse("/api/v1/namespaces/prod/resourcequotas", 500, "InternalError");
  refuse("/apis/image.openshift.io/v1/namespaces/prod/imagestreams/web", 403, "Forbidden");
  refuse("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 500, "InternalError");
  const auto request = good_case().request;
  const auto facts = gathered(request);
  EXPECT_TRUE(facts.nodes.denied());
  EXPECT_TRUE(facts.limits.denied());
  EXPECT_TRUE(facts.quotas.unknown && !facts.quotas.denied());
  EXPECT_TRUE(facts.target_stream.denied());
  ASSERT_TRUE(facts.source_stream.known());
  EXPECT_FALSE(*facts.source_stream.value) << "404 says that it is not there";
  for (const auto& fact : facts.rights) EXPECT_TRUE(fact.allowed.unknown) << fact.right.question.shown();
}

TEST_F(PreflightGather, KnowsTheStateOfAProject) {
  struct Row {
    const char* name;
    int status;
    const char* phase;
    ProjectState state;
  };
  for (const auto& row :
       {Row{"there", 200, "Active", ProjectState::there}, Row{"ending", 200, "Terminating", ProjectState::ending},
        Row{"missing", 404, "NotFound", ProjectState::missing},
        Row{"hidden", 403, "Forbidden", ProjectState::hidden}}) {
    const std::string path = "/apis/project.openshift.io/v1/projects/prod";
    if (row.status == 200) {
      answer(path, 200, R"({"kind":"Project","status":{"phase":")" + std::string(row.phase) + "\"}}");
    } else {
      refuse(path, row.status, row.phase);
    }
    const auto facts = gathered(good_case().request);
    ASSERT_TRUE(facts.target_project.known()) << row.name;
    EXPECT_EQ(*facts.target_project.value, row.state) << row.name;
  }
}

TEST_F(PreflightGather, TellsTheReleaseByGroupsAndKubernetesVersion) {
  struct Row {
    const char* groups;
    const char* minor;
    const char* shown;
  };
  const auto* const v4 = R"({"groups":[{"name":"image.openshift.io"},{"name":"config.openshift.io"}]})";
  for (const auto& row : {Row{v4, "19", "OpenShift 4.6"}, Row{v4, "20+", "OpenShift 4.7"},
                          Row{v4, "25", "OpenShift 4.12"}, Row{v4, "13", "OpenShift 4"}, Row{v4, "", "OpenShift 4"},
                          Row{R"({"groups":[{"name":"image.openshift.io"}]})", "11+", "OpenShift 3"},
                          Row{R"({"groups":[{"name":"apps"}]})", "27", "Kubernetes"}}) {
    answer("/apis", 200, row.groups);
    answer("/version", 200, R"({"major":"1","minor":")" + std::string(row.minor) + "\"}");
    EXPECT_EQ(gathered(good_case().request).server.value->shown(), row.shown) << row.minor;
  }
}

class PreflightGatherWithHashedToken : public PreflightGather {
 protected:
  PreflightGatherWithHashedToken() { access.identity = kube::token_identity(Secret("sha256~abc"), "the test's token"); }
};

TEST_F(PreflightGatherWithHashedToken, AsksForTheEndByTheNameOfTheObjectOnly) {
  answer("/apis/oauth.openshift.io/v1/useroauthaccesstokens/sha256~ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0", 200,
         R"({"metadata":{"creationTimestamp":"2026-01-05T10:00:00Z"},"expiresIn":86400})");
  const auto facts = gathered(good_case().request);
  EXPECT_EQ(facts.target_identity.life.ends,
            std::chrono::system_clock::time_point(std::chrono::seconds(1767607200 + 86400)))
      << ::testing::PrintToString(all_asked());
  for (const auto& asked : all_asked()) EXPECT_EQ(asked.find("sha256~abc"), std::string::npos) << asked;
}

}  // namespace
}  // namespace sluice::openshift::testing
