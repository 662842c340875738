// Whole rollouts of DeploymentConfigs on automatic nodes: what each outcome looks like from outside.
#include "sandbox/workloads/config.hpp"
#include "sandbox/workloads/counts.hpp"
#include "unit/sandbox/workload_harness.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::sandbox {
namespace {

using std::chrono::seconds;

std::string progressing(const Json& config) { return condition_reason(at(config, {"status"}), "Progressing"); }

std::string waiting_reason(const Json& pod) {
  const auto& statuses = at(pod, {"status", "containerStatuses"}).items();
  return statuses.empty() ? "" : text_at(statuses[0], {"state", "waiting", "reason"});
}

TEST(WorkloadRollout, APushRollsOutAndANewOneReplacesIt) {
  WorkloadWorld sandbox;
  sandbox.create_site(3);
  sandbox.settle();
  EXPECT_EQ(latest_version(sandbox.config()), 0) << "there is no image yet";

  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.pass(seconds(1));
  EXPECT_EQ(phase_of(sandbox.controller(1)), "Complete");
  EXPECT_EQ(progressing(sandbox.config()), "NewReplicationControllerAvailable");
  EXPECT_EQ(number_at(sandbox.config(), {"status", "availableReplicas"}), 3);
  EXPECT_EQ(sandbox.pods("deployment", "site-1").size(), 3U);

  sandbox.push("site", "live", WorkloadWorld::kDigestB);
  sandbox.pass(seconds(1));
  EXPECT_EQ(phase_of(sandbox.controller(2)), "Complete");
  EXPECT_EQ(sandbox.pods("deployment", "site-1").size(), 0U);
  ASSERT_EQ(sandbox.pods("deployment", "site-2").size(), 3U);
  const auto pod = sandbox.pods("deployment", "site-2").front();
  EXPECT_EQ(text_at(at(pod, {"status", "containerStatuses"}).items()[0], {"imageID"}),
            "docker-pullable://" + WorkloadWorld::image("site", WorkloadWorld::kDigestB));
  EXPECT_EQ(number_at(sandbox.config(), {"status", "observedGeneration"}),
            number_at(sandbox.config(), {"metadata", "generation"}));
}

TEST(WorkloadRollout, ThePlatformImageIdHasNoPrefixOnFour) {
  WorkloadWorld sandbox(Profile::v4);
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site();
  sandbox.pass(seconds(1));
  const auto pods = sandbox.pods("deployment", "site-1");
  ASSERT_EQ(pods.size(), 1U);
  EXPECT_EQ(text_at(at(pods[0], {"status", "containerStatuses"}).items()[0], {"imageID"}),
            WorkloadWorld::image("site", WorkloadWorld::kDigestA));
}

TEST(WorkloadRollout, ThereAreAlwaysEnoughPodsDuringARollingUpdate) {
  WorkloadWorld sandbox;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site(4);
  sandbox.pass(seconds(1));
  std::size_t fewest = 100;
  std::size_t most = 0;
  sandbox.world.knobs.step_delay = seconds(2);
  sandbox.push("site", "live", WorkloadWorld::kDigestB);
  for (int second = 0; second < 200 && phase_of(sandbox.controller(2)) != "Complete"; ++second) {
    sandbox.pass(seconds(1));
    std::size_t ready = 0;
    const auto pods = sandbox.pods("deploymentconfig", "site");
    for (const auto& pod : pods) ready += pod_is_ready(pod) ? 1U : 0U;
    fewest = std::min(fewest, ready);
    most = std::max(most, pods.size());
  }
  EXPECT_EQ(phase_of(sandbox.controller(2)), "Complete");
  EXPECT_EQ(fewest, 3U) << "maxUnavailable 25% of 4 is one";
  EXPECT_EQ(most, 5U) << "maxSurge 25% of 4 is one";
}

struct OutcomeRow {
  const char* name;
  Outcome::Result result;
  int seconds_until_failed;  ///< about when the rollout has failed; before that it has not
  const char* pod_waits;     ///< waiting reason of the new pod on the way
  const char* pod_event;     ///< an event that a client can tell the cause from
};

class WorkloadOutcome : public ::testing::TestWithParam<OutcomeRow> {};

TEST_P(WorkloadOutcome, FailsInItsOwnWayAndLeavesTheOldVersionRunning) {
  const auto& row = GetParam();
  WorkloadWorld sandbox;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site();
  sandbox.pass(seconds(1));
  ASSERT_EQ(phase_of(sandbox.controller(1)), "Complete");

  sandbox.world.knobs.digest_outcomes[WorkloadWorld::kDigestB] = {row.result, seconds(30), ""};
  sandbox.push("site", "live", WorkloadWorld::kDigestB);
  sandbox.settle();
  if (row.seconds_until_failed > 0) {
    sandbox.pass(seconds(row.seconds_until_failed - 10));
    EXPECT_EQ(phase_of(sandbox.controller(2)), "Running") << "too early";
    const auto pods = sandbox.pods("deployment", "site-2");
    EXPECT_EQ(pods.size(), row.result == Outcome::Result::quota ? 0U : 1U);
    if (!pods.empty()) {
      EXPECT_EQ(waiting_reason(pods[0]), row.pod_waits);
    }
    sandbox.pass(seconds(20));
  }
  EXPECT_EQ(phase_of(sandbox.controller(2)), "Failed");
  EXPECT_EQ(progressing(sandbox.config()), "ProgressDeadlineExceeded");
  EXPECT_EQ(number_at(sandbox.controller(2), {"spec", "replicas"}, -1), 0);
  EXPECT_EQ(number_at(sandbox.controller(1), {"spec", "replicas"}), 1);
  EXPECT_EQ(number_at(sandbox.config(), {"status", "availableReplicas"}), 1);
  EXPECT_EQ(sandbox.pods("deployment", "site-2").size(), 0U);
  if (row.pod_event[0] != '\0') {
    auto told = sandbox.events("Pod");
    told.merge(sandbox.events("ReplicationController"));
    EXPECT_TRUE(told.contains(row.pod_event)) << "no event " << row.pod_event;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Every, WorkloadOutcome,
    ::testing::Values(OutcomeRow{"Fail", Outcome::Result::fail, 0, "", "BackOff"},
                      OutcomeRow{"Hang", Outcome::Result::hang, 600, "ContainerCreating", ""},
                      OutcomeRow{"FailAfter", Outcome::Result::fail_after, 30, "", "Unhealthy"},
                      OutcomeRow{"Unpullable", Outcome::Result::unpullable, 600, "ImagePullBackOff", "Failed"},
                      OutcomeRow{"CrashLoop", Outcome::Result::crash_loop, 600, "CrashLoopBackOff", "BackOff"},
                      OutcomeRow{"Unschedulable", Outcome::Result::unschedulable, 600, "", "FailedScheduling"},
                      OutcomeRow{"NeverReady", Outcome::Result::never_ready, 600, "", "Unhealthy"},
                      OutcomeRow{"Quota", Outcome::Result::quota, 600, "", "FailedCreate"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(WorkloadRollout, APausedConfigTakesTheImageButRollsOutOnlyWhenResumed) {
  WorkloadWorld sandbox;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site();
  sandbox.pass(seconds(1));
  ASSERT_TRUE(
      sandbox.change(kDeploymentConfigs, "site", [](Json& config) { set_at(config, {"spec", "paused"}, true); }).ok());
  sandbox.push("site", "live", WorkloadWorld::kDigestB);
  sandbox.pass(seconds(1));
  const auto image = WorkloadWorld::image("site", WorkloadWorld::kDigestB);
  EXPECT_EQ(text_at(at(sandbox.config(), {"spec", "template", "spec", "containers"}).items()[0], {"image"}), image);
  EXPECT_EQ(latest_version(sandbox.config()), 1);
  ASSERT_TRUE(
      sandbox.change(kDeploymentConfigs, "site", [](Json& config) { set_at(config, {"spec", "paused"}, false); }).ok());
  sandbox.pass(seconds(1));
  EXPECT_EQ(latest_version(sandbox.config()), 2);
  EXPECT_EQ(text_at(sandbox.config(), {"status", "details", "message"}), "image change");
  EXPECT_EQ(phase_of(sandbox.controller(2)), "Complete");
}

TEST(WorkloadRollout, AChangedTemplateRollsOutAsAConfigChange) {
  WorkloadWorld sandbox;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site();
  sandbox.pass(seconds(1));
  ASSERT_TRUE(sandbox
                  .change(kDeploymentConfigs, "site",
                          [](Json& config) { annotate(*find_at(config, {"spec", "template"}), "note", "new"); })
                  .ok());
  sandbox.pass(seconds(1));
  EXPECT_EQ(latest_version(sandbox.config()), 2);
  EXPECT_EQ(text_at(sandbox.config(), {"status", "details", "message"}), "config change");
}

TEST(WorkloadRollout, TheSameImageUnderTheTagAgainStartsNothing) {
  WorkloadWorld sandbox;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site();
  sandbox.pass(seconds(1));
  const auto version = sandbox.world.store.version();
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.pass(seconds(60));
  EXPECT_EQ(sandbox.world.store.version(), version + 1) << "only the stream was written";
}

TEST(WorkloadRollout, ANewerVersionEndsTheOlderOne) {
  WorkloadWorld sandbox;
  sandbox.world.knobs.digest_outcomes[WorkloadWorld::kDigestA] = {Outcome::Result::hang, seconds(0), ""};
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site();
  sandbox.pass(seconds(1));
  ASSERT_EQ(phase_of(sandbox.controller(1)), "Running");
  sandbox.push("site", "live", WorkloadWorld::kDigestB);
  sandbox.pass(seconds(1));
  EXPECT_EQ(phase_of(sandbox.controller(1)), "Failed");
  EXPECT_EQ(annotation(sandbox.controller(1), kStatusReason), "newer deployment was found running");
  EXPECT_EQ(phase_of(sandbox.controller(2)), "Complete");
}

TEST(WorkloadRollout, ATriggerInAnotherProjectPullsOnlyWithTheRight) {
  WorkloadWorld sandbox;
  add_project(sandbox.world, "dev", "bob");
  sandbox.push("app", "1", WorkloadWorld::kDigestA, "dev");
  sandbox.create(kDeploymentConfigs, json_of(R"({"metadata":{"name":"site"},"spec":{"replicas":1,"triggers":[
    {"type":"ConfigChange"},{"type":"ImageChange","imageChangeParams":{"automatic":true,"containerNames":["c"],
      "from":{"kind":"ImageStreamTag","name":"app:1","namespace":"dev"}}}],
    "template":{"metadata":{"labels":{"app":"site"}},"spec":{"containers":[{"name":"c","image":" "}]}}}})"));
  sandbox.pass(seconds(5));
  const auto pods = sandbox.pods("deployment", "site-1");
  ASSERT_EQ(pods.size(), 1U);
  EXPECT_EQ(waiting_reason(pods[0]), "ImagePullBackOff");

  sandbox.world.store.create(
      {"rolebindings.rbac.authorization.k8s.io", "dev", "pullers"},
      json_of(R"({"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"system:image-puller"},
    "subjects":[{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"system:serviceaccounts:prod"}]})"));
  sandbox.pass(seconds(30));
  EXPECT_EQ(phase_of(sandbox.controller(1)), "Complete") << "the next try has the right";
}

TEST(WorkloadRollout, ADeletedConfigTakesItsControllersAndPodsAlong) {
  WorkloadWorld sandbox;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site(2);
  sandbox.pass(seconds(1));
  sandbox.world.store.remove({std::string(kDeploymentConfigs), "prod", "site"});
  sandbox.pass(seconds(1));
  EXPECT_TRUE(sandbox.world.store.list(kReplicationControllers, "prod").empty());
  EXPECT_TRUE(sandbox.world.store.list(kPods, "prod").empty());
}

TEST(WorkloadRollout, OldVersionsAreForgottenBeyondTheHistoryLimit) {
  WorkloadWorld sandbox;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site();
  ASSERT_TRUE(
      sandbox
          .change(kDeploymentConfigs, "site", [](Json& config) { set_at(config, {"spec", "revisionHistoryLimit"}, 2); })
          .ok());
  for (int i = 0; i < 6; ++i) {
    sandbox.push("site", "live", i % 2 == 0 ? WorkloadWorld::kDigestB : WorkloadWorld::kDigestA);
    sandbox.pass(seconds(1));
  }
  EXPECT_EQ(sandbox.world.store.list(kReplicationControllers, "prod").size(), 3U);
}

TEST(WorkloadRollout, NobodyMovesPodsWhileNodesAreManual) {
  WorkloadWorld sandbox;
  sandbox.world.knobs.automatic_nodes = false;
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site();
  sandbox.pass(seconds(900));
  EXPECT_EQ(phase_of(sandbox.controller(1)), "Pending");
  EXPECT_EQ(text_at(sandbox.get(kPods, "site-1-deploy"), {"status", "phase"}), "Pending");
  sandbox.world.knobs.automatic_nodes = true;
  sandbox.pass(seconds(5));
  EXPECT_EQ(phase_of(sandbox.controller(1)), "Complete");
}

TEST(WorkloadRollout, AQuotaOfPodsIsTold) {
  WorkloadWorld sandbox;
  sandbox.world.store.create({std::string(kResourceQuotas), "prod", "few"},
                             json_of(R"({"spec":{"hard":{"pods":"2"}}})"));
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site(3);
  sandbox.pass(seconds(5));
  EXPECT_EQ(sandbox.pods("deployment", "site-1").size(), 1U) << "the deployer takes the other place";
  const auto controller = sandbox.controller(1);
  const auto* failure = find_condition(at(controller, {"status"}), "ReplicaFailure");
  ASSERT_NE(failure, nullptr);
  EXPECT_NE(
      text_at(*failure, {"message"}).find("exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2"),
      std::string::npos)
      << text_at(*failure, {"message"});
}

}  // namespace
}  // namespace sluice::sandbox
