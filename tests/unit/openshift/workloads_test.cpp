#include "openshift/workloads/workloads.hpp"

#include "unit/openshift/openshift_testing.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::openshift {
namespace {

using testing::parsed;

const std::string kOld = "sha256:" + std::string(64, 'a');
const std::string kNew = "sha256:" + std::string(64, 'b');

StreamTag live() { return {"prod", "web", "live", kOld}; }

std::string config_text(const std::string& triggers, const std::string& image, bool paused = false, int version = 1) {
  return fmt::format(
      R"({{"kind": "DeploymentConfig", "metadata": {{"name": "web", "namespace": "prod", "uid": "u1"}},
          "spec": {{"paused": {}, "triggers": [{}],
                    "template": {{"spec": {{"containers": [{{"name": "web", "image": "{}"}}]}}}}}},
          "status": {{"latestVersion": {}}}}})",
      paused, triggers, image, version);
}

std::string image_trigger(const std::string& from, const std::string& project, const std::string& container,
                          bool automatic, const std::string& last) {
  return fmt::format(
      R"({{"type": "ImageChange", "imageChangeParams": {{"automatic": {}, "containerNames": ["{}"],
          "from": {{"kind": "ImageStreamTag", "name": "{}", "namespace": "{}"}}, "lastTriggeredImage": "{}"}}}})",
      automatic, container, from, project, last);
}

std::vector<WorkloadUse> judge_config_text(const std::string& text) {
  Workloads workloads;
  workloads.configs.emplace_back(parsed(text));
  return judge_workloads(workloads, {live()});
}

TEST(Workloads, JudgesTheTriggersOfADeploymentConfig) {
  const auto ours = "registry:5000/prod/web@" + kOld;
  const auto other = image_trigger("db:live", "prod", "web", true, "");
  struct Row {
    std::string name;
    std::string text;
    std::optional<TriggerVerdict> verdict;  ///< empty: has nothing to do with the tag
    std::string words;
  };
  const auto trigger = [&](bool automatic) { return image_trigger("web:live", "prod", "web", automatic, ours); };
  for (const auto& row : std::vector<Row>{
           {"all well", config_text(trigger(true), ours), TriggerVerdict::fires, ""},
           {"paused", config_text(trigger(true), ours, true), TriggerVerdict::paused, "only when it is resumed"},
           {"not automatic", config_text(trigger(false), ours), TriggerVerdict::manual, "not automatic"},
           {"no trigger", config_text("", ours), TriggerVerdict::missing, "has no trigger on web:live"},
           {"no trigger, named by tag", config_text("", "registry:5000/prod/web:live"), TriggerVerdict::missing, ""},
           {"no trigger, local lookup", config_text("", "web:live"), TriggerVerdict::missing, ""},
           {"no trigger, another tag", config_text("", "registry:5000/prod/web:test"), TriggerVerdict::other_tag,
            "runs registry:5000/prod/web:test and has no trigger on web:live"},
           {"somebody else's image", config_text("", "quay.io/prod/x/web:live"), std::nullopt, ""},
           {"a wrong container", config_text(image_trigger("web:live", "prod", "wbe", true, ours), ours),
            TriggerVerdict::wrong_container, "did you mean 'web'?"},
           {"another tag", config_text(image_trigger("web:test", "prod", "web", true, ours), ours),
            TriggerVerdict::other_tag, "follows prod/web:test, not prod/web:live"},
           {"another project", config_text(image_trigger("web:live", "dev", "web", true, ours), ours),
            TriggerVerdict::other_project, "follows dev/web:live"},
           {"held by a tag that was never there", config_text(trigger(true) + "," + other, ours), TriggerVerdict::held,
            "waits for prod/db:live"},
           {"a first rollout waits for manual ones too",
            config_text(trigger(true) + "," + image_trigger("db:live", "prod", "web", false, ""), ours, false, 0),
            TriggerVerdict::held, "db:live"},
           {"a later one does not",
            config_text(trigger(true) + "," + image_trigger("db:live", "prod", "web", false, ""), ours),
            TriggerVerdict::fires, ""}}) {
    SCOPED_TRACE(row.name);
    const auto uses = judge_config_text(row.text);
    ASSERT_EQ(uses.size(), row.verdict ? 1U : 0U);
    if (!row.verdict) continue;
    EXPECT_EQ(to_string(uses.front().verdict), to_string(*row.verdict)) << uses.front().why;
    EXPECT_NE(uses.front().why.find(row.words), std::string::npos) << uses.front().why;
    EXPECT_EQ(uses.front().fix.empty(), *row.verdict == TriggerVerdict::fires) << uses.front().fix;
  }
}

