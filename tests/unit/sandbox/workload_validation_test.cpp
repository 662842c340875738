// Defaults of workloads, and what the API refuses about them.
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/defaults.hpp"
#include "sandbox/workloads/validation.hpp"
#include "unit/sandbox/workload_harness.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::sandbox {
namespace {

std::string told(const std::vector<Cause>& causes) {
  std::string text;
  for (const auto& cause : causes) text += (text.empty() ? "" : "; ") + cause.field + ": " + cause.message;
  return text;
}

TEST(WorkloadValidation, ThePullPolicyFollowsTheTag) {
  struct Row {
    const char* image;
    const char* expected;
  };
  constexpr auto kRows = std::to_array<Row>({
      {"site", "Always"},
      {"site:latest", "Always"},
      {"host:5000/site", "Always"},
      {"host:5000/site:1", "IfNotPresent"},
      {"host:5000/site@sha256:00", "IfNotPresent"},
      {" ", "IfNotPresent"},
      {"", "IfNotPresent"},
  });
  for (const auto& row : kRows) EXPECT_EQ(default_pull_policy(row.image), row.expected) << row.image;
}

TEST(WorkloadValidation, ADeploymentConfigIsRefusedForWhatIsWrongWithIt) {
  struct Row {
    const char* name;
    const char* spec;
    const char* expected;
  };
  constexpr auto kRows = std::to_array<Row>({
      {"good",
       R"({"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}})",
       ""},
      {"selector is the template's labels",
       R"({"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}})", ""},
      {"no template", R"({"selector":{"a":"b"}})", "spec.template: Required value"},
      {"no containers", R"({"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}}}})",
       "spec.template.spec.containers: Required value"},
      {"container without a name",
       R"({"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"image":"x"}]}}})",
       "spec.template.spec.containers[0].name: Required value"},
      {"a name twice",
       R"({"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"},{"name":"c","image":"x"}]}}})",
       "spec.template.spec.containers[1].name: Duplicate value: \"c\""},
      {"no selector at all", R"({"template":{"spec":{"containers":[{"name":"c","image":"x"}]}}})",
       "spec.selector: Invalid value: map[string]string(nil): selector cannot be empty"},
      {"replicas below 0",
       R"({"replicas":-1,"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}})",
       "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
      {"trigger without parameters",
       R"({"triggers":[{"type":"ImageChange"}],"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}})",
       "spec.triggers[0].imageChangeParams: Required value"},
      {"trigger without a type",
       R"({"triggers":[{}],"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}})",
       "spec.triggers[0].type: Required value"},
      {"jobs do not belong here",
       R"({"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"x"}]}}})",
       "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""},
      {"no time at all",
       R"({"strategy":{"type":"Rolling","rollingParams":{"timeoutSeconds":0}},"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}})",
       "spec.strategy.rollingParams.timeoutSeconds: Invalid value: 0: must be >0"},
  });
  for (const auto& row : kRows) {
    auto config = Json::object();
    config.set("spec", json_of(row.spec));
    default_deployment_config(config, "prod");
    EXPECT_EQ(told(check_deployment_config(config)), row.expected) << row.name;
  }
}

TEST(WorkloadValidation, MembersOfTheWrongTypeNeverBreakIt) {
  for (const auto* text :
       {R"({"spec":7})", R"({"spec":{"triggers":"x","template":"y","selector":[1],"strategy":null}})",
        R"({"spec":{"triggers":[1,null],"template":{"spec":{"containers":{"a":1}}}}})",
        R"({"spec":{"template":{"metadata":"m","spec":{"containers":[1,"x",null]}}}})",
        R"({"spec":{"strategy":{"type":"Rolling","rollingParams":"fast"}}})"}) {
    auto config = json_of(text);
    default_deployment_config(config, "prod");
    EXPECT_FALSE(check_deployment_config(config).empty()) << text;
    auto deployment = json_of(text);
    default_deployment(deployment);
    EXPECT_FALSE(check_apps_workload(deployment).empty()) << text;
    auto build = json_of(text);
    default_build_config(build);
    auto pod = json_of(text);
    default_pod(pod);
    EXPECT_FALSE(check_pod(pod).empty()) << text;
  }
}

TEST(WorkloadValidation, AnAppsWorkloadNeedsItsSelector) {
  auto deployment = json_of(R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"x"}]}}}})");
  default_deployment(deployment);
  EXPECT_EQ(told(check_apps_workload(deployment)), "spec.selector: Required value");
  EXPECT_EQ(number_at(deployment, {"spec", "progressDeadlineSeconds"}), 600);
}

TEST(WorkloadValidation, OneRollingLimitAloneMeansThatTheOtherIsNone) {
  auto config = json_of(R"({"spec":{"strategy":{"rollingParams":{"maxSurge":2}}}})");
  default_deployment_config(config, "prod");
  EXPECT_EQ(number_at(config, {"spec", "strategy", "rollingParams", "maxSurge"}), 2);
  EXPECT_EQ(number_at(config, {"spec", "strategy", "rollingParams", "maxUnavailable"}, -1), 0);
}

}  // namespace
}  // namespace sluice::sandbox
