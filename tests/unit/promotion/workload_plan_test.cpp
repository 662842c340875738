#include "promotion/plan/workload_plan.hpp"

#include <gtest/gtest.h>

namespace sluice::promotion {
namespace {

using openshift::UseAction;
using openshift::WorkloadKind;

openshift::JudgedUse use(WorkloadKind kind, const std::string& name, const std::string& stream, UseAction action) {
  openshift::JudgedUse judged;
  judged.use.kind = kind;
  judged.use.name = name;
  judged.use.tag = {"shop-prod", stream, "live", ""};
  judged.action = action;
  if (action == UseAction::blocked) judged.use.why = "it is paused";
  return judged;
}

TEST(WorkloadPlan, HasOneEntryPerWorkloadAndPausesWhatSeveralTagsRoll) {
  struct Row {
    const char* name;
    WorkloadKind kind;
    std::vector<std::pair<const char*, UseAction>> uses;  ///< stream, action
    UseAction action;
    bool pause;
  };
  const std::vector<Row> rows{
      {"one tag", WorkloadKind::deployment, {{"web", UseAction::rolls}}, UseAction::rolls, false},
      {"two tags",
       WorkloadKind::deployment,
       {{"web", UseAction::rolls}, {"api", UseAction::rolls}},
       UseAction::rolls,
       true},
      {"one tag twice",
       WorkloadKind::deployment,
       {{"web", UseAction::rolls}, {"web", UseAction::rolls}},
       UseAction::rolls,
       false},
      {"two tags, one of them right",
       WorkloadKind::deployment_config,
       {{"web", UseAction::rolls}, {"api", UseAction::none}},
       UseAction::rolls,
       false},
      {"a kind that cannot be paused",
       WorkloadKind::stateful_set,
       {{"web", UseAction::rolls}, {"api", UseAction::rolls}},
       UseAction::rolls,
       false},
      {"one of them blocked",
       WorkloadKind::deployment,
       {{"web", UseAction::rolls}, {"api", UseAction::rolls}, {"job", UseAction::blocked}},
       UseAction::blocked,
       false},
      {"a rollout to start",
       WorkloadKind::deployment,
       {{"web", UseAction::start}, {"api", UseAction::none}},
       UseAction::start,
       false},
      {"patched beside a trigger",
       WorkloadKind::deployment,
       {{"web", UseAction::patch}, {"api", UseAction::rolls}},
       UseAction::patch,
       false},
      {"a build", WorkloadKind::build_config, {{"web", UseAction::build}}, UseAction::build, false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    std::vector<openshift::JudgedUse> uses;
    for (const auto& [stream, action] : row.uses) uses.push_back(use(row.kind, "shop", stream, action));
    const auto merged = merge_uses(uses);
    ASSERT_EQ(merged.size(), 1U);
    EXPECT_EQ(to_string(merged.front().action), to_string(row.action));
    EXPECT_EQ(merged.front().pause, row.pause);
    EXPECT_EQ(merged.front().why, row.action == UseAction::blocked ? "it is paused" : "");
  }
}

TEST(WorkloadPlan, KeepsWorkloadsOfTheSameNameAndAnotherKindApart) {
  const auto merged = merge_uses({use(WorkloadKind::deployment, "web", "web", UseAction::rolls),
                                  use(WorkloadKind::deployment_config, "web", "web", UseAction::none)});
  ASSERT_EQ(merged.size(), 2U);
  EXPECT_EQ(merged[0].kind, "Deployment");
  EXPECT_EQ(merged[1].kind, "DeploymentConfig");
}

}  // namespace
}  // namespace sluice::promotion