// A tag that is there does not hold anybody back, though the trigger on it has not fired yet.
TEST(Workloads, AsksForTheStreamsOfTagsThatDecideAndTakesTheirWord) {
  const auto ours = "registry:5000/prod/web@" + kOld;
  const auto right = image_trigger("web:live", "prod", "web", true, ours);
  struct Row {
    std::string name;
    std::string other;  ///< another trigger
    bool asked = false;
    KnownTags known{};
    TriggerVerdict verdict = TriggerVerdict::fires;
    std::string words{};
  };
  for (const auto& row :
       std::vector<Row>{{"has fired before",
                         image_trigger("db:live", "prod", "db", true, "registry:5000/prod/db@sha256:1"),
                         false,
                         {}},
                        {"never fired, and holds no image",
                         image_trigger("db:live", "prod", "db", true, ""),
                         true,
                         {.streams = {"prod/db"}, .filled = {}},
                         TriggerVerdict::held,
                         "waits for prod/db:live, which holds no image"},
                        {"never fired, and holds an image",
                         image_trigger("db:live", "prod", "db", true, ""),
                         true,
                         {.streams = {"prod/db"}, .filled = {"prod/db:live"}}},
                        {"never fired, and may not be seen",
                         image_trigger("db:live", "prod", "db", true, ""),
                         true,
                         {},
                         TriggerVerdict::held,
                         "cannot be seen"}}) {
    SCOPED_TRACE(row.name);
    Workloads workloads;
    workloads.configs.emplace_back(parsed(config_text(right + "," + row.other, ours)));
    EXPECT_EQ(streams_to_ask(workloads, {live()}).size(), row.asked ? 1U : 0U);
    const auto uses = judge_workloads(workloads, {live()}, row.known);
    ASSERT_EQ(uses.size(), 1U);
    EXPECT_EQ(to_string(uses.front().verdict), to_string(row.verdict));
    EXPECT_NE(uses.front().why.find(row.words), std::string::npos) << uses.front().why;
  }
}

TEST(Workloads, TellsATagThatDoesNotExistAndHowToLeaveIt) {
  Workloads workloads;
  workloads.configs.emplace_back(parsed(config_text(image_trigger("web:liv", "prod", "web", true, ""), " ")));
  EXPECT_EQ(streams_to_ask(workloads, {live()}), (std::vector<std::pair<std::string, std::string>>{{"prod", "web"}}));
  const auto uses = judge_workloads(workloads, {live()}, {.streams = {"prod/web"}, .filled = {"prod/web:live"}});
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses.front().verdict, TriggerVerdict::no_such_tag);
  EXPECT_EQ(uses.front().why,
            "DeploymentConfig web follows prod/web:liv (there is no such tag; did you mean live?), not prod/web:live");
  // `oc set triggers --from-image` adds a trigger; the wrong one has to go first.
  EXPECT_EQ(uses.front().fix,
            "oc set triggers dc/web -n prod --from-image=prod/web:liv --remove && "
            "oc set triggers dc/web -n prod --from-image=prod/web:live -c web");
}

