// Workloads as API resources: scale, log, and what a PUT may and may not do.
#include "sandbox/workloads/config.hpp"
#include "unit/sandbox/workload_harness.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::sandbox {
namespace {

using std::chrono::seconds;

Answer<ApiReply> ask(WorkloadWorld& sandbox, std::string_view resource, std::string_view name, std::string_view sub,
                     std::string_view verb, Json body = {},
                     std::map<std::string, std::string, std::less<>> query = {}) {
  ApiRequest request;
  request.ns = "prod";
  request.name = name;
  request.subresource = sub;
  request.verb = verb;
  request.body = std::move(body);
  request.query = std::move(query);
  auto answer = sandbox.catalog.find(resource)->handle(sandbox.world, request);
  if (!answer) return Refusal{500, "", "not answered", Json()};
  return *std::move(answer);
}

std::string log_of(WorkloadWorld& sandbox, std::string_view resource, std::string_view name,
                   std::map<std::string, std::string, std::less<>> query = {}) {
  auto answer = ask(sandbox, resource, name, "log", "get", {}, std::move(query));
  return answer.ok() ? answer->text : std::to_string(answer.error().code) + " " + answer.error().message;
}

WorkloadWorld& rolled_out(WorkloadWorld& sandbox) {
  sandbox.push("site", "live", WorkloadWorld::kDigestA);
  sandbox.create_site();
  sandbox.pass(seconds(1));
  return sandbox;
}

TEST(WorkloadApi, ScaleShowsAndSetsTheReplicas) {
  WorkloadWorld sandbox;
  rolled_out(sandbox);
  auto scale = ask(sandbox, kDeploymentConfigs, "site", "scale", "get");
  ASSERT_TRUE(scale.ok());
  EXPECT_EQ(text_at(scale->body, {"apiVersion"}), "extensions/v1beta1");
  EXPECT_EQ(text_at(scale->body, {"status", "targetSelector"}), "app=site,deploymentconfig=site");
  auto wanted = scale->body;
  set_at(wanted, {"spec", "replicas"}, 3);
  ASSERT_TRUE(ask(sandbox, kDeploymentConfigs, "site", "scale", "update", wanted).ok());
  sandbox.pass(seconds(1));
  EXPECT_EQ(number_at(sandbox.config(), {"status", "availableReplicas"}), 3);
  EXPECT_EQ(latest_version(sandbox.config()), 1) << "scaling is no rollout";
  auto stale = ask(sandbox, kDeploymentConfigs, "site", "scale", "update", wanted);
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.error().code, 409);
  remove_at(wanted, {"metadata", "resourceVersion"});
  set_at(wanted, {"spec", "replicas"}, -1);
  auto refused = ask(sandbox, kDeploymentConfigs, "site", "scale", "update", wanted);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, 422);

  sandbox.create_web();
  auto web = ask(sandbox, kDeployments, "web", "scale", "get");
  ASSERT_TRUE(web.ok());
  EXPECT_EQ(text_at(web->body, {"apiVersion"}), "autoscaling/v1");
  EXPECT_EQ(text_at(web->body, {"status", "selector"}), "app=web");
}

TEST(WorkloadApi, TheLogOfAPodTellsWhatItIsDoing) {
  struct Row {
    const char* name;
    Outcome outcome;
    const char* expected;
  };
  const std::vector<Row> rows{
      {"ready", {}, "starting\nlistening on port 8080\n"},
      {"crashes",
       {Outcome::Result::crash_loop, seconds(0), ""},
       "starting\npanic: dial tcp: lookup database: no such host\n"},
      {"crashes with words", {Outcome::Result::crash_loop, seconds(0), "out of cheese"}, "starting\nout of cheese\n"},
      {"cannot be pulled",
       {Outcome::Result::unpullable, seconds(0), ""},
       "is waiting to start: trying and failing to pull image"},
      {"hangs", {Outcome::Result::hang, seconds(0), ""}, "is waiting to start: ContainerCreating"},
  };
  for (const auto& row : rows) {
    WorkloadWorld sandbox;
    sandbox.world.knobs.digest_outcomes[WorkloadWorld::kDigestA] = row.outcome;
    rolled_out(sandbox);
    const auto pods = sandbox.pods("deployment", "site-1");
    ASSERT_EQ(pods.size(), 1U) << row.name;
    const auto log = log_of(sandbox, kPods, name_of(pods[0]));
    EXPECT_NE(log.find(row.expected), std::string::npos) << row.name << ": " << log;
  }
}

TEST(WorkloadApi, TheLogOfAConfigIsThatOfItsDeployerUntilItIsComplete) {
  WorkloadWorld sandbox;
  sandbox.world.knobs.digest_outcomes[WorkloadWorld::kDigestB] = {Outcome::Result::never_ready, seconds(0), ""};
  rolled_out(sandbox);
  EXPECT_EQ(log_of(sandbox, kDeploymentConfigs, "site"), "starting\nlistening on port 8080\n");
  sandbox.push("site", "live", WorkloadWorld::kDigestB);
  sandbox.pass(seconds(30));
  EXPECT_NE(log_of(sandbox, kDeploymentConfigs, "site").find("--> Waiting up to"), std::string::npos);
  sandbox.pass(seconds(700));
  EXPECT_EQ(log_of(sandbox, kDeploymentConfigs, "site", {{"tailLines", "1"}}),
            "error: update acceptor rejected site-2: pods for rc 'prod/site-2' took longer than 600 seconds to become "
            "available\n");
  EXPECT_EQ(log_of(sandbox, kDeploymentConfigs, "site", {{"version", "1"}}), "starting\nlistening on port 8080\n");
  EXPECT_EQ(log_of(sandbox, kDeploymentConfigs, "site", {{"version", "9"}}),
            "400 no deployment exists for deploymentConfig \"site\"");
  EXPECT_EQ(log_of(sandbox, kDeploymentConfigs, "none"), "404 deploymentconfigs.apps.openshift.io \"none\" not found");
}

