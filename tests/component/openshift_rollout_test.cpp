// Following rollouts in a sandbox: what the cluster does after a tag has moved, told as it happens, and proved.

#include "base/text.hpp"
#include "kube/client.hpp"
#include "net/transfer_loop.hpp"
#include "openshift/rollouts/follow.hpp"
#include "openshift/workloads/workloads.hpp"
#include "sandbox/control/sandbox.hpp"
#include "support/checks.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using support::failed_with;
using support::why;

net::ExchangeContext within(std::chrono::seconds span) { return {Deadline::after(span), {}}; }
net::ExchangeContext in_time() { return within(std::chrono::seconds(120)); }

/// One way to the API.
struct Door {
  Door(net::TransferLoop& loop, const std::string& server, const std::string& token) {
    kube::ConnectionOptions options;
    options.access.server = *net::Url::parse(server);
    options.access.identity = kube::token_identity(Secret(token), "the sandbox");
    options.timing.fraction = [] { return 0.0; };
    connection = std::make_unique<kube::Connection>(loop, std::move(options));
    client = std::make_unique<kube::Client>(*connection);
  }
  std::unique_ptr<kube::Connection> connection;
  std::unique_ptr<kube::Client> client;
};

/// A sandbox with three images of one stream in shop-dev, and the project shop, where web:live is the first of them.
class Shop {
 public:
  explicit Shop(sandbox::Profile profile = sandbox::Profile::v3_11) {
    sandbox::SandboxOptions options;
    options.tls = sandbox::SandboxOptions::Tls::none;
    options.profile = profile;
    auto started = sandbox::Sandbox::start(options);
    if (!started) throw std::runtime_error(started.error().sentence());
    box_ = std::move(*started);
    apply(R"({"users": [{"name": "ann", "password": "pw", "token": "anns-token"}],
              "projects": [{"name": "shop-dev"}, {"name": "shop", "admin": "ann"}],
              "images": [{"project": "shop-dev", "stream": "web", "tag": "1", "layers": 1, "layer-bytes": 1000},
                         {"project": "shop-dev", "stream": "web", "tag": "2", "layers": 2, "layer-bytes": 1000},
                         {"project": "shop-dev", "stream": "web", "tag": "3", "layers": 3, "layer-bytes": 1000}]})");
    admin_ = std::make_unique<Door>(loop_, box_->addresses().api, box_->addresses().admin_token);
    const auto stream = client().get<kube::ImageStream>("shop-dev", "web", in_time());
    if (!stream) throw std::runtime_error(stream.error().sentence());
    for (const auto* tag : {"1", "2", "3"}) digests_[tag] = stream->top(tag)->image;
    move_to("1");
  }

  void apply(const std::string& scenario) {
    auto parsed = sandbox::parse_scenario(scenario, "test");
    if (!parsed) throw std::runtime_error(parsed.error().sentence());
    if (auto applied = box_->apply(*parsed); !applied) throw std::runtime_error(applied.error().sentence());
  }
  void turn(const std::string& knob) {
    const auto turned = box_->turn(*parse_json(knob));
    if (!turned) throw std::runtime_error(knob + ": " + turned.error().sentence());
  }
  /// Adds a workload that runs web:live, and waits for what its trigger makes of it.
  void add(const std::string& kind, const std::string& name, const std::string& trigger = "automatic",
           int replicas = 2) {
    if (kind == "StatefulSet" && trigger == "automatic") {
      add_stateful_set(name, replicas);
    } else {
      add_workload(kind, name, trigger, replicas);
    }
    if (trigger != "automatic") return;
    auto followed = prepare("1");
    std::erase_if(followed, [&](const Followed& one) { return one.before.name != name; });
    const auto results = follow(followed);
    for (const auto& result : results) {
      if (!is_good(result.end)) throw std::runtime_error(result.sentence);
    }
  }
  void move_to(const std::string& tag) {
    const auto put = client().tag(
        kube::ImageStreamTag::pointing("shop", "web", "live", {"ImageStreamImage", "shop-dev", "web@" + digests_[tag]}),
        in_time());
    if (!put) throw std::runtime_error(put.error().sentence());
  }
  std::vector<Followed> prepare(const std::string& tag) {
    const auto workloads = read_workloads(client(), "shop", in_time());
    if (!workloads) throw std::runtime_error(workloads.error().sentence());
    const StreamTag live{"shop", "web", "live", digests_[tag]};
    return followed_workloads(*workloads, judge_workloads(*workloads, {live}), {{live, {}}});
  }
  std::vector<RolloutResult> follow(const std::vector<Followed>& followed, const OnRollout& on_progress = {},
                                    const FollowOptions& options = {}) {
    net::LoopStreams streams(loop_);
    auto results = follow_rollouts(client(), streams, followed, options, in_time(), on_progress);
    if (!results) throw std::runtime_error(results.error().sentence());
    return std::move(*results);
  }
  /// Snapshot, switch, and what comes of it.
  std::vector<RolloutResult> promote(const std::string& tag, const OnRollout& on_progress = {},
                                     const FollowOptions& options = {}) {
    const auto followed = prepare(tag);
    move_to(tag);
    return follow(followed, on_progress, options);
  }

  /// Waits until the second rollout of web has come as far as it can without a pod that gets ready. Until then every
  /// step is progress, and starts the time until its deadline again. `pods`: whether it gets as far as making them.
  void await_standstill(const std::string& kind, bool pods) {
    const auto stands = [&](const sandbox::World& world) {
      if (kind == "DeploymentConfig") {
        const auto controller = world.store.get({"replicationcontrollers", "shop", "web-2"});
        return controller && kube::number_at(*controller, {"spec", "replicas"}) == 1;
      }
      const auto deployment = world.store.get({"deployments.apps", "shop", "web"});
      return deployment && kube::number_at(*deployment, {"status", "updatedReplicas"}) == (pods ? 1 : 0) &&
             kube::number_at(*deployment, {"status", "observedGeneration"}) ==
                 kube::number_at(*deployment, {"metadata", "generation"});
    };
    const bool came = box_->world().when_until(stands, in_time().deadline, {}, stands);
    if (!came) throw std::runtime_error("the second rollout of the " + kind + " web never came to a standstill");
  }

  const std::string& digest(const std::string& tag) { return digests_[tag]; }
  sandbox::Sandbox& box() { return *box_; }
  net::TransferLoop& loop() { return loop_; }
  kube::Client& client() { return *admin_->client; }
  kube::Connection& connection() { return *admin_->connection; }

 private:
  void add_workload(const std::string& kind, const std::string& name, const std::string& trigger, int replicas) {
    apply(fmt::format(R"({{"workloads": [{{"kind": "{}", "project": "shop", "name": "{}", "image": "web:live",
                          "trigger": "{}", "replicas": {}}}]}})",
                      kind, name, trigger, replicas));
  }
  // With its image from the start: a first pod without one would hold up all that come after it.
  void add_stateful_set(const std::string& name, int replicas) {
    const auto stream = client().get<kube::ImageStream>("shop", "web", in_time());
    if (!stream) throw std::runtime_error(stream.error().sentence());
    sandbox::Scenario::Workload wanted;
    wanted.kind = "StatefulSet";
    wanted.project = "shop";
    wanted.name = name;
    wanted.image = "web:live";
    wanted.replicas = replicas;
    sandbox::Scenario scenario;
    scenario.objects.push_back({sandbox::manifest_of(wanted, true), {}});
    auto& manifest = scenario.objects.back().manifest;
    auto containers = Json::array();
    containers.push(Json::object().set("name", name).set("image", stream->repository() + "@" + digests_["1"]));
    kube::set_at(manifest, {"spec", "template", "spec", "containers"}, std::move(containers));
    if (auto applied = box_->apply(scenario); !applied) throw std::runtime_error(applied.error().sentence());
  }

  std::unique_ptr<sandbox::Sandbox> box_;
  net::TransferLoop loop_;
  std::unique_ptr<Door> admin_;
  std::map<std::string, std::string> digests_;
};

