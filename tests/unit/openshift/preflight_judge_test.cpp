// Facts in, findings out: one row at least for every code.

#include "findings/catalogue.hpp"
#include "unit/openshift/preflight_testing.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using namespace testing;

struct Row {
  const char* name;
  PreflightRoad road;
  std::function<void(Case&)> spoil;
  std::string codes;     ///< of all findings but "identity", in order
  std::string sentence;  ///< a part of the first one's
  std::string fix{};     ///< the whole fix of the first one
};

kube::LimitRange limit_range(const std::string& type, const std::string& what, const std::string& max) {
  return kube::LimitRange(json_of(R"({"metadata":{"name":"images"},"spec":{"limits":[{"type":"Pod"},{"type":")" + type +
                                  R"(","max":{")" + what + R"(":")" + max + R"("}}]}})"));
}

void check(const std::vector<Row>& rows, std::set<std::string>& seen) {
  const std::regex placeholder("\\{[a-z_]+\\}");
  for (const auto& row : rows) {
    auto one = good_case(row.road);
    row.spoil(one);
    auto findings = one.findings();
    for (const auto& finding : findings) {
      seen.insert(finding.code);
      EXPECT_FALSE(std::regex_search(finding.sentence + finding.fix, placeholder))
          << row.name << " left something open: " << finding.sentence << " / " << finding.fix;
      EXPECT_FALSE(finding.subject.empty()) << row.name << ": " << finding.code;
    }
    std::erase_if(findings, [](const Finding& finding) { return finding.code == "identity"; });
    EXPECT_EQ(codes(findings), row.codes) << row.name;
    if (findings.empty()) continue;
    EXPECT_NE(findings.front().sentence.find(row.sentence), std::string::npos)
        << row.name << ": " << findings.front().sentence;
    if (!row.fix.empty()) {
      EXPECT_EQ(findings.front().fix, row.fix) << row.name;
    }
  }
}

const auto kTag = PreflightRoad::tag;
const auto kMount = PreflightRoad::mount;
const auto kStream = PreflightRoad::stream;
const auto kImport = PreflightRoad::import_images;

std::vector<Row> identity_rows() {
  return {
      {"all well", kTag, [](Case&) {}, "", ""},
      {"all well by stream", kStream, [](Case&) {}, "", ""},
      {"token refused", kTag,
       [](Case& one) {
         one = good_case();
         one.facts.target_identity.refused = true;
         one.facts.target_identity.user = {{}, Error(ErrorKind::unauthenticated, "401")};
         one.facts.rights.clear();
         one.facts.source_stream = one.facts.target_stream = {};
       },
       "token-expired", "cluster-a does not accept the token of ann",
       "sluice login https://api.example.com:6443 -u USER"},
      {"nobody", kTag, [](Case& one) { one.facts.target_identity.user = {{}, denied()}; }, "not-logged-in",
       "takes us for nobody"},
      {"ends soon", kTag,
       [](Case& one) { one.facts.target_identity.life.ends = one.facts.now + std::chrono::minutes(20); },
       "token-ends-soon", "the token of ann for cluster-a ends in 20 min, and the promotion may need 1 h 0 min"},
      {"ends soon at the source", kStream,
       [](Case& one) {
         one.request.source.cluster = "cluster-b";
         one.facts.source_identity = one.facts.target_identity;
         one.facts.source_identity->life.ends = one.facts.now + std::chrono::seconds(59);
       },
       "token-ends-soon", "for cluster-b ends in 59 s"},
      {"over, by the clock here", kTag,
       [](Case& one) { one.facts.target_identity.life.ends = one.facts.now - std::chrono::minutes(20); },
       "token-ends-soon", "ends in 0 s"},
      {"no OpenShift", kStream,
       [](Case& one) {
         one.facts.server.value->release = kube::Release::kubernetes;
         one.facts.target_project.value = ProjectState::missing;
         one.deny_all("prod");
       },
       "no-image-api", "cluster-a is no OpenShift"},
      {"source missing", kTag,
       [](Case& one) {
         one.facts.source_project.value = ProjectState::missing;
         one.facts.source_stream.value = std::optional<kube::ImageStream>();
         one.deny_all("dev");
       },
       "project-missing", "cluster-a has no project dev", "oc new-project dev"},
      {"target hidden, nothing allowed", kTag,
       [](Case& one) {
         one.facts.target_project.value = ProjectState::hidden;
         one.facts.target_stream = {{}, denied()};
         one.facts.limits = {{}, denied()};
         one.deny_all("prod");
       },
       "project-hidden", "shows ann no project prod",
       "oc policy add-role-to-user edit ann -n prod  # where it does not exist: oc new-project prod"},
      {"target hidden, rights are there", kTag,
       [](Case& one) { one.facts.target_project.value = ProjectState::hidden; }, "", ""},
      {"target going", kTag, [](Case& one) { one.facts.target_project.value = ProjectState::ending; }, "project-ending",
       "the project prod of cluster-a is being deleted"},
  };
}