TEST(Workloads, FindsContainersThatNoTriggerSets) {
  const auto text = fmt::format(
      R"({{"kind": "DeploymentConfig", "metadata": {{"name": "web", "namespace": "prod", "uid": "u1"}},
          "spec": {{"triggers": [{}, {}], "template": {{"spec": {{
            "containers": [{{"name": "web", "image": " "}}, {{"name": "worker", "image": "registry:5000/prod/web@{}"}},
                           {{"name": "canary", "image": "registry:5000/prod/web@{}"}},
                           {{"name": "proxy", "image": "quay.io/x/web@{}"}}],
            "initContainers": [{{"name": "setup", "image": "registry:5000/prod/web:v1"}}]}}}}}},
          "status": {{"latestVersion": 1}}}})",
      image_trigger("web:live", "prod", "web", true, "x"), image_trigger("web:canary", "prod", "canary", true, "x"),
      kNew, kNew, kNew);
  Workloads workloads;
  workloads.configs.emplace_back(parsed(text));
  const auto uses = judge_workloads(workloads, {live()});
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses.back().verdict, TriggerVerdict::other_tag) << "the canary";
  std::vector<std::string> left;
  for (const auto& container : uses.front().left) left.push_back(container.name);
  EXPECT_EQ(left, (std::vector<std::string>{"setup", "worker"}));
  EXPECT_EQ(uses.front().follow_left, "oc set triggers dc/web -n prod --from-image=prod/web:live -c web,setup,worker");
}

TEST(Workloads, FindsTwoTriggersOnOneContainer) {
  const auto ours = "registry:5000/prod/web@" + kOld;
  const auto right = image_trigger("web:live", "prod", "web", true, ours);
  for (const auto& [other, fix] : std::vector<std::pair<std::string, std::string>>{
           {right, "--from-image=prod/web:live --remove && "},
           {image_trigger("web:live", "dev", "web", true, ours), "--from-image=dev/web:live --remove && "}}) {
    const auto uses = judge_config_text(config_text(right + "," + other, ours));
    ASSERT_EQ(uses.size(), 1U);
    EXPECT_EQ(uses.front().verdict, TriggerVerdict::fires);
    EXPECT_FALSE(uses.front().twice.empty());
    EXPECT_NE(uses.front().untwice.find(fix), std::string::npos) << uses.front().untwice;
    EXPECT_TRUE(uses.front().untwice.ends_with("--from-image=prod/web:live -c web")) << uses.front().untwice;
  }
  EXPECT_TRUE(judge_config_text(config_text(right, ours)).front().twice.empty());
}

std::string container_text(const std::string& name, const std::string& image) {
  return fmt::format(R"({{"name": "{}", "image": "{}"}})", name, image);
}
// A DeploymentConfig with these containers.
std::vector<WorkloadUse> judge_containers(const std::string& triggers, const std::string& containers) {
  Workloads workloads;
  workloads.configs.emplace_back(parsed(fmt::format(
      R"({{"kind": "DeploymentConfig", "metadata": {{"name": "web", "namespace": "prod", "uid": "u1"}},
          "spec": {{"triggers": [{}], "template": {{"spec": {{"containers": [{}]}}}}}}, "status": {{"latestVersion": 1}}}})",
      triggers, containers)));
  return judge_workloads(workloads, {live()});
}

TEST(Workloads, TellsWhatFollowsAnotherTagBesideWhatFollowsThisOne) {
  const auto ours = "registry:5000/prod/web@" + kOld;
  const auto uses = judge_containers(image_trigger("web:live", "prod", "web", true, ours) + "," +
                                         image_trigger("web:test", "prod", "side", true, ours),
                                     container_text("web", ours) + "," + container_text("side", ours));
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0].verdict, TriggerVerdict::fires);
  EXPECT_EQ(uses[1].verdict, TriggerVerdict::other_tag);
  ASSERT_EQ(uses[1].containers.size(), 1U);
  EXPECT_EQ(uses[1].containers.front().name, "side");
}

// A release with a version writes two tags; who follows the moving one is left in peace about the other.
TEST(Workloads, WhoFollowsThePromotedTagRunsNoPinnedImageOfTheOther) {
  const auto ours = "registry:5000/prod/web@" + kOld;
  Workloads workloads;
  workloads.configs.emplace_back(parsed(config_text(image_trigger("web:live", "prod", "web", true, ours), ours)));
  const auto uses = judge_workloads(workloads, {{"prod", "web", "v1", kOld}, live()});
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0].verdict, TriggerVerdict::other_tag) << uses[0].why;
  EXPECT_EQ(uses[1].verdict, TriggerVerdict::fires);
}

TEST(Workloads, FindsAPinnedContainerBesideACanary) {
  const auto ours = "registry:5000/prod/web@" + kNew;
  const auto uses = judge_containers(image_trigger("web:test", "prod", "side", true, ours),
                                     container_text("web", ours) + "," + container_text("side", ours));
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses.front().verdict, TriggerVerdict::other_tag);
  ASSERT_EQ(uses.front().left.size(), 1U);
  EXPECT_EQ(uses.front().left.front().name, "web");
}