/// Does something once, when a line of progress says so.
class When {
 public:
  When(std::string words, std::function<void()> act) : words_(std::move(words)), act_(std::move(act)) {}
  void operator()(const RolloutProgress& progress) {
    lines.push_back(progress.line);
    if (done_ || progress.line.find(words_) == std::string::npos) return;
    done_ = true;
    act_();
  }
  std::vector<std::string> lines;

 private:
  std::string words_;
  std::function<void()> act_;
  bool done_ = false;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += "\n  " + line;
  return out;
}

// --- All well -----------------------------------------------------------------------------------------------------

TEST(ClusterRollout, EachKindComesToItsEndOnBothProfiles) {
  for (const auto profile : {sandbox::Profile::v3_11, sandbox::Profile::v4}) {
    for (const auto* kind : {"DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"}) {
      SCOPED_TRACE(fmt::format("{} on {}", kind, profile == sandbox::Profile::v4 ? "4.x" : "3.11"));
      Shop shop(profile);
      shop.add(kind, "web");
      std::vector<std::string> lines;
      const auto results = shop.promote("2", [&](const RolloutProgress& progress) { lines.push_back(progress.line); });
      ASSERT_EQ(results.size(), 1U);
      const auto& result = results.front();
      EXPECT_EQ(result.end, RolloutEnd::succeeded) << result.sentence << joined(lines);
      EXPECT_EQ(result.pods, std::string(kind) == "DaemonSet" ? 1 : 2) << result.sentence;
      EXPECT_EQ(result.digests, std::set<std::string>{shop.digest("2")});
      EXPECT_FALSE(result.rollout.empty());
      ASSERT_FALSE(lines.empty());
      EXPECT_NE(lines.back().find("pods run sha256:"), std::string::npos) << joined(lines);
    }
  }
}

