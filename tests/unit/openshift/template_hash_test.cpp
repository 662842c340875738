#include "openshift/workloads/template_hash.hpp"

#include "unit/openshift/openshift_testing.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using testing::parsed;

Json config() {
  return parsed(R"({"kind": "DeploymentConfig", "metadata": {"name": "web", "generation": 3},
      "spec": {"replicas": 2, "paused": false, "triggers": [{"type": "ConfigChange"}],
               "strategy": {"type": "Rolling", "rollingParams": {"pre": {"execNewPod": {"command": ["migrate"]}}}},
               "template": {"metadata": {"labels": {"app": "web"}},
                            "spec": {"serviceAccountName": "web",
                                     "initContainers": [{"name": "web", "image": "init:1"}],
                                     "containers": [{"name": "web", "image": "r/prod/web@sha256:1",
                                                     "command": ["serve"]},
                                                    {"name": "proxy", "image": "proxy:1"}]}}},
      "status": {"latestVersion": 4}})");
}

std::string hash_of(const Json& object, const std::set<ContainerName>& ours = {{"web", false}},
                    WorkloadKind kind = WorkloadKind::deployment_config) {
  const auto hash = template_hash(kind, object, ours);
  EXPECT_TRUE(hash.has_value());
  return hash.value_or("none");
}

Json& pods(Json& object) { return *object.find("spec")->find("template")->find("spec"); }

TEST(TemplateHash, ChangesWithEverythingThatPodsWillBe) {
  struct Row {
    const char* name;
    std::function<void(Json&)> change;
  };
  const auto container = [](Json& object, std::size_t i) -> Json& {
    return (*pods(object).find("containers")->elements())[i];
  };
  const std::vector<Row> rows{
      {"another command", [&](Json& o) { container(o, 0).set("command", Json::array().push("sh")); }},
      {"arguments", [&](Json& o) { container(o, 0).set("args", Json::array().push("-x")); }},
      {"a variable",
       [&](Json& o) {
         container(o, 0).set("env", Json::array().push(Json::object().set("name", "A").set("value", "1")));
       }},
      {"privileged", [&](Json& o) { container(o, 0).set("securityContext", Json::object().set("privileged", true)); }},
      {"a service account", [](Json& o) { pods(o).set("serviceAccountName", "admin"); }},
      {"another image in a container of somebody else", [&](Json& o) { container(o, 1).set("image", "proxy:2"); }},
      {"another image in an init container of the same name",
       [](Json& o) { (*pods(o).find("initContainers")->elements())[0].set("image", "init:2"); }},
      {"a label", [](Json& o) { o.find("spec")->find("template")->set("metadata", Json::object()); }},
      {"a hook", [](Json& o) { o.find("spec")->find("strategy")->set("rollingParams", Json::object()); }},
      {"a container more",
       [](Json& o) { pods(o).find("containers")->push(Json::object().set("name", "x").set("image", "x")); }},
  };
  std::map<std::string, std::string> seen{{hash_of(config()), "the sample"}};
  for (const auto& row : rows) {
    auto object = config();
    row.change(object);
    const auto [known, fresh] = seen.emplace(hash_of(object), row.name);
    EXPECT_TRUE(fresh) << row.name << " gives the same hash as " << known->second;
  }
}

TEST(TemplateHash, DoesNotChangeWithWhatThePlanSetsOrWhatPodsDoNotShow) {
  struct Row {
    const char* name;
    std::function<void(Json&)> change;
  };
  const std::vector<Row> rows{
      {"another image in our container",
       [](Json& o) { (*pods(o).find("containers")->elements())[0].set("image", "r/prod/web@sha256:2"); }},
      {"no image yet", [](Json& o) { (*pods(o).find("containers")->elements())[0].remove("image"); }},
      {"replicas", [](Json& o) { o.find("spec")->set("replicas", 7); }},
      {"paused", [](Json& o) { o.find("spec")->set("paused", true); }},
      {"status", [](Json& o) { o.remove("status"); }},
      {"generation", [](Json& o) { o.find("metadata")->set("generation", 4); }},
  };
  for (const auto& row : rows) {
    auto object = config();
    row.change(object);
    EXPECT_EQ(hash_of(object), hash_of(config())) << row.name;
  }
  EXPECT_NE(hash_of(config(), {}), hash_of(config())) << "nobody sets the image";
  EXPECT_EQ(hash_of(config(), {{"web", false}, {"gone", false}}), hash_of(config()));
}

TEST(TemplateHash, KnowsWhereEachKindHasItsTemplate) {
  auto deployment = config();
  const auto hash = hash_of(deployment, {{"web", false}}, WorkloadKind::deployment);
  deployment.find("spec")->set("strategy", Json::object().set("type", "Recreate"));
  EXPECT_EQ(hash_of(deployment, {{"web", false}}, WorkloadKind::deployment), hash)
      << "its strategy runs nothing: only a DeploymentConfig has hooks";
  auto job = Json::object().set("spec", Json::object().set("jobTemplate", config()));
  EXPECT_EQ(hash_of(job, {{"web", false}}, WorkloadKind::cron_job), hash);
  EXPECT_FALSE(template_hash(WorkloadKind::build_config, config(), {}));
  EXPECT_FALSE(template_hash(WorkloadKind::deployment, parsed(R"({"spec": {}})"), {}));
  EXPECT_FALSE(template_hash(WorkloadKind::deployment, Json(), {}));
}

TEST(TemplateHash, FindsObjectsByKindAndName) {
  Workloads workloads;
  workloads.configs.emplace_back(config());
  EXPECT_NE(object_in(workloads, WorkloadKind::deployment_config, "web"), nullptr);
  EXPECT_EQ(object_in(workloads, WorkloadKind::deployment_config, "api"), nullptr);
  EXPECT_EQ(object_in(workloads, WorkloadKind::deployment, "web"), nullptr);
}

}  // namespace
}  // namespace sluice::openshift
