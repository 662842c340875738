#include "openshift/workloads/trigger_fix.hpp"

#include "openshift/workloads/changes.hpp"
#include "openshift/workloads/triggers.hpp"
#include "unit/openshift/openshift_testing.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using support::failed_with;
using support::why;
using testing::parsed;

const std::string kDigest = "sha256:" + std::string(64, 'a');

WorkloadUse use_of(WorkloadKind kind, TriggerVerdict verdict, const std::vector<std::string>& bound) {
  WorkloadUse use;
  use.kind = kind;
  use.project = "prod";
  use.name = "web";
  use.uid = "u1";
  use.tag = {"prod", "web", "live", kDigest};
  use.verdict = verdict;
  for (const auto& name : bound) use.containers.push_back({name, "", false, true});
  return use;
}

std::string pod_template(const std::vector<std::string>& containers) {
  std::string list;
  for (const auto& name : containers) {
    list += fmt::format(R"({}{{"name": "{}", "image": "x"}})", list.empty() ? "" : ", ", name);
  }
  return R"({"spec": {"containers": [)" + list + "]}}";
}

std::string trigger(const std::string& stream, const std::string& project, const std::string& containers,
                    bool automatic = true) {
  return fmt::format(R"({{"type":"ImageChange","imageChangeParams":{{{}"containerNames":[{}],)"
                     R"("from":{{"kind":"ImageStreamTag","namespace":"{}","name":"{}"}}}}}})",
                     automatic ? R"("automatic":true,)" : "", containers, project, stream);
}

// --- DeploymentConfig ---------------------------------------------------------------------------------------------

struct ConfigRow {
  std::string name;
  std::string before;  ///< triggers
  std::string after;
  std::string done;
  std::vector<std::string> bound{"web"};
};

TEST(TriggerFix, MendsTheListOfADeploymentConfig) {
  const std::string change = R"({"type":"ConfigChange"})";
  const auto right = trigger("web:live", "prod", R"("web")");
  const auto db = trigger("db:live", "prod", R"("db")");
  for (const auto& row : std::vector<ConfigRow>{
           {"none", change, change + "," + right, "an ImageChange trigger on web:live was added"},
           {"none for two",
            "",
            trigger("web:live", "prod", R"("web","db")"),
            "an ImageChange trigger on web:live was added",
            {"web", "db"}},
           {"another container's stays", db, db + "," + right, "an ImageChange trigger on web:live was added"},
           {"manual", trigger("web:live", "prod", R"("web")", false), right,
            "the ImageChange trigger on web:live was made automatic"},
           {"misspelt container",
            trigger("web:live", "prod", R"("wbe")"),
            right,
            "the ImageChange trigger on web:live sets web now",
            {}},
           {"manual and misspelt",
            trigger("web:live", "prod", R"("wbe")", false),
            right,
            "the ImageChange trigger on web:live was made automatic, the ImageChange trigger on web:live sets web now",
            {}},
           {"another tag", trigger("web:test", "prod", R"("web")"), right,
            "the ImageChange trigger on web:test was moved to prod/web:live"},
           {"another project", trigger("web:live", "dev", R"("web")"), right,
            "the ImageChange trigger on web:live was moved to prod/web:live"},
           {"another tag, for more containers", trigger("web:test", "prod", R"("web","db")"),
            trigger("web:test", "prod", R"("db")") + "," + right,
            "an ImageChange trigger on web:live was added, the one on web:test no longer sets web"}}) {
    SCOPED_TRACE(row.name);
    auto config = parsed(R"({"metadata": {"name": "web", "uid": "u1"}, "spec": {"template": )" +
                         pod_template({"web", "db"}) + R"(, "triggers": [)" + row.before + "]}}");
    const auto done =
        mend_config_triggers(config, use_of(WorkloadKind::deployment_config, TriggerVerdict::missing, row.bound));
    ASSERT_TRUE(done.ok()) << why(done);
    EXPECT_EQ(*done, row.done);
    EXPECT_EQ(kube::at(config, {"spec", "triggers"})->canonical(), parsed("[" + row.after + "]").canonical());
  }
}

TEST(TriggerFix, ForgetsWhatAMovedTriggerWasResolvedTo) {
  auto config = parsed(R"({"spec": {"template": )" + pod_template({"web"}) + R"(, "triggers": [)" +
                       trigger("web:test", "prod", R"("web")") + "]}}");
  auto* triggers = config.find("spec")->find("triggers")->elements();
  kube::set_at(triggers->front(), {"imageChangeParams", "lastTriggeredImage"}, "old");
  ASSERT_TRUE(
      mend_config_triggers(config, use_of(WorkloadKind::deployment_config, TriggerVerdict::other_tag, {"web"})).ok());
  EXPECT_EQ(config.dump().find("lastTriggeredImage"), std::string::npos) << config.dump();
}