TEST(ClusterRollout, ACronJobIsGoodWhenItsNextJobRunsTheImage) {
  for (const auto profile : {sandbox::Profile::v3_11, sandbox::Profile::v4}) {
    Shop shop(profile);
    shop.add("CronJob", "night");
    const auto results = shop.promote("2");
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results.front().end, RolloutEnd::next_run) << results.front().sentence;
  }
}

TEST(ClusterRollout, WhatRunsTheImageAlreadyDoesNotRoll) {
  for (const auto* kind : {"DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"}) {
    SCOPED_TRACE(kind);
    Shop shop;
    shop.add(kind, "web");
    const auto results = shop.promote("1");
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results.front().end, RolloutEnd::already_running) << results.front().sentence;
    EXPECT_EQ(results.front().digests, std::set<std::string>{shop.digest("1")});
  }
}

TEST(ClusterRollout, ThereAndBackIsTwoRollouts) {
  for (const auto* kind : {"DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"}) {
    SCOPED_TRACE(kind);
    Shop shop;
    shop.add(kind, "web");
    for (const auto* tag : {"2", "1"}) {
      const auto results = shop.promote(tag);
      ASSERT_EQ(results.size(), 1U);
      EXPECT_EQ(results.front().end, RolloutEnd::succeeded) << results.front().sentence;
      EXPECT_EQ(results.front().digests, std::set<std::string>{shop.digest(tag)});
    }
  }
}

TEST(ClusterRollout, ATriggerThatIsHeldBackNeverLetsTheOldRolloutPass) {
  for (const auto* kind : {"DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"}) {
    SCOPED_TRACE(kind);
    Shop shop;
    shop.add(kind, "web", "automatic", 1);
    shop.turn(R"({"knob": "step-delay", "seconds": 0.2})");
    const auto results = shop.promote("2");
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results.front().end, RolloutEnd::succeeded) << results.front().sentence;
    EXPECT_EQ(results.front().digests, std::set<std::string>{shop.digest("2")})
        << "the pods of before run something else";
  }
}

// --- Nothing will happen ------------------------------------------------------------------------------------------