// Whatever the order of triggers and containers, and no command takes a container's trigger away.
TEST(Workloads, TheCommandForTwoTriggersKeepsEveryContainerFollowed) {
  const auto ours = "registry:5000/prod/web@" + kOld;
  const auto on = [&](const std::string& tag, const std::string& names) {
    return fmt::format(
        R"({{"type": "ImageChange", "imageChangeParams": {{"automatic": true, "containerNames": [{}],
            "from": {{"kind": "ImageStreamTag", "name": "{}", "namespace": "prod"}}, "lastTriggeredImage": "{}"}}}})",
        names, tag, ours);
  };
  for (const auto& containers : {container_text("web", ours) + "," + container_text("side", ours),
                                 container_text("side", ours) + "," + container_text("web", ours)}) {
    const auto uses = judge_containers(
        on("web:live", R"("web")") + "," + on("web:live", R"("side")") + "," + on("web:test", R"("side", "more")"),
        containers);
    ASSERT_EQ(uses.size(), 1U);
    EXPECT_TRUE(uses.front().takes_turns);
    EXPECT_NE(uses.front().untwice.find("--from-image=prod/web:test --remove"), std::string::npos);
    EXPECT_NE(uses.front().untwice.find("--from-image=prod/web:live -c web,side"), std::string::npos)
        << uses.front().untwice;
    EXPECT_TRUE(uses.front().untwice.ends_with("--from-image=prod/web:test -c more")) << uses.front().untwice;
  }
}

std::vector<WorkloadUse> judge_annotated_text(const std::string& annotation, const std::string& pod_spec) {
  Workloads workloads;
  Json workload = parsed(fmt::format(R"({{"kind": "Deployment", "metadata": {{"name": "web", "namespace": "prod"}},
      "spec": {{"template": {{"spec": {}}}}}}})",
                                     pod_spec));
  if (!annotation.empty()) {
    workload.find("metadata")->set("annotations", Json::object().set("image.openshift.io/triggers", annotation));
  }
  workloads.deployments.emplace_back(std::move(workload));
  return judge_workloads(workloads, {live()});
}

TEST(Workloads, TheCommandForABrokenAnnotationKeepsTheOtherTriggers) {
  const auto uses = judge_annotated_text(
      R"x([{"from": {"kind": "ImageStreamTag", "name": "redis:latest"},
            "fieldPath": "spec.template.spec.containers[?(@.name==\"cache\")].image"},
           {"from": {"kind": "ImageStreamTag", "name": "web:live"},
            "fieldPath": "spec.template.spec.containers[?(@.name==\"wep\")].image"}])x",
      R"({"containers": [{"name": "web", "image": " "}, {"name": "cache", "image": " "}]})");
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses.front().verdict, TriggerVerdict::wrong_container);
  EXPECT_NE(uses.front().fix.find("redis:latest"), std::string::npos) << uses.front().fix;
  EXPECT_NE(uses.front().fix.find(R"(containers[?(@.name==\"web\")].image)"), std::string::npos) << uses.front().fix;
}

TEST(Workloads, TheCommandForAMissingTriggerKnowsInitContainersAndNamesAllContainers) {
  const auto ours = "registry:5000/prod/web@" + kOld;
  const auto init = judge_annotated_text(
      "", fmt::format(R"({{"initContainers": [{}], "containers": [{{"name": "x", "image": "y"}}]}})",
                      container_text("setup", ours)));
  ASSERT_EQ(init.size(), 1U);
  EXPECT_EQ(init.front().verdict, TriggerVerdict::missing);
  EXPECT_NE(init.front().fix.find("oc annotate deployment/web"), std::string::npos) << init.front().fix;
  EXPECT_NE(init.front().fix.find(R"(initContainers[?(@.name==\"setup\")].image)"), std::string::npos);
  const auto both = judge_containers("", container_text("web", ours) + "," + container_text("side", ours));
  ASSERT_EQ(both.size(), 1U);
  EXPECT_TRUE(both.front().fix.ends_with("-c web,side")) << both.front().fix;
  EXPECT_TRUE(both.front().left.empty()) << "a patch sets them";
}

