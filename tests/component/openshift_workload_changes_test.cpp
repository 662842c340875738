// What is written to workloads, against a sandbox: triggers mended so that the next move of the tag rolls, pauses that
// hold rollouts back, rollouts that are started, images that are set.

#include "net/transfer_loop.hpp"
#include "openshift/rollouts/follow.hpp"
#include "openshift/rollouts/running.hpp"
#include "openshift/workloads/changes.hpp"
#include "openshift/workloads/findings.hpp"
#include "openshift/workloads/triggers.hpp"
#include "sandbox/control/sandbox.hpp"
#include "support/checks.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using support::failed_with;
using support::why;

net::ExchangeContext in_time() { return {Deadline::after(std::chrono::seconds(60)), {}}; }

std::string shown(sandbox::Profile profile) { return profile == sandbox::Profile::v4 ? "4.x" : "3.11"; }

constexpr auto kProfiles = {sandbox::Profile::v3_11, sandbox::Profile::v4};

/// A sandbox with two images of a stream in shop-dev, and the project shop, where web:live is the first of them.
class Shop {
 public:
  explicit Shop(sandbox::Profile profile) : batch_v1_(profile == sandbox::Profile::v4) {
    sandbox::SandboxOptions options;
    options.tls = sandbox::SandboxOptions::Tls::none;
    options.profile = profile;
    box_ = must(sandbox::Sandbox::start(options));
    const auto scenario = must(sandbox::parse_scenario(
        R"({"projects": [{"name": "shop-dev"}, {"name": "shop"}],
            "images": [{"project": "shop-dev", "stream": "web", "tag": "1", "layers": 1, "layer-bytes": 1000},
                       {"project": "shop-dev", "stream": "web", "tag": "2", "layers": 2, "layer-bytes": 1000}]})",
        "test"));
    if (auto applied = box_->apply(scenario); !applied) throw std::runtime_error(applied.error().sentence());
    kube::ConnectionOptions connecting;
    connecting.access.server = *net::Url::parse(box_->addresses().api);
    connecting.access.identity = kube::token_identity(Secret(box_->addresses().admin_token), "the sandbox");
    connecting.timing.fraction = [] { return 0.0; };
    connection_ = std::make_unique<kube::Connection>(loop_, std::move(connecting));
    client_ = std::make_unique<kube::Client>(*connection_);
    const auto stream = must(client().get<kube::ImageStream>("shop-dev", "web", in_time()));
    for (const auto* tag : {"1", "2"}) digests_[tag] = stream.top(tag)->image;
    move("live", "1");
    repository_ = must(client().get<kube::ImageStream>("shop", "web", in_time())).repository();
  }

  template <class T>
  static T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().sentence());
    return std::move(*result);
  }
  static void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().sentence());
  }

  void move(const std::string& tag, const std::string& to) {
    must(client().tag(
        kube::ImageStreamTag::pointing("shop", "web", tag, {"ImageStreamImage", "shop-dev", "web@" + digests_[to]}),
        in_time()));
  }
  void turn(const std::string& knob) {
    const auto turned = box_->turn(*parse_json(knob));
    if (!turned) throw std::runtime_error(turned.error().sentence());
  }
  /// A manifest that runs the first image by its digest in the containers "web" and "side" (of something else), and
  /// follows web:live with its trigger.
  Json manifest(const std::string& kind, const std::string& name) const {
    sandbox::Scenario::Workload wanted;
    wanted.kind = kind;
    wanted.project = "shop";
    wanted.name = name;
    wanted.image = "web:live";
    wanted.replicas = 1;
    auto out = sandbox::manifest_of(wanted, batch_v1_);
    auto containers = Json::array();
    containers.push(Json::object().set("name", "web").set("image", pull_spec("1")));
    containers.push(Json::object().set("name", "side").set("image", "quay.io/tools/side:1"));
    if (kind == "CronJob") {
      kube::set_at(out, {"spec", "jobTemplate", "spec", "template", "spec", "containers"}, std::move(containers));
    } else {
      kube::set_at(out, {"spec", "template", "spec", "containers"}, std::move(containers));
    }
    if (kind == "DeploymentConfig") {
      kube::set_at(out, {"spec", "triggers"}, triggers(R"({"kind": "ImageStreamTag", "name": "web:live"})"));
    } else {
      kube::set_at(out, {"metadata", "annotations", "image.openshift.io/triggers"},
                   trigger_annotation_for(kind, {"ImageStreamTag", "shop", "web:live"}, "web"));
    }
    return out;
  }
  static Json triggers(const std::string& from, const std::string& container = "web", bool automatic = true) {
    return *parse_json(fmt::format(
        R"([{{"type": "ConfigChange"}}, {{"type": "ImageChange", "imageChangeParams": {{"automatic": {},
            "containerNames": ["{}"], "from": {}}}}}])",
        automatic, container, from));
  }
  void add(Json manifest) {
    sandbox::Scenario scenario;
    scenario.objects.push_back({std::move(manifest), {}});
    if (auto applied = box_->apply(scenario); !applied) throw std::runtime_error(applied.error().sentence());
  }

  Workloads workloads() { return must(read_workloads(client(), "shop", in_time())); }
  StreamTag live(const std::string& image) { return {"shop", "web", "live", digests_[image]}; }
  std::vector<WorkloadUse> uses(const std::string& image) { return judge_workloads(workloads(), {live(image)}); }
  std::vector<RolloutResult> follow(const std::vector<Followed>& followed) {
    net::LoopStreams streams(loop_);
    return must(follow_rollouts(client(), streams, followed, {}, in_time(), {}));
  }
  /// Snapshots of who will come to run an image by web:live.
  std::vector<Followed> prepare(const std::string& image) {
    const auto all = workloads();
    return followed_workloads(all, judge_workloads(all, {live(image)}), {{live(image), {}}});
  }
  /// Waits until the workloads run an image of web:live.
  void settle(const std::string& image) {
    for (const auto& result : follow(prepare(image))) {
      if (!is_good(result.end)) throw std::runtime_error(result.sentence);
    }
  }

  std::string pull_spec(const std::string& image) const { return repository_ + "@" + digests_.at(image); }
  const std::string& digest(const std::string& image) const { return digests_.at(image); }
  kube::Client& client() { return *client_; }
  net::TransferLoop& loop() { return loop_; }

 private:
  bool batch_v1_;
  std::unique_ptr<sandbox::Sandbox> box_;
  net::TransferLoop loop_;
  std::unique_ptr<kube::Connection> connection_;
  std::unique_ptr<kube::Client> client_;
  std::map<std::string, std::string> digests_;
  std::string repository_;
};

