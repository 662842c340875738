#include "openshift/rollouts/cause.hpp"
#include "unit/openshift/openshift_testing.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using testing::parsed;

const std::string kNew = "sha256:" + std::string(64, 'b');

/// A Deployment with one replica set that wants one pod.
struct Scene {
  Followed followed;
  RolloutDecision decision;
  kube::Object object{parsed(R"({"metadata": {"name": "web", "uid": "u1"}})")};
  std::deque<kube::Object> controllers;
  std::deque<kube::Pod> pods;
  std::deque<kube::Event> events;

  Scene() {
    followed.before.kind = WorkloadKind::deployment;
    followed.images = {{"web", false, kNew, {}}};
    decision.owner_uid = "rs2";
    decision.wanted = 1;
    controllers.emplace_back(parsed(R"({"metadata": {"name": "web-2", "uid": "rs2"}})"));
  }
  Scene& pod(const std::string& status) {
    pods.emplace_back(parsed(fmt::format(R"({{"metadata": {{"name": "web-2-x", "uid": "p1", "ownerReferences": [
        {{"kind": "ReplicaSet", "name": "web-2", "uid": "rs2", "controller": true}}]}}, "status": {}}})",
                                         status)));
    return *this;
  }
  Scene& container(const std::string& state, const std::string& more = "") {
    return pod(fmt::format(R"({{"containerStatuses": [{{"name": "web", "state": {}{}}}]}})", state, more));
  }
  Scene& event(const std::string& uid, const std::string& reason, const std::string& message) {
    auto json = parsed(R"({"type": "Warning"})");
    json.set("reason", reason).set("message", message);
    kube::set_at(json, {"involvedObject", "uid"}, uid);
    events.emplace_back(std::move(json));
    return *this;
  }
  Scene& config(const std::string& annotations) {
    followed.before.kind = WorkloadKind::deployment_config;
    controllers.clear();
    controllers.emplace_back(
        parsed(fmt::format(R"({{"metadata": {{"name": "web-2", "uid": "rs2", "annotations": {}}}}})", annotations)));
    return *this;
  }
  std::optional<RolloutCause> cause() const {
    LiveWorkload live;
    live.object = &object;
    for (const auto& controller : controllers) live.controllers.push_back(&controller);
    for (const auto& one : pods) live.pods.push_back(&one);
    for (const auto& one : events) live.warnings.push_back(&one);
    return first_cause(decision, followed, live);
  }
};

TEST(RolloutCause, IsToldInWords) {
  struct Row {
    std::string name;
    Scene scene;
    std::string kind;  ///< "": nothing is wrong
    std::string words;
  };
  const std::string pull_event = "Failed to pull image \"reg/prod/web@" + kNew + "\": rpc error: ";
  for (const auto& row : std::vector<Row>{
           {"it only begins", Scene().container(R"({"waiting": {"reason": "ContainerCreating"}})"), "", ""},
           {"it runs and is not ready yet", Scene().container(R"({"running": {}})"), "", ""},
           {"a pull without a right",
            Scene().container(
                R"({"waiting": {"reason": "ErrImagePull", "message": "unauthorized: authentication required"}})"),
            "image-pull-denied", "may not pull the image of the container web: unauthorized"},
           {"an image that is not there",
            Scene().container(R"({"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}})"),
            "image-pull-failed", "manifest unknown"},
           {"backing off, the event tells",
            Scene()
                .container(R"({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}})")
                .event("p1", "Failed", pull_event + "denied: access forbidden"),
            "image-pull-denied", "rpc error: denied: access forbidden"},
           {"digits of a digest are no status",
            Scene().container(R"({"waiting": {"reason": "ErrImagePull", "message": "no route to sha256:)" +
                              std::string(12, '0') + R"(401403"}})"),
            "image-pull-failed", "no route"},
           {"a missing Secret",
            Scene().container(
                R"({"waiting": {"reason": "CreateContainerConfigError", "message": "secret \"db\" not found"}})"),
            "container-config-error", "secret \"db\" not found"},
           {"a crash loop",
            Scene().container(
                R"({"waiting": {"reason": "CrashLoopBackOff"}})",
                R"(, "restartCount": 3, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}})"),
            "crash-loop", "exit code 137 (OOMKilled) after its start, restarts: 3"},
           {"the first crash", Scene().container(R"({"terminated": {"exitCode": 2, "reason": "Error"}})"), "crash-loop",
            "exit code 2"},
           {"an init container that is done",
            Scene().pod(R"({"initContainerStatuses": [{"name": "i", "state": {"terminated": {"exitCode": 0}}}]})"), "",
            ""},
           {"a probe", Scene().container(R"({"running": {}})").event("p1", "Unhealthy", "Readiness probe failed: 503"),
            "probe-failing", "runs and is not ready: its readiness probe fails"},
           {"a probe that failed before it passed",
            Scene().container(R"({"running": {}})", R"(, "ready": true)").event("p1", "Unhealthy", "Readiness"), "",
            ""},
           {"no node",
            Scene().pod(R"({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                            "message": "0/3 nodes are available"}]})"),
            "unschedulable", "no node takes the pod web-2-x: 0/3 nodes are available"},
           {"a quota, by an event",
            Scene().event("rs2", "FailedCreate",
                          "Error creating: pods \"x\" is forbidden: exceeded quota: q, requested"),
            "quota-exceeded", "exceeded quota: q"},
           {"a quota of before",
            Scene().container(R"({"running": {}})").event("rs2", "FailedCreate", "exceeded quota: q"), "", ""},
           {"a security constraint",
            Scene().event("rs2", "FailedCreate", "unable to validate against any security context constraint"),
            "pod-refused", "security context constraint"},
           {"cancelled",
            Scene().config(R"({"openshift.io/deployment.cancelled": "true", "openshift.io/deployment.phase": "Failed",
                               "openshift.io/deployment.status-reason": "cancelled by the user"})"),
            "rollout-cancelled", "web-2 was cancelled (cancelled by the user)"},
           {"the deployer is gone", Scene().config(R"({"openshift.io/deployment.phase": "Failed",
                               "openshift.io/deployment.status-reason": "deployer pod no longer exists"})"),
            "deployer-failed", "deployer pod no longer exists"},
           {"no deployer, by a quota",
            Scene()
                .config(R"({"openshift.io/deployment.phase": "New"})")
                .event("u1", "FailedCreate", "Error creating deployer pod: exceeded quota: pods"),
            "quota-exceeded", "exceeded quota: pods"}}) {
    SCOPED_TRACE(row.name);
    const auto cause = row.scene.cause();
    EXPECT_EQ(cause ? std::string(to_string(cause->kind)) : "", row.kind) << (cause ? cause->sentence : "");
    if (cause) {
      EXPECT_NE(cause->sentence.find(row.words), std::string::npos) << cause->sentence;
    }
  }
}