// Names come from a cluster, and what is printed goes into a shell.
TEST(Workloads, QuotesNamesInCommands) {
  const auto uses = judge_config_text(config_text("", "registry:5000/prod/web@" + kOld));
  ASSERT_EQ(uses.size(), 1U);
  Workloads workloads;
  auto config = parsed(config_text("", "registry:5000/prod/web@" + kOld));
  config.find("spec")
      ->find("template")
      ->find("spec")
      ->set("containers",
            parsed(fmt::format(R"x([{{"name": "`touch x` $(id)", "image": "registry:5000/prod/web@{}"}}])x", kOld)));
  workloads.configs.emplace_back(std::move(config));
  const auto hostile = judge_workloads(workloads, {live()});
  ASSERT_EQ(hostile.size(), 1U);
  EXPECT_TRUE(hostile.front().fix.ends_with("-c '`touch x` $(id)'")) << hostile.front().fix;
}

TEST(Workloads, JudgesAnnotations) {
  struct Row {
    std::string name;
    std::string annotation;
    std::optional<TriggerVerdict> verdict;
    bool paused = false;
  };
  const std::string path = R"(spec.template.spec.containers[?(@.name==\"web\")].image)";
  const auto entry = [&](const std::string& from, const std::string& rest) {
    return fmt::format(R"([{{"from": {{"kind": "ImageStreamTag", {}}}, "fieldPath": "{}"{}}}])", from, path, rest);
  };
  for (const auto& row : std::vector<Row>{
           {"all well", entry(R"("name": "web:live")", ""), TriggerVerdict::fires},
           {"a paused Deployment", entry(R"("name": "web:live")", ""), TriggerVerdict::paused, true},
           {"a paused trigger", entry(R"("name": "web:live")", R"(, "paused": true)"), TriggerVerdict::manual},
           {"a text for a boolean", entry(R"("name": "web:live")", R"(, "paused": "false")"),
            TriggerVerdict::malformed},
           {"no JSON", "[{web}", TriggerVerdict::malformed},
           {"a misspelt key that matters", R"([{"form": {"name": "web:live"}, "fieldPath": "x"}])",
            TriggerVerdict::malformed},
           {"a container that is not there",
            R"([{"from": {"kind": "ImageStreamTag", "name": "web:live"},
                 "fieldPath": "spec.template.spec.containers[?(@.name==\"wbe\")].image"}])",
            TriggerVerdict::wrong_container},
           {"another tag", entry(R"("name": "web:test")", ""), TriggerVerdict::other_tag},
           {"another project", entry(R"("name": "web:live", "namespace": "dev")", ""), TriggerVerdict::other_project},
           {"another stream", entry(R"("name": "db:live")", ""), TriggerVerdict::missing},
           {"no annotation", "", TriggerVerdict::missing}}) {
    SCOPED_TRACE(row.name);
    auto json = parsed(fmt::format(
        R"({{"kind": "Deployment", "metadata": {{"name": "web", "namespace": "prod", "uid": "u1"}},
            "spec": {{"paused": {}, "template": {{"spec": {{"containers": [
              {{"name": "web", "image": "registry:5000/prod/web@{}"}}]}}}}}}}})",
        row.paused, kNew));
    if (!row.annotation.empty()) {
      kube::set_at(json, {"metadata", "annotations", "image.openshift.io/triggers"}, row.annotation);
    }
    Workloads workloads;
    workloads.deployments.emplace_back(std::move(json));
    const auto uses = judge_workloads(workloads, {live()});
    ASSERT_EQ(uses.size(), 1U);
    EXPECT_EQ(to_string(uses.front().verdict), to_string(*row.verdict)) << uses.front().why;
    EXPECT_EQ(uses.front().fix.empty(), *row.verdict == TriggerVerdict::fires);
    ASSERT_EQ(uses.front().containers.size(), 1U);
    EXPECT_TRUE(uses.front().differs()) << "it runs another digest than the tag says";
  }
}

