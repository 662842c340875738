// Targets on clusters as promotion gets at them, against the sandbox: the API, the registry that is looked for, and how
// often it is.

#include "app/session.hpp"
#include "sandbox/control/sandbox.hpp"
#include "support/checks.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace sluice::app {
namespace {

using support::failed_with;
using support::why;

constexpr auto kScenario = R"(
users: [{name: ann}]
projects: [{name: shop-dev, admin: ann}, {name: shop-prod, admin: ann}]
images:
  - {project: shop-dev, stream: web, tag: latest, layers: 1, layer-bytes: 1000}
)";

std::unique_ptr<sandbox::Sandbox> start(sandbox::SandboxOptions options = {}) {
  options.tls = sandbox::SandboxOptions::Tls::none;
  auto started = sandbox::Sandbox::start(options);
  if (!started) throw std::runtime_error(started.error().sentence());
  auto scenario = sandbox::parse_scenario(kScenario, "the test");
  if (!scenario) throw std::runtime_error(scenario.error().sentence());
  if (auto applied = (*started)->apply(*scenario); !applied) throw std::runtime_error(applied.error().sentence());
  return std::move(*started);
}

std::string token_of_ann(sandbox::Sandbox& box) {
  return box.world().update([](sandbox::World& world) { return world.new_token("ann", std::nullopt); });
}

class SessionClusters : public ::testing::Test {
 protected:
  /// The kubeconfig's current context is ann in this box.
  void point_at(sandbox::Sandbox& box) {
    std::filesystem::create_directories(folder_ / ".kube");
    std::ofstream(folder_ / ".kube" / "config")
        << "current-context: here\nclusters: [{name: c, cluster: {server: '" << box.addresses().api
        << "'}}]\nusers: [{name: u, user: {token: '" << token_of_ann(box)
        << "'}}]\ncontexts: [{name: here, context: {cluster: c, user: u}}]\n";
  }
  std::filesystem::path pipeline() {
    std::ofstream(folder_ / "sluice.yaml") << "app: shop\nimages: [web]\nenvironments:\n"
                                              "  - {name: dev, project: shop-dev}\n"
                                              "  - {name: prod, cluster: here, project: shop-prod}\n";
    return folder_ / "sluice.yaml";
  }
  Environment environment() const {
    return Environment([home = folder_.path().string()](std::string_view name) -> std::optional<std::string> {
      if (name == "HOME") return home;
      if (name == "XDG_CONFIG_HOME") return home + "/config";
      return std::nullopt;
    });
  }
  Session session() { return {SessionOptions{}, environment(), {}}; }

 private:
  support::TempFolder folder_;
};

TEST_F(SessionClusters, FindTheRegistryOnceAndReadItWithTheTokenOfTheApi) {
  const auto box = start();
  point_at(*box);
  auto one = session();
  const auto pipeline = one.load_pipeline(this->pipeline());
  ASSERT_TRUE(pipeline.ok()) << why(pipeline);
  const auto& dev = pipeline->environments[0].targets[0];
  EXPECT_EQ(one.requests(), 0U) << "reading a pipeline asks nobody";

  const auto place = one.place_of(dev);
  ASSERT_TRUE(place.ok()) << why(place);
  EXPECT_EQ((*place)->name(), box->addresses().registry);
  const auto asked = one.requests();
  EXPECT_LE(asked, 2U) << "the release, and the streams of the project, which tell the registry's name";
  const auto again = one.place_of(dev);
  const auto host = one.registry_host_of(dev);
  ASSERT_TRUE(again.ok() && host.ok()) << why(again) << ", " << why(host);
  EXPECT_EQ(*again, *place);
  EXPECT_EQ(*host, box->addresses().registry);
  EXPECT_EQ(one.requests(), asked) << "looked for once";

  const auto found = (*place)->digest_of("shop-dev/web", places::ManifestName::tag("latest"), {});
  EXPECT_TRUE(found.ok()) << why(found);
}

TEST_F(SessionClusters, AskTheApiOfATargetByItsName) {
  const auto box = start();
  point_at(*box);
  auto one = session();
  const auto pipeline = one.load_pipeline(this->pipeline());
  ASSERT_TRUE(pipeline.ok()) << why(pipeline);
  const auto side = one.cluster_of(pipeline->environments[1].targets[0]);
  ASSERT_TRUE(side.ok()) << why(side);
  EXPECT_EQ(side->name, "here");
  const auto who = side->client->who_am_i({Deadline::after(std::chrono::seconds(30)), {}});
  ASSERT_TRUE(who.ok()) << why(who);
  EXPECT_EQ(who->name(), "ann");
}

TEST_F(SessionClusters, AreAConfigErrorWhenTheKubeconfigHasMovedOn) {
  const auto before = start();
  const auto after = start();
  point_at(*before);
  auto one = session();
  const auto pipeline = one.load_pipeline(this->pipeline());
  ASSERT_TRUE(pipeline.ok()) << why(pipeline);
  const auto planned = pipeline->environments[1].targets[0];
  point_at(*after);
  auto two = session();
  EXPECT_TRUE(failed_with(two.cluster_of(planned), ErrorKind::config, planned.server));
  EXPECT_TRUE(failed_with(two.place_of(planned), ErrorKind::config, planned.server));
}

// A lease keeper and a watch ask beside the job.
TEST_F(SessionClusters, MayBeAskedForByManyThreads) {
  const auto box = start();
  point_at(*box);
  auto one = session();
  const auto pipeline = one.load_pipeline(this->pipeline());
  ASSERT_TRUE(pipeline.ok()) << why(pipeline);
  std::vector<places::Place*> found(8, nullptr);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < found.size(); ++i) {
      threads.emplace_back([&, i] {
        const auto& target = pipeline->environments[i % 2].targets[0];
        if (!one.cluster_of(target)) return;
        if (const auto place = one.place_of(target)) found[i] = *place;
      });
    }
  }
  for (std::size_t i = 2; i < found.size(); ++i) {
    EXPECT_NE(found[i], nullptr) << i;
    EXPECT_EQ(found[i], found[i % 2]) << i;
  }
}

}  // namespace
}  // namespace sluice::app
