#include "openshift/streams/image_policies.hpp"

#include "unit/openshift/openshift_testing.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using ::testing::HasSubstr;
using testing::json_reply;
using testing::parsed;
using testing::status_reply;
using testing::why;

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kOther = "sha256:" + std::string(64, 'b');

ImagePolicy policy(std::string name, std::vector<std::string> scopes, std::string project = "") {
  return {std::move(project), std::move(name), std::move(scopes), RootOfTrust::public_key};
}

struct Row {
  const char* name;
  std::string scope;
  std::string reference;
  bool covered;
};

void expect_rows(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto scope = covers(policy("p", {row.scope}), row.reference);
    EXPECT_EQ(scope.has_value(), row.covered) << row.scope << " and " << row.reference;
    if (scope) {
      EXPECT_EQ(*scope, row.scope);
    }
  }
}

TEST(ImagePolicyScopes, ExactReferencesCoverThatImageAlone) {
  const std::string repository = "registry.example.com/shop/web";
  expect_rows({
      {"a tag", repository + ":1.0", repository + ":1.0", true},
      {"another tag", repository + ":1.0", repository + ":1.0.1", false},
      {"the tag that nobody named", repository + ":latest", repository, true},
      {"a digest", repository + "@" + kDigest, repository + "@" + kDigest, true},
      {"another digest", repository + "@" + kDigest, repository + "@" + kOther, false},
      {"a digest beside a tag decides", repository + "@" + kDigest, repository + ":1.0@" + kDigest, true},
      {"the tag beside a digest is none", repository + ":1.0", repository + ":1.0@" + kDigest, false},
      {"a tag for a digest", repository + ":1.0", repository + "@" + kDigest, false},
      {"a digest for a tag", repository + "@" + kDigest, repository + ":1.0", false},
      {"the digest of another repository", repository + "@" + kDigest, repository + "-old@" + kDigest, false},
  });
}

TEST(ImagePolicyScopes, RepositoriesAndWhatIsAboveThemEndAtSlashes) {
  const std::string image = "registry.example.com/shop/team/web@" + kDigest;
  expect_rows({
      {"the repository", "registry.example.com/shop/team/web", image, true},
      {"the project", "registry.example.com/shop/team", image, true},
      {"above the project", "registry.example.com/shop", image, true},
      {"the host", "registry.example.com", image, true},
      {"a beginning of the name", "registry.example.com/shop/team/we", image, false},
      {"a beginning of a project", "registry.example.com/sho", image, false},
      {"a slash at the end", "registry.example.com/shop/", image, false},
      {"below the repository", "registry.example.com/shop/team/web/part", image, false},
      {"a sibling", "registry.example.com/shop/team/api", image, false},
      {"a beginning of the host", "registry.example.co", image, false},
      {"a domain without a wildcard", "example.com", image, false},
      {"nothing", "", image, false},
  });
}

TEST(ImagePolicyScopes, PortsBelongToTheHost) {
  const std::string inside = "image-registry.openshift-image-registry.svc:5000/shop/web@" + kDigest;
  expect_rows({
      {"with its port", "image-registry.openshift-image-registry.svc:5000", inside, true},
      {"a project with its port", "image-registry.openshift-image-registry.svc:5000/shop", inside, true},
      {"without", "image-registry.openshift-image-registry.svc", inside, false},
      {"a project without", "image-registry.openshift-image-registry.svc/shop", inside, false},
      {"another port", "image-registry.openshift-image-registry.svc:5001", inside, false},
      {"a port too many", "registry.example.com:443", "registry.example.com/shop/web:1", false},
      {"localhost", "localhost:5000/shop", "localhost:5000/shop/web:1", true},
  });
}

TEST(ImagePolicyScopes, WildcardsStandForDomainsAboveTheHostWithoutItsPort) {
  expect_rows({
      {"one label", "*.example.com", "registry.example.com/shop/web:1", true},
      {"two labels", "*.example.com", "a.registry.example.com/shop/web:1", true},
      {"a port does not matter", "*.example.com", "registry.example.com:5000/shop/web:1", true},
      {"the top", "*.com", "registry.example.com/shop/web:1", true},
      {"the domain itself", "*.example.com", "example.com/shop/web:1", false},
      {"an end of a label", "*.ample.com", "registry.example.com/shop/web:1", false},
      {"another domain", "*.example.org", "registry.example.com/shop/web:1", false},
      {"a wildcard with a port", "*.example.com:5000", "registry.example.com:5000/shop/web:1", false},
      {"the inside of a cluster", "*.svc", "image-registry.openshift-image-registry.svc:5000/shop/web:1", true},
      {"everything", "*", "registry.example.com/shop/web:1", false},
      {"no domain above", "*.localhost", "localhost/shop/web:1", false},
  });
}

