#include "pipeline/pipeline.hpp"

#include "files.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::pipeline {
namespace {

using testing::problem;

constexpr std::string_view kClusters = R"(clusters:
  nonprod: {registry: "Registry.Nonprod.example.com"}
  prod: {registry: "registry.example.com:5000"}
  prod-alias: {registry: "registry.example.com:5000"}
  ocp: {api: "https://api.example.com:6443", token: "env:TOKEN"}
)";

Clusters some_clusters() {
  auto clusters = parse_clusters(kClusters, "clusters.yaml");
  EXPECT_TRUE(clusters.ok()) << problem(clusters);
  return clusters.ok() ? std::move(*clusters) : Clusters{};
}

Result<Pipeline> parse(std::string_view text) { return parse_pipeline(text, "sluice.yaml", some_clusters()); }

constexpr std::string_view kEnvironments =
    "environments:\n"
    "  - {name: dev, cluster: nonprod, project: shop-dev}\n"
    "  - {name: prod, cluster: prod, project: shop}\n";

std::string with_environments(std::string_view head) { return std::string(head) + std::string(kEnvironments); }
std::string with_head(std::string_view environments) {
  return "app: shop\nimages: [shop]\n" + std::string(environments);
}

TEST(Pipeline, ReadsTheSmallestOne) {
  const auto pipeline = parse(
      "app: shop\n"
      "images: [shop]\n"
      "environments:\n"
      "  - {name: dev, registry: \"registry.example.com:5000\", project: shop-dev}\n"
      "  - {name: prod, registry: \"registry.example.com:5000\", project: shop-prod}\n");
  ASSERT_TRUE(pipeline.ok()) << problem(pipeline);
  EXPECT_EQ(pipeline->app, "shop");
  EXPECT_EQ(pipeline->images, std::vector<std::string>{"shop"});
  EXPECT_EQ(pipeline->source.tag, "latest");
  EXPECT_FALSE(pipeline->source.is_pattern());
  EXPECT_EQ(pipeline->file, "sluice.yaml");
  ASSERT_EQ(pipeline->environments.size(), 2U);
  const auto& dev = pipeline->environments[0];
  EXPECT_EQ(dev.name, "dev");
  EXPECT_EQ(dev.tag, std::nullopt);
  EXPECT_EQ(dev.position.line, 4);
  ASSERT_EQ(dev.targets.size(), 1U);
  EXPECT_EQ(dev.targets[0].id(), "registry.example.com:5000/shop-dev");
  EXPECT_EQ(dev.targets[0].label(), dev.targets[0].id());
}

TEST(Pipeline, ReadsEverythingThatIsSupported) {
  const auto pipeline = parse(
      "version: 1\n"
      "app: shop\n"
      "images: [web, api]\n"
      "source: {tag: 'v*', match: same-tag}\n"
      "environments:\n"
      "  - {name: dev, cluster: nonprod, project: shop-dev}\n"
      "  - name: prod\n"
      "    tag: stable\n"
      "    targets:\n"
      "      - {cluster: prod, project: shop}\n"
      "      - {registry: eu.example.com, project: europe/shop}\n");
  ASSERT_TRUE(pipeline.ok()) << problem(pipeline);
  EXPECT_EQ(pipeline->images, (std::vector<std::string>{"web", "api"}));
  EXPECT_EQ(pipeline->source.tag, "v*");
  EXPECT_TRUE(pipeline->source.is_pattern());
  EXPECT_EQ(pipeline->environments[0].targets[0].registry, "registry.nonprod.example.com") << "lower case";
  const auto& prod = pipeline->environments[1];
  EXPECT_EQ(prod.tag, "stable");
  ASSERT_EQ(prod.targets.size(), 2U);
  EXPECT_EQ(prod.targets[0].cluster, "prod");
  EXPECT_EQ(prod.targets[0].id(), "registry.example.com:5000/shop");
  EXPECT_EQ(prod.targets[0].label(), "prod/shop");
  EXPECT_EQ(prod.targets[1].cluster, "");
  EXPECT_EQ(prod.targets[1].id(), "eu.example.com/europe/shop");
  EXPECT_EQ(prod.targets[1].position.line, 11);
}

