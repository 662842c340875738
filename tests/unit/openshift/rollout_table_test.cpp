// What a person would name after `oc describe` and `oc logs`, for every situation and kind of workload, with the events
// of all the other situations lying about: those of earlier rollouts, of other pods, and the harmless ones.
#include "openshift/rollouts/cause.hpp"
#include "unit/openshift/openshift_testing.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using testing::parsed;
using Kind = WorkloadKind;

const std::string kNew = "sha256:" + std::string(64, 'b');
const std::string kImage = "reg:5000/prod/web@" + kNew;
constexpr auto kLongAgo = "2026-11-29T11:00:00Z";
constexpr auto kBegan = "2026-11-29T12:00:00Z";
constexpr auto kPodMade = "2026-11-29T12:00:05Z";
constexpr auto kNow = "2026-11-29T12:00:20Z";

/// One rollout of `web`, its second one, of which nothing is known but that it goes on.
class Scene {
 public:
  explicit Scene(Kind kind) {
    followed.before.kind = kind;
    followed.before.project = "prod";
    followed.before.name = "web";
    followed.before.taken = kBegan;
    followed.images = {{"web", false, kNew, {}}};
    decision.step = RolloutDecision::Step::rolling;
    decision.wanted = 1;
    if (kind == Kind::cron_job) return;
    decision.owner_uid = "u1";
    if (kind == Kind::stateful_set) decision.pod_hash = "web-2";
    if (has_controller()) {
      decision.owner_uid = "rc2";
      controller(R"({"openshift.io/deployment.phase": "Running"})");
    }
    litter();
  }
  bool is(Kind kind) const { return followed.before.kind == kind; }
  bool has_controller() const { return is(Kind::deployment_config) || is(Kind::deployment); }
  const std::string& owner() const { return decision.owner_uid; }

  Scene& controller(const std::string& annotations, const std::string& status = "{}") {
    controllers.clear();
    controllers.emplace_back(parsed(fmt::format(
        R"({{"metadata": {{"name": "web-2", "uid": "rc2", "creationTimestamp": "{}", "annotations": {}}}, "status": {}}})",
        kBegan, annotations, status)));
    return *this;
  }
  /// A new pod, with the statuses of its containers.
  Scene& pod(const std::string& status, const std::string& made = kPodMade, const std::string& more = "") {
    pods.emplace_back(parsed(fmt::format(
        R"({{"metadata": {{"name": "web-2-x", "uid": "p2", "creationTimestamp": "{}",
               "labels": {{"controller-revision-hash": "web-2"}},
               "ownerReferences": [{{"kind": "X", "name": "x", "uid": "{}", "controller": true}}]}},
             "spec": {{"containers": [{{"name": "web", "image": "{}"}}{}]}}, "status": {}}})",
        made, owner(), kImage, more, status)));
    return *this;
  }
  Scene& container(const std::string& state, const std::string& more = "") {
    return pod(fmt::format(R"({{"containerStatuses": [{{"name": "web", "state": {}{}}}]}})", state, more));
  }
  Scene& waits(const std::string& reason, const std::string& message) {
    auto state = parsed("{}");
    kube::set_at(state, {"waiting", "reason"}, reason);
    kube::set_at(state, {"waiting", "message"}, message);
    return container(state.dump());
  }
  Scene& event(const std::string& uid, const std::string& reason, const std::string& message,
               const std::string& time = kNow) {
    auto json = parsed(R"({"type": "Warning"})");
    json.set("reason", reason).set("message", message).set("lastTimestamp", time);
    kube::set_at(json, {"involvedObject", "uid"}, uid);
    events.emplace_back(std::move(json));
    return *this;
  }
  Scene& deployer(const std::string& status) {
    deployer_pod.emplace(parsed(fmt::format(
        R"({{"metadata": {{"name": "web-2-deploy", "uid": "d2", "creationTimestamp": "{}"}}, "status": {}}})", kPodMade,
        status)));
    return *this;
  }
  std::optional<RolloutCause> cause() const {
    LiveWorkload live;
    live.object = &object;
    for (const auto& one : controllers) live.controllers.push_back(&one);
    for (const auto& one : pods) live.pods.push_back(&one);
    for (const auto& one : events) live.warnings.push_back(&one);
    if (deployer_pod) live.deployer = &*deployer_pod;
    return first_cause(decision, followed, live);
  }

  Followed followed;
  RolloutDecision decision;
  kube::Object object{parsed(R"({"metadata": {"name": "web", "uid": "u1"}})")};
  std::deque<kube::Object> controllers;
  std::deque<kube::Pod> pods;
  std::deque<kube::Event> events;
  std::optional<kube::Pod> deployer_pod;

 private:
  // Leftovers of an earlier rollout on the same objects, what other pods say now, and what never matters.
  void litter() {
    for (const auto& uid : {std::string("u1"), owner()}) {
      event(uid, "FailedCreate",
            "Error creating: pods \"web-1-y\" is forbidden: exceeded quota: old, requested: pods=1", kLongAgo);
      event(uid, "FailedCreate", "Error creating: unable to validate against any security context constraint",
            kLongAgo);
      event(uid, "FailedCreate", "Error creating deployer pod: exceeded quota: old, requested: pods=1", kLongAgo);
      event(uid, "FailedCreate", "Error creating deployer pod: pods \"web-1-deploy\" already exists");
      event(uid, "FailedCreate", "create Pod web-0 in StatefulSet web failed error: pods \"web-0\" already exists");
    }
    // Of a set it could only be about itself.
    if (has_controller())
      event("u1", "FailedCreate", "Error creating deployer pod: pods \"web-1-deploy\" is forbidden: exceeded quota: q");
    event("u1", "DeploymentCreationFailed", "Couldn't deploy version 1: forbidden", kLongAgo);
    event("p1", "Failed", "Failed to pull image \"" + kImage + "\": denied");
    event("p1", "Unhealthy", "Readiness probe failed: of another pod");
    event("p1", "BackOff", "Back-off restarting failed container");
  }
};