TEST(ClusterRollout, WhatWillNotRollEndsByItsReason) {
  struct Row {
    const char* kind;
    const char* trigger;
    RolloutEnd end;
    TriggerVerdict verdict;
  };
  for (const auto& row :
       {Row{"DeploymentConfig", "manual", RolloutEnd::not_triggered, TriggerVerdict::manual},
        Row{"DeploymentConfig", "missing", RolloutEnd::not_triggered, TriggerVerdict::missing},
        Row{"DeploymentConfig", "paused", RolloutEnd::paused, TriggerVerdict::paused},
        Row{"DeploymentConfig", "malformed", RolloutEnd::not_triggered, TriggerVerdict::wrong_container},
        Row{"Deployment", "manual", RolloutEnd::not_triggered, TriggerVerdict::manual},
        Row{"Deployment", "paused", RolloutEnd::paused, TriggerVerdict::paused},
        Row{"Deployment", "malformed", RolloutEnd::not_triggered, TriggerVerdict::malformed},
        Row{"StatefulSet", "manual", RolloutEnd::not_triggered, TriggerVerdict::manual},
        Row{"StatefulSet", "malformed", RolloutEnd::not_triggered, TriggerVerdict::malformed},
        Row{"DaemonSet", "manual", RolloutEnd::not_triggered, TriggerVerdict::manual}}) {
    SCOPED_TRACE(fmt::format("{} with the trigger {}", row.kind, row.trigger));
    Shop shop;
    shop.add(row.kind, "web", row.trigger);
    const auto before = shop.connection().requests();
    const auto results = shop.promote("2");
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results.front().end, row.end) << results.front().sentence;
    EXPECT_EQ(results.front().verdict, row.verdict) << results.front().sentence;
    EXPECT_LE(shop.connection().requests() - before, 8U) << "six lists, one more for CronJobs, and the tag";
  }
}

TEST(ClusterRollout, OneThatIsPausedInTheMiddleIsTold) {
  Shop shop;
  shop.add("DeploymentConfig", "web");
  const auto followed = shop.prepare("2");
  const auto patched = shop.client().patch<kube::DeploymentConfig>(
      "shop", "web", kube::PatchType::merge, *parse_json(R"({"spec": {"paused": true}})"), in_time());
  ASSERT_TRUE(patched.ok()) << why(patched);
  shop.move_to("2");
  const auto results = shop.follow(followed);
  EXPECT_EQ(results.front().end, RolloutEnd::paused) << results.front().sentence;
}

// --- Failures -----------------------------------------------------------------------------------------------------

struct Trouble {
  const char* kind;
  const char* outcome;
  CauseKind cause;
  const char* words;
};

std::string sentence_of(const RolloutResult& result, const When& when) { return result.sentence + joined(when.lines); }

