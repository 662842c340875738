// Deployments, stateful sets and daemon sets on automatic nodes.
#include "sandbox/workloads/counts.hpp"
#include "sandbox/workloads/deployment.hpp"
#include "unit/sandbox/workload_harness.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::sandbox {
namespace {

using std::chrono::seconds;

Json web(const WorkloadWorld& sandbox) { return sandbox.get(kDeployments, "web"); }
std::string progressing(const WorkloadWorld& sandbox) {
  return condition_reason(at(web(sandbox), {"status"}), "Progressing");
}

TEST(WorkloadApps, ADeploymentFollowsItsTagAndCountsRevisions) {
  WorkloadWorld sandbox;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_web(2);
  sandbox.pass(seconds(1));
  EXPECT_EQ(progressing(sandbox), "NewReplicaSetAvailable");
  EXPECT_EQ(annotation(web(sandbox), kRevision), "2") << "the image it was written with comes first";
  sandbox.push("site", "live", WorkloadWorld::kDigestB);
  sandbox.pass(seconds(1));
  EXPECT_EQ(annotation(web(sandbox), kRevision), "3");
  EXPECT_EQ(number_at(web(sandbox), {"status", "updatedReplicas"}), 2);
  EXPECT_EQ(number_at(web(sandbox), {"status", "replicas"}), 2);
  EXPECT_EQ(sandbox.world.store.list(kReplicaSets, "prod").size(), 3U);
  EXPECT_EQ(sandbox.pods("app", "web").size(), 2U);

  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.pass(seconds(1));
  EXPECT_EQ(annotation(web(sandbox), kRevision), "4") << "back to the replica set of the first image";
  EXPECT_EQ(sandbox.world.store.list(kReplicaSets, "prod").size(), 3U);
  EXPECT_EQ(progressing(sandbox), "NewReplicaSetAvailable");
}

TEST(WorkloadApps, ARolloutWithoutProgressRunsIntoItsDeadline) {
  for (const auto result :
       {Outcome::Result::hang, Outcome::Result::unpullable, Outcome::Result::crash_loop, Outcome::Result::never_ready,
        Outcome::Result::unschedulable, Outcome::Result::quota, Outcome::Result::fail, Outcome::Result::fail_after}) {
    WorkloadWorld sandbox;
    sandbox.push("site", "live", WorkloadWorld::kDigestA);
    sandbox.create_web();
    sandbox.pass(seconds(1));
    sandbox.world.knobs.digest_outcomes[WorkloadWorld::kDigestB] = {result, seconds(30), ""};
    sandbox.push("site", "live", WorkloadWorld::kDigestB);
    sandbox.pass(seconds(590));
    EXPECT_NE(progressing(sandbox), "ProgressDeadlineExceeded") << static_cast<int>(result);
    sandbox.pass(seconds(20));
    EXPECT_EQ(progressing(sandbox), "ProgressDeadlineExceeded") << static_cast<int>(result);
    EXPECT_EQ(number_at(web(sandbox), {"status", "availableReplicas"}), 1) << "the old pod serves on";
    EXPECT_EQ(condition_status(at(web(sandbox), {"status"}), "ReplicaFailure"),
              result == Outcome::Result::quota ? "True" : "");
  }
}

TEST(WorkloadApps, APausedDeploymentTakesTheImageButMakesNoReplicaSet) {
  WorkloadWorld sandbox;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_web();
  sandbox.pass(seconds(1));
  ASSERT_TRUE(sandbox.change(kDeployments, "web", [](Json& object) { set_at(object, {"spec", "paused"}, true); }).ok());
  sandbox.push("site", "live", WorkloadWorld::kDigestB);
  sandbox.pass(seconds(700));
  EXPECT_EQ(progressing(sandbox), "DeploymentPaused");
  EXPECT_EQ(sandbox.world.store.list(kReplicaSets, "prod").size(), 2U);
  EXPECT_EQ(number_at(web(sandbox), {"status", "observedGeneration"}),
            number_at(web(sandbox), {"metadata", "generation"}));
  ASSERT_TRUE(
      sandbox.change(kDeployments, "web", [](Json& object) { set_at(object, {"spec", "paused"}, false); }).ok());
  sandbox.pass(seconds(1));
  EXPECT_EQ(progressing(sandbox), "NewReplicaSetAvailable");
  EXPECT_EQ(sandbox.world.store.list(kReplicaSets, "prod").size(), 3U);
}

TEST(WorkloadApps, RecreateLetsAllOldPodsGoFirst) {
  WorkloadWorld sandbox;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_web(3);
  ASSERT_TRUE(sandbox
                  .change(kDeployments, "web",
                          [](Json& object) { set_at(object, {"spec", "strategy"}, json_of(R"({"type":"Recreate"})")); })
                  .ok());
  sandbox.pass(seconds(1));
  sandbox.world.knobs.step_delay = seconds(1);
  sandbox.push("site", "live", WorkloadWorld::kDigestB);
  std::size_t most = 0;
  for (int i = 0; i < 60; ++i) {
    sandbox.pass(seconds(1));
    most = std::max(most, sandbox.pods("app", "web").size());
  }
  EXPECT_EQ(most, 3U);
  EXPECT_EQ(progressing(sandbox), "NewReplicaSetAvailable");
}

Json set_body(std::string_view name) {
  auto set = json_of(R"({"metadata":{"annotations":{"image.openshift.io/triggers":
    "[{\"from\":{\"kind\":\"ImageStreamTag\",\"name\":\"site:live\"},\"fieldPath\":\"spec.template.spec.containers[0].image\"}]"}},
    "spec":{"selector":{"matchLabels":{"app":"db"}},"template":{"metadata":{"labels":{"app":"db"}},
      "spec":{"containers":[{"name":"c","image":"example.test/a/b:1"}]}}}})");
  set_at(set, {"metadata", "name"}, name);
  return set;
}