// --- Triggers -----------------------------------------------------------------------------------------------------

struct Broken {
  std::string name;
  TriggerVerdict verdict;
  Json manifest;
  std::string done;  ///< what fix_trigger() says it did
};

Broken config(const Shop& shop, const std::string& name, TriggerVerdict verdict, Json triggers,
              const std::string& done) {
  auto manifest = shop.manifest("DeploymentConfig", name);
  kube::set_at(manifest, {"spec", "triggers"}, std::move(triggers));
  return {name, verdict, std::move(manifest), done};
}

Broken annotated(const Shop& shop, const std::string& kind, const std::string& name, TriggerVerdict verdict,
                 const std::string& annotation, const std::string& done) {
  auto manifest = shop.manifest(kind, name);
  if (annotation.empty()) {
    kube::set_at(manifest, {"metadata", "annotations"}, Json::object());
  } else {
    kube::set_at(manifest, {"metadata", "annotations", "image.openshift.io/triggers"}, annotation);
  }
  return {name, verdict, std::move(manifest), done};
}

std::vector<Broken> broken_configs(const Shop& shop) {
  const std::string live = R"({"kind": "ImageStreamTag", "name": "web:live", "namespace": "shop"})";
  const std::string test = R"({"kind": "ImageStreamTag", "name": "web:test", "namespace": "shop"})";
  const std::string dev = R"({"kind": "ImageStreamTag", "name": "web:live", "namespace": "shop-dev"})";
  using enum TriggerVerdict;
  return {
      config(shop, "dc-missing", missing, *parse_json(R"([{"type": "ConfigChange"}])"),
             "an ImageChange trigger on web:live was added"),
      config(shop, "dc-none", missing, Json::array(), "an ImageChange trigger on web:live was added"),
      config(shop, "dc-manual", manual, Shop::triggers(live, "web", false),
             "the ImageChange trigger on web:live was made automatic"),
      config(shop, "dc-container", wrong_container, Shop::triggers(live, "wbe"),
             "the ImageChange trigger on web:live sets web now"),
      config(shop, "dc-tag", other_tag, Shop::triggers(test),
             "the ImageChange trigger on web:test was moved to shop/web:live"),
      config(shop, "dc-project", other_project, Shop::triggers(dev),
             "the ImageChange trigger on web:live was moved to shop/web:live"),
  };
}

