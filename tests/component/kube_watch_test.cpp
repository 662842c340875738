// kube::Watch against the sandbox's API over real connections: 10,000 changes, with connections that are cut at
// random bytes, clean ends, slow answers and expired versions.

#include "kube/client.hpp"
#include "kube/watch.hpp"
#include "net/transfer_loop.hpp"
#include "sandbox/control/sandbox.hpp"
#include "sandbox/core/tree.hpp"
#include "support/checks.hpp"
#include "support/sanitized.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace sluice::kube {
namespace {

using support::why;

constexpr int kChanges = support::repeats(10'000);
constexpr int kStreams = 40;
constexpr int kAhead = 200;
constexpr std::string_view kResource = "imagestreams.image.openshift.io";

/// A sandbox with one project, and a client in front of it.
class Cluster {
 public:
  Cluster() {
    sandbox::SandboxOptions options;
    options.tls = sandbox::SandboxOptions::Tls::none;
    auto started = sandbox::Sandbox::start(options);
    if (!started) throw std::runtime_error(started.error().sentence());
    box_ = std::move(*started);
    sandbox::Scenario scenario;
    scenario.projects.push_back({"shop", "", {}, {}});
    if (auto applied = box_->apply(scenario); !applied) throw std::runtime_error(applied.error().sentence());
    ConnectionOptions connection;
    connection.access.server = *net::Url::parse(box_->addresses().api);
    connection.access.identity = token_identity(Secret(box_->addresses().admin_token), "the sandbox");
    // Nobody has to be spared here: what is put off is tried again at once.
    connection.timing.fraction = [] { return 0.0; };
    connection_ = std::make_unique<Connection>(loop_, std::move(connection));
    client_ = std::make_unique<Client>(*connection_);
  }

  sandbox::Sandbox& box() { return *box_; }
  Client& client() { return *client_; }
  net::TransferLoop& loop() { return loop_; }

  void turn(const std::string& knob) {
    const auto turned = box_->turn(*parse_json(knob));
    ASSERT_TRUE(turned.ok()) << knob << ": " << turned.error().sentence();
  }

  /// Makes, changes or removes one stream; returns the version of the change.
  std::string change(std::mt19937& random, int number) {
    const sandbox::Key key{std::string(kResource), "shop", "s" + std::to_string(random() % kStreams)};
    return box_->world().update([&](sandbox::World& world) {
      const auto now = world.store.get(key);
      sandbox::ObjectRef after;
      if (!now) {
        after = world.store.create(key, Json::object());
      } else if (random() % 10 == 0) {
        after = world.store.remove(key);
      } else {
        auto changed = *now;
        sandbox::annotate(changed, "number", std::to_string(number));
        after = world.store.replace(key, std::move(changed));
      }
      return sandbox::text_at(*after, {"metadata", "resourceVersion"});
    });
  }

 private:
  std::unique_ptr<sandbox::Sandbox> box_;
  net::TransferLoop loop_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Client> client_;
};

net::ExchangeContext within(std::chrono::seconds span) { return {Deadline::after(span), {}}; }

/// Breaks the connections of the watch in every way that does not lose the place.
void disturb(Cluster& cluster, std::mt19937& random) {
  constexpr auto kWatches = R"("server":"api","path":"/apis/image.openshift.io/v1/namespaces/shop/imagestreams")";
  switch (random() % 4) {
    case 0:
      cluster.turn(R"({"knob":"close-watches"})");
      break;
    case 1:
      cluster.turn(std::string(R"({"knob":"fault","times":1,)") + kWatches + R"(,"cut-after-bytes":)" +
                   std::to_string(random() % 9000) + "}");
      cluster.turn(R"({"knob":"close-watches"})");
      break;
    case 2:
      cluster.turn(std::string(R"({"knob":"fault","times":1,)") + kWatches + R"(,"status":503})");
      cluster.turn(R"({"knob":"close-watches"})");
      break;
    default:
      cluster.turn(std::string(R"({"knob":"fault","times":1,)") + kWatches + R"(,"bytes-per-second":200000})");
      cluster.turn(R"({"knob":"close-watches"})");
  }
}

TEST(ClusterWatch, TellsEachOfTenThousandChangesOnceWhateverHappensToTheConnection) {
  Cluster cluster;
  net::LoopStreams streams(cluster.loop());
  Selection selection;
  selection.project = "shop";
  Watch watch(cluster.client(), streams, ImageStream::kResource, selection);
  auto first = watch.next(within(std::chrono::seconds(1)));  // it stands at the beginning now
  ASSERT_TRUE(first.ok()) << why(first);

  std::vector<std::string> written;
  Watched<int> told(0);
  std::jthread writer([&](const std::stop_token& stop) {
    std::mt19937 random(1);
    for (int i = 0; i < kChanges; ++i) {
      // Not too far ahead of the reader, so that the connection breaks while it is used.
      if (i % kAhead == 0) told.when([&](int count) { return count >= i - kAhead; }, stop, [](int) {});
      written.push_back(cluster.change(random, i));
      if (i % kAhead == 0) disturb(cluster, random);
    }
  });
  std::vector<std::string> seen;
  while (seen.size() < kChanges) {
    auto event = watch.next(within(std::chrono::seconds(30)));
    ASSERT_TRUE(event.ok()) << why(event) << " after " << seen.size() << " changes";
    ASSERT_TRUE(*event) << "no change came within the time, after " << seen.size();
    ASSERT_FALSE((*event)->inferred) << "no version expired, so nothing has to be inferred";
    seen.push_back((*event)->object.resource_version());
    told.update([](int& count) { ++count; });
  }
  writer.join();
  EXPECT_EQ(watch.counters().lists, 1U);
  EXPECT_GT(watch.counters().cuts + watch.counters().sessions, support::repeats(20U))
      << "the connection was to break often";
  const auto differs = std::mismatch(written.begin(), written.end(), seen.begin(), seen.end());
  EXPECT_TRUE(differs.first == written.end())
      << "change " << differs.first - written.begin() << " was version " << *differs.first << ", seen was "
      << (differs.second == seen.end() ? "nothing" : *differs.second);
}

TEST(ClusterWatch, ComesToTheSameStateThroughExpiredVersions) {
  Cluster cluster;
  net::LoopStreams streams(cluster.loop());
  Selection selection;
  selection.project = "shop";
  Watch watch(cluster.client(), streams, ImageStream::kResource, selection);
  auto first = watch.next(within(std::chrono::seconds(1)));
  ASSERT_TRUE(first.ok()) << why(first);

  std::map<std::string, std::string> state;  // name -> version
  std::map<std::string, std::uint64_t> newest;
  const auto follow = [&](const WatchEvent& event) {
    const auto name = event.object.name();
    const auto version = event.object.resource_version();
    if (event.change == Change::deleted) {
      EXPECT_EQ(state.erase(name), 1U) << name << " was deleted twice, or never there";
      return;
    }
    EXPECT_EQ(event.change == Change::added, !state.contains(name)) << name << " at " << version;
    EXPECT_GT(std::stoull(version), newest[name]) << name << " came twice, or out of order";
    newest[name] = std::stoull(version);
    state[name] = version;
  };

  std::mt19937 random(2);
  for (int i = 0; i < kChanges; ++i) {
    cluster.change(random, i);
    if (random() % 300 == 0) {
      // Somebody who was away while the history was thrown away.
      cluster.turn(R"({"knob":"expire-versions"})");
      cluster.turn(R"({"knob":"close-watches"})");
    }
    if (i % 50 != 0) continue;
    auto event = watch.next(within(std::chrono::seconds(30)));
    ASSERT_TRUE(event.ok()) << why(event);
    if (*event) follow(**event);
  }
  const auto truth = cluster.box().world().with([](const sandbox::World& world) {
    std::map<std::string, std::string> versions;
    for (const auto& object : world.store.list(kResource, "shop")) {
      versions[sandbox::name_of(*object)] = sandbox::text_at(*object, {"metadata", "resourceVersion"});
    }
    return versions;
  });
  for (int i = 0; i < 2 * kChanges && state != truth; ++i) {
    auto event = watch.next(within(std::chrono::seconds(30)));
    ASSERT_TRUE(event.ok()) << why(event);
    ASSERT_TRUE(*event) << "the state was never reached: " << state.size() << " of " << truth.size() << " streams";
    follow(**event);
  }
  EXPECT_EQ(state, truth);
  EXPECT_GT(watch.counters().expiries, support::repeats(3U)) << "versions were to expire";
}

}  // namespace
}  // namespace sluice::kube
