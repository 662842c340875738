#include "app/cluster_access.hpp"

#include "app/session.hpp"
#include "support/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

namespace sluice::app {
namespace {

using support::failed_with;
using support::why;
using ::testing::HasSubstr;

constexpr const char* kKubeconfig =
    "current-context: other\n"
    "clusters:\n"
    "- {name: a, cluster: {server: 'https://api.a.example.com:6443', certificate-authority: /ca/a.crt}}\n"
    "- {name: b, cluster: {server: 'https://api.b.example.com', insecure-skip-tls-verify: true}}\n"
    "users:\n- {name: ann, user: {token: ann-token}}\n- {name: bob, user: {token: bob-token}}\n"
    "contexts:\n- {name: mine, context: {cluster: a, user: ann, namespace: shop}}\n"
    "- {name: other, context: {cluster: b, user: bob}}\n";

class ClusterAccessTest : public ::testing::Test {
 protected:
  Result<kube::Access> access(const std::string& name) {
    parse();
    return cluster_access(name, {clusters_, kubeconfig_, environment_});
  }
  Result<std::optional<LoginTarget>> target(const std::string& name) {
    parse();
    return login_target(name, {clusters_, kubeconfig_, environment_});
  }
  std::string server(const std::string& name) {
    parse();
    const auto found = cluster_server(name, {clusters_, kubeconfig_, environment_});
    return found.ok() ? found->authority() : why(found);
  }
  static std::string token(const Result<kube::Access>& found) {
    if (!found.ok()) return why(found);
    const auto shown = found->identity->present({Deadline::never(), {}});
    return shown.ok() ? shown->token.reveal() : why(shown);
  }
  std::string entries;
  std::string kubeconfig = kKubeconfig;
  std::map<std::string, std::string, std::less<>> variables{{"TOKEN", "env-token"}};