TEST(WorkloadApps, AStatefulSetIsReplacedFromTheHighestNumberDown) {
  WorkloadWorld sandbox;
  auto body = set_body("db");
  set_at(body, {"spec", "replicas"}, 3);
  sandbox.create(kStatefulSets, std::move(body));
  sandbox.pass(seconds(1));
  ASSERT_EQ(sandbox.pods("app", "db").size(), 3U);
  const auto before = sandbox.get(kStatefulSets, "db");
  EXPECT_EQ(text_at(before, {"status", "currentRevision"}), text_at(before, {"status", "updateRevision"}));

  sandbox.world.knobs.step_delay = seconds(1);
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  std::vector<std::string> order;
  for (int i = 0; i < 60; ++i) {
    sandbox.pass(seconds(1));
    const auto update = text_at(sandbox.get(kStatefulSets, "db"), {"status", "updateRevision"});
    for (const auto& pod : sandbox.pods("controller-revision-hash", update)) {
      if (std::find(order.begin(), order.end(), name_of(pod)) == order.end() &&
          update != text_at(before, {"status", "updateRevision"})) {
        order.push_back(name_of(pod));
      }
    }
  }
  EXPECT_EQ(order, (std::vector<std::string>{"db-2", "db-1", "db-0"}));
  const auto after = sandbox.get(kStatefulSets, "db");
  EXPECT_EQ(text_at(after, {"status", "currentRevision"}), text_at(after, {"status", "updateRevision"}));
  EXPECT_EQ(number_at(after, {"status", "readyReplicas"}), 3);
  EXPECT_EQ(number_at(after, {"status", "updatedReplicas"}), 3);
}

TEST(WorkloadApps, ADaemonSetReplacesItsPodAndCountsItsTemplates) {
  WorkloadWorld sandbox;
  sandbox.create(kDaemonSets, set_body("agent"));
  sandbox.pass(seconds(1));
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.pass(seconds(1));
  const auto set = sandbox.get(kDaemonSets, "agent");
  EXPECT_EQ(annotation(set, kTemplateGeneration), "2");
  EXPECT_EQ(number_at(set, {"status", "updatedNumberScheduled"}), 1);
  EXPECT_EQ(number_at(set, {"status", "numberAvailable"}), 1);
  ASSERT_EQ(sandbox.pods("app", "db").size(), 1U);
  EXPECT_EQ(text_at(at(sandbox.pods("app", "db")[0], {"spec", "containers"}).items()[0], {"image"}),
            WorkloadWorld::image("site", WorkloadWorld::kDigestA));
}

TEST(WorkloadApps, ACronJobGetsTheImageInItsJobTemplate) {
  WorkloadWorld sandbox;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create(kCronJobs, json_of(R"({"metadata":{"name":"nightly","annotations":{"image.openshift.io/triggers":
    "[{\"from\":{\"kind\":\"ImageStreamTag\",\"name\":\"site:live\"},\"fieldPath\":\"spec.jobTemplate.spec.template.spec.containers[0].image\"}]"}},
    "spec":{"schedule":"0 0 * * *","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never",
      "containers":[{"name":"c","image":"example.test/a/b:1"}]}}}}}})"));
  sandbox.settle();
  EXPECT_EQ(
      text_at(at(sandbox.get(kCronJobs, "nightly"), {"spec", "jobTemplate", "spec", "template", "spec", "containers"})
                  .items()[0],
              {"image"}),
      WorkloadWorld::image("site", WorkloadWorld::kDigestA));
}

TEST(WorkloadApps, ManyWorkloadsOfOneProjectComeToRestAndThenNothingIsWritten) {
  WorkloadWorld sandbox;
  constexpr int kWorkloads = 100;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  for (int i = 0; i < kWorkloads; ++i) {
    auto config = json_of(R"({"spec":{"replicas":1,"triggers":[{"type":"ConfigChange"},
      {"type":"ImageChange","imageChangeParams":{"automatic":true,"containerNames":["c"],
        "from":{"kind":"ImageStreamTag","name":"site:live"}}}],
      "template":{"spec":{"containers":[{"name":"c","image":" "}]}}}})");
    const auto name = "site" + std::to_string(i);
    set_at(config, {"metadata", "name"}, name);
    set_at(config, {"spec", "template", "metadata", "labels", "app"}, name);
    sandbox.create(kDeploymentConfigs, std::move(config));
    sandbox.settle();
  }
  sandbox.pass(seconds(1));
  std::size_t complete = 0;
  for (const auto& controller : sandbox.world.store.list(kReplicationControllers, "prod")) {
    complete += annotation(*controller, "openshift.io/deployment.phase") == "Complete" ? 1U : 0U;
  }
  EXPECT_EQ(complete, static_cast<std::size_t>(kWorkloads));
  const auto version = sandbox.world.store.version();
  sandbox.pass(seconds(3600));
  EXPECT_EQ(sandbox.world.store.version(), version) << "an idle world writes nothing";
}

}  // namespace
}  // namespace sluice::sandbox