TEST(RolloutCause, OfAStatefulSetMayBeAPodOfBefore) {
  auto scene = Scene().container(R"({"waiting": {"reason": "CrashLoopBackOff"}})");
  scene.followed.before.kind = WorkloadKind::stateful_set;
  scene.decision.pod_hash = "web-2";  // which that pod does not have
  const auto cause = scene.cause();
  ASSERT_TRUE(cause);
  EXPECT_NE(cause->sentence.find("a pod of before holds the rollout up"), std::string::npos) << cause->sentence;
}

TEST(RolloutCause, OfACrashNamesWhoseLogTellsMore) {
  const auto cause = Scene().container(R"({"waiting": {"reason": "CrashLoopBackOff"}})").cause();
  ASSERT_TRUE(cause);
  EXPECT_EQ(cause->pod, "web-2-x");
  EXPECT_EQ(cause->container, "web");
}

TEST(RolloutCause, OfAProbeKeepsNothingOfItsOutput) {
  const auto told = [](const std::string& message) {
    const auto cause = Scene().container(R"({"running": {}})").event("p1", "Unhealthy", message).cause();
    return cause ? cause->sentence.substr(cause->sentence.find("not ready: ")) : std::string();
  };
  EXPECT_EQ(told("Readiness probe failed: HTTP probe failed with statuscode: 503"),
            "not ready: its readiness probe fails (HTTP status 503)");
  EXPECT_EQ(told("Readiness probe failed: db password=hunter2 refused\n"), "not ready: its readiness probe fails");
  EXPECT_EQ(told("Readiness probe failed: said: x probe failed: HTTP probe failed with statuscode: 123"),
            "not ready: its readiness probe fails");
  EXPECT_EQ(told("Readiness probe failed: HTTP probe failed with statuscode: hunter2"),
            "not ready: its readiness probe fails");
  EXPECT_EQ(told("Liveness probe failed: dial tcp 10.0.0.1:80: connect: connection refused"),
            "not ready: its liveness probe fails");
}

TEST(RolloutCause, IsVagueUntilTheRegistrysWordsAreKnown) {
  auto scene = Scene().container(R"({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}})");
  ASSERT_TRUE(scene.cause());
  EXPECT_TRUE(scene.cause()->vague);
  scene.event("p1", "Failed", "Failed to pull image \"x\": manifest unknown");
  EXPECT_FALSE(scene.cause()->vague);
}

TEST(RolloutCause, IsTheEarliestStepThatFails) {
  auto scene = Scene().pod(R"({"containerStatuses": [
      {"name": "a", "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
      {"name": "b", "state": {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}}}]})");
  ASSERT_TRUE(scene.cause());
  EXPECT_EQ(to_string(scene.cause()->kind), "image-pull-failed") << "what cannot be pulled cannot crash";
}

}  // namespace
}  // namespace sluice::openshift
