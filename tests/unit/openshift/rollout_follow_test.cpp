// Following a rollout past an API server that goes away, and past a quota that only slows it down.
#include "openshift/rollouts/follow.hpp"
#include "openshift/rollouts/sight.hpp"
#include "unit/openshift/openshift_testing.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <charconv>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::openshift {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::failed_with;
using testing::json_reply;
using testing::parsed;
using testing::reply;
using testing::why;

const std::string kOld = "sha256:" + std::string(64, 'a');
const std::string kNew = "sha256:" + std::string(64, 'b');
constexpr int kPods = 12;

/// What the API server knows, and whether it can be reached. Changes are kept in their order, as etcd does.
struct Known {
  struct Frame {
    std::string plural;
    std::string line;
  };
  bool up = true;
  unsigned cuts = 0;
  std::map<std::pair<std::string, std::string>, Json> objects;  ///< by plural and name
  std::vector<Frame> frames;                                    ///< the version is the place in here, from 1
};

std::string plural_in(const std::string& target) {
  const auto path = target.substr(0, target.find('?'));
  return path.substr(path.rfind('/') + 1);
}

Error away() { return {ErrorKind::unreachable, "the connection to api broke"}; }

/// Thread: any.
class Server final : public net::ReplyStreams, public net::Exchanger {
 public:
  void set(const std::string& plural, Json object) {
    known_.update([&](Known& known) {
      const auto version = std::to_string(known.frames.size() + 1);
      kube::set_at(object, {"metadata", "resourceVersion"}, version);
      const auto name = kube::text_at(object, {"metadata", "name"});
      known.objects.insert_or_assign({plural, name}, object);
      known.frames.push_back({plural, Json::object().set("type", "MODIFIED").set("object", object).dump() + "\n"});
    });
  }
  void go_away() {
    known_.update([](Known& known) {
      known.up = false;
      ++known.cuts;
    });
  }
  void come_back() {
    known_.update([](Known& known) { known.up = true; });
  }

  Result<net::HttpResponse> exchange(const net::HttpRequest& request, const net::ExchangeContext&) override {
    return known_.update([&](Known& known) -> Result<net::HttpResponse> {
      if (!known.up) return away();
      auto items = Json::array();
      for (const auto& [key, object] : known.objects) {
        if (key.first == plural_in(request.url.target)) items.push(object);
      }
      auto list = parsed(R"({"kind": "List"})");
      kube::set_at(list, {"metadata", "resourceVersion"}, std::to_string(known.frames.size()));
      return json_reply(200, list.set("items", std::move(items)));
    });
  }

  Result<net::OpenReply> open(const net::HttpRequest& request, const net::ExchangeContext&) override {
    const auto& target = request.url.target;
    std::size_t version = 0;
    constexpr std::string_view kVersion = "resourceVersion=";
    const auto at = target.find(kVersion) + kVersion.size();
    std::from_chars(target.data() + at, target.data() + target.size(), version);
    return known_.update([&](Known& known) -> Result<net::OpenReply> {
      if (!known.up) return away();
      return net::OpenReply{reply(200), std::make_unique<Body>(*this, plural_in(target), version, known.cuts)};
    });
  }

 private:
  class Body final : public net::IncomingBody {
   public:
    Body(Server& server, std::string plural, std::size_t next, unsigned cuts)
        : server_(server), plural_(std::move(plural)), next_(next), cuts_(cuts) {}
    Result<std::optional<std::string>> read(const net::ExchangeContext& context) override {
      const auto told = [&](const Known& known) {
        while (next_ < known.frames.size() && known.frames[next_].plural != plural_) ++next_;
        return next_ < known.frames.size() || known.cuts != cuts_;
      };
      return server_.known_.when_until(told, context.deadline, context.stop,
                                       [&](const Known& known) -> Result<std::optional<std::string>> {
                                         if (context.stop.stop_requested())
                                           return Error(ErrorKind::cancelled, "stopped");
                                         if (known.cuts != cuts_) return away();
                                         if (next_ >= known.frames.size()) return std::optional<std::string>();
                                         return std::optional(known.frames[next_++].line);
                                       });
    }

   private:
    Server& server_;
    const std::string plural_;
    std::size_t next_;
    const unsigned cuts_;
  };

  Watched<Known> known_;
};

Json template_of(const std::string& digest) {
  return parsed(
      fmt::format(R"({{"spec": {{"containers": [{{"name": "web", "image": "reg:5000/prod/web@{}"}}]}}}})", digest));
}

