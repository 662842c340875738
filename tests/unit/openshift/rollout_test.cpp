#include "openshift/rollouts/rollout.hpp"

#include "unit/openshift/openshift_testing.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::openshift {
namespace {

using testing::parsed;
using Step = RolloutDecision::Step;

const std::string kOld = "sha256:" + std::string(64, 'a');
const std::string kNew = "sha256:" + std::string(64, 'b');
const std::string kThird = "sha256:" + std::string(64, 'c');

Json template_of(const std::string& digest) {
  return parsed(
      fmt::format(R"({{"spec": {{"containers": [{{"name": "web", "image": "reg:5000/prod/web@{}"}}]}}}})", digest));
}

Followed followed(WorkloadKind kind) {
  Followed out;
  out.before.kind = kind;
  out.before.project = "prod";
  out.before.name = "web";
  out.before.uid = "u1";
  out.before.generation = 3;
  out.before.latest_version = 1;
  out.before.revision = "1";
  out.before.containers = {{"web", "reg:5000/prod/web@" + kOld, false}};
  out.images = {{"web", false, kNew, {kNew}}};
  return out;
}

struct Row {
  std::string name;
  std::string status;  ///< of the workload, as JSON members
  std::string digest;  ///< in its template
  Step step = Step::waiting;
  std::optional<RolloutEnd> end{};
  std::string seen{};
  bool paused = false;
};

void expect(const Row& row, const RolloutDecision& decision) {
  EXPECT_EQ(static_cast<int>(decision.step), static_cast<int>(row.step)) << decision.what;
  if (row.end) {
    EXPECT_EQ(to_string(decision.end), to_string(*row.end)) << decision.what;
  }
}

// --- DeploymentConfig ---------------------------------------------------------------------------------------------

kube::Object config(std::int64_t latest, const std::string& digest, bool paused = false) {
  auto json = parsed(R"({"metadata": {"name": "web", "uid": "u1", "generation": 4}, "spec": {"replicas": 2}})");
  kube::set_at(json, {"spec", "paused"}, paused);
  kube::set_at(json, {"spec", "template"}, template_of(digest));
  kube::set_at(json, {"status", "latestVersion"}, latest);
  // What the conditions say is about the rollout before.
  kube::set_at(json, {"status", "conditions"},
               parsed(R"([{"type": "Progressing", "status": "True", "reason": "NewReplicationControllerAvailable"}])"));
  return kube::Object(std::move(json));
}

kube::Object controller(std::int64_t version, const std::string& digest, const std::string& phase,
                        const std::string& reason = "") {
  auto json = parsed(fmt::format(R"({{"metadata": {{"name": "web-{0}", "uid": "rc{0}",
      "annotations": {{"openshift.io/deployment-config.latest-version": "{0}", "openshift.io/deployment.phase": "{1}"}}}},
      "spec": {{"replicas": 1}}, "status": {{"replicas": 1, "readyReplicas": 1}}}})",
                                 version, phase));
  kube::set_at(json, {"spec", "template"}, template_of(digest));
  if (!reason.empty()) {
    kube::set_at(json, {"metadata", "annotations", "openshift.io/deployment.cancelled"}, "true");
    kube::set_at(json, {"metadata", "annotations", "openshift.io/deployment.status-reason"}, reason);
  }
  return kube::Object(std::move(json));
}

