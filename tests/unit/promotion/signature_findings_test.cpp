#include "promotion/plan/signature_findings.hpp"

#include "promotion/targets/signatures.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::promotion {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;
const std::string kInside = std::string(kInternalRegistry) + "/shop/web@" + kDigest;
const std::string kPublic = "registry.example.com/shop/web@" + kDigest;

oci::Digest digest() { return *oci::Digest::parse(kDigest); }

pipeline::Target in_cluster(const std::string& server, const std::string& project) {
  pipeline::Target target;
  target.project = project;
  target.has_api = true;
  target.server = server;
  return target;
}

pipeline::Target in_registry(const std::string& host, const std::string& project) {
  pipeline::Target target;
  target.project = project;
  target.registry = host;
  return target;
}

PlannedTarget planned_at(pipeline::Target target) {
  PlannedTarget planned{.target = std::move(target), .images = {}, .findings = {}};
  planned.streams = true;
  return planned;
}

PlannedImage image_from(std::vector<pipeline::Target> origins, copy::Road road) {
  PlannedImage image{.name = "web", .after = digest(), .tags = {}, .origins = std::move(origins)};
  image.road = road;
  return image;
}

// --- which signatures go along
// -----------------------------------------------------------------------------------------

TEST(SignatureSource, IsAnotherClusterThatTheImageComesFrom) {
  const auto near = in_cluster("b:6443", "shop-dev");
  const auto far = in_cluster("a:6443", "shop-dev");
  const auto plain = in_registry("registry.example.com", "shop-dev");
  struct Row {
    const char* name;
    std::vector<pipeline::Target> origins;
    copy::Road road;
    bool by_api = false;
    bool sets_tags = true;
    const char* server = "";  ///< "" where none goes along
  };
  for (const auto& row : std::vector<Row>{
           {"streamed", {far}, copy::Road::stream, false, true, "a:6443"},
           {"through an engine", {far}, copy::Road::docker, false, true, "a:6443"},
           {"imported", {far}, copy::Road::import_images, true, true, "a:6443"},
           {"tags are pushed", {far}, copy::Road::stream, false, false, ""},
           {"there already", {far}, copy::Road::present, true, true, ""},
           {"there already, brought by a run that was cut", {far}, copy::Road::present, false, true, "a:6443"},
           {"one cluster, streamed", {near, far}, copy::Road::stream, false, true, ""},
           {"one cluster, tagged", {near, far}, copy::Road::tag, true, true, ""},
           {"one cluster, mounted", {near}, copy::Road::mount, false, true, ""},
           {"one cluster, imported", {near, far}, copy::Road::import_images, true, true, ""},
           {"a plain registry", {plain}, copy::Road::stream, false, true, ""},
           {"from nowhere", {}, copy::Road::stream, false, true, ""},
       }) {
    SCOPED_TRACE(row.name);
    auto planned = planned_at(in_cluster("b:6443", "shop"));
    planned.push_tags = !row.sets_tags;
    auto image = image_from(row.origins, row.road);
    image.by_api = row.by_api;
    if (row.by_api) image.source = row.origins.front();
    const auto* source = signature_source(planned, image);
    EXPECT_EQ(source == nullptr ? "" : source->server, row.server);
  }
}

TEST(SignaturesNotCarried, NamesTheImageBothSidesAndTheWayToLookAtThem) {
  openshift::CarriedSignatures carried;
  carried.expected = 2;
  carried.sentence = "0 of 2 signatures were carried: no right";
  const auto finding =
      signatures_not_carried({in_cluster("a:6443", "shop-dev"), in_cluster("b:6443", "shop"), "web", kDigest}, carried);
  EXPECT_EQ(finding.code, "signatures-not-carried");
  EXPECT_EQ(finding.severity, Severity::warning);
  EXPECT_EQ(finding.subject, "shop/web");
  EXPECT_EQ(finding.sentence, carried.sentence);
  EXPECT_THAT(finding.fix,
              HasSubstr("oc get imagestreamimage web@" + kDigest + " -n shop-dev -o jsonpath='{.image.signatures}'"));
}

// --- names that pods pull by
// -------------------------------------------------------------------------------------------

TEST(PulledAs, NamesTheRegistryAsPodsAndPeopleCallIt) {
  auto planned = planned_at(in_cluster("b:6443", "shop"));
  planned.settings.registry = "registry.example.com";
  const auto image = image_from({in_cluster("a:6443", "shop-dev")}, copy::Road::stream);
  EXPECT_THAT(pulled_as(planned, image, std::nullopt), ElementsAre(kInside, kPublic));

  const kube::ImageStream stream(
      *parse_json(R"({"status":{"dockerImageRepository":"registry.inside.svc:5000/shop/web",)"
                  R"("publicDockerImageRepository":"default-route.apps.example.com/shop/web"}})"));
  EXPECT_THAT(pulled_as(planned, image, stream),
              ElementsAre(kInside, "registry.inside.svc:5000/shop/web@" + kDigest,
                          "default-route.apps.example.com/shop/web@" + kDigest, kPublic));
}