TEST(Workloads, SeveralContainersOfOneTagAreOneUse) {
  Workloads workloads;
  auto json = parsed(R"({"metadata": {"name": "web", "namespace": "prod", "uid": "u1"},
      "spec": {"template": {"spec": {"initContainers": [{"name": "prepare", "image": " "}],
                                     "containers": [{"name": "web", "image": " "}]}}}})");
  kube::set_at(
      json, {"metadata", "annotations", "image.openshift.io/triggers"},
      R"([{"from": {"kind": "ImageStreamTag", "name": "web:live"}, "fieldPath": "spec.template.spec.containers[0].image"},
             {"from": {"kind": "ImageStreamTag", "name": "web:live"}, "fieldPath": "spec.template.spec.initContainers[0].image"}])");
  workloads.stateful_sets.emplace_back(std::move(json));
  const auto uses = judge_workloads(workloads, {live(), {"prod", "db", "live", ""}});
  ASSERT_EQ(uses.size(), 1U);
  ASSERT_EQ(uses.front().containers.size(), 2U);
  EXPECT_NE(uses.front().containers[0].init, uses.front().containers[1].init);
}

TEST(Workloads, BuildsThatWouldStartAreTold) {
  Workloads workloads;
  workloads.builds.emplace_back(parsed(R"({"metadata": {"name": "site", "namespace": "prod", "uid": "b1"},
      "spec": {"strategy": {"sourceStrategy": {"from": {"kind": "ImageStreamTag", "name": "web:live"}}},
               "triggers": [{"type": "ImageChange", "imageChange": {}}]}})"));
  const auto uses = judge_workloads(workloads, {live()});
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses.front().kind, WorkloadKind::build_config);
  EXPECT_EQ(uses.front().verdict, TriggerVerdict::fires);
}

TEST(Workloads, ImagesAreOfAStreamByAnyNameOfTheRegistry) {
  struct Row {
    const char* image;
    bool is;
  };
  for (const auto& row : {Row{"docker-registry.default.svc:5000/prod/web@sha256:12", true},
                          Row{"127.0.0.1:5000/prod/web:live", true}, Row{"reg/prod/web", true},
                          Row{"prod/web:live", false}, Row{"reg/x/prod/web", false}, Row{"reg/prod/web2", false},
                          Row{"reg/prod/web/sub:1", false}, Row{"web:live", false}, Row{" ", false}, Row{"", false}}) {
    EXPECT_EQ(is_of_stream(row.image, "prod", "web"), row.is) << row.image;
  }
}

class ReadWorkloads : public testing::ClusterTest {};

TEST_F(ReadWorkloads, KindsThatAreNotThereOrNotAllowedAreToldAndTheRestIsRead) {
  const auto list = testing::json_reply(200, parsed(R"({"kind": "List", "metadata": {"resourceVersion": "5"},
                                                        "items": [{"metadata": {"name": "x", "namespace": "prod"}}]})"));
  exchanger.then(testing::status_reply(404, "NotFound", "the server could not find the requested resource"));
  exchanger.then(list).then(list);
  exchanger.then(testing::status_reply(403, "Forbidden", "no"));
  exchanger.then(testing::status_reply(404, "NotFound", "no")).then(list);  // CronJobs in their old place
  exchanger.then(list);
  const auto read = read_workloads(client(), "prod", context());
  ASSERT_TRUE(read.ok()) << testing::why(read);
  EXPECT_EQ(count(), 7U);
  EXPECT_EQ(read->deployments.size(), 1U);
  EXPECT_EQ(read->cron_jobs.size(), 1U);
  EXPECT_EQ(read->builds.size(), 1U);
  ASSERT_EQ(read->unread.size(), 2U);
  EXPECT_EQ(read->unread[0].kind, WorkloadKind::deployment_config);
  EXPECT_FALSE(read->unread[0].denied);
  EXPECT_EQ(read->unread[1].kind, WorkloadKind::daemon_set);
  EXPECT_TRUE(read->unread[1].denied);
}

TEST_F(ReadWorkloads, ATokenThatHasEndedIsAnError) {
  exchanger.then(testing::status_reply(401, "Unauthorized", "Unauthorized"));
  EXPECT_TRUE(testing::failed_with(read_workloads(client(), "prod", context()), ErrorKind::unauthenticated));
}

}  // namespace
}  // namespace sluice::openshift
