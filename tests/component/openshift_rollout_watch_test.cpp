// The watch time after a rollout, in a sandbox: what is steady, what is not, and what somebody else did.

#include "base/text.hpp"
#include "kube/client.hpp"
#include "net/transfer_loop.hpp"
#include "openshift/rollouts/follow.hpp"
#include "openshift/rollouts/watch.hpp"
#include "openshift/workloads/workloads.hpp"
#include "sandbox/control/sandbox.hpp"
#include "support/checks.hpp"
#include "support/sanitized.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using support::failed_with;
using support::why;

// What ends by itself ends long before; a test that waits for its end takes a short one.
constexpr seconds kLong{60};
// Long enough to be connected all the while: under sanitizers every answer takes many times as long.
constexpr milliseconds kShort{support::kSanitized ? 4000 : 300};

net::ExchangeContext in_time() { return {Deadline::after(seconds(120)), {}}; }

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

std::string name_for(std::string_view kind) { return text::lower(kind); }

/// A sandbox where workloads of the project shop run web:live, which was just moved from one image to the next.
class ClusterRolloutWatch : public ::testing::Test {
 protected:
  ClusterRolloutWatch() {
    sandbox::SandboxOptions options;
    options.tls = sandbox::SandboxOptions::Tls::none;
    auto started = sandbox::Sandbox::start(options);
    if (!started) throw std::runtime_error(started.error().sentence());
    box = std::move(*started);
    apply(R"({"users": [{"name": "ann", "password": "pw", "token": "anns-token"}],
              "projects": [{"name": "shop", "admin": "ann"}],
              "images": [{"project": "shop", "stream": "web", "tag": "1", "layers": 1, "layer-bytes": 1000},
                         {"project": "shop", "stream": "web", "tag": "2", "layers": 2, "layer-bytes": 1000},
                         {"project": "shop", "stream": "web", "tag": "3", "layers": 3, "layer-bytes": 1000}]})");
    admin = std::make_unique<Door>(loop, box->addresses().api, box->addresses().admin_token);
    const auto stream = client().get<kube::ImageStream>("shop", "web", in_time());
    if (!stream) throw std::runtime_error(stream.error().sentence());
    for (const auto* tag : {"1", "2", "3"}) digests[tag] = stream->top(tag)->image;
    move_to("1");
  }

  void apply(const std::string& scenario) {
    auto parsed = sandbox::parse_scenario(scenario, "test");
    if (!parsed) throw std::runtime_error(parsed.error().sentence());
    if (auto applied = box->apply(*parsed); !applied) throw std::runtime_error(applied.error().sentence());
  }
  void turn(const std::string& knob) {
    const auto turned = box->turn(*parse_json(knob));
    if (!turned) throw std::runtime_error(knob + ": " + turned.error().sentence());
  }
  void move_to(const std::string& tag) {
    const auto put = client().tag(
        kube::ImageStreamTag::pointing("shop", "web", "live", {"ImageStreamImage", "shop", "web@" + digests[tag]}),
        in_time());
    if (!put) throw std::runtime_error(put.error().sentence());
  }
  void add(const std::string& kind, const std::string& name, int replicas = 2) {
    apply(fmt::format(R"({{"workloads": [{{"kind": "{}", "project": "shop", "name": "{}", "image": "web:live",
                          "trigger": "automatic", "replicas": {}}}]}})",
                      kind, name, replicas));
    prepare("1");
    follow();
  }
  void prepare(const std::string& tag) {
    const auto workloads = read_workloads(client(), "shop", in_time());
    if (!workloads) throw std::runtime_error(workloads.error().sentence());
    const StreamTag live{"shop", "web", "live", digests[tag]};
    followed = followed_workloads(*workloads, judge_workloads(*workloads, {live}), {{live, {}}});
  }
  void follow() {
    net::LoopStreams streams(loop);
    auto ended = follow_rollouts(client(), streams, followed, {}, in_time(), {});
    if (!ended) throw std::runtime_error(ended.error().sentence());
    results = std::move(*ended);
    for (const auto& result : results) {
      if (!is_good(result.end)) throw std::runtime_error(result.sentence);
    }
  }
  void promote(const std::string& tag) {
    prepare(tag);
    move_to(tag);
    follow();
  }

  Result<std::vector<WatchedWorkload>> watch_as(kube::Client& by, milliseconds span, milliseconds grace,
                                                const net::ExchangeContext& context) {
    net::LoopStreams streams(loop);
    return watch_rollouts(by, streams, followed, results, span, grace, context,
                          [this](const RolloutProgress& progress) { hear(progress); });
  }
  std::vector<WatchedWorkload> watch(milliseconds span, milliseconds grace) {
    auto watched = watch_as(client(), span, grace, in_time());
    if (!watched) throw std::runtime_error(watched.error().sentence());
    return std::move(*watched);
  }
  /// Does something once, when a line of progress says so.
  void when(std::string words, std::function<void()> act) { acts.emplace_back(std::move(words), std::move(act)); }

  /// Writes what the node would: changes the first pod of the newest rollout.
  void change_pod(const std::function<void(Json&)>& change) {
    box->world().update([&](sandbox::World& world) {
      for (const auto& key : world.store.keys("pods", "shop")) {
        const auto object = world.store.get(key);
        const kube::Pod pod(*object);
        const auto containers = pod.containers();
        if (containers.empty() || digest_in(containers.front().image) != digests[current]) continue;
        auto next = *object;
        change(next);
        world.store.replace(key, std::move(next));
        return;
      }
      throw std::runtime_error("there is no pod to change");
    });
  }
  static Json& first_status(Json& pod) { return pod.find("status")->find("containerStatuses")->elements()->front(); }
  static void set_ready(Json& pod, bool ready) {
    first_status(pod).set("ready", ready);
    for (auto& condition : *pod.find("status")->find("conditions")->elements()) {
      if (condition.string_at("type") == "Ready") condition.set("status", ready ? "True" : "False");
    }
  }

  kube::Client& client() { return *admin->client; }
  std::string heard() const {
    std::string out;
    for (const auto& line : lines) out += "\n  " + line;
    return out;
  }

  std::unique_ptr<sandbox::Sandbox> box;
  net::TransferLoop loop;
  std::unique_ptr<Door> admin;
  std::map<std::string, std::string> digests;
  std::string current = "2";
  std::vector<Followed> followed;
  std::vector<RolloutResult> results;
  std::vector<std::string> lines;

 private:
  void hear(const RolloutProgress& progress) {
    lines.push_back(progress.line);
    if (acts.empty() || progress.line.find(acts.front().first) == std::string::npos) return;
    const auto act = std::move(acts.front().second);
    acts.erase(acts.begin());
    act();
  }
  std::vector<std::pair<std::string, std::function<void()>>> acts;
};