TEST(Pipeline, FindsEnvironmentsByNameAndSuggestsTheOneMeant) {
  const auto pipeline = parse(with_environments("app: shop\nimages: [shop]\n"));
  ASSERT_TRUE(pipeline.ok()) << problem(pipeline);
  const auto prod = pipeline->environment("prod");
  ASSERT_TRUE(prod.ok()) << problem(prod);
  EXPECT_EQ((*prod)->name, "prod");
  EXPECT_EQ(pipeline->order_of(**prod), 1U);
  const auto unknown = pipeline->environment("prdo");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().kind(), ErrorKind::config);
  EXPECT_EQ(problem(unknown),
            "sluice.yaml: unknown environment 'prdo'; did you mean 'prod'?; environments of 'shop': dev, prod");
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
    if (pipeline.ok()) continue;
    EXPECT_EQ(pipeline.error().kind(), ErrorKind::config) << name;
    ASSERT_TRUE(pipeline.error().position().has_value()) << name << ": " << sentence;
    EXPECT_GE(pipeline.error().position()->line, 1) << name;
    EXPECT_EQ(sentence.find("hunter2"), std::string::npos) << name << ": " << sentence;
  }
}

TEST(Pipeline, RefusesWrongTopKeys) {
  const std::string long_name(64, 'a');
  std::string many_images;
  for (int i = 0; i < 1001; ++i) many_images += "i" + std::to_string(i) + ",";
  expect_refusals({
      {"empty file", "", "the pipeline has no value"},
      {"a list", "- a\n", "the pipeline must be a map, not a list"},
      {"misspelt key", "app: shop\nimages: [shop]\nenviroments: []\n",
       "sluice.yaml:3:1: unknown key 'enviroments' in the pipeline; did you mean 'environments'?; allowed here: "
       "version, "
       "app, images, source, memory, environments"},
      {"gates", with_environments("app: shop\nimages: [shop]\ngates: {}\n"),
       "sluice.yaml:3:1: 'gates' in the pipeline is not supported yet"},
      {"later version with a new key", "version: 2\nnew: 1\n", "sluice.yaml:1:10: version 2 of the pipeline file"},
      {"version in quotes", "version: '1'\n", "leave the quotes out"},
      {"no app", with_environments("images: [shop]\n"), "the pipeline has no 'app'"},
      {"no images", with_environments("app: shop\n"), "the pipeline has no 'images'"},
      {"no environments", "app: shop\nimages: [shop]\n", "the pipeline has no 'environments'"},
      {"app in capitals", with_environments("app: Shop\nimages: [shop]\n"), "sluice.yaml:1:6: 'Shop' is no name"},
      {"app with a dash in front", with_environments("app: -shop\nimages: [shop]\n"), "is no name for an app"},
      {"app with a dash at the end", with_environments("app: shop-\nimages: [shop]\n"), "is no name for an app"},
      {"app too long", with_environments("app: " + long_name + "\nimages: [shop]\n"), "is no name for an app"},
      {"images as one word", with_environments("app: shop\nimages: shop\n"), "put it in brackets"},
      {"no image", with_environments("app: shop\nimages: []\n"), "'images' is empty"},
      {"image twice", with_environments("app: shop\nimages: [web, api, web]\n"),
       "sluice.yaml:2:20: the image 'web' stands there twice"},
      {"image in capitals", with_environments("app: shop\nimages: [web, Api]\n"), "sluice.yaml:2:15: image 'Api': "},
      {"image with a tag", with_environments("app: shop\nimages: ['web:v1']\n"), "image 'web:v1': "},
      {"too many images", with_environments("app: shop\nimages: [" + many_images + "]\n"), "the limit is 1000"},
  });
}

TEST(Pipeline, RefusesWrongSources) {
  const auto source = [](std::string_view images, std::string_view text) {
    return with_environments("app: shop\nimages: " + std::string(images) + "\nsource: " + std::string(text) + "\n");
  };
  expect_refusals({
      {"a word", source("[web]", "latest"), "the source must be a map"},
      {"unknown key", source("[web]", "{tags: v1}"), "did you mean 'tag'?"},
      {"bad tag", source("[web]", "{tag: '-v1'}"), "sluice.yaml:3:15: 'tag' of the source: "},
      {"bad pattern", source("[web]", "{tag: 'v[0-9]*'}"), "'v[0-9]*' matches no tag"},
      {"pattern that begins with a dot", source("[web]", "{tag: '.*'}"), "matches no tag"},
      {"other match", source("[web]", "{tag: v1, match: any}"), "the only value is same-tag"},
      {"pattern and two images", source("[web, api]", "{tag: 'v*'}"), "add match: same-tag"},
  });
}

TEST(Pipeline, AcceptsSources) {
  struct Row {
    const char* images;
    const char* text;
    const char* tag;
  };
  for (const auto& [images, text, tag] : std::vector<Row>{{"[web]", "{tag: 'v*'}", "v*"},
                                                          {"[web]", "{tag: '*'}", "*"},
                                                          {"[web]", "{tag: 1.10}", "1.10"},
                                                          {"[web]", "{match: same-tag}", "latest"},
                                                          {"[web, api]", "{tag: stable}", "stable"},
                                                          {"[web, api]", "{tag: 'v?.*', match: same-tag}", "v?.*"}}) {
    const auto pipeline =
        parse(with_environments("app: shop\nimages: " + std::string(images) + "\nsource: " + text + "\n"));
    ASSERT_TRUE(pipeline.ok()) << text << ": " << problem(pipeline);
    EXPECT_EQ(pipeline->source.tag, tag) << text;
  }
}