struct Situation {
  std::string name;
  std::function<void(Scene&)> happens;
  std::string sentence;  ///< "": nothing is wrong
  bool lasting = false;
  std::vector<Kind> kinds{Kind::deployment_config, Kind::deployment, Kind::stateful_set, Kind::daemon_set};
};

const std::string kQuota =
    "pods \"web-2-x\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4";
const std::string kToldQuota =
    "no more pods can be made: exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4";
const std::string kCannot = "the pod web-2-x cannot pull the image of the container web: ";
const std::string kMayNot = "the pod web-2-x may not pull the image of the container web: ";
const std::string kCrashed = R"({"waiting": {"reason": "CrashLoopBackOff"}})";

std::string pull_of(const std::string& image, const std::string& why) {
  return "Failed to pull image \"" + image + "\": " + why;
}

std::vector<Situation> pull_situations() {
  return {
      {"no right", [](Scene& s) { s.waits("ErrImagePull", "unauthorized: authentication required"); },
       kMayNot + "unauthorized: authentication required", true},
      {"denied, and it backs off",
       [](Scene& s) {
         s.waits("ImagePullBackOff", "Back-off").event("p2", "Failed", pull_of(kImage, "access denied"));
       },
       kMayNot + "access denied", true},
      {"the digest is not there", [](Scene& s) { s.waits("ErrImagePull", "manifest unknown"); },
       kCannot + "manifest unknown", true},
      {"the repository is not there", [](Scene& s) { s.waits("ErrImagePull", "repository prod/web not found"); },
       kCannot + "repository prod/web not found", true},
      {"a time-out can heal", [](Scene& s) { s.waits("ErrImagePull", "Get http://reg/v2/: net/http: i/o timeout"); },
       kCannot + "Get http://reg/v2/: net/http: i/o timeout"},
      {"a name that is not resolved can heal",
       [](Scene& s) { s.waits("ErrImagePull", "lookup reg: no such host: not found"); },
       kCannot + "lookup reg: no such host: not found"},
      {"it backs off, and nobody says why", [](Scene& s) { s.waits("ImagePullBackOff", "Back-off pulling"); },
       kCannot + "Back-off pulling"},
      {"a name that is none", [](Scene& s) { s.waits("InvalidImageName", "invalid reference format"); },
       kCannot + "invalid reference format", true},
      {"never pulled", [](Scene& s) { s.waits("ErrImageNeverPull", "Container image is not present"); },
       kCannot + "Container image is not present", true},
      {"the event is about the other container",
       [](Scene& s) {
         s.pod(R"({"containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "ImagePullBackOff",
                                           "message": "Back-off"}}}]})",
               kPodMade, R"(, {"name": "log", "image": "reg/log:1"})")
             .event("p2", "Failed", pull_of("reg/log:1", "unauthorized"));
       },
       kCannot + "Back-off"},
  };
}