TEST_F(ClusterRolloutWatch, WhatGoesOnRunningIsSteady) {
  add("DeploymentConfig", "config");
  add("Deployment", "deployment");
  add("DaemonSet", "daemon");
  promote("2");
  const auto watched = watch(kShort, seconds(0));
  ASSERT_EQ(watched.size(), 3U);
  for (const auto& one : watched) {
    EXPECT_TRUE(one.steady) << one.sentence << heard();
    EXPECT_FALSE(one.superseded) << one.name;
    EXPECT_EQ(one.sentence, "") << one.name;
  }
  EXPECT_NE(heard().find("config: 2 of 2 pods ready"), std::string::npos) << heard();
  const auto told = "deployment: steady for " + text::human_seconds(std::chrono::duration<double>(kShort).count());
  EXPECT_NE(heard().find(told), std::string::npos) << heard();
}

TEST_F(ClusterRolloutWatch, WhatRanTheImageBeforeIsWatchedToo) {
  add("Deployment", "web");
  current = "1";
  promote("1");
  ASSERT_EQ(results.front().end, RolloutEnd::already_running) << results.front().sentence;
  when("2 of 2", [&] { change_pod([](Json& pod) { first_status(pod).set("restartCount", 2); }); });
  const auto watched = watch(kLong, kLong);
  EXPECT_FALSE(watched.front().steady) << heard();
}