std::vector<Row> right_rows() {
  return {
      {"source unread", kTag,
       [](Case& one) {
         one.deny(Purpose::read_source);
         one.facts.source_stream = {{}, denied()};
       },
       "may-not-read-source", "ann may not get imagestreams in dev",
       "oc policy add-role-to-user registry-viewer ann -n dev"},
      {"no pull", kTag, [](Case& one) { one.deny(Purpose::pull); }, "may-not-pull",
       "ann may not get imagestreams/layers in dev", "oc policy add-role-to-user system:image-puller ann -n dev"},
      {"no mount", kMount,
       [](Case& one) {
         one.facts.rights.clear();
         for (auto& right : rights_for_preflight(one.request, true, false)) {
           one.facts.rights.push_back({std::move(right), {true, {}}});
         }
         one.deny(Purpose::mount);
       },
       "may-not-mount", "they are sent"},
      {"target unread", kTag,
       [](Case& one) {
         one.deny(Purpose::read_target);
         one.facts.target_stream = {{}, denied()};
       },
       "may-not-read-target", "ann may not get imagestreams in prod"},
      {"no stream, none to be made", kTag,
       [](Case& one) {
         one.deny(Purpose::create_stream);
         one.facts.target_stream.value = std::optional<kube::ImageStream>();
       },
       "may-not-create-stream stream-will-be-created", "prod has no image stream web yet",
       "oc create imagestream web -n prod"},
      {"none to be made, one is there", kTag, [](Case& one) { one.deny(Purpose::create_stream); }, "", ""},
      {"stream unchangeable", kTag, [](Case& one) { one.deny(Purpose::change_stream); }, "may-not-change-stream",
       "ann may not update imagestreams in prod"},
      {"no tag", kTag, [](Case& one) { one.deny(Purpose::tag); }, "may-not-tag",
       "ann may not create and update imagestreamtags in prod",
       "oc policy add-role-to-user edit ann -n prod  # or less: deploy/openshift/promote.yaml"},
      {"no push", kStream, [](Case& one) { one.deny(Purpose::push); }, "may-not-push",
       "ann may not get and update imagestreams/layers in prod",
       "oc policy add-role-to-user system:image-pusher ann -n prod"},
      {"no import", kImport, [](Case& one) { one.deny(Purpose::import_images); }, "may-not-import",
       "create imagestreamimports"},
      {"blind", kTag, [](Case& one) { one.deny(Purpose::follow); }, "may-not-follow",
       "ann may not list and watch pods, replicationcontrollers, deploymentconfigs, deployments, replicasets, "
       "statefulsets, daemonsets in prod"},
      {"deaf", kTag, [](Case& one) { one.deny(Purpose::see_causes); }, "may-not-see-causes",
       "ann may not list and watch events; get pods/log in prod"},
      {"no start", kTag, [](Case& one) { one.deny(Purpose::start_rollouts); }, "may-not-start-rollouts",
       "create deploymentconfigs/instantiate"},
      {"no start, where there are no DeploymentConfigs", kTag,
       [](Case& one) {
         one.deny(Purpose::start_rollouts);
         one.facts.server.value->groups.erase("apps.openshift.io");
       },
       "", ""},
      {"no change", kTag, [](Case& one) { one.deny(Purpose::change_workloads); }, "may-not-change-workloads",
       "patch and update deploymentconfigs, deployments, statefulsets, daemonsets, cronjobs"},
      {"no signature", kTag, [](Case& one) { one.deny(Purpose::sign); }, "may-not-sign",
       "ann may not create imagesignatures in the whole cluster"},
      {"right unknown", kTag, [](Case& one) { one.facts.rights.front().allowed = {{}, broken()}; }, "rights-unknown",
       "whether ann may get imagestreams of dev/shop: api:6443 is busy"},
  };
}

