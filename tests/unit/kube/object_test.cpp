#include "kube/objects/object.hpp"

#include "kube/objects/core.hpp"
#include "kube/objects/images.hpp"
#include "kube/objects/workloads.hpp"
#include "kube/paths.hpp"
#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::parsed;

TEST(Object, ReadsMetadata) {
  const Object object(
      parsed(R"({"kind":"Pod","metadata":{"name":"p","namespace":"prod","uid":"u","resourceVersion":"12",
    "generation":3,"creationTimestamp":"2026-01-05T10:00:00Z","labels":{"a":"1","odd":2},"annotations":{"x":"y"},
    "ownerReferences":[{"kind":"ReplicaSet","name":"r","uid":"v","controller":true},{"kind":"Other","name":"o"}]}})"));
  EXPECT_EQ(object.kind(), "Pod");
  EXPECT_EQ(object.shown(), "prod/p");
  EXPECT_EQ(object.resource_version(), "12");
  EXPECT_EQ(object.generation(), 3);
  EXPECT_EQ(object.labels(), (Labels{{"a", "1"}}));
  EXPECT_EQ(object.annotation("x"), "y");
  EXPECT_EQ(object.annotation("z"), "");
  EXPECT_EQ(object.owners().size(), 2U);
  ASSERT_TRUE(object.controller());
  EXPECT_EQ(object.controller()->name, "r");
}

TEST(Object, KeepsWhatNobodyKnowsThroughAChange) {
  ImageStream stream(parsed(R"({"kind":"ImageStream","future":[1,{"a":null}],"metadata":{"name":"s","managed":{}},
    "spec":{"tags":[{"name":"a","new":true},{"name":"b"}],"later":1.5}})"));
  stream.annotate("sluice/x", "1");
  EXPECT_TRUE(stream.remove_tag_spec("b"));
  EXPECT_FALSE(stream.remove_tag_spec("b"));
  EXPECT_EQ(stream.json(), parsed(R"({"kind":"ImageStream","future":[1,{"a":null}],
    "metadata":{"name":"s","managed":{},"annotations":{"sluice/x":"1"}},
    "spec":{"tags":[{"name":"a","new":true}],"later":1.5}})"));
  EXPECT_TRUE(stream.remove_annotation("sluice/x"));
  EXPECT_FALSE(stream.remove_annotation("sluice/x"));
}

TEST(Object, SetsValuesWhereNothingFits) {
  Json json = parsed(R"({"a":"text"})");
  set_at(json, {"a", "b", "c"}, Json(1));
  set_at(json, {"d"}, Json(2));
  EXPECT_EQ(json, parsed(R"({"a":{"b":{"c":1}},"d":2})"));
}

// Every accessor of every type, on documents that have all members of the wrong kind.
TEST(Object, NeverFailsOnOddDocuments) {
  for (const auto* text :
       {"null", "[]", "7", "{}", R"({"metadata":7,"spec":[],"status":"x"})",
        R"({"metadata":{"labels":[1],"ownerReferences":{},"annotations":"x"},"spec":{"tags":[1,null,[],{}],
                           "triggers":[null,{"type":"ImageChange"},7],"template":{"spec":{"containers":[7,{}]}}},
                           "status":{"tags":[7,{"items":[null,7]}],"conditions":[null,{"type":7}],"ingress":[7],
                           "containerStatuses":[7,{"state":{"waiting":7}},{"state":{}}]}})"}) {
    const auto json = parsed(text);
    const ImageStream stream(json);
    static_cast<void>(stream.tags());
    static_cast<void>(stream.tag_specs());
    EXPECT_FALSE(stream.top("x")) << text;
    EXPECT_FALSE(stream.has_image("x")) << text;
    const ImageStreamTag tag(json);
    EXPECT_EQ(tag.image().digest(), "") << text;
    EXPECT_FALSE(tag.spec()) << text;
    static_cast<void>(Image(json).layers());
    static_cast<void>(Image(json).children());
    static_cast<void>(ImageStreamLayers(json).images());
    static_cast<void>(ImageStreamLayers(json).blobs());
    static_cast<void>(ImageStreamImport(json).outcomes());
    static_cast<void>(DeploymentConfig(json).image_triggers());
    static_cast<void>(DeploymentConfig(json).containers());
    static_cast<void>(DeploymentConfig(json).conditions());
    static_cast<void>(BuildConfig(json).image_triggers());
    static_cast<void>(ReplicationController(json).phase());
    static_cast<void>(ReplicationController(json).version());
    static_cast<void>(Pod(json).statuses());
    static_cast<void>(Pod(json).ready());
    static_cast<void>(Route(json).host());
    static_cast<void>(LimitRange(json).limits());
    static_cast<void>(ResourceQuota(json).left("pods"));
    static_cast<void>(Object(json).owners());
  }
}