TEST(PulledAs, NamesTheSourceWhereATagLeadsThere) {
  auto planned = planned_at(in_cluster("b:6443", "shop"));
  auto image = image_from({in_cluster("b:6443", "shop-dev")}, copy::Road::tag);
  image.by_api = true;
  image.source = image.origins.front();
  const auto from_source = std::string(kInternalRegistry) + "/shop-dev/web@" + kDigest;
  EXPECT_THAT(pulled_as(planned, image, std::nullopt), ElementsAre(kInside, from_source));
  image.road = copy::Road::import_images;
  EXPECT_THAT(pulled_as(planned, image, std::nullopt), Not(Contains(from_source))) << "an import is pulled locally";
}

// --- findings
// ----------------------------------------------------------------------------------------------------------

class JudgeSignatures : public ::testing::Test {
 protected:
  static openshift::ImagePolicy policy(std::string name, std::string scope,
                                       openshift::RootOfTrust root = openshift::RootOfTrust::public_key,
                                       std::string project = "") {
    return {std::move(project), std::move(name), {std::move(scope)}, root};
  }
  std::vector<Finding> judge() const { return judge_signatures(policies, image, outlook); }

  std::vector<openshift::ImagePolicy> policies{policy("release", std::string(kInternalRegistry) + "/shop")};
  PulledImage image{"prod/web", "shop", "dev.example.com/shop-dev/web@" + kDigest, {kInside, kPublic}};
  SignatureOutlook outlook{.at_source_known = true, .signatures_at_source = 2, .left_behind = true};
};

TEST_F(JudgeSignatures, ASignatureThatStaysBehindBlocksWithThePolicyItsScopeAndTheWayOut) {
  outlook.why_left = "--no-attachments was given";
  const auto findings = judge();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "signature-left-behind");
  EXPECT_EQ(findings[0].severity, Severity::blocker);
  EXPECT_EQ(findings[0].subject, "prod/web");
  EXPECT_EQ(findings[0].sentence, "the ClusterImagePolicy release (scope " + std::string(kInternalRegistry) +
                                      "/shop) lets " + kInside +
                                      " run with a signature only, and 2 signatures at its source would stay behind: "
                                      "--no-attachments was given");
  EXPECT_EQ(findings[0].fix, "promote with the attachments: leave --no-attachments out");

  outlook.signatures_at_source = 1;
  outlook.remedy = "oc policy add-role-to-user system:image-pusher ann -n shop";
  EXPECT_THAT(judge().at(0).sentence, HasSubstr("and 1 signature at its source"));
  EXPECT_EQ(judge().at(0).fix, outlook.remedy);
}

TEST_F(JudgeSignatures, AnUnsignedImageIsWarnedOfWithTheCommandOfThePolicysKind) {
  outlook = {.at_source_known = true};
  struct Row {
    openshift::RootOfTrust root;
    std::string fix;
  };
  for (const auto& row :
       std::vector<Row>{{openshift::RootOfTrust::public_key, "cosign sign --key KEY " + image.source},
                        {openshift::RootOfTrust::fulcio, "cosign sign " + image.source},
                        {openshift::RootOfTrust::pki,
                         "cosign sign --key KEY --certificate CERTIFICATE --certificate-chain CHAIN " + image.source},
                        {openshift::RootOfTrust::unknown, "cosign sign " + image.source}}) {
    policies = {policy("own", "registry.example.com", row.root, "shop")};
    const auto findings = judge();
    ASSERT_EQ(findings.size(), 1U) << row.fix;
    EXPECT_EQ(findings[0].code, "image-unsigned");
    EXPECT_EQ(findings[0].severity, Severity::warning);
    EXPECT_THAT(findings[0].sentence,
                HasSubstr("the ImagePolicy shop/own (scope registry.example.com) lets " + kPublic));
    EXPECT_EQ(findings[0].fix, row.fix);
  }
}

TEST_F(JudgeSignatures, NothingIsSaidWhereNothingIsWrongOrNobodyKnows) {
  outlook.left_behind = false;
  EXPECT_TRUE(judge().empty()) << "they come along";
  outlook = {.at_source_known = false, .signatures_at_source = 0, .left_behind = false};
  EXPECT_TRUE(judge().empty()) << "nobody could look";
  outlook = {.at_source_known = false, .signatures_at_source = 3, .left_behind = true};
  EXPECT_TRUE(judge().empty()) << "a number that nobody stands for";
  outlook = {.at_source_known = true, .signatures_at_source = 2, .left_behind = true};
  policies = {policy("other", "other.example.com"),
              policy("theirs", "registry.example.com", openshift::RootOfTrust::public_key, "shop-dev")};
  EXPECT_TRUE(judge().empty()) << "no policy covers it";
}

TEST_F(JudgeSignatures, EachPolicyIsNamedOnceUnderWhicheverNamesItCovers) {
  policies = {policy("inside", "*.svc"), policy("outside", "registry.example.com"),
              policy("own", "registry.example.com/shop/web", openshift::RootOfTrust::fulcio, "shop")};
  image.references.push_back(std::string(kInternalRegistry) + "/shop/web:latest");
  const auto findings = judge();
  ASSERT_EQ(findings.size(), 2U) << "the project's own is nested under one of the cluster";
  EXPECT_THAT(findings[0].sentence, HasSubstr("the ClusterImagePolicy inside (scope *.svc)"));
  EXPECT_THAT(findings[1].sentence, HasSubstr("the ClusterImagePolicy outside (scope registry.example.com)"));
}

}  // namespace
}  // namespace sluice::promotion