std::vector<Row> stream_rows() {
  const std::string from = R"({"kind":"ImageStreamImage","namespace":"dev","name":"shop@)" + kNew + "\"}";
  return {
      {"no source", kStream, [](Case& one) { one.facts.source_stream.value = std::optional<kube::ImageStream>(); },
       "source-stream-missing", "dev has no image stream shop"},
      {"source pruned", kTag,
       [](Case& one) { one.facts.source_stream.value = stream_of("dev", "shop", "latest", kOld); },
       "source-image-missing", "dev/shop does not hold sha256:aaaa"},
      {"a registry serves what no history names", kStream,
       [](Case& one) { one.facts.source_stream.value = stream_of("dev", "shop", "latest", kOld); }, "", ""},
      {"new stream", kTag, [](Case& one) { one.facts.target_stream.value = std::optional<kube::ImageStream>(); },
       "stream-will-be-created", "it is created"},
      {"already right", kTag,
       [=](Case& one) { one.facts.target_stream.value = stream_of("prod", "web", "live", kNew, from); },
       "tag-already-right", "prod/web:live is sha256:aaaa"},
      {"unchanged from", kTag,
       [=](Case& one) { one.facts.target_stream.value = stream_of("prod", "web", "live", kOld, from); },
       "unchanged-from", "taken out of the spec first (its history stays) and then set"},
      {"unchanged from, in one project", kTag,
       [](Case& one) {
         one.request.source.project = "prod";
         one.facts.target_stream.value =
             stream_of("prod", "web", "live", kOld, R"({"kind":"ImageStreamImage","name":"shop@)" + kNew + "\"}");
       },
       "unchanged-from", "somebody has pushed sha256:bbbb"},
      {"unchanged from, not ours to change", kTag,
       [=](Case& one) {
         one.facts.target_stream.value = stream_of("prod", "web", "live", kOld, from);
         one.deny(Purpose::change_stream);
       },
       "may-not-move-tag may-not-change-stream", "and ann may not update imagestreams of prod/web"},
      {"another reference", kTag,
       [=](Case& one) {
         one.request.reference = true;
         one.facts.target_stream.value = stream_of("prod", "web", "live", kOld, from);
         one.facts.pods_may_pull.value = true;
       },
       "", ""},
      {"a push needs no change of from", kStream,
       [=](Case& one) { one.facts.target_stream.value = stream_of("prod", "web", "live", kOld, from); }, "", ""},
      {"pods without right", kImport, [](Case& one) { one.facts.pods_may_pull.value = false; }, "pods-may-not-pull",
       "the service accounts of prod may not get imagestreams/layers of dev/shop",
       "oc policy add-role-to-group system:image-puller system:serviceaccounts:prod -n dev"},
      {"pods unknown", kImport, [](Case& one) { one.facts.pods_may_pull = {{}, denied()}; }, "pull-right-unknown",
       "ann may not ask"},
      {"pods broken", kImport, [](Case& one) { one.facts.pods_may_pull = {{}, broken()}; }, "fact-unknown",
       "whether prod may pull from dev could not be found out"},
      {"import across", kImport, [](Case& one) { one.request.same_cluster = false; }, "import-needs-secret",
       "cluster-a itself pulls from registry.example.com"},
      {"a fact unknown", kTag, [](Case& one) { one.facts.target_stream = {{}, broken()}; }, "fact-unknown",
       "the image stream prod/web could not be found out: api:6443 is busy"},
  };
}