std::vector<Broken> broken_annotations(const Shop& shop) {
  const auto text = [](const std::string& from, const std::string& container, const std::string& more = "") {
    return fmt::format(
        R"([{{"from": {{"kind": "ImageStreamTag", {}}}, "fieldPath":
            "spec.template.spec.containers[?(@.name==\"{}\")].image"{}}}])",
        from, container, more);
  };
  const std::string live = R"("name": "web:live", "namespace": "shop")";
  using enum TriggerVerdict;
  return {
      annotated(shop, "Deployment", "missing", missing, "", "a trigger on web:live for web was added"),
      annotated(shop, "Deployment", "paused-trigger", manual, text(live, "web", R"(, "paused": true)"), ""),
      annotated(shop, "Deployment", "text-for-boolean", malformed, text(live, "web", R"(, "paused": "false")"), ""),
      annotated(shop, "Deployment", "misspelt-key", malformed,
                R"([{"from": {"kind": "ImageStreamTag", "name": "web:live"}, "fieldpth": "x"}])", ""),
      annotated(shop, "Deployment", "no-json", malformed, "web:live", ""),
      annotated(shop, "Deployment", "no-list", malformed, R"({"from": {"kind": "ImageStreamTag", "name": "web:live"}})",
                ""),
      annotated(shop, "Deployment", "single-quotes", malformed,
                R"([{"from": {"kind": "ImageStreamTag", "name": "web:live"},
                     "fieldPath": "spec.template.spec.containers[?(@.name=='web')].image"}])",
                ""),
      annotated(shop, "Deployment", "container", wrong_container, text(live, "wbe"), ""),
      annotated(shop, "Deployment", "tag", other_tag, text(R"("name": "web:test")", "web"), ""),
      annotated(shop, "Deployment", "project", other_project,
                text(R"("name": "web:live", "namespace": "shop-dev")", "web"), ""),
      annotated(shop, "StatefulSet", "set", missing, "", "a trigger on web:live for web was added"),
      annotated(shop, "DaemonSet", "daemon", malformed, text(live, "web", R"(, "paused": "no")"), ""),
  };
}

void expect_mended(Shop& shop, const std::vector<Broken>& all) {
  for (const auto& one : all) shop.add(one.manifest);
  const auto uses = shop.uses("2");
  for (const auto& one : all) {
    SCOPED_TRACE(one.name);
    const auto use =
        std::find_if(uses.begin(), uses.end(), [&](const WorkloadUse& other) { return other.name == one.name; });
    ASSERT_NE(use, uses.end());
    ASSERT_EQ(to_string(use->verdict), to_string(one.verdict)) << use->why;
    const auto done = fix_trigger(shop.client(), *use, in_time());
    ASSERT_TRUE(done.ok()) << why(done);
    EXPECT_EQ(*done, one.done.empty() ? "a trigger on web:live for web was written anew" : one.done);
  }
  shop.settle("1");  // a mended trigger brings what the tag is now
  const auto followed = shop.prepare("2");
  shop.move("live", "2");
  const auto results = shop.follow(followed);
  EXPECT_EQ(results.size(), all.size());
  for (const auto& result : results) {
    EXPECT_TRUE(is_good(result.end)) << result.name << ": " << to_string(result.end) << ": " << result.sentence;
    EXPECT_EQ(result.digests, std::set<std::string>{shop.digest("2")}) << result.name;
  }
}