// Not here: the outcome "fail" of a DeploymentConfig. Its pods are gone again at their first crash, and who comes later
// hears of the deployer only.
TEST(ClusterRollout, WhatTheClusterGivesUpIsToldByItsFirstCause) {
  for (const auto& row : {Trouble{"DeploymentConfig", "hang", CauseKind::deployer, "web-2-deploy"},
                          Trouble{"DeploymentConfig", "unpullable", CauseKind::pull_failed, "manifest unknown"},
                          Trouble{"DeploymentConfig", "crash-loop", CauseKind::crash_loop, "exit code 1"},
                          Trouble{"DeploymentConfig", "unschedulable", CauseKind::unschedulable, "Insufficient memory"},
                          Trouble{"DeploymentConfig", "never-ready", CauseKind::probe, "HTTP status 503"},
                          Trouble{"DeploymentConfig", "quota", CauseKind::quota, "exceeded quota: compute-resources"},
                          Trouble{"Deployment", "hang", CauseKind::deadline, "deadline"},
                          Trouble{"Deployment", "unpullable", CauseKind::pull_failed, "manifest unknown"},
                          Trouble{"Deployment", "crash-loop", CauseKind::crash_loop, "exit code 1"},
                          Trouble{"Deployment", "unschedulable", CauseKind::unschedulable, "Insufficient memory"},
                          Trouble{"Deployment", "never-ready", CauseKind::probe, "HTTP status 503"},
                          Trouble{"Deployment", "quota", CauseKind::quota, "exceeded quota: compute-resources"}}) {
    SCOPED_TRACE(fmt::format("{} that comes to: {}", row.kind, row.outcome));
    Shop shop;
    shop.add(row.kind, "web", "automatic", 1);
    shop.turn(fmt::format(R"({{"knob": "outcome", "kind": "{}", "namespace": "shop", "name": "web", "result": "{}"}})",
                          row.kind, row.outcome));
    const bool silent = row.cause == CauseKind::deployer || row.cause == CauseKind::deadline;
    // Once it is seen what is wrong, the time of the cluster passes.
    When when(silent ? "0 of 1 pods ready" : row.words, [&] {
      shop.await_standstill(row.kind, row.cause != CauseKind::quota);
      shop.turn(R"({"knob": "clock", "advance-seconds": 700})");
    });
    const auto results = shop.promote("2", std::ref(when));
    ASSERT_EQ(results.size(), 1U);
    const auto& result = results.front();
    EXPECT_EQ(result.end, RolloutEnd::failed) << sentence_of(result, when);
    ASSERT_TRUE(result.cause) << sentence_of(result, when);
    EXPECT_EQ(to_string(result.cause->kind), to_string(row.cause)) << sentence_of(result, when);
    EXPECT_NE(result.sentence.find(row.words), std::string::npos) << sentence_of(result, when);
    // One that is given up at its first crash may be gone, with its log, before anybody can ask.
    if (std::string(row.outcome) != "crash-loop") continue;
    ASSERT_TRUE(result.log) << "the last lines were to be read while the pod was there";
    EXPECT_NE(joined(result.log->lines).find("no such host"), std::string::npos) << joined(result.log->lines);
    EXPECT_EQ(result.sentence.find("no such host"), std::string::npos) << "log lines belong on a terminal only";
  }
}

TEST(ClusterRollout, WhatTheClusterNeverGivesUpEndsWithItsPatience) {
  for (const auto& row : {Trouble{"StatefulSet", "unpullable", CauseKind::pull_failed, "manifest unknown"},
                          Trouble{"StatefulSet", "crash-loop", CauseKind::crash_loop, "exit code 1"},
                          Trouble{"StatefulSet", "unschedulable", CauseKind::unschedulable, "Insufficient memory"},
                          Trouble{"StatefulSet", "never-ready", CauseKind::probe, "HTTP status 503"},
                          Trouble{"StatefulSet", "quota", CauseKind::quota, "exceeded quota"},
                          Trouble{"DaemonSet", "unpullable", CauseKind::pull_failed, "manifest unknown"},
                          Trouble{"DaemonSet", "crash-loop", CauseKind::crash_loop, "exit code 1"},
                          Trouble{"DaemonSet", "never-ready", CauseKind::probe, "HTTP status 503"},
                          Trouble{"DaemonSet", "quota", CauseKind::quota, "exceeded quota"}}) {
    SCOPED_TRACE(fmt::format("{} that comes to: {}", row.kind, row.outcome));
    Shop shop;
    shop.add(row.kind, "web", "automatic", 1);
    shop.turn(fmt::format(R"({{"knob": "outcome", "kind": "{}", "namespace": "shop", "name": "web", "result": "{}"}})",
                          row.kind, row.outcome));
    FollowOptions options;
    options.patience = std::chrono::milliseconds(0);
    When when("nothing", [] {});
    const auto results = shop.promote("2", std::ref(when), options);
    const auto& result = results.front();
    EXPECT_EQ(result.end, RolloutEnd::failed) << sentence_of(result, when);
    ASSERT_TRUE(result.cause) << sentence_of(result, when);
    EXPECT_EQ(to_string(result.cause->kind), to_string(row.cause)) << sentence_of(result, when);
    EXPECT_NE(result.sentence.find(row.words), std::string::npos) << sentence_of(result, when);
  }
}

