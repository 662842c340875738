// What templates name and the project lacks, and what pods run: read with a known number of questions.

#include "openshift/rollouts/running.hpp"
#include "openshift/workloads/findings.hpp"
#include "unit/openshift/openshift_testing.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using testing::json_reply;
using testing::parsed;
using testing::status_reply;

const std::string kOld = "sha256:" + std::string(64, 'a');
const std::string kNew = "sha256:" + std::string(64, 'b');

WorkloadUse use_of(WorkloadKind kind, const std::string& name) {
  WorkloadUse use;
  use.kind = kind;
  use.project = "prod";
  use.name = name;
  use.uid = "uid-" + name;
  use.tag = {"prod", "web", "live", kNew};
  use.verdict = TriggerVerdict::fires;
  use.containers = {{"web", "reg/prod/web@" + kNew, false, false}};
  return use;
}

Json list_of(const std::string& items) {
  return parsed(R"({"kind": "List", "metadata": {"resourceVersion": "7"}, "items": [)" + items + "]}");
}

class NeedsTest : public testing::ClusterTest {
 protected:
  static Workloads with_template(const std::string& pod_spec) {
    Workloads out;
    out.deployments.emplace_back(parsed(fmt::format(
        R"({{"kind": "Deployment", "metadata": {{"name": "web", "namespace": "prod", "uid": "uid-web"}},
            "spec": {{"template": {{"spec": {}}}}}}})",
        pod_spec)));
    return out;
  }
  Result<Needs> needs_of(const std::string& pod_spec) {
    return read_needs(client(), "prod", with_template(pod_spec), {use_of(WorkloadKind::deployment, "web")}, context());
  }
};

TEST_F(NeedsTest, AsksNothingWhenNothingIsNamed) {
  const auto needs = needs_of(R"({"containers": [{"name": "web", "env": [{"name": "A", "value": "b"}]}],
      "volumes": [{"name": "v", "emptyDir": {}}], "serviceAccountName": "default"})");
  ASSERT_TRUE(needs.ok()) << needs.error().sentence();
  EXPECT_TRUE(needs->missing.empty());
  EXPECT_EQ(count(), 0U);
}

TEST_F(NeedsTest, FindsWhatEachPlaceNames) {
  struct Row {
    std::string name;
    std::string pod_spec;
    std::string missing;  ///< "Kind name key"; "" when nothing is
  };
  const auto container = [](const std::string& members) {
    return R"({"containers": [{"name": "web", )" + members + "}]}";
  };
  const auto variable = [&](const std::string& source) {
    return container(R"("env": [{"name": "A", "valueFrom": {)" + source + "}}]");
  };
  const auto volume = [](const std::string& source) {
    return R"({"containers": [], "volumes": [{"name": "v", )" + source + "}]}";
  };
  for (const auto& row : std::vector<Row>{
           {"a key that is there", variable(R"("secretKeyRef": {"name": "db", "key": "user"})"), ""},
           {"a key that is not", variable(R"("secretKeyRef": {"name": "db", "key": "pass"})"), "Secret db pass"},
           {"an object that is not", variable(R"("secretKeyRef": {"name": "dv", "key": "user"})"), "Secret dv "},
           {"optional", variable(R"("secretKeyRef": {"name": "dv", "key": "user", "optional": true})"), ""},
           {"config map key", variable(R"("configMapKeyRef": {"name": "db", "key": "pass"})"), "ConfigMap db pass"},
           {"binary key", variable(R"("configMapKeyRef": {"name": "db", "key": "logo"})"), ""},
           {"a field", variable(R"("fieldRef": {"fieldPath": "metadata.name"})"), ""},
           {"all of a secret", container(R"("envFrom": [{"secretRef": {"name": "dv"}}])"), "Secret dv "},
           {"all of a config map", container(R"("envFrom": [{"configMapRef": {"name": "dv"}}])"), "ConfigMap dv "},
           {"init container",
            R"({"containers": [], "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "dv"}}]}]})",
            "Secret dv "},
           {"secret volume", volume(R"("secret": {"secretName": "dv"})"), "Secret dv "},
           {"secret volume with keys", volume(R"("secret": {"secretName": "db", "items": [{"key": "x"}]})"),
            "Secret db x"},
           {"config map volume", volume(R"("configMap": {"name": "dv"})"), "ConfigMap dv "},
           {"projected volume",
            volume(R"("projected": {"sources": [{"secret": {"name": "dv"}}, {"configMap": {"name": "db"}}]})"),
            "Secret dv "},
           {"account", R"({"containers": [], "serviceAccountName": "bot"})", "ServiceAccount bot "}}) {
    SCOPED_TRACE(row.name);
    const auto both =
        list_of(R"({"metadata": {"name": "db"}, "data": {"user": "c2VjcmV0"}, "binaryData": {"logo": "AA=="}})");
    exchanger.otherwise([&](const auto&, const auto&) { return json_reply(200, both); });
    const auto needs = needs_of(row.pod_spec);
    ASSERT_TRUE(needs.ok()) << needs.error().sentence();
    ASSERT_EQ(needs->missing.size(), row.missing.empty() ? 0U : 1U);
    if (row.missing.empty()) continue;
    const auto& one = needs->missing.front();
    EXPECT_EQ(one.kind + " " + one.name + " " + one.key, row.missing);
    EXPECT_EQ(one.workload, "Deployment web");
  }
}

