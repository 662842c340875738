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
using Side = Session::Side;

class SessionTest : public ::testing::Test {
 protected:
  Environment environment() {
    return Environment([this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  }
  void write(const std::string& name, const std::string& content) { std::ofstream(folder / name) << content; }
  void clusters(const std::string& yaml) {
    write("clusters.yaml", yaml);
    options.clusters = folder / "clusters.yaml";
  }
  void kubeconfig(const std::string& yaml) {
    std::filesystem::create_directories(folder / ".kube");
    write(".kube/config", yaml);
  }
  /// A pipeline of two environments, each written as the inside of a map.
  std::filesystem::path pipeline(const std::string& dev, const std::string& prod) {
    write("sluice.yaml",
          "app: shop\nimages: [web]\nenvironments:\n  - {name: dev, " + dev + "}\n  - {name: prod, " + prod + "}\n");
    return folder / "sluice.yaml";
  }
  Session session() { return {options, environment(), {}}; }

  static pipeline::Target target(const std::string& cluster, const std::string& registry) {
    return {.cluster = cluster, .registry = registry, .project = "shop", .position = {}};
  }

  support::TempFolder folder;
  std::map<std::string, std::string, std::less<>> variables{{"HOME", folder.path().string()},
                                                            {"XDG_CONFIG_HOME", (folder / "config").string()},
                                                            {"XDG_STATE_HOME", (folder / "state").string()}};
  SessionOptions options;
};

/// What the two sides of a copy say, and whether they are one registry.
struct Sides {
  const char* name;
  SideOptions source;
  SideOptions destination;
  bool same;
};

TEST_F(SessionTest, GivesTheSameRegistryForTheSameSettings) {
  const std::vector<Sides> rows{
      {"nothing said", {}, {}, true},
      {"the same credentials", {.creds = "me:secret"}, {.creds = "me:secret"}, true},
      {"the same check of TLS", {.tls_verify = false}, {.tls_verify = false}, true},
      {"credentials on one side", {.creds = "me:secret"}, {}, false},
      {"credentials on the other side", {}, {.creds = "me:secret"}, false},
      {"other credentials", {.creds = "me:secret"}, {.creds = "you:secret"}, false},
      {"TLS is checked on one side", {.tls_verify = false}, {.tls_verify = true}, false},
      {"TLS is mentioned on one side", {.tls_verify = true}, {}, false},
  };
  for (const auto& row : rows) {
    options.source = row.source;
    options.destination = row.destination;
    auto one = session();
    const auto source = one.registry("registry.example.com", Side::source);
    const auto destination = one.registry("registry.example.com", Side::destination);
    ASSERT_TRUE(source.ok() && destination.ok()) << row.name << ": " << why(source) << ", " << why(destination);
    EXPECT_EQ(*source == *destination, row.same) << row.name;
    const auto again = one.registry("registry.example.com", Side::source);
    ASSERT_TRUE(again.ok()) << row.name;
    EXPECT_EQ(*again, *source) << row.name << ": asked twice";
    EXPECT_EQ((*source)->name(), (*destination)->name()) << row.name << ": one host all the same";
  }
}

TEST_F(SessionTest, GivesEachHostItsOwnRegistry) {
  auto one = session();
  const auto a = one.registry("a.example.com", Side::source);
  const auto b = one.registry("a.example.com:5000", Side::source);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(*a, *b);
  EXPECT_EQ((*b)->name(), "a.example.com:5000");
}

TEST_F(SessionTest, SendsNothingUntilItIsAsked) {
  auto one = session();
  ASSERT_TRUE(one.registry("a.example.com", Side::source).ok());
  EXPECT_EQ(one.requests(), 0U);
}

TEST_F(SessionTest, FindsTheClustersEntryByNameAndByHost) {
  clusters("clusters:\n  prod:\n    registry: prod.example.com\n  spare:\n    registry: prod.example.com:5000\n");
  auto one = session();
  const auto named = one.place_of(target("prod", "prod.example.com"));
  const auto by_host = one.place_of(target("", "prod.example.com"));
  const auto of_a_copy = one.registry("prod.example.com", Side::destination);
  const auto other = one.place_of(target("spare", "prod.example.com:5000"));
  ASSERT_TRUE(named.ok() && by_host.ok() && of_a_copy.ok() && other.ok())
      << why(named) << ", " << why(by_host) << ", " << why(of_a_copy) << ", " << why(other);
  EXPECT_EQ(*named, *by_host);
  EXPECT_EQ(*named, static_cast<places::Place*>(*of_a_copy));
  EXPECT_NE(*named, *other);
}

TEST_F(SessionTest, SaysThatAnEntryIsMissing) {
  auto one = session();
  EXPECT_TRUE(failed_with(one.place_of(target("prod", "prod.example.com")), ErrorKind::config, "no entry prod"));
}

// Who reads the entry by its host must get its credentials as well: here that shows in how it fails.
TEST_F(SessionTest, UsesTheCredentialsOfAnEntryThatIsFoundByItsHost) {
  clusters("clusters:\n  prod:\n    registry: prod.example.com\n    username: robot\n    password: env:NOT_SET\n");
  auto one = session();
  EXPECT_TRUE(failed_with(one.registry("prod.example.com", Side::source), ErrorKind::config, "NOT_SET"));
  EXPECT_TRUE(failed_with(one.place_of(target("prod", "prod.example.com")), ErrorKind::config, "NOT_SET"));
  EXPECT_TRUE(one.registry("other.example.com", Side::source).ok());
  variables["NOT_SET"] = "secret";
  auto two = session();
  EXPECT_TRUE(two.registry("prod.example.com", Side::source).ok());
}

// The registry of a cluster's entry is found by its host as well, and its password wins over the API's token.
TEST_F(SessionTest, TheRegistryOfAClusterUsesItsEntry) {
  clusters(
      "clusters:\n  prod:\n    api: https://api.prod.example.com:6443\n    registry: prod.example.com\n"
      "    username: robot\n    password: env:NOT_SET\n");
  auto one = session();
  EXPECT_TRUE(failed_with(one.registry("prod.example.com", Side::source), ErrorKind::config, "NOT_SET"));
}

TEST_F(SessionTest, TheRegistryOfAClusterDoesWithoutItsApiWhenNobodyIsLoggedIn) {
  clusters("clusters:\n  prod:\n    api: https://api.prod.example.com:6443\n    registry: prod.example.com\n");
  auto one = session();
  const auto registry = one.registry("prod.example.com", Side::source);
  EXPECT_TRUE(registry.ok()) << why(registry);
  EXPECT_EQ(one.requests(), 0U);
  EXPECT_TRUE(failed_with(one.cluster("prod"), ErrorKind::unauthenticated, "sluice login prod -u \"$(id -un)\""));
}

TEST_F(SessionTest, PassesOnWhatIsWrongWithAFile) {
  options.clusters = folder / "nowhere.yaml";
  EXPECT_TRUE(failed_with(session().registry("a.example.com", Side::source), ErrorKind::config)) << "no clusters file";
  options.clusters.reset();
  options.source.creds = "env:NOT_SET";
  auto one = session();
  const auto place = one.registry("a.example.com", Side::source);
  EXPECT_FALSE(place.ok()) << "credentials that cannot be read";
}

TEST_F(SessionTest, MakesNoRecordsForWhoOnlyLooks) {
  options.state = (folder / "state.db").string();
  auto one = session();
  auto looking = one.store(true);
  ASSERT_TRUE(looking.ok()) << why(looking);
  const auto releases = (*looking)->releases("shop", 10);
  ASSERT_TRUE(releases.ok()) << why(releases);
  EXPECT_TRUE(releases->empty());
  EXPECT_FALSE(std::filesystem::exists(folder / "state.db"));

  const auto writing = one.store();
  ASSERT_TRUE(writing.ok()) << why(writing);
  const auto held =
      (*writing)->set_hold({.place = "prod.example.com/shop/web:latest", .reason = "x", .since = 0, .who = {}});
  EXPECT_TRUE(held.ok()) << "who looked first may write later: " << why(held);
  EXPECT_TRUE(std::filesystem::exists(folder / "state.db"));
}

TEST_F(SessionTest, KeepsTheRecordsInTheStateFolderOfTheUser) {
  auto one = session();
  const auto store = one.store();
  ASSERT_TRUE(store.ok()) << why(store);
  EXPECT_TRUE(std::filesystem::exists(folder / "state" / "sluice" / "records.db"));
}

TEST_F(SessionTest, TellsOfEveryWriteToTheRecords) {
  std::vector<std::int64_t> writes;
  Session one(options, environment(), {}, [&](std::int64_t count) { writes.push_back(count); });
  const auto store = one.store();
  ASSERT_TRUE(store.ok()) << why(store);
  const auto before = writes.size();
  ASSERT_TRUE(
      (*store)->set_hold({.place = "prod.example.com/shop/web:latest", .reason = "x", .since = 0, .who = {}}).ok());
  EXPECT_EQ(writes.size(), before + 1);
}

TEST_F(SessionTest, ReadsAPipelineWithItsClusters) {
  clusters("clusters:\n  prod:\n    registry: prod.example.com\n");
  write("sluice.yaml",
        "app: shop\nimages: [web]\nsource: {tag: latest}\nenvironments:\n"
        "  - {name: dev, registry: dev.example.com, project: dev}\n  - {name: prod, cluster: prod, project: shop}\n");
  auto one = session();
  const auto pipeline = one.load_pipeline(folder / "sluice.yaml");
  ASSERT_TRUE(pipeline.ok()) << why(pipeline);
  EXPECT_EQ(pipeline->environments[1].targets[0].registry, "prod.example.com");
  EXPECT_TRUE(failed_with(one.load_pipeline(folder / "none.yaml"), ErrorKind::not_found, "no pipeline file"));
}

constexpr const char* kKubeconfig =
    "current-context: ann\n"
    "clusters:\n- {name: a, cluster: {server: 'https://api.a.example.com:6443'}}\n"
    "- {name: b, cluster: {server: 'https://api.b.example.com'}}\n"
    "users:\n- {name: ann, user: {token: ann-token}}\n"
    "contexts:\n- {name: ann, context: {cluster: a, user: ann}}\n- {name: bob, context: {cluster: b, user: ann}}\n";

TEST_F(SessionTest, FindsTheServersOfAPipeline) {
  kubeconfig(kKubeconfig);
  clusters("clusters:\n  new: {api: 'https://api.new.example.com:6443'}\n  plain: {registry: r.example.com}\n");
  struct Row {
    const char* prod;
    const char* id;
  };
  for (const auto& [prod, id] : std::vector<Row>{{"project: shop", "api.a.example.com:6443/shop"},
                                                 {"cluster: ann, project: shop", "api.a.example.com:6443/shop"},
                                                 {"cluster: bob, project: shop", "api.b.example.com/shop"},
                                                 {"cluster: new, project: shop", "api.new.example.com:6443/shop"},
                                                 {"cluster: plain, project: shop", "r.example.com/shop"},
                                                 {"registry: x.example.com, project: shop", "x.example.com/shop"}}) {
    auto one = session();
    const auto found = one.load_pipeline(pipeline("project: shop-dev", prod));
    ASSERT_TRUE(found.ok()) << prod << ": " << why(found);
    EXPECT_EQ(found->environments[1].targets[0].id(), id) << prod;
    EXPECT_EQ(found->environments[0].targets[0].id(), "api.a.example.com:6443/shop-dev") << prod;
    EXPECT_EQ(one.requests(), 0U) << prod;
  }
  const auto unknown = session().load_pipeline(pipeline("project: shop-dev", "cluster: bobb, project: shop"));
  EXPECT_TRUE(failed_with(unknown, ErrorKind::config, "did you mean 'bob'?"));
}

TEST_F(SessionTest, SeesThatTwoNamesAreOneCluster) {
  kubeconfig(kKubeconfig);
  const auto one = session().load_pipeline(pipeline("project: shop", "cluster: ann, project: shop"));
  EXPECT_TRUE(failed_with(one, ErrorKind::config, "an image would be promoted onto itself"));
  const auto two =
      session().load_pipeline(pipeline("project: dev", "targets: [{project: shop}, {cluster: ann, project: shop}]"));
  EXPECT_TRUE(failed_with(two, ErrorKind::config, "the same place as one before it"));
}

TEST_F(SessionTest, MindsABrokenKubeconfigOnlyWhenItIsNeeded) {
  kubeconfig("contexts: [oops");
  clusters(
      "clusters:\n  plain: {registry: r.example.com}\n"
      "  alone: {api: 'https://api.example.com:6443', token: 'env:TOKEN'}\n"
      "  nobody: {api: 'https://api.example.com:6443'}\n  kube: {context: ann}\n");
  variables["TOKEN"] = "secret";
  const std::string dev = "registry: dev.example.com, project: dev";
  EXPECT_TRUE(session().load_pipeline(pipeline(dev, "cluster: plain, project: shop")).ok());
  EXPECT_TRUE(failed_with(session().load_pipeline(pipeline(dev, "cluster: ann, project: shop")), ErrorKind::config,
                          "the kubeconfig cannot be read: "));
  for (const std::string wanted : {"project: shop", "cluster: kube, project: shop"}) {
    EXPECT_TRUE(failed_with(session().load_pipeline(pipeline(dev, wanted)), ErrorKind::config, ".kube/config"))
        << wanted;
  }
  EXPECT_TRUE(
      failed_with(session().load_pipeline(pipeline(dev, "projct: shop")), ErrorKind::config, "did you mean 'project'?"))
      << "the pipeline's own mistake is told first";

  auto one = session();
  const auto alone = one.load_pipeline(pipeline(dev, "cluster: alone, project: shop"));
  ASSERT_TRUE(alone.ok()) << why(alone);
  EXPECT_TRUE(one.cluster_of(alone->environments[1].targets[0]).ok()) << "the entry says everything";
  const auto nobody = one.load_pipeline(pipeline(dev, "cluster: nobody, project: shop"));
  ASSERT_TRUE(nobody.ok()) << why(nobody);
  EXPECT_TRUE(failed_with(one.cluster_of(nobody->environments[1].targets[0]), ErrorKind::config, ".kube/config"))
      << "who we are would stand there";
}

TEST_F(SessionTest, TellsWhatTheClustersFileSaysOfASide) {
  clusters(R"(clusters:
  plain: {registry: "r.example.com:5000", insecure: true, proxy: "http://proxy.example.com:3128/"}
  free: {registry: free.example.com, proxy: none}
  ocp: {api: "https://api.example.com:6443"}
  ocp2: {api: "https://api2.example.com", registry: apps.example.com, insecure: true}
)");
  struct Row {
    const char* name;
    std::string cluster;
    std::string registry;
    bool has_api;
    promotion::SideSettings settings;
  };
  const std::vector<Row> rows{
      {"a registry by the name of its entry",
       "plain",
       "r.example.com:5000",
       false,
       {.registry = "r.example.com:5000", .insecure = true, .proxy = "proxy.example.com:3128"}},
      {"a registry by its host",
       "",
       "r.example.com:5000",
       false,
       {.registry = {}, .insecure = true, .proxy = "proxy.example.com:3128"}},
      {"no proxy", "free", "free.example.com", false, {.registry = "free.example.com", .proxy = "none"}},
      {"a registry that nobody wrote about", "", "other.example.com", false, {}},
      {"a cluster", "ocp", "", true, {}},
      {"a cluster with a registry of its own", "ocp2", "", true, {.registry = "apps.example.com", .insecure = true}},
      {"a context of the kubeconfig", "ann", "", true, {}},
      {"the current context", "", "", true, {}},
  };
  auto one = session();
  for (const auto& row : rows) {
    auto wanted = target(row.cluster, row.registry);
    wanted.has_api = row.has_api;
    const auto settings = one.settings_of(wanted);
    ASSERT_TRUE(settings.ok()) << row.name << ": " << why(settings);
    EXPECT_EQ(settings->registry, row.settings.registry) << row.name;
    EXPECT_EQ(settings->insecure, row.settings.insecure) << row.name;
    EXPECT_EQ(settings->proxy, row.settings.proxy) << row.name;
  }
}

TEST_F(SessionTest, HasNoApiBehindAPlainRegistry) {
  kubeconfig("contexts: [oops");
  auto one = session();
  const auto plain = target("", "r.example.com");
  const auto side = one.cluster_of(plain);
  ASSERT_TRUE(side.ok()) << why(side);
  EXPECT_FALSE(*side);
  const auto host = one.registry_host_of(plain);
  EXPECT_EQ(host.ok() ? *host : why(host), "r.example.com");
  EXPECT_TRUE(one.place_of(plain).ok());
}

TEST_F(SessionTest, RefusesAClusterThatHasMovedSinceThePlan) {
  kubeconfig(kKubeconfig);
  auto one = session();
  pipeline::Target planned{.cluster = {}, .registry = {}, .project = "shop", .has_api = true};
  planned.server = "api.a.example.com:6443";
  const auto same = one.cluster_of(planned);
  ASSERT_TRUE(same.ok()) << why(same);
  EXPECT_EQ(same->name, "api.a.example.com:6443");
  EXPECT_NE(same->client, nullptr);
  EXPECT_NE(same->streams, nullptr);
  planned.server = "api.b.example.com";
  const auto moved = one.cluster_of(planned);
  EXPECT_TRUE(failed_with(moved, ErrorKind::config,
                          "the current kubeconfig context is at api.a.example.com:6443 now, and shop is meant at "
                          "api.b.example.com"));
  EXPECT_TRUE(failed_with(one.place_of(planned), ErrorKind::config, "is meant at api.b.example.com"));
  EXPECT_TRUE(failed_with(one.registry_host_of(planned), ErrorKind::config, "is meant at api.b.example.com"));
  EXPECT_EQ(one.requests(), 0U);
}

TEST_F(SessionTest, UsesTheRegistryThatTheEntryOfAClusterNames) {
  clusters(
      "clusters:\n  prod: {api: 'https://api.example.com:6443', token: 'env:TOKEN', registry: 'r.example.com:5000'}\n");
  variables["TOKEN"] = "secret";
  auto one = session();
  const auto found = one.load_pipeline(pipeline("cluster: prod, project: dev", "cluster: prod, project: shop"));
  ASSERT_TRUE(found.ok()) << why(found);
  const auto& dev = found->environments[0].targets[0];
  const auto& prod = found->environments[1].targets[0];
  const auto host = one.registry_host_of(prod);
  EXPECT_EQ(host.ok() ? *host : why(host), "r.example.com:5000");
  const auto here = one.place_of(dev);
  const auto there = one.place_of(prod);
  ASSERT_TRUE(here.ok() && there.ok()) << why(here) << ", " << why(there);
  EXPECT_EQ(*here, *there) << "one registry";
  EXPECT_EQ(one.requests(), 0U);
}

TEST_F(SessionTest, ChecksThisMachineOnlyWhenTheAdministratorsAllowIt) {
  auto one = session();
  EXPECT_NE(one.exchanger_for_checks(), nullptr);
  EXPECT_FALSE(one.allow_local_checks());
  clusters("allow-local-checks: true\nclusters: {}\n");
  auto two = session();
  ASSERT_TRUE(two.clusters().ok());
  EXPECT_TRUE(two.allow_local_checks());
}

}  // namespace
}  // namespace sluice::app
