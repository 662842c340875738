// The pure decisions behind a rollout: phases, deployer moves, instantiate, rollback, pod steps.
#include "sandbox/workloads/config.hpp"
#include "sandbox/workloads/deployer.hpp"
#include "sandbox/workloads/instantiate.hpp"
#include "sandbox/workloads/pod.hpp"
#include "unit/sandbox/workload_harness.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::sandbox {
namespace {

TEST(WorkloadDecisions, ThePhaseFollowsTheDeployerPodForwardOnly) {
  using What = PhaseStep::What;
  struct Row {
    const char* name;
    const char* phase;
    bool cancelled;
    const char* pod;  ///< phase of the deployer pod; "": there is none
    What what;
    const char* next;
    const char* reason;
  };
  constexpr auto kRows = std::to_array<Row>({
      {"new", "New", false, "", What::create_pod, "", ""},
      {"made before", "New", false, "Pending", What::set_phase, "Pending", ""},
      {"cancelled at once", "New", true, "", What::set_phase, "Pending", ""},
      {"waits", "Pending", false, "Pending", What::nothing, "", ""},
      {"starts", "Pending", false, "Running", What::set_phase, "Running", ""},
      {"ends quickly", "Pending", false, "Succeeded", What::set_phase, "Complete", ""},
      {"never backwards", "Running", false, "Pending", What::nothing, "", ""},
      {"done", "Running", false, "Succeeded", What::set_phase, "Complete", ""},
      {"fails", "Running", false, "Failed", What::set_phase, "Failed", ""},
      {"vanished", "Running", false, "", What::set_phase, "Failed", "deployer pod no longer exists"},
      {"cancelled while it runs", "Running", true, "Running", What::delete_pod, "", ""},
      {"cancelled and gone", "Running", true, "", What::set_phase, "Failed", ""},
      {"cancelled too late", "Running", true, "Succeeded", What::set_phase, "Complete", ""},
      {"complete stays", "Complete", false, "", What::nothing, "", ""},
      {"failed stays", "Failed", true, "Running", What::nothing, "", ""},
  });
  for (const auto& row : kRows) {
    auto controller = json_of(R"({"metadata":{"name":"site-1"}})");
    annotate(controller, kPhase, row.phase);
    if (row.cancelled) annotate(controller, kCancelled, "true");
    auto pod = Json::object();
    annotate(pod, kDeploymentName, "site-1");
    set_at(pod, {"status", "phase"}, row.pod);
    const auto step =
        next_phase(controller, row.pod[0] == '\0' ? nullptr : std::make_shared<const Json>(std::move(pod)));
    EXPECT_EQ(step.what, row.what) << row.name;
    EXPECT_EQ(step.phase, row.next) << row.name;
    EXPECT_EQ(step.reason, row.reason) << row.name;
  }
}

TEST(WorkloadDecisions, AForeignPodOfTheDeployersNameFailsTheRollout) {
  auto controller = json_of(R"({"metadata":{"name":"site-1"}})");
  annotate(controller, kPhase, "New");
  const auto step = next_phase(controller, std::make_shared<const Json>(Json::object()));
  EXPECT_EQ(step.phase, "Failed");
  EXPECT_EQ(step.reason, "unrelated pod with the same name as this deployment is already running");
}

TEST(WorkloadDecisions, ADeployerMovesWithinItsLimits) {
  using What = DeployerMove::What;
  struct Row {
    const char* name;
    DeployerView view;
    What what;
    std::int64_t replicas;
  };
  // rolling, desired, surge, unavailable, new, new available, old, old pods, old available
  const std::vector<Row> rows{
      {"first version", {false, 3, 0, 0, 0, 0, 0, 0, 0}, What::scale_new, 3},
      {"waits for pods", {false, 3, 0, 0, 3, 2, 0, 0, 0}, What::wait, 0},
      {"all there", {false, 3, 0, 0, 3, 3, 0, 0, 0}, What::done, 0},
      {"nothing wanted", {false, 0, 0, 0, 0, 0, 0, 0, 0}, What::done, 0},
      {"recreate empties first", {false, 3, 0, 0, 0, 0, 3, 3, 3}, What::scale_old, 0},
      {"recreate waits for the last pod", {false, 3, 0, 0, 0, 0, 0, 1, 0}, What::wait, 0},
      {"rolling starts one more", {true, 4, 1, 1, 0, 0, 4, 4, 4}, What::scale_new, 1},
      {"rolling lets one go", {true, 4, 1, 1, 1, 0, 4, 4, 4}, What::scale_old, 3},
      {"rolling waits", {true, 4, 1, 1, 2, 0, 3, 3, 3}, What::wait, 0},
      {"idle old pods go", {true, 1, 1, 0, 1, 0, 1, 1, 0}, What::scale_old, 0},
      {"the last old one", {true, 1, 1, 0, 1, 1, 1, 1, 1}, What::scale_old, 0},
      {"rolling is done", {true, 1, 1, 0, 1, 1, 0, 0, 0}, What::done, 0},
  };
  for (const auto& row : rows) {
    const auto move = next_move(row.view);
    EXPECT_EQ(move.what, row.what) << row.name;
    EXPECT_EQ(move.replicas, row.replicas) << row.name;
  }
}

Json site(std::int64_t version, bool automatic = true, std::string_view last = "old") {
  auto config =
      json_of(R"({"metadata":{"name":"site","namespace":"prod","generation":1},"spec":{"replicas":1,"triggers":[
    {"type":"ConfigChange"},{"type":"ImageChange","imageChangeParams":{"containerNames":["c"],
      "from":{"kind":"ImageStreamTag","name":"site:live","namespace":"prod"}}}],
    "template":{"spec":{"containers":[{"name":"c","image":"old"}]}}}})");
  auto& params = *(*find_at(config, {"spec", "triggers"})->elements())[1].find("imageChangeParams");
  if (automatic) params.set("automatic", true);
  if (!last.empty()) params.set("lastTriggeredImage", last);
  set_at(config, {"status", "latestVersion"}, version);
  return config;
}