TEST_F(NeedsTest, AsksOncePerKindAndSaysWhichItMayNotRead) {
  exchanger.then(status_reply(403, "Forbidden", "no")).then(json_reply(200, list_of("")));
  const auto needs = needs_of(R"({"containers": [{"name": "web", "envFrom": [
      {"secretRef": {"name": "a"}}, {"secretRef": {"name": "b"}}, {"configMapRef": {"name": "c"}},
      {"configMapRef": {"name": "c"}}]}]})");
  ASSERT_TRUE(needs.ok()) << needs.error().sentence();
  EXPECT_EQ(count(), 2U);
  EXPECT_EQ(asked(0), "GET /api/v1/namespaces/prod/secrets?limit=50");
  EXPECT_EQ(needs->unread, std::vector<std::string>{"Secrets"});
  ASSERT_EQ(needs->missing.size(), 1U) << "the same need is told once";
  EXPECT_EQ(needs->missing.front().name, "c");
}

// --- What runs ----------------------------------------------------------------------------------------------------

class RunningTest : public testing::ClusterTest {
 protected:
  static Json spec_of(const std::string& digest) {
    return parsed(fmt::format(R"({{"replicas": 2, "selector": {{}}, "template": {{"spec": {{"containers": [
        {{"name": "web", "image": "reg/prod/web@{}"}}]}}}}}})",
                              digest));
  }
  /// A DeploymentConfig whose rollout `version` has this phase.
  static Workloads config(std::int64_t version, const std::string& digest) {
    auto json = parsed(R"({"kind": "DeploymentConfig",
        "metadata": {"name": "web", "namespace": "prod", "uid": "uid-web", "generation": 1}})");
    json.set("spec", spec_of(digest));
    json.set("status", Json::object().set("latestVersion", version).set("observedGeneration", 1));
    Workloads out;
    out.configs.emplace_back(std::move(json));
    return out;
  }
  static std::string owned(const std::string& kind, const std::string& name, const std::string& uid) {
    return fmt::format(R"("ownerReferences": [{{"kind": "{}", "name": "{}", "uid": "{}", "controller": true}}])", kind,
                       name, uid);
  }
  static std::string controller(int version, const std::string& digest, const std::string& phase) {
    auto json = parsed(fmt::format(R"({{"metadata": {{"name": "web-{0}", "uid": "rc{0}", {1}, "annotations": {{
        "openshift.io/deployment-config.latest-version": "{0}", "openshift.io/deployment.phase": "{2}"}}}},
        "status": {{"replicas": 2, "readyReplicas": 2}}}})",
                                   version, owned("DeploymentConfig", "web", "uid-web"), phase));
    json.set("spec", spec_of(digest));
    return json.dump();
  }
  static std::string pod(const std::string& name, int version, const std::string& digest,
                         const std::string& more = "") {
    return fmt::format(R"({{"metadata": {{"name": "{0}", "uid": "{0}", {1} {2}}}, "status": {{"phase": "Running",
        "containerStatuses": [{{"name": "web", "imageID": "docker-pullable://reg/prod/web@{3}"}}]}}}})",
                       name, more,
                       owned("ReplicationController", fmt::format("web-{}", version), fmt::format("rc{}", version)),
                       digest);
  }
  RunningWorkload running_of(const Workloads& workloads) {
    const auto running =
        read_running(client(), "prod", workloads, {use_of(WorkloadKind::deployment_config, "web")}, context());
    if (!running || running->size() != 1) throw std::runtime_error("one workload was expected");
    return running->front();
  }
};

TEST_F(RunningTest, TellsDigestsAndReadyPodsOfTheNewestRollout) {
  const auto ending = R"("deletionTimestamp": "2026-01-01T00:00:00Z",)";
  exchanger.then(json_reply(200, list_of(controller(1, kOld, "Complete") + "," + controller(2, kNew, "Complete"))));
  exchanger.then(json_reply(200, list_of(pod("a", 2, kNew) + "," + pod("b", 1, kOld, ending) + "," +
                                         R"({"metadata": {"name": "web-2-deploy", "uid": "d", "labels": {
                       "openshift.io/deployer-pod-for.name": "web-2"}}, "status": {"phase": "Running"}})")));
  const auto running = running_of(config(2, kNew));
  EXPECT_EQ(count(), 2U);
  EXPECT_EQ(running.wanted, 2);
  EXPECT_EQ(running.ready, 2);
  EXPECT_FALSE(running.rolling);
  EXPECT_EQ(running.digests, std::set<std::string>{kNew});
  ASSERT_EQ(running.containers.size(), 1U);
  EXPECT_EQ(running.containers.front().digests, std::set<std::string>{kNew});
}

TEST_F(RunningTest, TellsARolloutThatIsNotComplete) {
  struct Row {
    std::string name;
    std::string phase;  ///< of the newest controller; "" for none
    bool rolling;
  };
  for (const auto& row : {Row{"about to begin", "", true}, Row{"under way", "Running", true},
                          Row{"failed", "Failed", false}, Row{"complete", "Complete", false}}) {
    SCOPED_TRACE(row.name);
    auto controllers = controller(1, kOld, "Complete");
    if (!row.phase.empty()) controllers += "," + controller(2, kNew, row.phase);
    exchanger.then(json_reply(200, list_of(controllers))).then(json_reply(200, list_of(pod("a", 1, kOld))));
    const auto running = running_of(config(2, kNew));
    EXPECT_EQ(running.rolling, row.rolling);
    EXPECT_EQ(running.digests, std::set<std::string>{kOld});
  }
}

TEST_F(RunningTest, LeavesOutWhatMayNotBeRead) {
  exchanger.then(status_reply(403, "Forbidden", "no")).then(json_reply(200, list_of("")));
  const auto running =
      read_running(client(), "prod", config(1, kOld), {use_of(WorkloadKind::deployment_config, "web")}, context());
  ASSERT_TRUE(running.ok()) << running.error().sentence();
  EXPECT_TRUE(running->empty());
}

}  // namespace
}  // namespace sluice::openshift