TEST(TriggerFix, SaysWhenThereIsNothingToMendOrNobodyKnowsWhere) {
  auto good = parsed(R"({"spec": {"template": )" + pod_template({"web"}) + R"(, "triggers": [)" +
                     trigger("web:live", "prod", R"("web")") + "]}}");
  EXPECT_TRUE(
      failed_with(mend_config_triggers(good, use_of(WorkloadKind::deployment_config, TriggerVerdict::manual, {"web"})),
                  ErrorKind::usage));
  auto two = parsed(R"({"spec": {"template": )" + pod_template({"one", "two"}) + "}}");
  const auto lost = mend_config_triggers(two, use_of(WorkloadKind::deployment_config, TriggerVerdict::missing, {}));
  ASSERT_TRUE(failed_with(lost, ErrorKind::usage));
  EXPECT_NE(lost.error().sentence().find("-c CONTAINER"), std::string::npos) << lost.error().sentence();
}

// --- Annotation ---------------------------------------------------------------------------------------------------

std::string entry(const std::string& name, const std::string& container, const std::string& more = "") {
  return fmt::format(R"({{"from":{{"kind":"ImageStreamTag","name":"{}","namespace":"prod"}},)"
                     R"("fieldPath":"spec.template.spec.containers[?(@.name==\"{}\")].image"{}}})",
                     name, container, more);
}

Json annotated(const std::string& annotation, const std::vector<std::string>& containers) {
  auto json =
      parsed(R"({"metadata": {"name": "web", "uid": "u1"}, "spec": {"template": )" + pod_template(containers) + "}}");
  if (!annotation.empty()) kube::set_at(json, {"metadata", "annotations", kTriggerAnnotation}, annotation);
  return json;
}

TEST(TriggerFix, RewritesTheAnnotation) {
  struct Row {
    std::string name;
    std::string before;
    std::string after;
    std::vector<std::string> bound{"web"};
  };
  const auto right = entry("web:live", "web");
  const auto db = entry("db:live", "db");
  for (const auto& row : std::vector<Row>{
           {"none", "", "[" + right + "]"},
           {"an empty list", "[]", "[" + right + "]"},
           {"no JSON", "web:live", "[" + right + "]"},
           {"no list", right, "[" + right + "]"},
           {"a text for a boolean", "[" + entry("web:live", "web", R"(,"paused":"false")") + "]", "[" + right + "]"},
           {"another container's stays", "[" + db + "," + entry("web:live", "web", R"(,"paused":true)") + "]",
            "[" + db + "," + right + "]"},
           {"another tag", "[" + entry("web:test", "web") + "]", "[" + right + "]"},
           {"misspelt container", "[" + entry("web:live", "wbe") + "," + db + "]", "[" + db + "," + right + "]", {}},
           {"misspelt 'from'",
            R"([{"form":{"kind":"ImageStreamTag","name":"web:live"},)"
            R"("fieldPath":"spec.template.spec.containers[?(@.name==\"web\")].image"}])",
            "[" + right + "]"},
           {"single quotes",
            R"([{"from":{"kind":"ImageStreamTag","name":"web:live"},)"
            R"("fieldPath":"spec.template.spec.containers[?(@.name=='web')].image"}])",
            "[" + right + "]",
            {}},
           {"twice the same", "[" + right + "," + right + "]", "[" + right + "]"},
           {"an entry without effect stays",
            R"([{"from":{"kind":"DockerImage","name":"x"},"fieldPath":)"
            R"("spec.template.spec.containers[1].image"}])",
            R"([{"from":{"kind":"DockerImage","name":"x"},"fieldPath":"spec.template.spec.containers[1].image"},)" +
                right + "]"}}) {
    SCOPED_TRACE(row.name);
    auto json = annotated(row.before, {"web", "db"});
    const auto done = mend_annotation(json, use_of(WorkloadKind::deployment, TriggerVerdict::malformed, row.bound));
    ASSERT_TRUE(done.ok()) << why(done);
    const auto after = kube::text_at(json, {"metadata", "annotations", kTriggerAnnotation});
    EXPECT_EQ(parsed(after).canonical(), parsed(row.after).canonical());
    const auto reading = read_triggers(after, "Deployment", {{"web", "x", false}, {"db", "x", false}}, "prod");
    EXPECT_FALSE(reading.triggers.empty()) << after;
  }
}

TEST(TriggerFix, SetsAnInitContainerWhereItIs) {
  auto json = parsed(R"({"spec": {"jobTemplate": {"spec": {"template": {"spec": {
      "initContainers": [{"name": "load", "image": "x"}], "containers": [{"name": "web", "image": "x"}]}}}}}})");
  auto use = use_of(WorkloadKind::cron_job, TriggerVerdict::missing, {});
  use.containers = {{"load", "", true, true}};
  ASSERT_TRUE(mend_annotation(json, use).ok());
  EXPECT_NE(kube::text_at(json, {"metadata", "annotations", kTriggerAnnotation})
                .find(R"(spec.jobTemplate.spec.template.spec.initContainers[?(@.name==\"load\")].image)"),
            std::string::npos)
      << json.dump();
}