TEST(DecideRollout, OfADeploymentConfigGoesByVersionAndWhatItsControllerRuns) {
  struct ConfigRow {
    std::string name;
    kube::Object object;
    std::vector<kube::Object> controllers;
    Step step;
    std::optional<RolloutEnd> end{};
    std::string seen{};
  };
  const auto first = controller(1, kOld, "Complete");
  for (const auto& row : std::vector<ConfigRow>{
           {"the trigger has not fired", config(1, kOld), {first}, Step::waiting},
           {"the image is set, the version not raised", config(1, kNew), {first}, Step::waiting},
           {"raised, and no controller yet", config(2, kNew), {first}, Step::waiting},
           {"the new one begins", config(2, kNew), {first, controller(2, kNew, "New")}, Step::rolling},
           {"it runs", config(2, kNew), {first, controller(2, kNew, "Running")}, Step::rolling},
           {"it is complete",
            config(2, kNew),
            {first, controller(2, kNew, "Complete")},
            Step::complete,
            RolloutEnd::succeeded},
           {"it failed", config(2, kNew), {first, controller(2, kNew, "Failed")}, Step::ended, RolloutEnd::failed},
           {"cancelled by somebody",
            config(2, kNew),
            {controller(2, kNew, "Failed", "cancelled by the user")},
            Step::ended,
            RolloutEnd::failed},
           {"cancelled by a newer one that is not seen yet",
            config(2, kNew),
            {controller(2, kNew, "Failed", "newer deployment was found running")},
            Step::waiting,
            {},
            "web-2"},
           {"a newer one of the same image",
            config(3, kNew),
            {controller(2, kNew, "Failed", "newer deployment was found running"), controller(3, kNew, "Running")},
            Step::rolling,
            {},
            "web-2"},
           {"a config change rolled first", config(2, kOld), {first, controller(2, kOld, "Complete")}, Step::waiting},
           {"another image came after it had begun",
            config(2, kThird),
            {controller(2, kNew, "Running")},
            Step::rolling,
            {},
            "web-2"},
           {"another image was rolled out",
            config(3, kThird),
            {controller(2, kNew, "Failed"), controller(3, kThird, "Running")},
            Step::ended,
            RolloutEnd::superseded,
            "web-2"},
           {"another image, and no controller yet",
            config(3, kThird),
            {controller(2, kNew, "Running")},
            Step::ended,
            RolloutEnd::superseded,
            "web-2"},
           {"paused with the new image", config(1, kNew, true), {first}, Step::ended, RolloutEnd::paused}}) {
    SCOPED_TRACE(row.name);
    LiveWorkload live;
    live.object = &row.object;
    for (const auto& one : row.controllers) live.controllers.push_back(&one);
    const auto decision = decide_rollout(followed(WorkloadKind::deployment_config), live, row.seen);
    expect({row.name, "", "", row.step, row.end}, decision);
  }
}

TEST(DecideRollout, OfADeploymentConfigThatRanTheImageBefore) {
  auto same = followed(WorkloadKind::deployment_config);
  same.before.containers = {{"web", "reg:5000/prod/web@" + kNew, false}};
  const auto object = config(1, kNew);
  const auto complete = controller(1, kNew, "Complete");
  const auto failed = controller(1, kNew, "Failed");
  LiveWorkload live;
  live.object = &object;
  live.controllers = {&complete};
  auto decision = decide_rollout(same, live, "");
  expect({"", "", "", Step::complete, RolloutEnd::already_running}, decision);
  live.controllers = {&failed};
  decision = decide_rollout(same, live, "");
  expect({"", "", "", Step::ended, RolloutEnd::failed}, decision);
  EXPECT_NE(decision.what.find("nothing starts it again"), std::string::npos) << decision.what;
  same.must_roll = true;
  live.controllers = {&complete};
  expect({"a rollout was asked for", "", "", Step::waiting, {}}, decide_rollout(same, live, ""));
}

// --- Deployment ---------------------------------------------------------------------------------------------------

