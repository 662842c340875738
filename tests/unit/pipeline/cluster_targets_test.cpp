// Targets that are projects of clusters, and what an environment says of roads, workloads and verification.

#include "files.hpp"
#include "pipeline/pipeline.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace sluice::pipeline {
namespace {

using std::chrono::seconds;
using testing::problem;

constexpr std::string_view kClusters = R"(clusters:
  plain: {registry: "registry.example.com:5000"}
  ocp: {api: "https://api.example.com:6443", token: "env:TOKEN"}
  k8s: {context: "admin@k8s", registry: "registry.example.com:5000"}
)";

Clusters some_clusters() {
  auto clusters = parse_clusters(kClusters, "clusters.yaml");
  EXPECT_TRUE(clusters.ok()) << problem(clusters);
  if (!clusters.ok()) return {};
  clusters->contexts = {"shop-dev/api-example-com:6443/ann", "ocp", "kind"};
  return std::move(*clusters);
}

Result<Pipeline> parse(std::string_view text, const Clusters& clusters = some_clusters()) {
  return parse_pipeline(text, "sluice.yaml", clusters);
}

/// A pipeline whose second environment is `prod`, written as the inside of a map.
std::string with_prod(std::string_view prod) {
  return "app: shop\nimages: [shop]\nenvironments:\n  - {name: dev, project: shop-dev}\n  - {name: prod, " +
         std::string(prod) + "}\n";
}

TEST(ClusterTargets, MayBeTheCurrentContextWithoutSayingSo) {
  const auto pipeline = parse(with_prod("project: shop-prod"), Clusters{});
  ASSERT_TRUE(pipeline.ok()) << problem(pipeline);
  auto prod = pipeline->environments[1].targets[0];
  EXPECT_TRUE(prod.has_api);
  EXPECT_EQ(prod.cluster, "");
  EXPECT_EQ(prod.registry, "");
  EXPECT_EQ(prod.label(), "shop-prod");
  prod.server = "api.example.com:6443";
  EXPECT_EQ(prod.id(), "api.example.com:6443/shop-prod");
}

TEST(ClusterTargets, AreFoundInTheClustersFileAndThenAmongTheContexts) {
  struct Row {
    const char* cluster;
    bool has_api;
    const char* registry;
  };
  for (const auto& [cluster, has_api, registry] : std::vector<Row>{{"plain", false, "registry.example.com:5000"},
                                                                   {"ocp", true, ""},
                                                                   {"k8s", true, "registry.example.com:5000"},
                                                                   {"kind", true, ""},
                                                                   {"shop-dev/api-example-com:6443/ann", true, ""}}) {
    const auto pipeline = parse(with_prod("cluster: '" + std::string(cluster) + "', project: shop"));
    ASSERT_TRUE(pipeline.ok()) << cluster << ": " << problem(pipeline);
    const auto& target = pipeline->environments[1].targets[0];
    EXPECT_EQ(target.has_api, has_api) << cluster;
    EXPECT_EQ(target.registry, registry) << cluster;
    EXPECT_EQ(target.label(), std::string(cluster) + "/shop");
    EXPECT_EQ(target.server, "") << cluster << ": nobody looked yet";
  }
}

TEST(ClusterTargets, ListContextsAndEntriesWhenANameIsUnknown) {
  const auto unknown = with_prod("cluster: kidn, project: shop");
  EXPECT_NE(problem(parse(unknown))
                .find("unknown cluster 'kidn' in environment 'prod'; did you mean 'kind'?; known in "
                      "clusters.yaml: k8s, ocp, plain; contexts of the kubeconfig: "
                      "shop-dev/api-example-com:6443/ann, ocp, kind"),
            std::string::npos)
      << problem(parse(unknown));
  Clusters only_contexts;
  only_contexts.contexts = {"kind"};
  EXPECT_NE(problem(parse(unknown, only_contexts)).find("did you mean 'kind'?; contexts of the kubeconfig: kind"),
            std::string::npos)
      << problem(parse(unknown, only_contexts));
  Clusters broken;
  broken.contexts_error = Error(ErrorKind::config, "no YAML at all").at({"/home/ann/.kube/config", 3, 1});
  EXPECT_NE(problem(parse(unknown, broken)).find("the kubeconfig cannot be read: /home/ann/.kube/config:3:1"),
            std::string::npos)
      << problem(parse(unknown, broken));
  EXPECT_EQ(problem(parse(with_prod("project: shop"), broken)), "(accepted)") << "who names none needs none";
}