TEST(ClusterRollout, APullThatIsDeniedIsCalledThat) {
  Shop shop;
  shop.add("Deployment", "web");
  // Now it follows the stream of another project, where its account has no right.
  const auto patched = shop.client().patch<kube::Deployment>(
      "shop", "web", kube::PatchType::merge,
      *parse_json(
          R"({"metadata": {"annotations": {"image.openshift.io/triggers": "[{\"from\":{\"kind\":\"ImageStreamTag\",\"name\":\"web:2\",\"namespace\":\"shop-dev\"},\"fieldPath\":\"spec.template.spec.containers[0].image\"}]"}}})"),
      in_time());
  ASSERT_TRUE(patched.ok()) << why(patched);
  auto workloads = read_workloads(shop.client(), "shop", in_time());
  ASSERT_TRUE(workloads.ok()) << why(workloads);
  const StreamTag tag{"shop-dev", "web", "2", shop.digest("2")};
  auto followed = followed_workloads(*workloads, judge_workloads(*workloads, {tag}), {{tag, {}}});
  ASSERT_EQ(followed.size(), 1U);
  FollowOptions options;
  options.patience = std::chrono::milliseconds(0);
  const auto results = shop.follow(followed, {}, options);
  ASSERT_TRUE(results.front().cause) << results.front().sentence;
  EXPECT_EQ(results.front().cause->kind, CauseKind::pull_denied) << results.front().sentence;
}

TEST(ClusterRollout, ACancelledRolloutIsCalledThat) {
  Shop shop;
  shop.add("DeploymentConfig", "web");
  shop.turn(R"({"knob": "outcome", "kind": "DeploymentConfig", "namespace": "shop", "name": "web", "result": "hang"})");
  When when("pods ready", [&] {
    const auto cancelled = shop.client().patch<kube::ReplicationController>(
        "shop", "web-2", kube::PatchType::merge,
        *parse_json(R"({"metadata": {"annotations": {"openshift.io/deployment.cancelled": "true",
                        "openshift.io/deployment.status-reason": "cancelled by the user"}}})"),
        in_time());
    ASSERT_TRUE(cancelled.ok()) << why(cancelled);
  });
  const auto results = shop.promote("2", std::ref(when));
  EXPECT_EQ(results.front().end, RolloutEnd::failed) << sentence_of(results.front(), when);
  ASSERT_TRUE(results.front().cause);
  EXPECT_EQ(results.front().cause->kind, CauseKind::cancelled) << sentence_of(results.front(), when);
}

// --- Somebody else ------------------------------------------------------------------------------------------------

TEST(ClusterRollout, AnotherImageInTheMiddleSupersedesAndFailsNothing) {
  for (const auto* kind : {"DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"}) {
    SCOPED_TRACE(kind);
    Shop shop;
    shop.add(kind, "web");
    shop.turn(fmt::format(R"({{"knob": "outcome", "digest": "{}", "result": "hang"}})", shop.digest("2")));
    When when("pods ready", [&] { shop.move_to("3"); });
    const auto results = shop.promote("2", std::ref(when));
    EXPECT_EQ(results.front().end, RolloutEnd::superseded) << sentence_of(results.front(), when);
    EXPECT_FALSE(results.front().cause);
  }
}

TEST(ClusterRollout, ANewerRolloutOfTheSameImageIsFollowed) {
  Shop shop;
  shop.add("DeploymentConfig", "web");
  shop.turn(fmt::format(R"({{"knob": "outcome", "digest": "{}", "result": "hang"}})", shop.digest("2")));
  When when("of 2 pods ready", [&] {
    shop.turn(fmt::format(R"({{"knob": "outcome", "digest": "{}", "result": "succeed"}})", shop.digest("2")));
    const auto again = shop.client().instantiate("shop", "web", true, true, in_time());
    ASSERT_TRUE(again.ok()) << why(again);
  });
  const auto results = shop.promote("2", std::ref(when));
  EXPECT_EQ(results.front().end, RolloutEnd::succeeded) << sentence_of(results.front(), when);
  EXPECT_EQ(results.front().rollout, "web-3");
  EXPECT_EQ(results.front().replaced, std::vector<std::string>{"web-2"});
}