std::vector<Row> taking_rows() {
  const auto release = [](Case& one, std::optional<int> minor, std::string_view type) {
    one.facts.server.value->minor = minor;
    one.facts.server.value->release = minor == 0 ? kube::Release::v3 : kube::Release::v4;
    one.request.media_type = type;
  };
  const auto range = [](Case& one, const char* type, const char* what, const char* max) {
    one.facts.limits.value = {limit_range(type, what, max)};
  };
  return {
      {"OCI to 3.x", kStream, [=](Case& one) { release(one, 0, kOciType); }, "manifest-type-refused",
       "cluster-a is OpenShift 3 and does not take application/vnd.oci.image.manifest.v1+json"},
      {"OCI by tag", kTag, [=](Case& one) { release(one, 0, kOciType); }, "", ""},
      {"OCI to 4.6", kStream, [=](Case& one) { release(one, 6, kOciType); }, "manifest-type-refused", "4.7"},
      {"OCI to 4.7", kStream, [=](Case& one) { release(one, 7, kOciType); }, "", ""},
      {"OCI to some 4", kStream, [=](Case& one) { release(one, {}, kOciType); }, "manifest-type-unsure",
       "cluster-a is OpenShift 4, and"},
      {"list to 3.x", kMount, [=](Case& one) { release(one, 0, kListType); }, "manifest-type-refused", "4.13"},
      {"list to 4.12", kStream, [=](Case& one) { release(one, 12, kListType); }, "manifest-type-refused", "4.13"},
      {"list to 4.13", kStream, [=](Case& one) { release(one, 13, kListType); }, "", ""},
      {"import of a list to 4.11", kImport, [=](Case& one) { release(one, 11, kListType); }, "import-picks-platform",
       "OpenShift 4.11: importing a list"},
      {"import of a list to 4.12", kImport, [=](Case& one) { release(one, 12, kListType); }, "", ""},
      {"import of OCI to 3.x", kImport, [=](Case& one) { release(one, 0, kOciType); }, "manifest-type-refused", ""},
      {"import of OCI to 4.1", kImport, [=](Case& one) { release(one, 1, kOciType); }, "", ""},
      {"too large", kStream, [=](Case& one) { range(one, "openshift.io/Image", "storage", "1Ki"); }, "image-too-large",
       "the image has 1100 bytes, and the LimitRange images of prod allows 1024 per image",
       "oc patch limitrange images -n prod --type=json -p "
       "'[{\"op\":\"replace\",\"path\":\"/spec/limits/1/max/storage\",\"value\":\"1100\"}]'"},
      {"just fits", kStream, [=](Case& one) { range(one, "openshift.io/Image", "storage", "1100"); }, "", ""},
      {"tags are not weighed", kTag, [=](Case& one) { range(one, "openshift.io/Image", "storage", "1"); }, "", ""},
      {"one image too many", kStream,
       [=](Case& one) { range(one, "openshift.io/ImageStream", "openshift.io/images", "1"); }, "too-many-images",
       "prod/web would hold 2 images, and the LimitRange images allows 1",
       "oc patch limitrange images -n prod --type=json -p "
       "'[{\"op\":\"replace\",\"path\":\"/spec/limits/1/max/openshift.io~1images\",\"value\":\"2\"}]'"},
      {"as many as there may be", kStream,
       [=](Case& one) { range(one, "openshift.io/ImageStream", "openshift.io/images", "2"); }, "", ""},
      {"first image of a new stream", kStream,
       [=](Case& one) {
         one.facts.target_stream.value = std::optional<kube::ImageStream>();
         range(one, "openshift.io/ImageStream", "openshift.io/images", "0");
       },
       "too-many-images stream-will-be-created", "would hold 1 images"},
      {"over its limit already, and no more after", kStream,
       [=](Case& one) {
         one.facts.source_stream.value = stream_of("dev", "shop", "latest", kNew);
         one.facts.target_stream.value = stream_of("prod", "web", "old", kNew);
         range(one, "openshift.io/ImageStream", "openshift.io/images", "0");
       },
       "too-many-images", "would hold 1 images"},
      {"the same from 4.20 on", kStream,
       [=](Case& one) {
         one.facts.server.value->minor = 20;
         one.facts.target_stream.value = stream_of("prod", "web", "old", kNew);
         range(one, "openshift.io/ImageStream", "openshift.io/images", "0");
       },
       "", ""},
      {"one source of tags too many", kTag,
       [=](Case& one) {
         one.facts.target_stream.value =
             stream_of("prod", "web", "old", kOld, R"({"kind":"DockerImage","name":"example.com/x:1"})");
         range(one, "openshift.io/ImageStream", "openshift.io/image-tags", "1");
       },
       "too-many-tags", "would have tags of 2 different sources"},
      {"a tag that takes the place of another", kTag,
       [=](Case& one) {
         one.facts.target_stream.value =
             stream_of("prod", "web", "live", kOld, R"({"kind":"DockerImage","name":"example.com/x:1"})");
         range(one, "openshift.io/ImageStream", "openshift.io/image-tags", "1");
       },
       "", ""},
      {"two tags of one source", kTag,
       [=](Case& one) {
         one.request.tags = {"v1", "live"};
         range(one, "openshift.io/ImageStream", "openshift.io/image-tags", "1");
       },
       "", ""},
      {"no stream left", kStream,
       [](Case& one) {
         one.facts.target_stream.value = std::optional<kube::ImageStream>();
         one.facts.quotas.value = {kube::ResourceQuota(json_of(
             R"({"metadata":{"name":"rq"},"status":{"hard":{"openshift.io/imagestreams":"4"},"used":{"openshift.io/imagestreams":"4"}}})"))};
       },
       "stream-quota-used-up stream-will-be-created",
       "prod would have 5 image streams, and the ResourceQuota rq "
       "allows 4"},
      {"no stream left, and none needed", kStream,
       [](Case& one) {
         one.facts.quotas.value = {kube::ResourceQuota(json_of(
             R"({"metadata":{"name":"rq"},"status":{"hard":{"openshift.io/imagestreams":"4"},"used":{"openshift.io/imagestreams":"4"}}})"))};
       },
       "", ""},
      {"limits hidden", kStream, [](Case& one) { one.facts.limits = {{}, denied()}; }, "limits-unknown",
       "ann may not see limit ranges of prod"},
      {"limits broken", kStream, [](Case& one) { one.facts.limits = {{}, broken()}; }, "fact-unknown",
       "limit ranges of prod could not be found out"},
      {"nodes hidden", kStream, [](Case& one) { one.facts.nodes = {{}, denied()}; }, "", ""},
      {"no node", kStream, [](Case& one) { one.facts.nodes.value = NodeCounts{{"linux/s390x", 2}}; },
       "no-node-for-image", "the image is for linux/amd64, and the nodes of cluster-a are 2 x linux/s390x"},
      {"some nodes", kStream,
       [](Case& one) { one.facts.nodes.value = NodeCounts{{"linux/amd64", 2}, {"linux/arm64", 1}}; },
       "some-nodes-cannot-run", "some nodes of cluster-a are not: 1 x linux/arm64"},
      {"platform not said", kStream,
       [](Case& one) {
         one.request.parts[0].architecture.clear();
         one.facts.nodes.value = NodeCounts{{"linux/s390x", 2}};
       },
       "", ""},
  };
}