TEST(DecideRollout, OfADeploymentGoesByWhatItsControllerHasObserved) {
  const auto status = [](int observed, int updated, int total, int available, const std::string& reason) {
    return fmt::format(R"("observedGeneration": {}, "updatedReplicas": {}, "replicas": {}, "availableReplicas": {},
        "conditions": [{{"type": "Progressing", "status": "True", "reason": "{}"}}])",
                       observed, updated, total, available, reason);
  };
  const std::string done = "NewReplicaSetAvailable";
  const std::string late = "ProgressDeadlineExceeded";
  for (const auto& row :
       std::vector<Row>{{"the trigger has not fired", status(3, 2, 2, 2, done), kOld, Step::waiting},
                        {"the controller has not seen it", status(3, 2, 2, 2, done), kNew, Step::waiting},
                        {"the one before ran out of time", status(3, 2, 2, 2, late), kNew, Step::waiting},
                        {"too few are new", status(4, 1, 3, 2, "ReplicaSetUpdated"), kNew, Step::rolling},
                        {"old ones are left", status(4, 2, 3, 3, "ReplicaSetUpdated"), kNew, Step::rolling},
                        {"not all are available", status(4, 2, 2, 1, "ReplicaSetUpdated"), kNew, Step::rolling},
                        {"all well", status(4, 2, 2, 2, done), kNew, Step::complete, RolloutEnd::succeeded},
                        {"out of time", status(4, 1, 3, 2, late), kNew, Step::ended, RolloutEnd::failed},
                        {"another image after it had begun", status(4, 1, 3, 2, done), kThird, Step::ended,
                         RolloutEnd::superseded, "web-x"}}) {
    SCOPED_TRACE(row.name);
    auto json = parsed(fmt::format(R"({{"metadata": {{"name": "web", "uid": "u1", "generation": 4,
        "annotations": {{"deployment.kubernetes.io/revision": "2"}}}},
        "spec": {{"replicas": 2}}, "status": {{{}}}}})",
                                   row.status));
    kube::set_at(json, {"spec", "template"}, template_of(row.digest));
    auto set = parsed(R"({"metadata": {"name": "web-x", "uid": "rs2",
                          "annotations": {"deployment.kubernetes.io/revision": "2"}}})");
    kube::set_at(set, {"spec", "template"}, template_of(kNew));
    const kube::Object object(std::move(json));
    const kube::Object newest(std::move(set));
    LiveWorkload live;
    live.object = &object;
    live.controllers = {&newest};
    expect(row, decide_rollout(followed(WorkloadKind::deployment), live, row.seen));
  }
}

TEST(DecideRollout, OfADeploymentWaitsForItsReplicaSet) {
  auto json = parsed(R"({"metadata": {"name": "web", "uid": "u1", "generation": 4,
      "annotations": {"deployment.kubernetes.io/revision": "2"}}, "spec": {"replicas": 0},
      "status": {"observedGeneration": 4}})");
  kube::set_at(json, {"spec", "template"}, template_of(kNew));
  kube::Object object(json);
  LiveWorkload live;
  live.object = &object;
  expect({"", "", "", Step::waiting, {}}, decide_rollout(followed(WorkloadKind::deployment), live, ""));
  kube::set_at(json, {"spec", "paused"}, true);
  object = kube::Object(json);
  expect({"", "", "", Step::ended, RolloutEnd::paused}, decide_rollout(followed(WorkloadKind::deployment), live, ""));
}

// --- StatefulSet, DaemonSet, CronJob ------------------------------------------------------------------------------

RolloutDecision decide_set(WorkloadKind kind, const Row& row, const std::string& strategy = "{}") {
  auto json = parsed(fmt::format(R"({{"metadata": {{"name": "web", "uid": "u1", "generation": 4}},
      "spec": {{"replicas": 3, "updateStrategy": {}}}, "status": {{{}}}}})",
                                 strategy, row.status));
  kube::set_at(json, {"spec", "template"}, template_of(row.digest));
  const kube::Object object(std::move(json));
  LiveWorkload live;
  live.object = &object;
  return decide_rollout(followed(kind), live, row.seen);
}