TEST(ClusterWorkloadChanges, AMendedDeploymentConfigRollsWhenTheTagMoves) {
  for (const auto profile : kProfiles) {
    SCOPED_TRACE(shown(profile));
    Shop shop(profile);
    shop.move("test", "1");
    expect_mended(shop, broken_configs(shop));
  }
}

TEST(ClusterWorkloadChanges, AMendedAnnotationRollsWhenTheTagMoves) {
  for (const auto profile : kProfiles) {
    SCOPED_TRACE(shown(profile));
    Shop shop(profile);
    shop.move("test", "1");
    expect_mended(shop, broken_annotations(shop));
  }
}

TEST(ClusterWorkloadChanges, ACronJobIsMendedInItsOldAndItsNewPlace) {
  for (const auto profile : kProfiles) {
    SCOPED_TRACE(shown(profile));
    Shop shop(profile);
    auto job = annotated(shop, "CronJob", "nightly", TriggerVerdict::missing, "", "");
    shop.add(job.manifest);
    const auto uses = shop.uses("2");
    ASSERT_EQ(uses.size(), 1U);
    const auto done = fix_trigger(shop.client(), uses.front(), in_time());
    ASSERT_TRUE(done.ok()) << why(done);
    const auto followed = shop.prepare("2");
    shop.move("live", "2");
    const auto results = shop.follow(followed);
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results.front().end, RolloutEnd::next_run) << results.front().sentence;
  }
}

// --- Pausing ------------------------------------------------------------------------------------------------------

TEST(ClusterWorkloadChanges, APausedWorkloadTakesItsImageAndRollsWhenItIsResumed) {
  for (const auto profile : kProfiles) {
    for (const auto kind : {WorkloadKind::deployment_config, WorkloadKind::deployment}) {
      SCOPED_TRACE(fmt::format("{} on {}", to_string(kind), shown(profile)));
      Shop shop(profile);
      shop.add(shop.manifest(std::string(to_string(kind)), "web"));
      shop.settle("1");
      const auto followed = shop.prepare("2");
      ASSERT_EQ(followed.size(), 1U);
      const WorkloadRef ref{kind, "shop", "web", followed.front().before.uid};

      shop.turn(
          fmt::format(R"({{"knob": "conflict", "resource": "{}", "namespace": "shop", "name": "web", "times": 2}})",
                      kind == WorkloadKind::deployment ? "deployments" : "deploymentconfigs"));
      auto paused = pause_workload(shop.client(), ref, in_time());
      ASSERT_TRUE(paused.ok()) << why(paused);
      EXPECT_TRUE(*paused);
      paused = pause_workload(shop.client(), ref, in_time());
      ASSERT_TRUE(paused.ok()) << why(paused);
      EXPECT_FALSE(*paused) << "it was paused already";
      EXPECT_TRUE(failed_with(start_rollout(shop.client(), ref, in_time()), ErrorKind::blocked));

      net::LoopStreams streams(shop.loop());
      shop.move("live", "2");
      const auto named = await_template(shop.client(), streams, ref, {{"web", false, shop.digest("2")}}, in_time());
      ASSERT_TRUE(named.ok()) << why(named);
      EXPECT_TRUE(*named);
      const auto resumed = resume_workload(shop.client(), ref, in_time());
      ASSERT_TRUE(resumed.ok()) << why(resumed);
      const auto results = shop.follow(followed);
      EXPECT_EQ(results.front().end, RolloutEnd::succeeded) << results.front().sentence;
    }
  }
}

TEST(ClusterWorkloadChanges, AnotherObjectOfTheSameNameIsLeftAlone) {
  Shop shop(sandbox::Profile::v4);
  shop.add(shop.manifest("Deployment", "web"));
  const WorkloadRef other{WorkloadKind::deployment, "shop", "web", "another-uid"};
  const WorkloadRef gone{WorkloadKind::deployment, "shop", "gone", ""};
  EXPECT_TRUE(failed_with(pause_workload(shop.client(), other, in_time()), ErrorKind::conflict));
  EXPECT_TRUE(failed_with(start_rollout(shop.client(), other, in_time()), ErrorKind::conflict));
  EXPECT_TRUE(failed_with(set_images(shop.client(), other, {{"web", false, shop.pull_spec("2")}}, in_time()),
                          ErrorKind::conflict));
  EXPECT_TRUE(resume_workload(shop.client(), other, in_time()).ok()) << "what we paused is gone";
  EXPECT_TRUE(resume_workload(shop.client(), gone, in_time()).ok());
  EXPECT_TRUE(failed_with(pause_workload(shop.client(), gone, in_time()), ErrorKind::not_found));
}