std::vector<Situation> container_situations() {
  return {
      {"it only begins", [](Scene& s) { s.waits("ContainerCreating", ""); }, ""},
      {"it runs and is not ready yet", [](Scene& s) { s.container(R"({"running": {}})"); }, ""},
      {"a missing Secret", [](Scene& s) { s.waits("CreateContainerConfigError", "secret \"db\" not found"); },
       "the container web of the pod web-2-x cannot be started: CreateContainerConfigError, secret \"db\" not found"},
      {"a command that is not there", [](Scene& s) { s.waits("RunContainerError", "exec: \"run\": not found"); },
       "the container web of the pod web-2-x cannot be started: RunContainerError, exec: \"run\": not found"},
      {"a crash loop",
       [](Scene& s) {
         s.container(kCrashed,
                     R"(, "restartCount": 2, "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}})");
       },
       "the container web of the pod web-2-x ends with exit code 2 after its start, restarts: 2"},
      {"out of memory",
       [](Scene& s) {
         s.container(kCrashed, R"(, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}})");
       },
       "the container web of the pod web-2-x ends with exit code 137 (OOMKilled) after its start"},
      {"the first crash", [](Scene& s) { s.container(R"({"terminated": {"exitCode": 1, "reason": "Error"}})"); },
       "the container web of the pod web-2-x ends with exit code 1 after its start"},
      {"a crash, and it runs again",
       [](Scene& s) {
         s.container(R"({"running": {}})", R"(, "restartCount": 1, "lastState": {"terminated": {"exitCode": 3}})");
       },
       "the container web of the pod web-2-x ends with exit code 3 after its start, restarts: 1"},
      {"a crash comes before every event",
       [](Scene& s) {
         s.decision.wanted = 2;
         s.container(kCrashed, R"(, "lastState": {"terminated": {"exitCode": 2}})")
             .event(s.owner(), "FailedCreate", "Error creating: " + kQuota)
             .event("p2", "Unhealthy", "Readiness probe failed: 503");
       },
       "the container web of the pod web-2-x ends with exit code 2 after its start"},
      {"an init container crashes",
       [](Scene& s) {
         s.pod(R"({"initContainerStatuses": [{"name": "i", "restartCount": 1, "state": {"waiting": {"reason":
                   "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 9}}}],
                   "containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "PodInitializing"}}}]})");
       },
       "the init container i of the pod web-2-x ends with exit code 9 after its start, restarts: 1"},
      {"an init container works",
       [](Scene& s) {
         s.pod(R"({"initContainerStatuses": [{"name": "i", "state": {"running": {}}}],
                   "containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "PodInitializing"}}}]})");
       },
       ""},
      {"an init container is done",
       [](Scene& s) {
         s.pod(R"({"initContainerStatuses": [{"name": "i", "state": {"terminated": {"exitCode": 0}}}],
                   "containerStatuses": [{"name": "web", "state": {"running": {}}}]})");
       },
       ""},
      {"a probe says no",
       [](Scene& s) { s.container(R"({"running": {}})").event("p2", "Unhealthy", "Readiness probe failed: 503"); },
       "the container web of the pod web-2-x runs and is not ready: its readiness probe fails"},
      {"the probe's word is older than the start",
       [](Scene& s) {
         s.container(fmt::format(R"({{"running": {{"startedAt": "{}"}}}})", kNow))
             .event("p2", "Unhealthy", "Readiness probe failed", kPodMade);
       },
       ""},
      {"no node",
       [](Scene& s) {
         s.pod(R"({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                   "message": "0/3 nodes are available"}]})");
       },
       "no node takes the pod web-2-x: 0/3 nodes are available"},
  };
}