TEST(Pipeline, SaysOfEveryPlannedKeyThatItIsNotSupportedYet) {
  for (const std::string key : {"promote", "gates", "after", "approvals", "freeze", "workloads"}) {
    const auto pipeline =
        parse(with_head("environments:\n"
                        "  - {name: dev, cluster: nonprod, project: shop-dev}\n"
                        "  - {name: prod, cluster: prod, project: shop, " +
                        key + ": x}\n"));
    ASSERT_FALSE(pipeline.ok()) << key;
    EXPECT_EQ(pipeline.error().kind(), ErrorKind::config) << key;
    EXPECT_NE(problem(pipeline).find("sluice.yaml:5:48: '" + key + "' in environment 'prod' is not supported yet"),
              std::string::npos)
        << problem(pipeline);
  }
}

TEST(Pipeline, RefusesWrongEnvironments) {
  const auto second = [](std::string_view text) {
    return with_head("environments:\n  - {name: dev, cluster: nonprod, project: shop}\n  - " + std::string(text) +
                     "\n");
  };
  expect_refusals({
      {"a map", with_head("environments: {dev: {}}\n"), "'environments' must be a list"},
      {"only one", with_head("environments:\n  - {name: dev, cluster: nonprod, project: shop}\n"),
       "at least two environments"},
      {"a word", second("prod"), "sluice.yaml:5:5: environment 2 must be a map"},
      {"no name", second("{cluster: prod, project: shop}"), "environment 2 has no 'name'"},
      {"bad name", second("{name: 'a b', cluster: prod, project: shop}"), "'a b' is no name for an environment"},
      {"same name", second("{name: dev, cluster: prod, project: shop}"),
       "sluice.yaml:5:12: there are two environments with the name 'dev'; the first is on line 4"},
      {"misspelt key", second("{name: prod, cluster: prod, projct: shop}"), "did you mean 'project'?"},
      {"no project", second("{name: prod, cluster: prod}"), "environment 'prod' has no 'project'"},
      {"bad project", second("{name: prod, cluster: prod, project: Shop}"),
       "sluice.yaml:5:42: 'project' of environment 'prod': "},
      {"path too long", second("{name: prod, cluster: prod, project: " + std::string(252, 'a') + "}"),
       "with image 'shop'"},
      {"registry and cluster", second("{name: prod, cluster: prod, registry: r.example.com, project: shop}"),
       "both 'registry' and 'cluster'"},
      {"bad registry", second("{name: prod, registry: 'r.example.com:99999', project: shop}"),
       "sluice.yaml:5:28: 'registry' of environment 'prod': "},
      {"registry with a scheme", second("{name: prod, registry: 'https://r.example.com', project: shop}"),
       "begins with a scheme; write host[:port] only"},
      {"registry with credentials", second("{name: prod, registry: 'me:hunter2@r.example.com', project: shop}"),
       "holds credentials"},
      {"unknown cluster", second("{name: prod, cluster: prd, project: shop}"),
       "sluice.yaml:5:27: unknown cluster 'prd' in environment 'prod'; did you mean 'prod'?; known in clusters.yaml: "
       "nonprod, ocp, prod, prod-alias"},
      {"bad tag", second("{name: prod, cluster: prod, project: shop, tag: 'v*'}"), "'tag' of environment 'prod': "},
      {"empty tag", second("{name: prod, cluster: prod, project: shop, tag: }"), "has no value"},
      {"targets and project", second("{name: prod, project: x, targets: [{cluster: prod, project: shop}]}"),
       "both 'targets' and 'project'"},
      {"targets and cluster", second("{name: prod, cluster: prod, targets: [{cluster: prod, project: shop}]}"),
       "both 'targets' and 'cluster'"},
      {"no targets", second("{name: prod, targets: []}"), "must be a list with at least one entry"},
      {"target without project", second("{name: prod, targets: [{cluster: prod}]}"),
       "target 1 of environment 'prod' has no 'project'"},
      {"target with a tag", second("{name: prod, targets: [{cluster: prod, project: shop, tag: x}]}"),
       "unknown key 'tag' in target 1 of environment 'prod'"},
      {"same target twice",
       second("{name: prod, targets: [{cluster: prod, project: shop}, {cluster: prod-alias, project: shop}]}"),
       "sluice.yaml:5:60: target 2 of environment 'prod' is the same place as one before it: "
       "registry.example.com:5000/shop"},
  });
}