TEST(ClusterWorkloadChanges, WaitingForATemplateEndsAtTheDeadline) {
  Shop shop(sandbox::Profile::v4);
  shop.add(shop.manifest("Deployment", "web"));
  net::LoopStreams streams(shop.loop());
  const WorkloadRef ref{WorkloadKind::deployment, "shop", "web"};
  const net::ExchangeContext soon{Deadline::after(std::chrono::milliseconds(300)), {}};
  const auto named = await_template(shop.client(), streams, ref, {{"web", false, shop.digest("2")}}, soon);
  ASSERT_TRUE(named.ok()) << why(named);
  EXPECT_FALSE(*named);
}

// --- Rollouts and images ------------------------------------------------------------------------------------------

TEST(ClusterWorkloadChanges, ARolloutOfTheSameImageIsStartedForEachKind) {
  for (const auto profile : kProfiles) {
    for (const auto kind : {WorkloadKind::deployment_config, WorkloadKind::deployment, WorkloadKind::stateful_set,
                            WorkloadKind::daemon_set}) {
      SCOPED_TRACE(fmt::format("{} on {}", to_string(kind), shown(profile)));
      Shop shop(profile);
      shop.add(shop.manifest(std::string(to_string(kind)), "web"));
      shop.settle("1");
      auto followed = shop.prepare("1");
      ASSERT_EQ(followed.size(), 1U);
      followed.front().must_roll = true;
      const auto started = start_rollout(shop.client(), {kind, "shop", "web", followed.front().before.uid}, in_time());
      ASSERT_TRUE(started.ok()) << why(started);
      const auto results = shop.follow(followed);
      EXPECT_EQ(results.front().end, RolloutEnd::succeeded) << results.front().sentence;
      const auto all = shop.workloads();
      const auto running = read_running(shop.client(), "shop", all, judge_workloads(all, {shop.live("1")}), in_time());
      ASSERT_TRUE(running.ok()) << why(running);
      ASSERT_EQ(running->size(), 1U);
      EXPECT_EQ(running->front().digests, std::set<std::string>{shop.digest("1")});
      EXPECT_EQ(running->front().wanted, 1);
      EXPECT_EQ(running->front().ready, 1);
      EXPECT_FALSE(running->front().rolling);
    }
  }
}

TEST(ClusterWorkloadChanges, ImagesAreSetByDigestAndRollWithoutAnyTrigger) {
  for (const auto profile : kProfiles) {
    for (const auto kind : {WorkloadKind::deployment_config, WorkloadKind::deployment, WorkloadKind::stateful_set}) {
      SCOPED_TRACE(fmt::format("{} on {}", to_string(kind), shown(profile)));
      Shop shop(profile);
      shop.move("next", "2");  // so that the image can be pulled from this project
      auto manifest = shop.manifest(std::string(to_string(kind)), "web");
      kube::set_at(manifest, {"metadata", "annotations"}, Json::object());
      if (kind == WorkloadKind::deployment_config) kube::set_at(manifest, {"spec", "triggers"}, Json::array());
      shop.add(std::move(manifest));
      auto followed = shop.prepare("2");
      ASSERT_EQ(followed.size(), 1U);
      followed.front().verdict = TriggerVerdict::fires;
      const WorkloadRef ref{kind, "shop", "web", followed.front().before.uid};
      EXPECT_TRUE(failed_with(set_images(shop.client(), ref, {{"wbe", false, shop.pull_spec("2")}}, in_time()),
                              ErrorKind::not_found));
      const auto set = set_images(shop.client(), ref, {{"web", false, shop.pull_spec("2")}}, in_time());
      ASSERT_TRUE(set.ok()) << why(set);
      const auto results = shop.follow(followed);
      EXPECT_EQ(results.front().end, RolloutEnd::succeeded) << results.front().sentence;
    }
  }
}

}  // namespace
}  // namespace sluice::openshift