Json controller(const std::string& phase, int ready = 0) {
  auto json = parsed(fmt::format(R"({{"metadata": {{"name": "web-2", "uid": "rc2", "ownerReferences": [
      {{"kind": "DeploymentConfig", "name": "web", "uid": "u1", "controller": true}}],
      "annotations": {{"openshift.io/deployment-config.latest-version": "2", "openshift.io/deployment.phase": "{}"}}}},
      "spec": {{"replicas": 6}}, "status": {{"replicas": {}, "readyReplicas": {}}}}})",
                                 phase, ready, ready));
  kube::set_at(json, {"spec", "template"}, template_of(kNew));
  return json;
}

/// The DeploymentConfig web in its second rollout, scaled to no pods, so that the controller's word is all it takes.
class RolloutFollow : public ::testing::Test {
 protected:
  RolloutFollow() {
    followed_.before.kind = WorkloadKind::deployment_config;
    followed_.before.project = "prod";
    followed_.before.name = "web";
    followed_.before.uid = "u1";
    followed_.before.latest_version = 1;
    followed_.before.containers = {{"web", "reg:5000/prod/web@" + kOld, false}};
    followed_.images = {{"web", false, kNew, {kNew}}};
    scale(0);
    server_.set("replicationcontrollers", controller("Running"));
    options_.settle = milliseconds(50);
  }

  Result<std::vector<RolloutResult>> follow(milliseconds span, const std::function<void(const std::string&)>& hear) {
    kube::Connection connection(server_,
                                {.access = {"prod", testing::url("https://api.example.com:6443"), nullptr,
                                            kube::token_identity(Secret("t0k3n"), "the test's token"), "", false},
                                 .retry_times = 0});
    kube::Client client(connection);
    return follow_rollouts(client, server_, {followed_}, options_, {Deadline::after(span), {}},
                           [&](const RolloutProgress& progress) { hear(progress.line); });
  }
  void scale(int replicas) {
    auto config = parsed(fmt::format(R"({{"metadata": {{"name": "web", "uid": "u1", "generation": 4}},
        "spec": {{"replicas": {}}}, "status": {{"latestVersion": 2}}}})",
                                     replicas));
    kube::set_at(config, {"spec", "template"}, template_of(kNew));
    server_.set("deploymentconfigs", std::move(config));
  }
  /// Pods are wanted, and some are refused.
  void refuse_by_quota() {
    scale(kPods);
    server_.set("events", parsed(R"({"metadata": {"name": "e1", "uid": "e1"}, "type": "Warning",
        "reason": "FailedCreate", "message": "Error creating: pods \"x\" is forbidden: exceeded quota: few",
        "involvedObject": {"kind": "ReplicationController", "name": "web-2", "uid": "rc2"}})"));
  }

  Server server_;
  Followed followed_;
  FollowOptions options_;
};

bool has(const std::string& line, std::string_view words) { return line.find(words) != std::string::npos; }

TEST_F(RolloutFollow, OfAServerThatIsAwayAtTheDeadlineLooksAgainWhenItIsBack) {
  const auto results = follow(milliseconds(2000), [&](const std::string& line) {
    if (has(line, "pods ready")) server_.go_away();
    if (!has(line, "looking again")) return;
    server_.set("replicationcontrollers", controller("Complete"));
    server_.come_back();
  });
  ASSERT_TRUE(results.ok()) << why(results);
  EXPECT_EQ(to_string(results->front().end), to_string(RolloutEnd::succeeded)) << results->front().sentence;
}

TEST_F(RolloutFollow, OfAServerThatIsBackJudgesWhatItSeesThen) {
  bool gone = false;
  const auto results = follow(milliseconds(2000), [&](const std::string& line) {
    if (has(line, "pods ready") && !std::exchange(gone, true)) server_.go_away();
    if (has(line, "looking again")) server_.come_back();
  });
  ASSERT_TRUE(results.ok()) << why(results);
  EXPECT_EQ(to_string(results->front().end), to_string(RolloutEnd::timed_out)) << results->front().sentence;
}

TEST_F(RolloutFollow, OfAServerThatStaysAwayIsAnErrorAndNoVerdict) {
  options_.restart = milliseconds(300);
  const auto results = follow(milliseconds(2000), [&](const std::string& line) {
    if (has(line, "pods ready")) server_.go_away();
  });
  EXPECT_TRUE(failed_with(results, ErrorKind::unreachable, "the rollouts go on"));
}