std::vector<Situation> refusal_situations() {
  return {
      {"a quota", [](Scene& s) { s.event(s.owner(), "FailedCreate", "Error creating: " + kQuota); }, kToldQuota, true},
      {"a quota, while what is there is not ready",
       [](Scene& s) {
         s.decision.wanted = 2;
         s.container(R"({"running": {}})")
             .event("p2", "Unhealthy", "Readiness probe failed")
             .event(s.owner(), "FailedCreate", "Error creating: " + kQuota);
       },
       kToldQuota, true},
      {"a quota that refused, and all pods are there",
       [](Scene& s) {
         s.container(R"({"running": {}})").event(s.owner(), "FailedCreate", "Error creating: " + kQuota);
       },
       ""},
      {"a quota that refused until a pod was made later",
       [](Scene& s) {
         s.decision.wanted = 2;
         s.pod(R"({"containerStatuses": [{"name": "web", "state": {"running": {}}}]})", "2026-11-29T12:01:00Z")
             .event(s.owner(), "FailedCreate", "Error creating: " + kQuota);
       },
       ""},
      {"a quota of an earlier rollout alone", [](Scene&) {}, ""},
      {"a security constraint",
       [](Scene& s) {
         s.event(s.owner(), "FailedCreate", "unable to validate against any security context constraint");
       },
       "pods are refused: unable to validate against any security context constraint", true},
      {"a webhook that does not answer can heal",
       [](Scene& s) { s.event(s.owner(), "FailedCreate", "Internal error occurred: failed calling webhook: timeout"); },
       "pods are refused: Internal error occurred: failed calling webhook: timeout"},
      {"the controller says that pods are refused",
       [](Scene& s) {
         auto status = parsed(R"({"conditions": [{"type": "ReplicaFailure", "status": "True"}]})");
         (*status.find("conditions")->elements())[0].set("message", kQuota);
         s.controller(R"({"openshift.io/deployment.phase": "Running"})", status.dump());
       },
       kToldQuota,
       true,
       {Kind::deployment_config, Kind::deployment}},
      {"a replica set that is used again, and events of its first life",
       [](Scene& s) {
         s.controllers.clear();
         s.controllers.emplace_back(parsed(fmt::format(
             R"({{"metadata": {{"name": "web-2", "uid": "rc2", "creationTimestamp": "2026-11-01T00:00:00Z",
                 "annotations": {{"deployment.kubernetes.io/revision-history": "1"}}}}}})")));
       },
       "",
       false,
       {Kind::deployment}},
      {"the replica set is refused",
       [](Scene& s) {
         s.decision.owner_uid.clear();
         s.decision.step = RolloutDecision::Step::waiting;
         kube::set_at(s.object.json(), {"status", "conditions"},
                      parsed(R"([{"type": "Progressing", "status": "False", "reason": "ReplicaSetCreateError",
                            "message": "spec.template: Forbidden"}])"));
       },
       "its replica set is refused: spec.template: Forbidden",
       false,
       {Kind::deployment}},
  };
}

std::vector<Situation> deployer_situations() {
  std::vector<Situation> rows{
      {"cancelled",
       [](Scene& s) {
         s.controller(R"({"openshift.io/deployment.cancelled": "true", "openshift.io/deployment.phase": "Failed",
                          "openshift.io/deployment.status-reason": "cancelled by the user"})");
       },
       "the rollout web-2 was cancelled (cancelled by the user)"},
      {"the deployer is gone",
       [](Scene& s) {
         s.controller(R"({"openshift.io/deployment.phase": "Failed",
                          "openshift.io/deployment.status-reason": "deployer pod no longer exists"})");
       },
       "the deployer of web-2 failed: deployer pod no longer exists"},
      {"the deployer's image is not there",
       [](Scene& s) {
         s.deployer(R"({"containerStatuses": [{"name": "deployment", "state": {"waiting": {"reason": "ErrImagePull",
                        "message": "manifest unknown"}}}]})");
       },
       "the deployer cannot work: the pod web-2-deploy cannot pull the image of the container deployment: manifest "
       "unknown",
       true},
      {"a quota refuses the deployer",
       [](Scene& s) {
         s.event("u1", "FailedCreate",
                 "Error creating deployer pod: pods \"web-2-deploy\" is forbidden: exceeded quota: q");
       },
       "no more pods can be made: exceeded quota: q", true},
      {"a quota refused the deployer, which is there now",
       [](Scene& s) {
         s.deployer(R"({"containerStatuses": [{"name": "deployment", "state": {"running": {}}}]})")
             .event("rc2", "FailedCreate", "Error creating deployer pod: pods \"web-2-deploy\" already exists");
       },
       ""},
      {"pods crash, and the deployer gave up because of it",
       [](Scene& s) {
         s.deployer(R"({"containerStatuses": [{"name": "deployment", "state": {"terminated": {"exitCode": 1}}}]})")
             .container(kCrashed, R"(, "lastState": {"terminated": {"exitCode": 2}})");
       },
       "the container web of the pod web-2-x ends with exit code 2 after its start"},
      {"the controller is refused",
       [](Scene& s) {
         s.decision.owner_uid.clear();
         s.decision.step = RolloutDecision::Step::waiting;
         s.event("u1", "DeploymentCreationFailed", "Couldn't deploy version 2: forbidden");
       },
       "the rollout is refused: Couldn't deploy version 2: forbidden"},
  };
  for (auto& row : rows) row.kinds = {Kind::deployment_config};
  return rows;
}