TEST(ClusterRollout, AWorkloadThatIsDeletedIsGone) {
  Shop shop;
  shop.add("Deployment", "web");
  shop.turn(fmt::format(R"({{"knob": "outcome", "digest": "{}", "result": "hang"}})", shop.digest("2")));
  When when("pods ready", [&] {
    const auto removed = shop.client().remove<kube::Deployment>("shop", "web", in_time());
    ASSERT_TRUE(removed.ok()) << why(removed);
  });
  const auto results = shop.promote("2", std::ref(when));
  EXPECT_EQ(results.front().end, RolloutEnd::gone) << sentence_of(results.front(), when);
}

// --- The connection -----------------------------------------------------------------------------------------------

TEST(ClusterRollout, CutsAndExpiredVersionsInTheMiddleLoseNothing) {
  for (const auto* kind : {"DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"}) {
    SCOPED_TRACE(kind);
    Shop shop;
    shop.add(kind, "web");
    shop.turn(R"({"knob": "step-delay", "seconds": 0.1})");
    std::vector<std::string> lines;
    const auto results = shop.promote("2", [&](const RolloutProgress& progress) {
      lines.push_back(progress.line);
      if (lines.size() % 2 == 0) shop.turn(R"({"knob": "expire-versions"})");
      shop.turn(R"({"knob": "close-watches"})");
    });
    EXPECT_EQ(results.front().end, RolloutEnd::succeeded) << results.front().sentence << joined(lines);
    EXPECT_EQ(results.front().digests, std::set<std::string>{shop.digest("2")});
  }
}

TEST(ClusterRollout, ATokenThatEndsInTheMiddleIsAnErrorThatSaysSo) {
  Shop shop;
  shop.add("DeploymentConfig", "web");
  shop.turn(R"({"knob": "outcome", "kind": "DeploymentConfig", "namespace": "shop", "name": "web", "result": "hang"})");
  Door ann(shop.loop(), shop.box().addresses().api, "anns-token");
  net::LoopStreams streams(shop.loop());
  const auto followed = shop.prepare("2");
  shop.move_to("2");
  When when("pods ready", [&] {
    shop.turn(R"({"knob": "revoke-token", "user": "ann"})");
    shop.turn(R"({"knob": "close-watches"})");
  });
  const auto results = follow_rollouts(*ann.client, streams, followed, {}, in_time(), std::ref(when));
  EXPECT_TRUE(failed_with(results, ErrorKind::unauthenticated, "expired or was revoked while rollouts were followed"));
}

TEST(ClusterRollout, StopsWhenAsked) {
  Shop shop;
  shop.add("DeploymentConfig", "web");
  shop.turn(R"({"knob": "outcome", "kind": "DeploymentConfig", "namespace": "shop", "name": "web", "result": "hang"})");
  net::LoopStreams streams(shop.loop());
  const auto followed = shop.prepare("2");
  shop.move_to("2");
  std::stop_source stop;
  When when("pods ready", [&] { stop.request_stop(); });
  const auto results = follow_rollouts(shop.client(), streams, followed, {},
                                       {Deadline::after(std::chrono::seconds(120)), stop.get_token()}, std::ref(when));
  EXPECT_TRUE(failed_with(results, ErrorKind::cancelled, "the tags stay where they are"));
}

TEST(ClusterRollout, TheDeadlineEndsWhatHasNotEnded) {
  Shop shop;
  shop.add("StatefulSet", "web");
  shop.turn(R"({"knob": "outcome", "kind": "StatefulSet", "namespace": "shop", "name": "web", "result": "hang"})");
  net::LoopStreams streams(shop.loop());
  const auto followed = shop.prepare("2");
  shop.move_to("2");
  const auto results =
      follow_rollouts(shop.client(), streams, followed, {}, within(std::chrono::seconds(1)), OnRollout());
  ASSERT_TRUE(results.ok()) << why(results);
  EXPECT_EQ(results->front().end, RolloutEnd::timed_out) << results->front().sentence;
}