TEST(PreflightJudge, SaysWhatTheFactsMean) {
  std::set<std::string> seen;
  check(identity_rows(), seen);
  check(right_rows(), seen);
  check(stream_rows(), seen);
  check(taking_rows(), seen);
  for (const auto& finding : findings::preflight()) {
    EXPECT_TRUE(seen.contains(std::string(finding.code))) << "no row of this test comes to " << finding.code;
  }
}

TEST(PreflightJudge, TellsTheRemainingLifeOfTheToken) {
  struct LifeRow {
    const char* name;
    kube::TokenLife life;
    const char* words;
  };
  const auto now = good_case().facts.now;
  for (const auto& row :
       {LifeRow{
            "ends", {kube::TokenKind::web_token, false, now + std::chrono::hours(50), ""}, "the token ends in 2 d 2 h"},
        LifeRow{"endless", {kube::TokenKind::web_token, true, {}, "ci/bot"}, "the token has no end"},
        LifeRow{"opaque", {kube::TokenKind::opaque, false, {}, ""}, "when the token ends cannot be seen"},
        LifeRow{"certificate", {}, "there is no token that could end"}}) {
    auto one = good_case();
    one.facts.target_identity.life = row.life;
    const auto findings = one.findings();
    const auto* identity = find(findings, "identity");
    ASSERT_NE(identity, nullptr) << row.name;
    EXPECT_NE(identity->sentence.find(std::string("cluster-a knows the token of ann as ann; ") + row.words),
              std::string::npos)
        << row.name << ": " << identity->sentence;
  }
}