TEST(DecideRollout, OfAStatefulSetGoesByRevisions) {
  const auto status = [](int observed, int ready, int updated, const std::string& current) {
    return fmt::format(R"("observedGeneration": {}, "replicas": 3, "readyReplicas": {}, "updatedReplicas": {},
        "currentRevision": "{}", "updateRevision": "web-2")",
                       observed, ready, updated, current);
  };
  for (const auto& row :
       std::vector<Row>{{"not observed", status(3, 3, 3, "web-2"), kNew, Step::waiting},
                        {"one of three", status(4, 3, 1, "web-1"), kNew, Step::rolling},
                        {"all new, one not ready", status(4, 2, 3, "web-1"), kNew, Step::rolling},
                        {"all well", status(4, 3, 3, "web-2"), kNew, Step::complete, RolloutEnd::succeeded},
                        {"superseded", status(4, 3, 3, "web-2"), kThird, Step::ended, RolloutEnd::superseded, "web-2"},
                        {"the trigger has not fired", status(4, 3, 3, "web-2"), kOld, Step::waiting}}) {
    SCOPED_TRACE(row.name);
    expect(row, decide_set(WorkloadKind::stateful_set, row));
  }
  const Row part{"a partition", status(4, 3, 1, "web-1"), kNew, Step::complete, RolloutEnd::succeeded};
  const auto decision = decide_set(WorkloadKind::stateful_set, part, R"({"rollingUpdate": {"partition": 2}})");
  expect(part, decision);
  EXPECT_EQ(decision.wanted, 1);
  expect({"", "", "", Step::ended, RolloutEnd::on_delete},
         decide_set(WorkloadKind::stateful_set, part, R"({"type": "OnDelete"})"));
  // Somebody was quick, and has deleted them all.
  expect({"", "", "", Step::complete, RolloutEnd::succeeded},
         decide_set(WorkloadKind::stateful_set, {"all deleted", status(4, 3, 3, "web-2"), kNew, Step::complete},
                    R"({"type": "OnDelete"})"));
}

TEST(DecideRollout, OfADaemonSetGoesByNodes) {
  const auto status = [](int observed, int updated, int available) {
    return fmt::format(R"("observedGeneration": {}, "desiredNumberScheduled": 3, "currentNumberScheduled": 3,
        "updatedNumberScheduled": {}, "numberAvailable": {})",
                       observed, updated, available);
  };
  for (const auto& row : std::vector<Row>{{"not observed", status(3, 3, 3), kNew, Step::waiting},
                                          {"some nodes", status(4, 2, 3), kNew, Step::rolling},
                                          {"not available", status(4, 3, 2), kNew, Step::rolling},
                                          {"all well", status(4, 3, 3), kNew, Step::complete, RolloutEnd::succeeded}}) {
    SCOPED_TRACE(row.name);
    expect(row, decide_set(WorkloadKind::daemon_set, row));
  }
}

TEST(DecideRollout, AnotherObjectOfTheSameNameIsNotTheOneThatWasThere) {
  const kube::Object object(parsed(R"({"metadata": {"name": "web", "uid": "u2"}})"));
  LiveWorkload live;
  expect({"", "", "", Step::waiting, {}}, decide_rollout(followed(WorkloadKind::deployment), live, ""));
  live.object = &object;
  expect({"", "", "", Step::ended, RolloutEnd::gone}, decide_rollout(followed(WorkloadKind::deployment), live, ""));
}

TEST(DecideRollout, WhatWillNotFireIsCertainWithoutLooking) {
  auto one = followed(WorkloadKind::deployment);
  EXPECT_FALSE(decided_before(one));
  for (const auto& [verdict, end] : {std::pair{TriggerVerdict::paused, RolloutEnd::paused},
                                     std::pair{TriggerVerdict::manual, RolloutEnd::not_triggered},
                                     std::pair{TriggerVerdict::malformed, RolloutEnd::not_triggered}}) {
    one.verdict = verdict;
    one.why = "because";
    const auto decision = decided_before(one);
    ASSERT_TRUE(decision) << to_string(verdict);
    EXPECT_EQ(to_string(decision->end), to_string(end)) << to_string(verdict);
    EXPECT_EQ(decision->what, "because");
  }
  one.before.containers = {{"web", "reg:5000/prod/web@" + kNew, false}};
  EXPECT_FALSE(decided_before(one)) << "it runs the image: its pods can be checked";
}

// --- Pods ---------------------------------------------------------------------------------------------------------

kube::Pod pod(const std::string& name, const std::string& image_id) {
  return kube::Pod(parsed(fmt::format(R"({{"metadata": {{"name": "{}", "ownerReferences": [
        {{"kind": "ReplicaSet", "name": "rs", "uid": "rs2", "controller": true}}]}},
      "status": {{"phase": "Running", "containerStatuses": [
        {{"name": "web", "imageID": "{}"}}, {{"name": "sidecar", "imageID": "{}"}}]}}}})",
                                      name, image_id, kThird)));
}