TEST(TriggerFix, LeavesAnotherContainersBrokenTriggerToItsOwner) {
  auto json = annotated("[" + entry("db:live", "db", R"(,"paused":"no")") + "]", {"web", "db"});
  const auto before = json;
  const auto done = mend_annotation(json, use_of(WorkloadKind::deployment, TriggerVerdict::malformed, {"web"}));
  ASSERT_TRUE(failed_with(done, ErrorKind::usage));
  EXPECT_NE(done.error().message().find("for another container is malformed too"), std::string::npos);
  EXPECT_EQ(json, before);
}

// --- Writing ------------------------------------------------------------------------------------------------------

class WorkloadChangesTest : public testing::ClusterTest {};

TEST_F(WorkloadChangesTest, WhatNeedsNoMendingIsNotEvenRead) {
  using enum TriggerVerdict;
  for (const auto verdict : {fires, paused, held}) {
    const auto use = use_of(WorkloadKind::deployment_config, verdict, {"web"});
    EXPECT_TRUE(failed_with(fix_trigger(client(), use, context()), ErrorKind::usage)) << to_string(verdict);
  }
  const auto build = use_of(WorkloadKind::build_config, manual, {});
  EXPECT_TRUE(failed_with(fix_trigger(client(), build, context()), ErrorKind::usage));
  EXPECT_EQ(count(), 0U);
}

TEST_F(WorkloadChangesTest, KindsThatCannotPauseOrRollSaySo) {
  for (const auto kind : {WorkloadKind::stateful_set, WorkloadKind::daemon_set, WorkloadKind::cron_job}) {
    EXPECT_FALSE(can_pause(kind));
    EXPECT_TRUE(failed_with(pause_workload(client(), {kind, "prod", "web"}, context()), ErrorKind::usage));
  }
  EXPECT_TRUE(
      failed_with(start_rollout(client(), {WorkloadKind::cron_job, "prod", "web"}, context()), ErrorKind::usage));
  EXPECT_EQ(count(), 0U);
}

TEST_F(WorkloadChangesTest, PausingSendsTheVersionThatWasRead) {
  exchanger.then(testing::json_reply(200, parsed(R"({"metadata": {"uid": "u1", "resourceVersion": "7"}, "spec": {}})")))
      .then(testing::status_reply(409, "Conflict", "the object has been modified"))
      .then(testing::json_reply(
          200, parsed(R"({"metadata": {"uid": "u1", "resourceVersion": "8"}, "spec": {"paused": true}})")));
  const auto paused = pause_workload(client(), {WorkloadKind::deployment, "prod", "web", "u1"}, context());
  ASSERT_TRUE(paused.ok()) << why(paused);
  EXPECT_FALSE(*paused) << "somebody else paused it in between: it is theirs to resume";
  EXPECT_EQ(asked(1), "PATCH /apis/apps/v1/namespaces/prod/deployments/web");
  EXPECT_EQ(exchanger.requests()[1].body, R"({"metadata":{"resourceVersion":"7"},"spec":{"paused":true}})");
  EXPECT_EQ(count(), 3U);
}

TEST_F(WorkloadChangesTest, ARightImageIsNotWrittenAgain) {
  exchanger.then(testing::json_reply(200, annotated("", {"web"})));
  const auto set = set_images(client(), {WorkloadKind::deployment, "prod", "web"}, {{"web", false, "x"}}, context());
  ASSERT_TRUE(set.ok()) << why(set);
  EXPECT_EQ(count(), 1U);
}

TEST_F(WorkloadChangesTest, APausedConfigIsToldFromOtherRefusals) {
  const auto config = testing::json_reply(200, parsed(R"({"metadata": {"uid": "u1"}, "spec": {}})"));
  auto refusal = testing::status_json(422, "Invalid", "deployment config \"web\" is paused");
  kube::set_at(refusal, {"details"},
               parsed(R"({"causes": [{"reason": "FieldValueInvalid", "field": "spec.paused", "message": "paused"}]})"));
  exchanger.then(config).then(testing::json_reply(422, refusal));
  const WorkloadRef ref{WorkloadKind::deployment_config, "prod", "web"};
  EXPECT_TRUE(failed_with(start_rollout(client(), ref, context()), ErrorKind::blocked));
  exchanger.then(config).then(testing::status_reply(422, "Invalid", "something else"));
  EXPECT_TRUE(failed_with(start_rollout(client(), ref, context()), ErrorKind::unsupported));
}

}  // namespace
}  // namespace sluice::openshift
