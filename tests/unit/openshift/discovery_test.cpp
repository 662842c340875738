#include "openshift/registry/discovery.hpp"

#include "openshift/registry/access.hpp"
#include "unit/openshift/openshift_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace sluice::openshift {
namespace {

using ::testing::ElementsAre;
using testing::failed_with;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::json_reply;
using testing::parsed;
using testing::status_reply;
using testing::why;

/// Answers by path; what is not named is forbidden, as it is for ordinary users.
class DiscoveryTest : public testing::ClusterTest {
 protected:
  void SetUp() override {
    exchanger.otherwise([this](const net::HttpRequest& request, const auto&) -> Result<net::HttpResponse> {
      const auto path = request.url.target.substr(0, request.url.target.find('?'));
      if (const auto found = answers.find(path); found != answers.end()) return found->second;
      return status_reply(403, "Forbidden", "User \"ann\" cannot get");
    });
    groups("image.openshift.io");
  }
  void groups(const std::string& name) {
    answers["/apis"] =
        json_reply(200, parsed(R"({"groups":[{"name":"image.openshift.io"},{"name":")" + name + R"("}]})"));
  }
  void stream(const std::string& project, const std::string& internal, const std::string& external) {
    answers["/apis/image.openshift.io/v1/namespaces/" + project + "/imagestreams"] = json_reply(
        200, parsed(R"({"metadata":{},"items":[{"metadata":{"name":"s"},"status":{"dockerImageRepository":")" +
                    internal + R"(","publicDockerImageRepository":")" + external + R"("}}]})"));
  }
  Result<RegistryNames> find(DiscoveryOptions options = {}) { return find_registry(client(), options, context()); }

  std::map<std::string, net::HttpResponse> answers;
};

TEST_F(DiscoveryTest, LooksAtImageStreamsFirst) {
  stream("prod", "docker-registry.default.svc:5000/prod/s", "Registry.Example.com/prod/s");
  const auto names = find({"", {"prod"}});
  ASSERT_TRUE(names.ok()) << why(names);
  EXPECT_EQ(names->host, "registry.example.com");
  EXPECT_THAT(names->internal, ElementsAre("docker-registry.default.svc:5000"));
  EXPECT_EQ(names->found_by, "the image stream prod/s");
  EXPECT_EQ(count(), 2U) << "nothing else is asked";
  EXPECT_THAT(asked(1), HasSubstr("limit=5"));
}

TEST_F(DiscoveryTest, ThenAtTheProjectOpenshiftThenAtTheRoute) {
  stream("openshift", "172.30.1.1:5000/openshift/s", "");
  answers["/apis/route.openshift.io/v1/namespaces/default/routes/docker-registry"] =
      json_reply(200, parsed(R"({"spec":{"host":"docker-registry.apps.example.com"}})"));
  const auto names = find({"", {"hidden"}});
  ASSERT_TRUE(names.ok()) << why(names);
  EXPECT_EQ(names->host, "docker-registry.apps.example.com");
  EXPECT_EQ(names->found_by, "the route default/docker-registry");
  EXPECT_TRUE(names->is_one("172.30.1.1:5000"));
  EXPECT_TRUE(names->is_one("docker-registry.default.svc:5000"));
}

TEST_F(DiscoveryTest, Asks4xForItsRouteAndItsSettings) {
  groups("config.openshift.io");
  const auto settings = "/apis/config.openshift.io/v1/images/cluster";
  answers[settings] = json_reply(200, parsed(R"({"spec":{"externalRegistryHostnames":["r.example.com"]},
    "status":{"internalRegistryHostname":"image-registry.openshift-image-registry.svc:5000",
    "externalRegistryHostnames":["default-route-openshift-image-registry.apps.example.com"]}})"));
  auto names = find();
  ASSERT_TRUE(names.ok()) << why(names);
  EXPECT_EQ(names->release, kube::Release::v4);
  EXPECT_THAT(names->external, ElementsAre("r.example.com", "default-route-openshift-image-registry.apps.example.com"));
  EXPECT_THAT(names->internal, ElementsAre("image-registry.openshift-image-registry.svc:5000"));
  answers["/apis/route.openshift.io/v1/namespaces/openshift-image-registry/routes/default-route"] =
      json_reply(200, parsed(R"({"status":{"ingress":[{"host":"routed.example.com"}]}})"));
  names = find();
  ASSERT_TRUE(names.ok()) << why(names);
  EXPECT_EQ(names->host, "routed.example.com");
}

TEST_F(DiscoveryTest, TheOverrideWinsAndTheRestIsKnownToBeTheSame) {
  stream("openshift", "docker-registry.default.svc:5000/openshift/s", "public.example.com/openshift/s");
  const auto names = find({"mine.example.com:443", {}});
  ASSERT_TRUE(names.ok()) << why(names);
  EXPECT_EQ(names->host, "mine.example.com:443");
  EXPECT_TRUE(names->same_registry("docker-registry.default.svc:5000/a/b@sha256:1", "public.example.com/a/b:x"));
  EXPECT_TRUE(names->same_image("docker-registry.default.svc:5000/a/b@sha256:1", "mine.example.com:443/a/b@sha256:1"));
  EXPECT_FALSE(names->same_image("docker-registry.default.svc:5000/a/b@sha256:1", "mine.example.com:443/a/c@sha256:1"));
  EXPECT_FALSE(names->same_registry("docker-registry.default.svc:5000/a/b", "quay.io/a/b"));
  EXPECT_TRUE(names->same_registry("quay.io/a/b", "quay.io/c/d"));
  EXPECT_EQ(names->path_of("public.example.com/a/b@sha256:1"), "a/b@sha256:1");
  EXPECT_EQ(names->path_of("quay.io/a/b"), "");
}