// Two clusters whose projects bear the same name.
Case namesakes() {
  auto one = good_case(PreflightRoad::stream);
  one.request.source = {"cluster-b", "prod", "web"};
  one.request.same_cluster = false;
  one.facts.source_identity = one.facts.target_identity;
  one.facts.source_identity->user.value = "bob";
  one.facts.rights.clear();
  for (auto& right : rights_for_preflight(one.request, true, false)) {
    one.facts.rights.push_back({std::move(right), {true, {}}});
  }
  return one;
}

TEST(PreflightJudge, TellsProjectsOfTheSameNameApart) {
  EXPECT_EQ(codes(namesakes().findings()), "identity identity");

  auto no_target = namesakes();
  no_target.facts.target_project.value = ProjectState::missing;
  no_target.deny(Purpose::pull);
  const auto both = no_target.findings();
  EXPECT_EQ(codes(both), "project-missing may-not-pull identity identity");
  EXPECT_EQ(both[0].sentence, "cluster-a has no project prod");
  EXPECT_EQ(both[1].fix, "oc policy add-role-to-user system:image-puller bob -n prod");

  auto no_source = namesakes();
  no_source.facts.source_project.value = ProjectState::hidden;
  no_source.deny(Purpose::pull);
  const auto hidden = no_source.findings();
  EXPECT_EQ(codes(hidden), "project-hidden identity identity");
  EXPECT_EQ(hidden[0].fix,
            "oc policy add-role-to-user registry-viewer bob -n prod  # where it does not exist: oc new-project prod");

  auto no_api = namesakes();
  no_api.facts.source_identity.reset();
  no_api.facts.source_project = {};
  no_api.facts.source_stream = {};
  no_api.facts.target_project.value = ProjectState::missing;
  EXPECT_EQ(codes(no_api.findings()), "project-missing identity") << "the source is a registry without an API";
}

TEST(PreflightJudge, SaysOfOneProjectOnlyOnceThatItIsMissing) {
  auto one = good_case();
  one.request.source.project = "prod";
  one.facts.source_project.value = one.facts.target_project.value = ProjectState::missing;
  EXPECT_EQ(codes(one.findings()), "project-missing identity");
}

TEST(PreflightJudge, PutsBlockersFirst) {
  auto one = good_case();
  one.deny(Purpose::change_stream);
  one.deny(Purpose::tag);
  const auto findings = one.findings();
  EXPECT_EQ(codes(findings), "may-not-tag may-not-change-stream identity");
}

}  // namespace
}  // namespace sluice::openshift