TEST(WorkloadApi, LogOptionsAreChecked) {
  WorkloadWorld sandbox;
  rolled_out(sandbox);
  const auto pod = name_of(sandbox.pods("deployment", "site-1")[0]);
  EXPECT_EQ(log_of(sandbox, kPods, pod, {{"container", "other"}}), "400 container other is not valid for pod " + pod);
  EXPECT_EQ(log_of(sandbox, kPods, pod, {{"previous", "true"}}),
            "400 previous terminated container \"c\" in pod \"" + pod + "\" not found");
  EXPECT_EQ(log_of(sandbox, kPods, pod, {{"tailLines", "1"}}), "listening on port 8080\n");
  EXPECT_EQ(log_of(sandbox, kPods, pod, {{"tailLines", "0"}}), "");
  EXPECT_EQ(log_of(sandbox, kPods, pod, {{"tailLines", "7"}}), "starting\nlistening on port 8080\n");
  EXPECT_EQ(log_of(sandbox, kPods, "none"), "404 pods \"none\" not found");
}

TEST(WorkloadApi, APutOfOneVersionMoreStartsARolloutAndOtherStatusesAreIgnored) {
  WorkloadWorld sandbox;
  rolled_out(sandbox);
  const auto generation = number_at(sandbox.config(), {"metadata", "generation"});
  ASSERT_TRUE(sandbox
                  .change(kDeploymentConfigs, "site",
                          [](Json& config) {
                            set_at(config, {"status", "latestVersion"}, 7);
                            set_at(config, {"status", "replicas"}, 9);
                          })
                  .ok());
  EXPECT_EQ(latest_version(sandbox.config()), 1);
  EXPECT_EQ(number_at(sandbox.config(), {"status", "replicas"}), 1);
  EXPECT_EQ(number_at(sandbox.config(), {"metadata", "generation"}), generation);
  ASSERT_TRUE(
      sandbox.change(kDeploymentConfigs, "site", [](Json& config) { set_at(config, {"status", "latestVersion"}, 2); })
          .ok());
  EXPECT_EQ(number_at(sandbox.config(), {"metadata", "generation"}), generation + 1);
  sandbox.pass(seconds(1));
  EXPECT_EQ(phase_of(sandbox.controller(2)), "Complete");
}

TEST(WorkloadApi, ASelectorIsFixedAndTemplatesOfDaemonSetsAreCounted) {
  WorkloadWorld sandbox;
  sandbox.create_web();
  const auto moved = sandbox.change(kDeployments, "web", [](Json& web) {
    set_at(web, {"spec", "selector", "matchLabels", "tier"}, "x");
    set_at(web, {"spec", "template", "metadata", "labels", "tier"}, "x");
  });
  EXPECT_FALSE(moved.ok());
  sandbox.create(kDaemonSets, json_of(R"({"metadata":{"name":"agent"},"spec":{"selector":{"matchLabels":{"app":"a"}},
    "template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"x:1"}]}}}})"));
  ASSERT_TRUE(sandbox.change(kDaemonSets, "agent", [](Json& set) { annotate(set, kTemplateGeneration, "77"); }).ok());
  EXPECT_EQ(annotation(sandbox.get(kDaemonSets, "agent"), kTemplateGeneration), "1");
  ASSERT_TRUE(
      sandbox
          .change(kDaemonSets, "agent", [](Json& set) { annotate(*find_at(set, {"spec", "template"}), "note", "new"); })
          .ok());
  EXPECT_EQ(annotation(sandbox.get(kDaemonSets, "agent"), kTemplateGeneration), "2");
}

TEST(WorkloadApi, StatusesOfAnyShapeDoNotStopTheControllers) {
  WorkloadWorld sandbox;
  rolled_out(sandbox);
  sandbox.create_web();
  sandbox.pass(seconds(1));
  for (const auto resource : {kDeploymentConfigs, kReplicationControllers, kDeployments, kReplicaSets, kPods}) {
    for (const auto& object : sandbox.world.store.list(resource, "prod")) {
      for (const auto* status : {"\"x\"", "7", "[]", R"({"conditions":"x","containerStatuses":7,"phase":[]})"}) {
        const auto key = key_of(resource, *object);
        const auto now = sandbox.world.store.get(key);
        if (!now) continue;
        auto broken = *now;
        broken.set("status", json_of(status));
        sandbox.world.store.replace(key, std::move(broken));
        sandbox.pass(seconds(2));
      }
    }
  }
  sandbox.pass(seconds(60));
  EXPECT_FALSE(sandbox.config().is_null());
}

}  // namespace
}  // namespace sluice::sandbox