TEST(Pipeline, SaysThatThereIsNoClustersFileWhenOneIsNeeded) {
  const auto pipeline = parse_pipeline(with_environments("app: shop\nimages: [shop]\n"), "sluice.yaml", Clusters{});
  EXPECT_NE(problem(pipeline).find(
                "there is no clusters file and no such context in the kubeconfig; give a clusters file with"),
            std::string::npos)
      << problem(pipeline);
}

std::string shared_project(std::string_view source, std::string_view dev_tag, std::string_view prod_tag) {
  const auto tag = [](std::string_view text) { return text.empty() ? "" : ", tag: " + std::string(text); };
  return with_head("source: " + std::string(source) +
                   "\n"
                   "environments:\n"
                   "  - {name: dev, cluster: prod, project: shop" +
                   tag(dev_tag) +
                   "}\n"
                   "  - {name: prod, registry: \"registry.example.com:5000\", project: shop" +
                   tag(prod_tag) + "}\n");
}

TEST(Pipeline, LetsEnvironmentsShareAProjectOnlyUnderTagsOfTheirOwn) {
  struct Row {
    const char* name;
    const char* source;
    const char* dev_tag;
    const char* prod_tag;
    bool accepted;
  };
  for (const auto& [name, source, dev_tag, prod_tag, accepted] : std::vector<Row>{
           {"no tags", "{tag: latest}", "", "", false},
           {"a tag of its own", "{tag: latest}", "", "live", true},
           {"the source tag", "{tag: latest}", "", "latest", false},
           {"the source tag said twice", "{tag: edge}", "edge", "live", true},
           {"pattern, no tags", "{tag: 'v*'}", "", "", false},
           {"pattern and another tag", "{tag: 'v*'}", "", "live", true},
           {"a tag that the pattern finds", "{tag: 'v*'}", "", "vnext", false},
       }) {
    const auto pipeline = parse(shared_project(source, dev_tag, prod_tag));
    EXPECT_EQ(pipeline.ok(), accepted) << name << ": " << problem(pipeline);
    if (!pipeline.ok()) {
      EXPECT_NE(problem(pipeline).find("environments 'dev' and 'prod' share registry.example.com:5000/shop"),
                std::string::npos)
          << name << ": " << problem(pipeline);
    }
  }
}

TEST(Pipeline, LetsLaterEnvironmentsShareAProjectOnlyUnderTagsOfTheirOwn) {
  const auto three = [](std::string_view source, std::string_view test, std::string_view prod) {
    return with_head("source: " + std::string(source) +
                     "\n"
                     "environments:\n"
                     "  - {name: dev, cluster: nonprod, project: shop}\n"
                     "  - {name: test, cluster: prod, project: shop" +
                     std::string(test) + "}\n  - {name: prod, cluster: prod, project: shop" + std::string(prod) +
                     "}\n");
  };
  EXPECT_EQ(problem(parse(three("{tag: latest}", ", tag: test", ", tag: prod"))), "(accepted)");
  EXPECT_EQ(problem(parse(three("{tag: 'v*'}", ", tag: test", ""))), "(accepted)");
  EXPECT_NE(problem(parse(three("{tag: latest}", "", ", tag: latest"))), "(accepted)");
  EXPECT_NE(problem(parse(three("{tag: 'v*'}", "", ", tag: live"))), "(accepted)") << "live is the default there";
}

TEST(Pipeline, TakesNoOtherTagForTheEnvironmentWhereImagesAreBorn) {
  const auto pipeline =
      parse(with_head("environments:\n"
                      "  - {name: dev, cluster: nonprod, project: shop, tag: edge}\n"
                      "  - {name: prod, cluster: prod, project: shop}\n"));
  EXPECT_NE(problem(pipeline).find("environment 'dev' is where images are born and takes no 'tag'"), std::string::npos)
      << problem(pipeline);
}

TEST(Pipeline, IsNotFoundWhenThereIsNoSuchFile) {
  const testing::Folder folder;
  const auto pipeline = load_pipeline(folder.path() / "sluice.yaml", Clusters{});
  ASSERT_FALSE(pipeline.ok());
  EXPECT_EQ(pipeline.error().kind(), ErrorKind::not_found);
  EXPECT_NE(problem(pipeline).find("name another with -f"), std::string::npos) << problem(pipeline);
}

TEST(Pipeline, NamesItsFileInPositions) {
  const testing::Folder folder;
  const auto file = folder.write("sluice.yaml", "apps: shop\n");
  EXPECT_EQ(problem(load_pipeline(file, Clusters{})).find(file.string() + ":1:1: unknown key 'apps'"), 0U);
}

}  // namespace
}  // namespace sluice::pipeline