TEST(ImagePolicyScopes, NamesOfDockerHubAreReadInTheirNormalForm) {
  expect_rows({
      {"the official image", "docker.io/library/busybox", "docker.io/busybox:1", true},
      {"all official images", "docker.io/library", "docker.io/busybox:1", true},
      {"of somebody", "docker.io/shop", "docker.io/shop/web:1", true},
      {"an old name of it", "docker.io/shop/web", "index.docker.io/shop/web:1", true},
      {"a scope that is not expanded covers nothing", "docker.io/busybox", "docker.io/busybox:1", false},
      {"the whole of it", "docker.io", "docker.io/busybox@" + kDigest, true},
  });
}

TEST(ImagePolicyScopes, WhatIsNoReferenceIsCoveredByNothing) {
  for (const auto* odd : {"", "busybox", "registry.example.com/", "registry.example.com/Shop/Web", "@", ":"}) {
    EXPECT_EQ(covers(policy("p", {"registry.example.com", "docker.io", "*.com", ""}), odd), std::nullopt) << odd;
  }
  EXPECT_EQ(covers(policy("p", {}), "registry.example.com/shop/web:1"), std::nullopt);
}

TEST(ImagePolicyScopes, TheMostSpecificScopeIsGivenWhateverTheirOrder) {
  const std::string image = "registry.example.com:5000/shop/web";
  std::vector<std::string> scopes{"*.com",      "*.example.com",       "registry.example.com:5000",
                                  image + ":1", image + "@" + kDigest, "registry.example.com:5000/shop",
                                  image};
  const std::vector<std::string> in_order{
      image + "@" + kDigest,       image,           "registry.example.com:5000/shop",
      "registry.example.com:5000", "*.example.com", "*.com"};
  for (const auto& expected : in_order) {
    EXPECT_EQ(covers(policy("p", scopes), image + "@" + kDigest), expected);
    std::erase(scopes, expected);
  }
  EXPECT_EQ(covers(policy("p", scopes), image + "@" + kDigest), std::nullopt) << "the tag alone is left";
}

// --- which policy counts
// -----------------------------------------------------------------------------------------------

struct Chosen {
  const char* name;
  std::vector<ImagePolicy> policies;
  std::string policy;  ///< "" for none
  std::string scope;
};

TEST(ImagePolicies, TheOneThatCountsIsTheMostSpecificOfTheClusterElseOfTheProject) {
  const std::string host = "registry.example.com";
  const std::string repository = host + "/shop/web";
  for (const auto& row : std::vector<Chosen>{
           {"none", {}, "", ""},
           {"none that covers", {policy("a", {"other.example.com"})}, "", ""},
           {"the narrower of two", {policy("a", {host}), policy("b", {repository})}, "b", repository},
           {"the narrower of two, first", {policy("b", {repository}), policy("a", {host})}, "b", repository},
           {"one scope in two, by name", {policy("b", {host}), policy("a", {host})}, "a", host},
           {"of the project", {policy("a", {host}, "shop")}, "a", host},
           {"of another project", {policy("a", {repository}, "shop-dev")}, "", ""},
           {"the project's is nested under the cluster's",
            {policy("own", {repository}, "shop"), policy("all", {host})},
            "all",
            host},
           {"both name one scope", {policy("own", {host}, "shop"), policy("all", {host})}, "all", host},
           {"the cluster's is narrower",
            {policy("own", {host}, "shop"), policy("all", {repository})},
            "all",
            repository},
           {"the cluster's covers something else",
            {policy("own", {host}, "shop"), policy("all", {"other.example.com"})},
            "own",
            host},
       }) {
    SCOPED_TRACE(row.name);
    const auto match = policy_for(row.policies, "shop", repository + "@" + kDigest);
    EXPECT_EQ(match ? match->policy.name : "", row.policy);
    EXPECT_EQ(match ? match->scope : "", row.scope);
  }
}