TEST_F(ClusterRolloutWatch, ACrashEndsItAlthoughThePodIsBack) {
  for (const auto* kind : {"DeploymentConfig", "Deployment"}) {
    SCOPED_TRACE(kind);
    const auto name = name_for(kind);
    add(kind, name);
    promote("2");
    when(name + ": 2 of 2", [&] {
      change_pod([](Json& pod) {
        auto& status = first_status(pod);
        status.set("restartCount", 3);
        kube::set_at(status, {"lastState", "terminated", "exitCode"}, Json(137));
        kube::set_at(status, {"lastState", "terminated", "reason"}, Json("OOMKilled"));
      });
    });
    const auto watched = watch(kLong, kLong);
    ASSERT_EQ(watched.size(), 1U);
    EXPECT_FALSE(watched.front().steady) << heard();
    EXPECT_FALSE(watched.front().superseded);
    EXPECT_NE(watched.front().sentence.find("exit code 137 (OOMKilled)"), std::string::npos)
        << watched.front().sentence;
    EXPECT_NE(watched.front().sentence.find("restarts: 3"), std::string::npos) << watched.front().sentence;
    const auto removed = std::string(kind) == "Deployment"
                             ? client().remove<kube::Deployment>("shop", name, in_time())
                             : client().remove<kube::DeploymentConfig>("shop", name, in_time());
    ASSERT_TRUE(removed.ok()) << why(removed);
    move_to("1");
  }
}

TEST_F(ClusterRolloutWatch, ACrashThatGoesOnIsToldWithItsLastLines) {
  add("Deployment", "web", 1);
  promote("2");
  turn(fmt::format(R"({{"knob": "outcome", "digest": "{}", "result": "crash-loop", "log": "no such host"}})",
                   digests["2"]));
  when("1 of 1", [&] {
    change_pod([](Json& pod) {
      set_ready(pod, false);
      first_status(pod).set("state", *parse_json(R"({"terminated": {"exitCode": 1, "reason": "Error"}})"));
    });
  });
  const auto watched = watch(kLong, kLong);
  EXPECT_FALSE(watched.front().steady) << heard();
  EXPECT_NE(watched.front().sentence.find("exit code 1"), std::string::npos) << watched.front().sentence;
  EXPECT_EQ(watched.front().sentence.find("no such host"), std::string::npos) << "log lines are for a terminal only";
  ASSERT_TRUE(watched.front().log.has_value());
  EXPECT_NE(watched.front().log->lines.back().find("no such host"), std::string::npos);
}

TEST_F(ClusterRolloutWatch, PodsThatAreNoLongerReadyHaveTheGrace) {
  add("Deployment", "web");
  promote("2");
  turn(R"({"knob": "nodes", "mode": "manual"})");
  when("2 of 2", [&] { change_pod([](Json& pod) { set_ready(pod, false); }); });
  when("1 of 2", [&] { change_pod([](Json& pod) { set_ready(pod, true); }); });
  auto watched = watch(seconds(1), kLong);
  EXPECT_TRUE(watched.front().steady) << watched.front().sentence << heard();
  when("2 of 2", [&] { change_pod([](Json& pod) { set_ready(pod, false); }); });
  watched = watch(kLong, milliseconds(100));
  EXPECT_FALSE(watched.front().steady) << heard();
  EXPECT_NE(watched.front().sentence.find("Deployment web: 1 of 2 pods ready for longer than 0.10 s"),
            std::string::npos)
      << watched.front().sentence;
}

TEST_F(ClusterRolloutWatch, PodsThatSomebodyAddsNeedNotBeReady) {
  add("Deployment", "web");
  promote("2");
  when("2 of 2", [&] {
    turn(R"({"knob": "nodes", "mode": "manual"})");
    const auto scaled = client().patch<kube::Deployment>("shop", "web", kube::PatchType::merge,
                                                         *parse_json(R"({"spec": {"replicas": 4}})"), in_time());
    ASSERT_TRUE(scaled.ok()) << why(scaled);
  });
  const auto watched = watch(seconds(1), seconds(0));
  EXPECT_TRUE(watched.front().steady) << watched.front().sentence << heard();
}

TEST_F(ClusterRolloutWatch, AnotherImageInAPodEndsIt) {
  add("DeploymentConfig", "web");
  promote("2");
  when("2 of 2", [&] {
    change_pod([&](Json& pod) { first_status(pod).set("imageID", "docker-pullable://web@" + digests["3"]); });
  });
  const auto watched = watch(kLong, kLong);
  EXPECT_FALSE(watched.front().steady) << heard();
  EXPECT_FALSE(watched.front().superseded);
  EXPECT_NE(watched.front().sentence.find("runs " + digests["3"]), std::string::npos) << watched.front().sentence;
}