TEST(ClusterTargets, TakeTheEnvironmentsRoadUnlessTheySayTheirOwn) {
  const auto pipeline =
      parse(with_prod("via: stream, deploy: patch, targets: [{cluster: ocp, project: a}, "
                      "{cluster: kind, project: b, via: import, deploy: trigger}]"));
  ASSERT_TRUE(pipeline.ok()) << problem(pipeline);
  const auto& targets = pipeline->environments[1].targets;
  EXPECT_EQ(targets[0].via, Via::stream);
  EXPECT_EQ(targets[0].deploy, Deploy::patch);
  EXPECT_EQ(targets[1].via, Via::import_images);
  EXPECT_EQ(targets[1].deploy, Deploy::trigger);
  EXPECT_EQ(pipeline->environments[0].targets[0].via, std::nullopt);
}

TEST(ClusterTargets, NameTheRoadsAsTheFileDoes) {
  for (const auto via : {Via::tag, Via::mount, Via::stream, Via::import_images, Via::docker}) {
    EXPECT_EQ(parse_via(to_string(via)), via) << to_string(via);
  }
  EXPECT_EQ(to_string(Via::import_images), "import");
  EXPECT_EQ(parse_via("steam"), std::nullopt);
}

TEST(ClusterTargets, ReadWhatIsVerified) {
  struct Row {
    const char* verify;
    Verify expected;
  };
  const auto graced = [](std::optional<seconds> grace) {
    Verify out;
    out.grace = grace;
    return out;
  };
  const auto verify = [](bool rollout, int time, int watch, const char* http) {
    return Verify{rollout, seconds(time), seconds(watch), http};
  };
  for (const auto& [text, expected] : std::vector<Row>{
           {"{}", verify(true, 600, 0, "")},
           {"{rollout: 10s}", verify(true, 10, 0, "")},
           {"{rollout: 24h, watch: 1d}", verify(true, 86400, 86400, "")},
           {"{grace: 2m}", graced(seconds(120))},
           {"{grace: 0s}", graced(seconds(0))},
           {"{grace: none}", graced({})},
           {"{rollout: none, watch: 0s}", verify(false, 600, 0, "")},
           {"{watch: 90s}", verify(true, 600, 90, "")},
           {"{http: 'https://shop.apps.{cluster}.example.com/{project}/healthz'}",
            verify(true, 600, 0, "https://shop.apps.{cluster}.example.com/{project}/healthz")},
       }) {
    const auto pipeline = parse(with_prod("cluster: ocp, project: shop, verify: " + std::string(text)));
    ASSERT_TRUE(pipeline.ok()) << text << ": " << problem(pipeline);
    EXPECT_EQ(pipeline->environments[1].verify, expected) << text;
    EXPECT_EQ(pipeline->environments[0].verify, Verify{}) << text;
  }
}

TEST(ClusterTargets, ReadWhatAFailureDoes) {
  for (const auto& [text, expected] : std::vector<std::pair<const char*, bool>>{
           {"", false}, {", on-failure: stop", false}, {", on-failure: rollback", true}}) {
    const auto pipeline = parse(with_prod("project: shop" + std::string(text)));
    ASSERT_TRUE(pipeline.ok()) << text << ": " << problem(pipeline);
    EXPECT_EQ(pipeline->environments[1].rollback_on_failure, expected) << text;
  }
}

TEST(ClusterTargets, MayCheckPlainHttpOnlyWhenTheAdministratorsAllowIt) {
  const auto text = with_prod("project: shop, verify: {http: 'http://127.0.0.1:8080/healthz'}");
  EXPECT_NE(problem(parse(text)).find("must be an https URL"), std::string::npos) << problem(parse(text));
  auto clusters = some_clusters();
  clusters.allow_local_checks = true;
  EXPECT_EQ(problem(parse(text, clusters)), "(accepted)");
}

struct Refused {
  const char* name;
  std::string text;
  const char* expected;
};

void expect_refusals(const std::vector<Refused>& rows) {
  for (const auto& [name, text, expected] : rows) {
    const auto pipeline = parse(text);
    const auto sentence = problem(pipeline);
    EXPECT_NE(sentence.find(expected), std::string::npos) << name << ": " << sentence;
    EXPECT_EQ(sentence.find("hunter2"), std::string::npos) << name << ": " << sentence;
    if (pipeline.ok()) continue;
    EXPECT_EQ(pipeline.error().kind(), ErrorKind::config) << name;
    EXPECT_TRUE(pipeline.error().position().has_value()) << name << ": " << sentence;
  }
}