TEST(CheckPods, TakesAnyNameThatARuntimeHasForTheImage) {
  const auto config = "sha256:" + std::string(64, 'd');
  const std::vector<ExpectedImage> images{{"web", false, kNew, {kNew, config}}};
  struct PodRow {
    std::string name;
    std::string image_id;
    std::int64_t right;
    std::size_t unknown;
    std::size_t wrong;
  };
  for (const auto& row : std::vector<PodRow>{{"docker", "docker-pullable://reg:5000/prod/web@" + kNew, 1, 0, 0},
                                             {"cri-o", "reg:5000/prod/web@" + kNew, 1, 0, 0},
                                             {"the config's digest", "docker://" + config, 1, 0, 0},
                                             {"nothing yet", "", 0, 1, 0},
                                             {"the old image", "reg:5000/prod/web@" + kOld, 0, 0, 1}}) {
    SCOPED_TRACE(row.name);
    const auto one = pod("web-1", row.image_id);
    const auto checked = check_pods({&one}, images);
    EXPECT_EQ(checked.right, row.right);
    EXPECT_EQ(checked.unknown.size(), row.unknown);
    EXPECT_EQ(checked.wrong.size(), row.wrong);
    EXPECT_FALSE(checked.digests.contains(kThird)) << "other containers do not matter";
  }
}

TEST(CheckPods, LeavesOutPodsOfOthersAndThoseThatGo) {
  const auto good = pod("good", "x@" + kNew);
  auto going = pod("going", "x@" + kOld);
  kube::set_at(going.json(), {"metadata", "deletionTimestamp"}, "2020-01-01T00:00:00Z");
  auto ended = pod("ended", "x@" + kOld);
  kube::set_at(ended.json(), {"status", "phase"}, "Failed");
  auto other = pod("other", "x@" + kOld);
  other.json().find("metadata")->set("ownerReferences", Json::array());
  LiveWorkload live;
  live.pods = {&good, &going, &ended, &other};
  RolloutDecision decision;
  decision.owner_uid = "rs2";
  const auto pods = new_pods(decision, followed(WorkloadKind::deployment), live);
  ASSERT_EQ(pods.size(), 1U);
  EXPECT_EQ(pods.front()->name(), "good");
}

TEST(FollowedWorkloads, ImagesThatComeByTriggersAreOneRollout) {
  Workloads workloads;
  auto json = parsed(R"({"metadata": {"name": "web", "namespace": "prod", "uid": "u1", "generation": 7},
                         "status": {"latestVersion": 4}})");
  kube::set_at(json, {"spec", "template"}, template_of(kOld));
  workloads.configs.emplace_back(std::move(json));
  const auto use = [](const std::string& stream, const std::string& container, TriggerVerdict verdict) {
    WorkloadUse out;
    out.kind = WorkloadKind::deployment_config;
    out.name = "web";
    out.uid = "u1";
    out.tag = {"prod", stream, "live", ""};
    out.verdict = verdict;
    out.containers = {{container, "", false, false}};
    return out;
  };
  const auto out =
      followed_workloads(workloads,
                         {use("web", "web", TriggerVerdict::fires), use("log", "sidecar", TriggerVerdict::fires),
                          use("db", "db", TriggerVerdict::manual), use("other", "x", TriggerVerdict::fires)},
                         {{{"prod", "web", "live", kNew}, {}},
                          {{"prod", "log", "live", kThird}, {kOld}},
                          {{"prod", "db", "live", kNew}, {}}});
  ASSERT_EQ(out.size(), 2U) << "one that rolls, one that does not; a tag that is not promoted does not matter";
  EXPECT_EQ(out[0].images.size(), 2U);
  EXPECT_EQ(out[0].images[1].accepted, (std::set<std::string>{kOld, kThird}));
  EXPECT_EQ(out[0].before.latest_version, 4);
  EXPECT_EQ(out[0].before.generation, 7);
  EXPECT_EQ(out[1].verdict, TriggerVerdict::manual);
}

}  // namespace
}  // namespace sluice::openshift