TEST(ImageStream, ReadsTagsAndHistory) {
  const ImageStream stream(parsed(R"({"metadata":{"name":"shop","namespace":"prod"},
    "spec":{"lookupPolicy":{"local":true},"tags":[{"name":"live","from":{"kind":"ImageStreamImage","namespace":"dev",
      "name":"shop@sha256:aaa"},"generation":3,"reference":true,"importPolicy":{"scheduled":true,"insecure":true},
      "referencePolicy":{"type":"Local"}},{"name":"bare"}]},
    "status":{"dockerImageRepository":"r:5000/prod/shop","publicDockerImageRepository":"r.example.com/prod/shop",
      "tags":[{"tag":"live","items":[{"created":"t2","dockerImageReference":"r:5000/prod/shop@sha256:bbb","image":"sha256:bbb",
        "generation":3},{"image":"sha256:aaa"}],"conditions":[{"type":"ImportSuccess","status":"False","reason":"NotFound",
        "message":"m","generation":2}]},{"tag":"empty","items":null}]}})"));
  const auto spec = stream.tag_spec("live");
  ASSERT_TRUE(spec && spec->from);
  EXPECT_EQ(*spec->from, (ImageSource{"ImageStreamImage", "dev", "shop@sha256:aaa"}));
  EXPECT_TRUE(spec->reference && spec->scheduled && spec->insecure && spec->local);
  EXPECT_FALSE(stream.tag_spec("bare")->from);
  ASSERT_TRUE(stream.top("live"));
  EXPECT_EQ(stream.top("live")->image, "sha256:bbb");
  EXPECT_EQ(stream.tag("live")->conditions.front().reason, "NotFound");
  EXPECT_FALSE(stream.top("empty"));
  EXPECT_TRUE(stream.tag("empty"));
  EXPECT_TRUE(stream.has_image("sha256:aaa"));
  EXPECT_TRUE(stream.local_lookup());
  EXPECT_EQ(stream.public_repository(), "r.example.com/prod/shop");
}

TEST(ImageStreamTag, PointsAsOcDoes) {
  const auto tag = ImageStreamTag::pointing("prod", "shop", "live", {"ImageStreamImage", "dev", "shop@sha256:aaa"});
  EXPECT_EQ(tag.json(), parsed(R"({"kind":"ImageStreamTag","apiVersion":"image.openshift.io/v1",
    "metadata":{"name":"shop:live","namespace":"prod"},"tag":{"name":"live",
    "from":{"kind":"ImageStreamImage","namespace":"dev","name":"shop@sha256:aaa"},"reference":false,"generation":null,
    "importPolicy":{},"referencePolicy":{"type":"Source"}}})"));
  EXPECT_EQ(tag.stream(), "shop");
  EXPECT_EQ(tag.tag_name(), "live");
}

TEST(Pod, FindsTheDigestInWhatRuntimesCallAnImage) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  struct Row {
    std::string image_id;
    std::string expected;
  };
  for (const auto& row : std::vector<Row>{{"docker-pullable://h:5000/a/b@" + digest, digest},
                                          {"h/a/b@" + digest, digest},
                                          {"docker://" + digest, digest},
                                          {digest, digest},
                                          {"", ""},
                                          {"h/a/b:latest", ""},
                                          {"h/a/b@sha256:abc", ""},
                                          {digest + "zz", ""}}) {
    Pod::ContainerStatus status;
    status.image_id = row.image_id;
    EXPECT_EQ(status.digest(), row.expected) << row.image_id;
  }
}

TEST(Pod, TellsWhyAContainerDoesNotRun) {
  const Pod pod(parsed(R"({"status":{"phase":"Pending","conditions":[{"type":"Ready","status":"False"}],
    "initContainerStatuses":[{"name":"i","state":{"terminated":{"exitCode":1,"reason":"Error"}}}],
    "containerStatuses":[{"name":"web","ready":false,"restartCount":4,"state":{"waiting":{"reason":"ImagePullBackOff",
      "message":"back-off\u001b"}}}]}})"));
  const auto statuses = pod.statuses();
  ASSERT_EQ(statuses.size(), 2U);
  EXPECT_TRUE(statuses[0].init);
  EXPECT_EQ(statuses[0].exit_code, 1);
  EXPECT_EQ(statuses[1].state, "waiting");
  EXPECT_EQ(statuses[1].reason, "ImagePullBackOff");
  EXPECT_EQ(statuses[1].message, "back-off?");
  EXPECT_EQ(statuses[1].restarts, 4);
  EXPECT_FALSE(pod.ready());
}