// --- reading
// -----------------------------------------------------------------------------------------------------------

class ReadImagePolicies : public testing::ClusterTest {
 protected:
  void answer(net::HttpResponse of_project, net::HttpResponse of_cluster) {
    exchanger.otherwise([of_project = std::move(of_project), of_cluster = std::move(of_cluster)](
                            const net::HttpRequest& request, const auto&) -> Result<net::HttpResponse> {
      const auto path = request.url.target.substr(0, request.url.target.find('?'));
      if (path == "/apis/config.openshift.io/v1/namespaces/shop/imagepolicies") return of_project;
      if (path == "/apis/config.openshift.io/v1/clusterimagepolicies") return of_cluster;
      return status_reply(500, "InternalError", path);
    });
  }
  static net::HttpResponse list(const std::string& items) {
    return json_reply(200, parsed(R"({"metadata":{},"items":[)" + items + "]}"));
  }
  static std::string item(const std::string& metadata, const std::string& type) {
    return R"({"metadata":{)" + metadata +
           R"(},"spec":{"scopes":["example.com","*.example.org"],"policy":{"rootOfTrust":{"policyType":")" + type +
           R"("}}}})";
  }
  Result<ImagePolicies> read() { return read_image_policies(client(), "shop", context()); }
};

TEST_F(ReadImagePolicies, TakesOneListOfEachKind) {
  answer(list(item(R"("name":"own","namespace":"shop")", "FulcioCAWithRekor")),
         list(item(R"("name":"all")", "PublicKey") + "," + item(R"("name":"odd")", "Pgp")));
  const auto found = read();
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_EQ(count(), 2U);
  EXPECT_EQ(found->of_cluster, PolicyView::read);
  EXPECT_EQ(found->of_project, PolicyView::read);
  ASSERT_EQ(found->policies.size(), 3U);
  const auto& all = found->policies[0];
  EXPECT_EQ(all.shown(), "the ClusterImagePolicy all");
  EXPECT_EQ(all.root, RootOfTrust::public_key);
  EXPECT_EQ(all.scopes, (std::vector<std::string>{"example.com", "*.example.org"}));
  EXPECT_EQ(found->policies[1].root, RootOfTrust::unknown);
  EXPECT_EQ(found->policies[2].shown(), "the ImagePolicy shop/own");
  EXPECT_EQ(found->policies[2].root, RootOfTrust::fulcio);
}

TEST_F(ReadImagePolicies, TellsWhatMayNotBeReadFromWhatIsNotThere) {
  answer(status_reply(403, "Forbidden", "imagepolicies is forbidden"),
         status_reply(404, "NotFound", "the server could not find the requested resource"));
  const auto none = read();
  ASSERT_TRUE(none.ok()) << why(none);
  EXPECT_EQ(none->of_project, PolicyView::hidden);
  EXPECT_EQ(none->of_cluster, PolicyView::absent);
  EXPECT_TRUE(none->policies.empty());

  answer(list(item(R"("name":"own","namespace":"shop")", "PKI")), status_reply(403, "Forbidden", "forbidden"));
  const auto half = read();
  ASSERT_TRUE(half.ok()) << why(half);
  EXPECT_EQ(half->of_project, PolicyView::read);
  EXPECT_EQ(half->of_cluster, PolicyView::hidden);
  ASSERT_EQ(half->policies.size(), 1U);
  EXPECT_EQ(half->policies[0].root, RootOfTrust::pki);
}

TEST_F(ReadImagePolicies, TakesOddPoliciesForThoseThatCoverNothing) {
  answer(list(R"({"metadata":{"name":"odd"},"spec":{"scopes":"example.com"}},{},7)"), list(""));
  const auto found = read();
  ASSERT_TRUE(found.ok()) << why(found);
  for (const auto& one : found->policies) EXPECT_EQ(covers(one, "example.com/shop/web:1"), std::nullopt);
}

TEST_F(ReadImagePolicies, EndsWithAnErrorThatIsNeither) {
  answer(list(""), status_reply(401, "Unauthorized", "Unauthorized"));
  EXPECT_TRUE(testing::failed_with(read(), ErrorKind::unauthenticated));
}

}  // namespace
}  // namespace sluice::openshift