TEST(ClusterRollout, WatchesThatMayNotBeOpenedAreAnError) {
  Shop shop;
  shop.add("DeploymentConfig", "web");
  shop.apply(R"({"users": [{"name": "bob", "password": "pw", "token": "bobs-token"}]})");
  Door bob(shop.loop(), shop.box().addresses().api, "bobs-token");
  net::LoopStreams streams(shop.loop());
  const auto results = follow_rollouts(*bob.client, streams, shop.prepare("1"), {}, in_time(), OnRollout());
  EXPECT_TRUE(failed_with(results, ErrorKind::denied));
}

TEST(ClusterRollout, EventsThatMayNotBeReadOnlyMakeCausesPoorer) {
  Shop shop;
  shop.add("DeploymentConfig", "web");
  shop.apply(R"({"users": [{"name": "bob", "password": "pw", "token": "bobs-token"}],
                 "rights": [{"subject": "user:bob", "role": "watcher", "project": "shop", "rules": [
                   {"apiGroups": ["", "apps.openshift.io"], "verbs": ["get", "list", "watch"],
                    "resources": ["deploymentconfigs", "replicationcontrollers", "pods"]}]}]})");
  Door bob(shop.loop(), shop.box().addresses().api, "bobs-token");
  net::LoopStreams streams(shop.loop());
  const auto followed = shop.prepare("2");
  shop.move_to("2");
  const auto results = follow_rollouts(*bob.client, streams, followed, {}, in_time(), OnRollout());
  ASSERT_TRUE(results.ok()) << why(results);
  EXPECT_EQ(results->front().end, RolloutEnd::succeeded) << results->front().sentence;
}

// --- How many calls -----------------------------------------------------------------------------------------------

TEST(ClusterRollout, WorkloadsOfAllKindsAreFollowedTogether) {
  Shop shop;
  for (const auto* kind : {"DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet", "CronJob"}) {
    shop.add(kind, text::lower(kind));
  }
  shop.turn(R"({"knob": "outcome", "kind": "Deployment", "namespace": "shop", "name": "deployment",
                "result": "crash-loop"})");
  FollowOptions options;
  options.patience = std::chrono::milliseconds(0);
  const auto before = shop.connection().requests();
  const auto results = shop.promote("2", {}, options);
  ASSERT_EQ(results.size(), 5U);
  for (const auto& result : results) {
    const bool fails = result.kind == WorkloadKind::deployment;
    EXPECT_EQ(is_good(result.end), !fails) << result.sentence;
  }
  // Seven lists and the tag; a list and a watch of eight kinds; a log.
  EXPECT_LE(shop.connection().requests() - before, 7U + 1 + 16 + 1);
}

TEST(ClusterRollout, FiveHundredWorkloadsDoNotNeedFiveHundredCalls) {
  Shop shop;
  std::string list;
  for (int i = 0; i < 496; ++i) {
    list += fmt::format(R"({}{{"kind": "DeploymentConfig", "project": "shop", "name": "quiet{}", "image": "web:live",
                           "trigger": "manual"}})",
                        i == 0 ? "" : ",", i);
  }
  shop.apply(R"({"workloads": [)" + list + "]}");
  for (const auto* name : {"a", "b", "c", "d"}) shop.add("DeploymentConfig", name, "automatic", 1);
  const auto before = shop.connection().requests();
  const auto results = shop.promote("2");
  EXPECT_EQ(results.size(), 500U);
  EXPECT_EQ(std::count_if(results.begin(), results.end(),
                          [](const RolloutResult& result) { return result.end == RolloutEnd::succeeded; }),
            4);
  // Seven lists, the tag; then a list and a watch of DeploymentConfigs, their controllers, pods and events.
  EXPECT_LE(shop.connection().requests() - before, 16U);
}

}  // namespace
}  // namespace sluice::openshift
