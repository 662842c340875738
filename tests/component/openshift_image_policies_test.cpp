// Image policies of a sandbox of either profile, read as somebody who may and as somebody who may not.

#include "net/transfer_loop.hpp"
#include "openshift/streams/image_policies.hpp"
#include "sandbox/control/sandbox.hpp"
#include "support/checks.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using support::why;

constexpr auto kScenario = R"(
users: [{name: ann, password: secret}]
projects: [{name: shop, admin: ann}, {name: other, admin: ann}]
)";
constexpr auto kPolicies = R"(
objects:
  - kind: ImagePolicy
    apiVersion: config.openshift.io/v1
    metadata: {name: own, namespace: shop}
    spec: {scopes: [example.com/shop], policy: {rootOfTrust: {policyType: PublicKey, publicKey: {keyData: Zm9v}}}}
  - kind: ImagePolicy
    apiVersion: config.openshift.io/v1
    metadata: {name: theirs, namespace: other}
    spec: {scopes: [example.com], policy: {rootOfTrust: {policyType: PublicKey, publicKey: {keyData: Zm9v}}}}
  - kind: ClusterImagePolicy
    apiVersion: config.openshift.io/v1
    metadata: {name: all}
    spec: {scopes: ["*.example.org"], policy: {rootOfTrust: {policyType: PublicKey, publicKey: {keyData: Zm9v}}}}
)";

class ClusterImagePolicies : public ::testing::Test {
 protected:
  void start(sandbox::Profile profile, const std::vector<std::string>& scenarios) {
    sandbox::SandboxOptions options;
    options.tls = sandbox::SandboxOptions::Tls::none;
    options.profile = profile;
    auto started = sandbox::Sandbox::start(options);
    if (!started) throw std::runtime_error(started.error().sentence());
    box_ = std::move(*started);
    for (const auto& yaml : scenarios) {
      auto scenario = sandbox::parse_scenario(yaml, "the test");
      if (!scenario) throw std::runtime_error(scenario.error().sentence());
      if (auto applied = box_->apply(*scenario); !applied) throw std::runtime_error(applied.error().sentence());
    }
  }
  /// Empty: as the administrator.
  Result<ImagePolicies> read_as(const std::string& identity) {
    const auto token = identity.empty()
                           ? box_->addresses().admin_token
                           : box_->world().update([&](sandbox::World& world) { return world.new_token(identity); });
    kube::ConnectionOptions options;
    options.access.server = *net::Url::parse(box_->addresses().api);
    options.access.identity = kube::token_identity(Secret(token), "the token");
    kube::Connection connection(loop_, std::move(options));
    kube::Client client(connection);
    return read_image_policies(client, "shop", {Deadline::after(std::chrono::seconds(60)), {}});
  }

 private:
  net::TransferLoop loop_;
  std::unique_ptr<sandbox::Sandbox> box_;
};

TEST_F(ClusterImagePolicies, AreThoseOfTheProjectAndOfTheCluster) {
  start(sandbox::Profile::v4, {kScenario, kPolicies});
  const auto found = read_as("");
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_EQ(found->of_project, PolicyView::read);
  EXPECT_EQ(found->of_cluster, PolicyView::read);
  ASSERT_EQ(found->policies.size(), 2U) << "not those of another project";
  EXPECT_EQ(found->policies[0].shown(), "the ClusterImagePolicy all");
  EXPECT_EQ(found->policies[1].shown(), "the ImagePolicy shop/own");
  EXPECT_TRUE(covers(found->policies[0], "registry.example.org:5000/shop/web:1"));
}

TEST_F(ClusterImagePolicies, AreHiddenFromTheAdministratorOfAProject) {
  start(sandbox::Profile::v4, {kScenario, kPolicies});
  const auto found = read_as("ann");
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_EQ(found->of_project, PolicyView::hidden);
  EXPECT_EQ(found->of_cluster, PolicyView::hidden);
  EXPECT_TRUE(found->policies.empty());
}

TEST_F(ClusterImagePolicies, AreAbsentBeforeTheClusterHasTheKinds) {
  start(sandbox::Profile::v3_11, {kScenario});
  const auto found = read_as("");
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_EQ(found->of_project, PolicyView::absent);
  EXPECT_EQ(found->of_cluster, PolicyView::absent);
}

}  // namespace
}  // namespace sluice::openshift