 private:
  void parse() {
    if (!entries.empty()) {
      auto parsed = pipeline::parse_clusters("clusters:\n" + entries, "/etc/sluice/clusters.yaml");
      ASSERT_TRUE(parsed.ok()) << why(parsed);
      clusters_ = std::move(*parsed);
    }
    auto config = kube::parse_kubeconfig(kubeconfig, "/home/ann/.kube/config");
    ASSERT_TRUE(config.ok()) << why(config);
    kubeconfig_ = std::move(*config);
  }
  pipeline::Clusters clusters_;
  kube::Kubeconfig kubeconfig_;
  Environment environment_{[this](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  }};
};

TEST_F(ClusterAccessTest, AnEntrysTokenComesBeforeTheKubeconfig) {
  entries = "  a: {api: 'https://api.a.example.com:6443', token: 'env:TOKEN', ca: 'file:a.crt', proxy: none}\n";
  const auto found = access("a");
  EXPECT_EQ(token(found), "env-token");
  EXPECT_EQ(found->server.text(), "https://api.a.example.com:6443/");
  EXPECT_EQ(found->endpoint->ca_files, std::vector<std::string>{"/etc/sluice/a.crt"});
  EXPECT_EQ(found->endpoint->proxy, "");
  EXPECT_EQ(found->project, "shop") << "of the context for the same server";
}

TEST_F(ClusterAccessTest, WithoutATokenTheContextForTheSameServerIsUsed) {
  entries =
      "  a: {api: 'https://api.a.example.com:6443/', ca: 'file:a.crt'}\n"
      "  b: {api: 'https://api.b.example.com:443'}\n";
  const auto a = access("a");
  EXPECT_EQ(token(a), "ann-token");
  EXPECT_EQ(a->endpoint->ca_files, (std::vector<std::string>{"/ca/a.crt", "/etc/sluice/a.crt"}));
  const auto b = access("b");
  EXPECT_EQ(token(b), "bob-token");
  EXPECT_TRUE(b->endpoint->verify_tls) << "the administrators' file does not take over what a user switched off";
}

TEST_F(ClusterAccessTest, NamesStandForEntriesThenContextsThenAddresses) {
  entries = "  mine: {context: other}\n  plain: {registry: r.example.com}\n";
  EXPECT_EQ(token(access("mine")), "bob-token") << "the clusters file wins over a context of the same name";
  EXPECT_EQ(token(access("other")), "bob-token");
  EXPECT_EQ(token(access("")), "bob-token") << "the current context";
  EXPECT_EQ(token(access("https://api.a.example.com:6443")), "ann-token");
  EXPECT_TRUE(failed_with(access("plain"), ErrorKind::config, "is a plain registry"));
  EXPECT_TRUE(failed_with(access("othe"), ErrorKind::config, "did you mean 'other'?"));
  EXPECT_TRUE(failed_with(access("https://new.example.com"), ErrorKind::unauthenticated,
                          "sluice login https://new.example.com"));
  EXPECT_TRUE(failed_with(access("http://new.example.com"), ErrorKind::config, "over https"));
}

TEST_F(ClusterAccessTest, ServersAreKnownWithoutALogin) {
  entries =
      "  mine: {context: other}\n  plain: {registry: r.example.com}\n  new: {api: "
      "'https://api.new.example.com:6443/'}\n"
      "  lost: {context: gone}\n";
  EXPECT_EQ(server(""), "api.b.example.com") << "the current context";
  EXPECT_EQ(server("other"), "api.b.example.com");
  EXPECT_EQ(server("mine"), "api.b.example.com") << "the clusters file wins over a context of the same name";
  EXPECT_EQ(server("new"), "api.new.example.com:6443") << "nobody is logged in";
  EXPECT_THAT(server("plain"), HasSubstr("plain"));
  EXPECT_THAT(server("lost"), HasSubstr("gone"));
  EXPECT_THAT(server("othe"), HasSubstr("did you mean 'other'?"));
}

TEST_F(ClusterAccessTest, ServersAreThoseThatAccessFinds) {
  entries = "  a: {api: 'https://api.a.example.com:6443', token: 'env:TOKEN'}\n";
  for (const std::string name : {"a", "mine", "other", ""}) {
    const auto found = access(name);
    ASSERT_TRUE(found.ok()) << name << ": " << why(found);
    EXPECT_EQ(server(name), found->server.authority()) << name;
  }
}

TEST_F(ClusterAccessTest, ABrokenContextOfAnEntryIsNamed) {
  entries = "  a: {context: gone}\n";
  EXPECT_TRUE(failed_with(access("a"), ErrorKind::config, "the entry a of /etc/sluice/clusters.yaml"));
}

TEST_F(ClusterAccessTest, LoginsGoToClustersAndNotToRegistries) {
  entries =
      "  a: {api: 'https://api.a.example.com:6443', token: 'env:TOKEN', ca: 'file:a.crt', client-cert: 'file:c', "
      "client-key: 'file:k'}\n  r: {registry: r.example.com}\n";
  const auto entry = target("a");
  ASSERT_TRUE(entry.ok() && *entry) << why(entry);
  EXPECT_TRUE((*entry)->token_in_file);
  EXPECT_EQ((*entry)->ca_file, "/etc/sluice/a.crt");
  EXPECT_EQ((*entry)->endpoint.client_cert_file, "") << "somebody else logs in";
  const auto context = target("mine");
  ASSERT_TRUE(context.ok() && *context) << why(context);
  EXPECT_EQ((*context)->context, "mine");
  EXPECT_EQ((*context)->ca_file, "/ca/a.crt");
  const auto address = target("https://api.b.example.com");
  ASSERT_TRUE(address.ok() && *address) << why(address);
  EXPECT_FALSE((*address)->endpoint.verify_tls) << "as it is known";
  EXPECT_EQ((*address)->context, "");
  for (const auto* registry : {"r", "registry.example.com", "registry.example.com:5000", "docker.io"}) {
    EXPECT_FALSE(*target(registry)) << registry;
  }
  EXPECT_TRUE(failed_with(target("https://api.a.example.com/x"), ErrorKind::usage, "has no path"));
}

}  // namespace
}  // namespace sluice::app