TEST_F(RolloutFollow, GivesNothingUpWhileNobodySeesIt) {
  options_.grace = milliseconds(300);
  refuse_by_quota();
  const auto results = follow(milliseconds(4000), [&](const std::string& line) {
    if (has(line, "exceeded quota")) server_.go_away();
    if (!has(line, "looking again")) return;
    scale(0);
    server_.set("replicationcontrollers", controller("Complete"));
    server_.come_back();
  });
  ASSERT_TRUE(results.ok()) << why(results);
  EXPECT_EQ(to_string(results->front().end), to_string(RolloutEnd::succeeded)) << results->front().sentence;
}

TEST_F(RolloutFollow, GivesUpWhatStandsStillForTheWholeGrace) {
  options_.grace = milliseconds(300);
  refuse_by_quota();
  const auto results = follow(seconds(20), [](const std::string&) {});
  ASSERT_TRUE(results.ok()) << why(results);
  EXPECT_TRUE(has(results->front().sentence, "given up after 0.3 s")) << results->front().sentence;
}

TEST_F(RolloutFollow, OfAQuotaThatOnlySlowsItDownGoesOnWhileSomethingMoves) {
  options_.grace = milliseconds(2000);
  refuse_by_quota();
  Watched<bool> done{false};
  // A pod gets ready every 250 ms: all steps are longer than the grace, and a step that is late is still shorter.
  std::jthread cluster([&](const std::stop_token& stop) {
    for (int ready = 1; ready <= kPods; ++ready) {
      const auto over = [](bool ended) { return ended; };
      if (done.when_until(over, Deadline::after(milliseconds(250)), stop, over)) return;
      if (ready == kPods) scale(0);  // so that the controller's word is enough
      server_.set("replicationcontrollers", controller(ready == kPods ? "Complete" : "Running", ready));
    }
  });
  const auto results = follow(seconds(20), [](const std::string&) {});
  done.update([](bool& ended) { ended = true; });
  ASSERT_TRUE(results.ok()) << why(results);
  EXPECT_EQ(to_string(results->front().end), to_string(RolloutEnd::succeeded)) << results->front().sentence;
}

TEST(LinesToShow, TheCommandIsSafeInAShell) {
  const LinesToShow plain{"prod", "web-2-x1", "web", true};
  EXPECT_EQ(plain.command(), "oc logs web-2-x1 -n prod -c web --previous");
  const LinesToShow odd{"prod;id", "web $(id)", "x; touch y\n", false};
  const auto command = odd.command();
  EXPECT_TRUE(has(command, "'prod;id'")) << command;
  EXPECT_TRUE(has(command, "'web $(id)'")) << command;
  EXPECT_TRUE(has(command, "'x; touch y")) << command;
  EXPECT_FALSE(has(command, "\n")) << command;
}

// --- Sight --------------------------------------------------------------------------------------------------------

TEST(RolloutSight, CountsNoTimeWhileAWatchIsCut) {
  const Sight::TimePoint start{seconds(1000)};
  Sight sight(seconds(2));
  sight.back("Pod", start);
  EXPECT_EQ(sight.seen_for(start, seconds(30)), start + seconds(30));
  sight.lost("Pod", start + seconds(10));
  EXPECT_FALSE(sight.seen_for(start, seconds(30)));
  sight.back("Pod", start + seconds(50));
  EXPECT_EQ(sight.seen_for(start, seconds(30)), start + seconds(80)) << "it starts anew";
  EXPECT_FALSE(sight.is_settled(start + seconds(51)));
  EXPECT_TRUE(sight.is_settled(start + seconds(52)));
}

TEST(RolloutSight, AShortCutDelaysTheEndOnlyUntilTheWatchCouldTell) {
  const Sight::TimePoint start{seconds(1000)};
  Sight sight(seconds(2));
  sight.lost("Pod", start + seconds(29));
  sight.back("Pod", start + seconds(30));
  EXPECT_EQ(sight.seen_for(start, seconds(30)), start + seconds(32));
  EXPECT_EQ(sight.seen_for(start, seconds(60)), start + seconds(60))
      << "else a gateway that cuts would end all giving up";
}

TEST(RolloutSight, NeedsEveryWatch) {
  const Sight::TimePoint start{seconds(1000)};
  Sight sight(seconds(2));
  sight.lost("Pod", start);
  sight.lost("Event", start + seconds(1));
  sight.back("Pod", start + seconds(5));
  EXPECT_FALSE(sight.is_clear());
  sight.ended("Event", start + seconds(6));
  EXPECT_TRUE(sight.is_clear()) << "what may not be watched is not waited for";
  EXPECT_EQ(sight.connected(), 1U);
  EXPECT_EQ(sight.unseen(start + seconds(20)), seconds(6));
}

}  // namespace
}  // namespace sluice::openshift