TEST(BuildConfig, FollowsTheImageOfItsStrategy) {
  const BuildConfig config(parsed(R"({"metadata":{"namespace":"dev"},"spec":{
    "strategy":{"type":"Source","sourceStrategy":{"from":{"kind":"ImageStreamTag","name":"base:1"}}},
    "output":{"to":{"kind":"ImageStreamTag","name":"web:latest"}},
    "triggers":[{"type":"ImageChange","imageChange":{}},{"type":"ConfigChange"},
      {"type":"ImageChange","imageChange":{"paused":true,"from":{"kind":"ImageStreamTag","name":"x:y","namespace":"z"}}}]}})"));
  const auto triggers = config.image_triggers();
  ASSERT_EQ(triggers.size(), 2U);
  EXPECT_EQ(triggers[0].from, (ImageSource{"ImageStreamTag", "dev", "base:1"}));
  EXPECT_TRUE(triggers[0].automatic);
  EXPECT_EQ(triggers[1].from, (ImageSource{"ImageStreamTag", "z", "x:y"}));
  EXPECT_FALSE(triggers[1].automatic);
  EXPECT_EQ(config.output(), (ImageSource{"ImageStreamTag", "dev", "web:latest"}));
}

TEST(Route, NamesTheHostThatARouterAdmitted) {
  EXPECT_EQ(Route(parsed(R"({"spec":{"host":"want"},"status":{"ingress":null}})")).host(), "want");
  EXPECT_EQ(Route(parsed(R"({"spec":{"host":"want"},"status":{"ingress":[{"host":"got"}]}})")).host(), "got");
  EXPECT_EQ(Route(parsed(R"({"spec":{"host":"want"},"status":{"ingress":[{"host":"no","conditions":[
    {"type":"Admitted","status":"False"}]},{"host":"yes"}]}})"))
                .host(),
            "yes");
}

TEST(Quantity, ReadsWhatKubernetesWrites) {
  struct Row {
    const char* text;
    std::optional<std::int64_t> value;
  };
  for (const auto& row : std::vector<Row>{{"5", 5},
                                          {"9223372036854775807", INT64_MAX},
                                          {"100Mi", 100LL << 20},
                                          {"1.5Gi", 1610612736},
                                          {"2k", 2000},
                                          {"100m", 1},
                                          {"1e3", 1000},
                                          {"1E", 1'000'000'000'000'000'000},
                                          {"-1", -1},
                                          {"", std::nullopt},
                                          {"Mi", std::nullopt},
                                          {"abc", std::nullopt},
                                          {"1Zi", std::nullopt},
                                          {"nan", std::nullopt},
                                          {"999999Ei", std::nullopt}}) {
    EXPECT_EQ(parse_quantity(row.text), row.value) << row.text;
  }
}

TEST(Quota, TellsWhatIsLeft) {
  const ResourceQuota quota(parsed(R"({"status":{"hard":{"openshift.io/imagestreams":"3","odd":"x"},
                                       "used":{"openshift.io/imagestreams":"5"}}})"));
  EXPECT_EQ(quota.left("openshift.io/imagestreams"), 0);
  EXPECT_EQ(quota.left("odd"), std::nullopt);
  EXPECT_EQ(quota.left("pods"), std::nullopt);
}

TEST(LimitRange, TakesTheSmallestOfSeveral) {
  const LimitRange range(parsed(R"({"spec":{"limits":[{"type":"openshift.io/Image","max":{"storage":"1Gi"}},
    {"type":"openshift.io/Image","max":{"storage":"100Mi"}},{"type":"Container","max":{"storage":"1"}}]}})"));
  EXPECT_EQ(range.max_of("openshift.io/Image", "storage"), 100LL << 20);
  EXPECT_EQ(range.max_of("openshift.io/ImageStream", "storage"), std::nullopt);
}

TEST(Paths, StayWhereTheyBelong) {
  EXPECT_EQ(path_of(ImageStreamTag::kResource, "prod", "web:1.0"),
            "/apis/image.openshift.io/v1/namespaces/prod/imagestreamtags/web:1.0");
  EXPECT_EQ(path_of(Pod::kResource, "prod", "p", "log"), "/api/v1/namespaces/prod/pods/p/log");
  EXPECT_EQ(path_of(ImageStream::kResource, "", ""), "/apis/image.openshift.io/v1/imagestreams");
  EXPECT_EQ(path_of(Image::kResource, "ignored", "sha256:a"), "/apis/image.openshift.io/v1/images/sha256:a");
  EXPECT_EQ(path_of(User::kResource, "", "~"), "/apis/user.openshift.io/v1/users/~");
  EXPECT_EQ(path_of(Pod::kResource, "../secrets", ".."), "/api/v1/namespaces/..%2Fsecrets/pods/%2E%2E");
  EXPECT_EQ(path_of(Pod::kResource, "p", "a?b#c d"), "/api/v1/namespaces/p/pods/a%3Fb%23c%20d");
  EXPECT_EQ(with_query("/x", {{"labelSelector", "app=web"}, {"continue", ""}, {"limit", "2"}}),
            "/x?labelSelector=app%3Dweb&limit=2");
  EXPECT_EQ(with_query("/x", {}), "/x");
}

}  // namespace
}  // namespace sluice::kube