TEST_F(DiscoveryTest, InsideTheClusterTheInternalNameWillDo) {
  access.in_cluster = true;
  access.project = "prod";
  stream("prod", "docker-registry.default.svc:5000/prod/s", "");
  const auto names = find();
  ASSERT_TRUE(names.ok()) << why(names);
  EXPECT_EQ(names->host, "docker-registry.default.svc:5000");
}

TEST_F(DiscoveryTest, SaysHowARegistryIsExposed) {
  struct Row {
    const char* name;
    const char* group;
    const char* internal;
    const char* code;
    const char* part;
  };
  for (const auto& row :
       {Row{"3.x", "apps", "docker-registry.default.svc:5000/openshift/s", "registry-not-exposed",
            "oc create route passthrough docker-registry"},
        Row{"4.x", "config.openshift.io", "image-registry.openshift-image-registry.svc:5000/openshift/s",
            "registry-not-exposed", "\"defaultRoute\":true"},
        Row{"none", "apps", "", "registry-absent", "registry: HOST[:PORT]"}}) {
    groups(row.group);
    stream("openshift", row.internal, "");
    const auto names = find();
    ASSERT_TRUE(names.ok()) << row.name << why(names);
    EXPECT_EQ(names->host, "") << row.name;
    const auto finding = not_exposed(*names, "prod");
    EXPECT_EQ(finding.code, row.code) << row.name;
    EXPECT_EQ(finding.severity, Severity::blocker) << row.name;
    EXPECT_THAT(finding.fix, HasSubstr(row.part)) << row.name;
    EXPECT_TRUE(failed_with(usable_host(*names, "prod"), ErrorKind::config, row.part)) << row.name;
  }
}

TEST_F(DiscoveryTest, WhatIsBrokenIsNotPassedOver) {
  answers["/apis/image.openshift.io/v1/namespaces/openshift/imagestreams"] = status_reply(401, "Unauthorized", "");
  EXPECT_TRUE(failed_with(find(), ErrorKind::unauthenticated, "looking for the registry of api.example.com:6443"));
}

TEST(RegistryOf, TellsHostsFromProjects) {
  EXPECT_EQ(registry_of("r.example.com/a/b:1"), "r.example.com");
  EXPECT_EQ(registry_of("localhost/a/b"), "localhost");
  EXPECT_EQ(registry_of("host:5000/a"), "host:5000");
  EXPECT_EQ(registry_of("a/b:1"), "");
  EXPECT_EQ(registry_of("busybox"), "");
  EXPECT_EQ(registry_of(""), "");
}

class RefusalTest : public testing::ClusterTest {
 protected:
  static net::HttpResponse user() { return json_reply(200, parsed(R"({"kind":"User","metadata":{"name":"ann"}})")); }
  static net::HttpResponse review(bool allowed) {
    return json_reply(201, Json::object().set("status", Json::object().set("allowed", allowed)));
  }
  Error explain(bool push) {
    return explain_refusal(client(), {"r.example.com", "prod", "web", push}, Error(ErrorKind::denied, "access denied"),
                           context());
  }
};

TEST_F(RefusalTest, ExpiredIsToldFromNotAllowed) {
  exchanger.then(status_reply(401, "Unauthorized", "Unauthorized"));
  const auto expired = explain(true);
  EXPECT_EQ(expired.kind(), ErrorKind::unauthenticated);
  EXPECT_THAT(expired.sentence(), HasSubstr("has expired or was revoked (the test's token); log in again"));

  exchanger.then(user()).then(review(true)).then(review(false));
  const auto denied = explain(true);
  EXPECT_EQ(denied.kind(), ErrorKind::denied);
  EXPECT_THAT(denied.sentence(), HasSubstr("ann may not update imagestreams/layers of prod/web"));
  EXPECT_THAT(denied.sentence(), HasSubstr("oc policy add-role-to-user system:image-builder ann -n prod"));

  exchanger.then(user()).then(review(false));
  EXPECT_THAT(explain(false).sentence(), HasSubstr("pulling from prod/web: ann may not get imagestreams/layers"));
}

TEST_F(RefusalTest, WithoutAReasonTheFirstErrorStays) {
  exchanger.then(user()).then(review(true));
  const auto error = explain(false);
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_THAT(error.sentence(), HasSubstr("ann has every right"));
  EXPECT_THAT(error.sentence(), HasSubstr("access denied"));
  exchanger.then(Error(ErrorKind::untrusted, "no CA"));
  EXPECT_THAT(explain(false).sentence(), HasSubstr("the API could not be asked why"));
}

}  // namespace
}  // namespace sluice::openshift