TEST(ClusterTargets, RefuseNamesThatNoClusterHas) {
  const std::string label(64, 'a');
  expect_refusals({
      {"project of two parts", with_prod("cluster: ocp, project: a/b"),
       "sluice.yaml:5:41: 'project' of environment 'prod' is 'a/b', which no project of a cluster can be called"},
      {"project with a dot", with_prod("project: a.b"), "no project of a cluster can be called"},
      {"project too long", with_prod("project: " + label), "no project of a cluster can be called"},
      {"image of two parts",
       "app: shop\nimages: [web, team/api]\nenvironments:\n  - {name: dev, cluster: plain, project: team/shop}\n"
       "  - {name: prod, cluster: ocp, project: shop}\n",
       "the image 'team/api' has a '/' in its name, and environment 'prod' is a project of a cluster"},
  });
}

TEST(ClusterTargets, RefuseRoadsThatDoNotExistThere) {
  expect_refusals({
      {"unknown road", with_prod("project: shop, via: steam"), "cannot be 'steam'; did you mean 'stream'?"},
      {"unknown deploy", with_prod("project: shop, deploy: pacth"), "cannot be 'pacth'; did you mean 'patch'?"},
      {"tag on a plain registry", with_prod("cluster: plain, project: shop, via: tag"),
       "via: tag needs the API of a cluster, and environment 'prod' is a plain registry; name a cluster with an API"},
      {"import on a plain registry", with_prod("registry: r.example.com, project: shop, via: import"),
       "via: import needs the API of a cluster"},
      {"patch on a plain registry", with_prod("registry: r.example.com, project: shop, deploy: patch"),
       "deploy: patch needs the API of a cluster"},
      {"inherited by a plain registry",
       with_prod("via: tag, targets: [{cluster: ocp, project: a}, {cluster: plain, project: b}]"),
       "sluice.yaml:5:23: via: tag needs the API of a cluster, and target 2 of environment 'prod' is a plain registry"},
      {"planned in a target", with_prod("targets: [{cluster: ocp, project: a, workloads: x}]"),
       "'workloads' in target 1 of environment 'prod' is not supported yet"},
      {"verify in a target", with_prod("targets: [{cluster: ocp, project: a, verify: {}}]"), "unknown key 'verify'"},
  });
}

TEST(ClusterTargets, RefuseVerificationsThatCannotBeMade) {
  const auto verify = [](std::string_view text) {
    return with_prod("cluster: ocp, project: shop, verify: " + std::string(text));
  };
  const auto http = [&](std::string_view url) { return verify("{http: '" + std::string(url) + "'}"); };
  expect_refusals({
      {"a word", verify("yes"), "'verify' of environment 'prod' must be a map"},
      {"misspelt", verify("{rolout: 10m}"), "unknown key 'rolout' in 'verify' of environment 'prod'"},
      {"no unit", verify("{rollout: 10}"), "'rollout' of 'verify' of environment 'prod' has no unit"},
      {"grace too long", verify("{grace: 25h}"), "'grace' of 'verify' of environment 'prod' is too long"},
      {"rollout too short", verify("{rollout: 9s}"), "is too short; write a time from 10s to 24h"},
      {"rollout too long", verify("{rollout: 25h}"), "is too long; write a time from 10s to 24h"},
      {"watch too long", verify("{watch: 2d}"), "is too long; write a time from 0s to 24h"},
      {"watch: none", verify("{watch: none}"), "is no duration"},
      {"no URL", http("shop.example.com"), "is no URL; write https://HOST/PATH"},
      {"other scheme", http("ftp://shop.example.com"), "is no URL"},
      {"blanks", http("https://shop.example.com/a b"), "is no URL"},
      {"plain http", http("http://shop.example.com"), "must be an https URL"},
      {"credentials", http("https://me:hunter2@shop.example.com"), "holds credentials"},
      {"misspelt placeholder", http("https://{clustr}.example.com"),
       "cannot be '{clustr}'; did you mean '{cluster}'?; allowed here: {cluster}, {project}"},
      {"empty placeholder", http("https://{}.example.com"), "cannot be '{}'"},
      {"open brace", http("https://a.example.com/{project"), "has a '{' without its other half"},
      {"closing brace", http("https://a.example.com/project}"), "has a '}' without its other half"},
      {"cluster of no name", with_prod("project: shop, verify: {http: 'https://{cluster}.example.com'}"),
       "has {cluster}, and the target 'shop' has no cluster with a name that fits into a URL"},
      {"cluster with a name that is a path",
       with_prod("cluster: 'shop-dev/api-example-com:6443/ann', project: shop, "
                 "verify: {http: 'https://{cluster}.example.com'}"),
       "has no cluster with a name that fits into a URL"},
      {"on-failure", with_prod("project: shop, on-failure: rolback"), "cannot be 'rolback'; did you mean 'rollback'?"},
  });
}