TagResolver live_is(std::optional<std::string> image) {
  return [image](std::string_view, std::string_view, std::string_view) { return image; };
}

TEST(WorkloadDecisions, InstantiateStartsOnlyWhatThereIsToStart) {
  struct Row {
    const char* name;
    Json config;
    const char* request;
    std::optional<Json> previous;
    std::optional<std::string> live;
    int code;  ///< of a refusal; 204: nothing to do; 201: started
    const char* cause;
  };
  const std::vector<Row> rows{
      {"nothing changed", site(1), R"({"latest":true})", site(1), "old", 204, ""},
      {"forced", site(1), R"({"latest":true,"force":true})", site(1), "old", 201, "manual change"},
      {"a newer image", site(1), R"({"latest":true})", site(1), "new", 201, "image change"},
      {"a newer image, not asked for", site(1), R"({"latest":false})", site(1), "new", 204, ""},
      {"images excluded", site(1), R"({"latest":true,"excludeTriggers":["ImageChange"]})", site(1), "new", 204, ""},
      {"manual trigger", site(1, false), R"({"latest":true})", site(1, false), "new", 204, ""},
      {"manual trigger, forced", site(1, false), R"({"latest":true,"force":true})", site(1, false), "new", 201,
       "manual change"},
      {"never resolved", site(0, false, ""), R"({"latest":true})", std::nullopt, "new", 400, ""},
      {"cannot be resolved", site(0, true, ""), R"({"latest":true,"force":true})", std::nullopt, std::nullopt, 400, ""},
      {"first version", site(0), R"({"latest":true})", std::nullopt, "old", 201, "image change"},
  };
  for (const auto& row : rows) {
    auto started = instantiated(row.config, json_of(row.request), row.previous, live_is(row.live));
    const int code = !started.ok() ? started.error().code : *started ? 201 : 204;
    EXPECT_EQ(code, row.code) << row.name;
    if (code != 201 || row.code != 201) continue;
    EXPECT_EQ(text_at(**started, {"status", "details", "message"}), row.cause) << row.name;
    EXPECT_EQ(latest_version(**started), latest_version(row.config) + 1) << row.name;
  }
}