class RolloutCauseTable : public ::testing::TestWithParam<std::vector<Situation> (*)()> {};

TEST_P(RolloutCauseTable, NamesTheOneTrueCauseWhateverEventsLieAbout) {
  for (const auto& row : GetParam()()) {
    for (const auto kind : row.kinds) {
      SCOPED_TRACE(row.name + ", " + std::string(to_string(kind)));
      Scene scene(kind);
      row.happens(scene);
      const auto cause = scene.cause();
      EXPECT_EQ(cause ? cause->sentence : "", row.sentence);
      EXPECT_EQ(cause && cause->lasting, row.lasting);
    }
    // Nothing of it is about a CronJob, which has no rollout.
    Scene job(Kind::cron_job);
    if (row.kinds.size() > 1) {
      row.happens(job);
      EXPECT_FALSE(job.cause()) << row.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RolloutCauseTable,
                         ::testing::Values(pull_situations, container_situations, refusal_situations,
                                           deployer_situations));

TEST(RolloutCauseTableSize, IsLargeEnoughToMeanSomething) {
  EXPECT_GE(pull_situations().size() + container_situations().size() + refusal_situations().size() +
                deployer_situations().size(),
            40U);
}

TEST(RolloutCause, OfPodsThatAFailedRolloutRemovedIsHowTheyStoodLast) {
  Scene scene(Kind::deployment_config);
  scene.container(R"({"terminated": {"exitCode": 4}})");
  LiveWorkload live;
  live.object = &scene.object;
  live.controllers = {&scene.controllers.front()};
  live.gone = {&scene.pods.front()};
  EXPECT_FALSE(first_cause(scene.decision, scene.followed, live)) << "it goes on: others may do better";
  scene.decision.step = RolloutDecision::Step::ended;
  scene.decision.end = RolloutEnd::failed;
  const auto cause = first_cause(scene.decision, scene.followed, live);
  ASSERT_TRUE(cause);
  EXPECT_EQ(cause->sentence, "the container web of the pod web-2-x ends with exit code 4 after its start");
}

TEST(RolloutCause, OfAnOldPodThatHoldsAStatefulSetUpIsToldAsThat) {
  Scene scene(Kind::stateful_set);
  scene.container(kCrashed, R"(, "lastState": {"terminated": {"exitCode": 2}})");
  scene.decision.pod_hash = "web-3";
  ASSERT_TRUE(scene.cause());
  EXPECT_EQ(scene.cause()->sentence,
            "a pod of before holds the rollout up until somebody deletes it: the container web of the pod web-2-x ends "
            "with exit code 2 after its start");
}

TEST(RolloutCause, OfACrashTellsWhichLogHasTheLastWords) {
  Scene again(Kind::deployment);
  again.container(R"({"running": {}})", R"(, "restartCount": 1, "lastState": {"terminated": {"exitCode": 3}})");
  ASSERT_TRUE(again.cause());
  EXPECT_TRUE(again.cause()->previous) << "the one that runs has said nothing yet";
  Scene first(Kind::deployment);
  first.container(R"({"terminated": {"exitCode": 1}})");
  ASSERT_TRUE(first.cause());
  EXPECT_FALSE(first.cause()->previous);
}

}  // namespace
}  // namespace sluice::openshift