TEST_F(ClusterRolloutWatch, AnotherPromotionSupersedes) {
  for (const auto* kind : {"DeploymentConfig", "Deployment", "DaemonSet"}) {
    SCOPED_TRACE(kind);
    const auto name = name_for(kind);
    move_to("1");
    add(kind, name);
    prepare("2");
    std::erase_if(followed, [&](const Followed& one) { return one.before.name != name; });
    move_to("2");
    follow();
    when("pods ready", [&] { move_to("3"); });
    const auto watched = watch(kLong, kLong);
    ASSERT_EQ(watched.size(), 1U);
    EXPECT_TRUE(watched.front().superseded) << watched.front().sentence << heard();
    EXPECT_FALSE(watched.front().steady);
    EXPECT_NE(watched.front().sentence, "");
  }
}

TEST_F(ClusterRolloutWatch, AnotherRolloutOfTheSameImageSupersedes) {
  add("Deployment", "web");
  promote("2");
  when("2 of 2", [&] {
    const auto patched = client().patch<kube::Deployment>(
        "shop", "web", kube::PatchType::merge,
        *parse_json(R"({"spec": {"template": {"metadata": {"annotations": {"again": "1"}}}}})"), in_time());
    ASSERT_TRUE(patched.ok()) << why(patched);
  });
  const auto watched = watch(kLong, kLong);
  EXPECT_TRUE(watched.front().superseded) << watched.front().sentence << heard();
  EXPECT_NE(watched.front().sentence.find("was replaced by"), std::string::npos) << watched.front().sentence;
}

TEST_F(ClusterRolloutWatch, AWorkloadThatIsDeletedIsNotSteady) {
  add("DeploymentConfig", "web");
  promote("2");
  when("2 of 2", [&] {
    const auto removed = client().remove<kube::DeploymentConfig>("shop", "web", in_time());
    ASSERT_TRUE(removed.ok()) << why(removed);
  });
  const auto watched = watch(kLong, kLong);
  EXPECT_FALSE(watched.front().steady) << heard();
  EXPECT_NE(watched.front().sentence.find("DeploymentConfig web: "), std::string::npos) << watched.front().sentence;
}

TEST_F(ClusterRolloutWatch, OneThatFailsDoesNotEndTheOthers) {
  add("DeploymentConfig", "bad");
  add("DeploymentConfig", "good");
  promote("2");
  ASSERT_EQ(followed.size(), 2U);
  when("bad: 2 of 2", [&] {
    const auto removed = client().remove<kube::DeploymentConfig>("shop", "bad", in_time());
    ASSERT_TRUE(removed.ok()) << why(removed);
  });
  const auto watched = watch(seconds(1), kLong);
  for (const auto& one : watched) EXPECT_EQ(one.steady, one.name == "good") << one.name << ": " << one.sentence;
}

TEST_F(ClusterRolloutWatch, CutsAndExpiredVersionsAreNoFailure) {
  add("Deployment", "web");
  promote("2");
  when("2 of 2", [&] {
    turn(R"({"knob": "expire-versions"})");
    turn(R"({"knob": "close-watches"})");
  });
  const auto watched = watch(seconds(1), seconds(0));
  EXPECT_TRUE(watched.front().steady) << watched.front().sentence << heard();
}

TEST_F(ClusterRolloutWatch, WhatDidNotComeThroughIsNotWatched) {
  add("Deployment", "web");
  promote("2");
  results.front().end = RolloutEnd::failed;
  const auto before = admin->connection->requests();
  const auto watched = watch(kLong, kLong);
  ASSERT_EQ(watched.size(), 1U);
  EXPECT_EQ(watched.front().name, "web");
  EXPECT_EQ(admin->connection->requests(), before);
}

TEST_F(ClusterRolloutWatch, ATokenThatEndsIsToldAsThat) {
  add("Deployment", "web");
  promote("2");
  const Door ann(loop, box->addresses().api, "anns-token");
  when("2 of 2", [&] {
    turn(R"({"knob": "revoke-token", "token": "anns-token"})");
    turn(R"({"knob": "close-watches"})");
  });
  const auto watched = watch_as(*ann.client, kLong, kLong, in_time());
  EXPECT_TRUE(failed_with(watched, ErrorKind::unauthenticated, "expired or was revoked"));
}

TEST_F(ClusterRolloutWatch, StopsWhenAsked) {
  add("Deployment", "web");
  promote("2");
  std::stop_source stop;
  when("2 of 2", [&] { stop.request_stop(); });
  const auto watched = watch_as(client(), kLong, kLong, {Deadline::after(seconds(120)), stop.get_token()});
  EXPECT_TRUE(failed_with(watched, ErrorKind::cancelled, "were watched"));
}

}  // namespace
}  // namespace sluice::openshift