TEST(ClusterTargets, SayNothingOfRoadsWhereImagesAreBorn) {
  for (const std::string key : {"via: tag", "deploy: patch", "verify: {}", "on-failure: stop"}) {
    const auto text = "app: shop\nimages: [shop]\nenvironments:\n  - {name: dev, project: shop-dev, " + key +
                      "}\n  - {name: prod, project: shop-prod}\n";
    EXPECT_NE(
        problem(parse(text))
            .find("environment 'dev' is where images are born and takes no '" + key.substr(0, key.find(':')) + "'"),
        std::string::npos)
        << key << ": " << problem(parse(text));
  }
  const auto target = parse(
      "app: shop\nimages: [shop]\nenvironments:\n  - {name: dev, targets: [{project: a, via: tag}]}\n"
      "  - {name: prod, project: shop-prod}\n");
  EXPECT_NE(problem(target).find("target 1 of environment 'dev' is where images are born and takes no 'via'"),
            std::string::npos)
      << problem(target);
}

TEST(ClusterTargets, AreThePlaceThatTheirNamesSay) {
  struct Row {
    const char* name;
    const char* dev;
    const char* prod;
    const char* expected;
  };
  for (const auto& [name, dev, prod, expected] : std::vector<Row>{
           {"the current context twice", "project: shop", "project: shop", "share the project shop and the tag there"},
           {"the current context, two projects", "project: shop", "project: shop-prod", "(accepted)"},
           {"one cluster twice", "cluster: ocp, project: shop", "cluster: ocp, project: shop",
            "share the project ocp/shop and the tag there"},
           {"a tag of its own", "cluster: ocp, project: shop", "cluster: ocp, project: shop, tag: live", "(accepted)"},
           {"two clusters", "cluster: ocp, project: shop", "cluster: kind, project: shop", "(accepted)"},
           {"a cluster and its registry", "cluster: plain, project: shop", "cluster: k8s, project: shop",
            "share the project k8s/shop and the tag there"},
           {"one cluster twice in an environment", "project: shop-dev",
            "targets: [{cluster: ocp, project: shop}, {cluster: ocp, project: shop}]",
            "target 2 of environment 'prod' is the same place as one before it: the project ocp/shop"},
       }) {
    const auto text = "app: shop\nimages: [shop]\nenvironments:\n  - {name: dev, " + std::string(dev) +
                      "}\n  - {name: prod, " + prod + "}\n";
    EXPECT_NE(problem(parse(text)).find(expected), std::string::npos) << name << ": " << problem(parse(text));
  }
}

TEST(ClusterTargets, AreLookedAtAgainWhenServersAreKnown) {
  auto pipeline = parse(
      "app: shop\nimages: [shop]\nenvironments:\n  - {name: dev, cluster: ocp, project: shop}\n"
      "  - {name: prod, targets: [{cluster: kind, project: shop}, {project: shop}]}\n");
  ASSERT_TRUE(pipeline.ok()) << problem(pipeline);
  auto& dev = pipeline->environments[0].targets[0];
  auto& kind = pipeline->environments[1].targets[0];
  auto& current = pipeline->environments[1].targets[1];
  dev.server = "a.example.com:6443";
  kind.server = "b.example.com:6443";
  current.server = "c.example.com:6443";
  EXPECT_TRUE(check_places(*pipeline).ok());
  current.server = kind.server;
  const auto twice = check_places(*pipeline);
  ASSERT_FALSE(twice.ok());
  EXPECT_NE(twice.error().sentence().find("target 2 of environment 'prod' is the same place"), std::string::npos)
      << twice.error().sentence();
  current.server = dev.server;
  const auto onto_itself = check_places(*pipeline);
  ASSERT_FALSE(onto_itself.ok());
  EXPECT_EQ(onto_itself.error().kind(), ErrorKind::config);
  EXPECT_NE(onto_itself.error().sentence().find("environments 'dev' and 'prod' share the project shop"),
            std::string::npos)
      << onto_itself.error().sentence();
}

}  // namespace
}  // namespace sluice::pipeline