TEST(WorkloadDecisions, RollbackTakesTheOldTemplateAndDisarmsTheTriggers) {
  auto old = site(1);
  set_at(old, {"spec", "replicas"}, 7);
  auto& container = (*find_at(old, {"spec", "template", "spec", "containers"})->elements())[0];
  container.set("image", "older");
  const auto controller = std::make_shared<const Json>(make_controller(old));
  const auto find = [&](const std::string& name) { return name == "site-1" ? controller : ObjectRef(); };
  auto computed = rolled_back(site(2), json_of(R"({"name":"site","spec":{"includeTemplate":true}})"), find);
  ASSERT_TRUE(computed.ok());
  EXPECT_EQ(text_at(at(*computed, {"spec", "template", "spec", "containers"}).items()[0], {"image"}), "older");
  EXPECT_EQ(number_at(*computed, {"spec", "replicas"}), 1);
  EXPECT_EQ(latest_version(*computed), 3);
  EXPECT_TRUE(at(at(*computed, {"spec", "triggers"}).items()[1], {"imageChangeParams", "automatic"}).is_null());

  auto all = rolled_back(site(2), json_of(R"({"spec":{"includeReplicationMeta":true,"includeTriggers":true}})"), find);
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(number_at(*all, {"spec", "replicas"}), 7);

  struct Row {
    const char* name;
    std::int64_t latest;
    const char* request;
    const char* why;
  };
  constexpr auto kRows = std::to_array<Row>({
      {"never deployed", 0, R"({})", "cannot rollback an undeployed config"},
      {"only one", 1, R"({})", "no previous deployment exists for \"prod/site\""},
      {"the present one", 2, R"({"spec":{"revision":2}})", "version 2 is already the latest"},
      {"gone", 4, R"({})", "replicationcontrollers \"site-3\" not found"},
  });
  for (const auto& row : kRows) {
    auto refused = rolled_back(site(row.latest), json_of(row.request), find);
    ASSERT_FALSE(refused.ok()) << row.name;
    EXPECT_NE(refused.error().message.find(row.why), std::string::npos) << row.name << ": " << refused.error().message;
    EXPECT_EQ(refused.error().code, 422) << row.name;
  }
}

TEST(WorkloadDecisions, TheControllerOfAVersionCarriesWhatClientsReadFromIt) {
  auto config = site(2);
  set_at(config, {"metadata", "labels", "team"}, "shop");
  config.set("status", json_of(R"({"latestVersion":2,"details":{"message":"image change"}})"));
  const auto controller = make_controller(config);
  EXPECT_EQ(label(controller, "team"), "shop");
  EXPECT_EQ(label(controller, kConfigName), "site");
  EXPECT_EQ(annotation(controller, kPhase), "New");
  EXPECT_EQ(annotation(controller, kStatusReason), "image change");
  EXPECT_EQ(annotation(controller, kDesiredReplicas), "1");
  EXPECT_EQ(text_at(controller, {"spec", "selector", "deployment"}), "site-2");
  const auto decoded = decoded_config(controller);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(same_tree(at(*decoded, {"spec"}), at(config, {"spec"})));
}

TEST(WorkloadDecisions, AnImageWithoutANameIsToldAsSuch) {
  auto pod = json_of(
      R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":" "}]},"status":{"phase":"Pending"}})");
  NodeView view;
  view.images = {{"", "couldn't parse image reference", true}};
  view.now = "2026-01-05T10:00:00Z";
  auto step = next_pod_step(pod, view);
  step = next_pod_step(step.pod, view);
  EXPECT_EQ(text_at(at(step.pod, {"status", "containerStatuses"}).items()[0], {"state", "waiting", "reason"}),
            "InvalidImageName");
  EXPECT_EQ(stage_of(step.pod), PodStage::pull_waits);
  EXPECT_EQ(text_at(step.pod, {"status", "phase"}), "Pending");
}

TEST(WorkloadDecisions, APodWithAnyStatusIsSteppedWithoutHarm) {
  for (
      const auto* text :
      {R"({})", R"({"status":"x"})",
       R"({"spec":{"containers":[{"name":"c","image":"i"}],"nodeName":"n"},"status":{"containerStatuses":"x"}})",
       R"({"spec":{"containers":[{"name":"c"}],"nodeName":"n"},"status":{"containerStatuses":[7]}})",
       R"({"spec":{"containers":[{"name":"c"}],"nodeName":"n"},"status":{"phase":"Running","containerStatuses":[{},{}]}})"}) {
    const auto pod = json_of(text);
    for (const auto fate :
         {PodFate::ready, PodFate::crash, PodFate::starting, PodFate::never_ready, PodFate::unschedulable}) {
      NodeView view;
      view.fate = fate;
      view.now = "2026-01-05T10:00:00Z";
      auto step = next_pod_step(pod, view);
      for (int i = 0; i < 10 && step.moved; ++i) step = next_pod_step(step.pod, view);
      const auto finished = finished_pod(pod, "Failed", view.now);
      EXPECT_EQ(text_at(finished, {"status", "phase"}), "Failed") << text;
    }
  }
}

}  // namespace
}  // namespace sluice::sandbox
