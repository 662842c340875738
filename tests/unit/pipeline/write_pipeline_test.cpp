#include "pipeline/write_pipeline.hpp"

#include "files.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::pipeline {
namespace {

using testing::problem;

Target in_registry(std::string registry, std::string project) { return {"", std::move(registry), std::move(project)}; }

Target in_cluster(std::string cluster, std::string project) {
  Target target{std::move(cluster), "", std::move(project)};
  target.has_api = true;
  return target;
}

Environment step(std::string name, std::vector<Target> targets, std::optional<std::string> tag = std::nullopt) {
  Environment environment;
  environment.name = std::move(name);
  environment.targets = std::move(targets);
  environment.tag = std::move(tag);
  return environment;
}

Pipeline shop(std::vector<Environment> environments) {
  Pipeline pipeline;
  pipeline.app = "shop";
  pipeline.images = {"web"};
  pipeline.environments = std::move(environments);
  return pipeline;
}

TEST(WritePipeline, TakesTheShortestForm) {
  const auto pipeline = shop({step("dev", {in_cluster("", "shop-dev")}), step("prod", {in_cluster("", "shop-prod")})});
  EXPECT_EQ(write_pipeline(pipeline), R"(app: shop
images: [web]
source: {tag: latest}
environments:
  - {name: dev, project: shop-dev}
  - {name: prod, project: shop-prod}
)");
}

TEST(WritePipeline, WritesEverythingThatIsNotADefault) {
  auto pipeline =
      shop({step("dev", {in_cluster("nonprod", "shop-dev")}),
            step("prod", {in_cluster("a", "shop"), in_registry("eu.example.com:5000", "eu/shop")}, "1.10")});
  pipeline.images = {"web", "api"};
  pipeline.source.tag = "v*";
  auto& prod = pipeline.environments.back();
  prod.targets[0].via = Via::import_images;
  prod.targets[1].deploy = Deploy::patch;
  prod.verify = {true, std::chrono::seconds(900), std::chrono::seconds(90), "https://{project}.example.com/healthz"};
  prod.rollback_on_failure = true;
  EXPECT_EQ(write_pipeline(pipeline, {"guessed:\nfrom names"}), R"(# guessed: from names
app: shop
images: [web, api]
source: {tag: "v*", match: same-tag}
environments:
  - {name: dev, cluster: nonprod, project: shop-dev}
  - name: prod
    tag: "1.10"
    verify: {rollout: 15m, watch: 90s, http: "https://{project}.example.com/healthz"}
    on-failure: rollback
    targets:
      - {cluster: a, project: shop, via: import}
      - {registry: "eu.example.com:5000", project: eu/shop, deploy: patch}
)");
}

TEST(WritePipeline, SaysOnceWhatAllTargetsHaveInCommon) {
  auto pipeline = shop({step("dev", {in_cluster("", "shop-dev")}), step("prod", {in_cluster("a", "shop")})});
  auto& prod = pipeline.environments.back();
  prod.targets.push_back(in_cluster("b", "shop"));
  for (auto& target : prod.targets) {
    target.via = Via::stream;
    target.deploy = Deploy::patch;
  }
  prod.verify.rollout = false;
  EXPECT_NE(write_pipeline(pipeline).find(R"(  - name: prod
    via: stream
    deploy: patch
    verify: {rollout: none}
    targets:
      - {cluster: a, project: shop}
      - {cluster: b, project: shop}
)"),
            std::string::npos)
      << write_pipeline(pipeline);
}

TEST(WritePipeline, QuotesWhatOtherReadersMightNotTakeForText) {
  for (const auto* tag : {"1.10", "true", "No", "null", "2026-01-02", "1e3", "0x1f", "_under", "latest", "v1.4"}) {
    auto pipeline =
        shop({step("dev", {in_registry("r.example.com", "a")}), step("prod", {in_registry("r.example.com", "b")})});
    pipeline.source.tag = tag;
    const auto text = write_pipeline(pipeline);
    const std::string word = tag;
    const bool bare = word == "latest" || word == "v1.4";
    EXPECT_NE(text.find(bare ? "{tag: " + word + "}" : "{tag: \"" + word + "\"}"), std::string::npos) << text;
  }
}

struct Row {
  std::string name;
  Pipeline pipeline;
};

std::vector<Row> rows() {
  std::vector<Row> rows;
  const auto add = [&](std::string name, Pipeline pipeline) { rows.push_back({std::move(name), std::move(pipeline)}); };
  const auto here = [](const char* project) { return in_registry("registry.example.com:5000", project); };
  const auto plain = [&] { return shop({step("dev", {here("shop-dev")}), step("prod", {here("shop-prod")})}); };
  add("the smallest", plain());
  auto many = plain();
  many.images.clear();
  for (int i = 0; i < 40; ++i) many.images.push_back("image-" + std::to_string(i));
  add("more images than fit on a line", std::move(many));
  auto odd = plain();
  odd.source.tag = "1.10";
  odd.environments[1].tag = "true";
  add("tags that look like something else", std::move(odd));
  auto pattern = plain();
  pattern.images.emplace_back("api");
  pattern.source.tag = "v1.?.*";
  pattern.environments[1].tag = "stable";
  add("a pattern for two images", std::move(pattern));
  auto targets = plain();
  targets.environments[1].targets.push_back(in_registry("eu.example.com", "europe/shop"));
  add("two targets", std::move(targets));
  add("the current context",
      shop({step("dev", {in_cluster("", "shop-dev")}), step("prod", {in_cluster("", "shop-prod")})}));
  auto full = shop(
      {step("dev", {in_cluster("", "shop-dev")}), step("prod", {in_cluster("ops/api-example-com:6443/ann", "shop")})});
  auto& prod = full.environments.back();
  prod.targets.push_back(in_cluster("east", "shop"));
  prod.targets[0].via = Via::import_images;
  prod.targets[1].via = Via::stream;
  prod.targets[1].deploy = Deploy::patch;
  prod.verify = {true, std::chrono::hours(2), std::chrono::seconds(61), "https://shop.example.com/healthz?full=\"1\""};
  prod.rollback_on_failure = true;
  add("every key", std::move(full));
  auto off = shop({step("dev", {in_cluster("east", "shop-dev")}), step("prod", {in_cluster("east", "shop")})});
  off.environments[1].verify.rollout = false;
  off.environments[1].targets[0].via = Via::tag;
  off.environments[1].targets[0].deploy = Deploy::patch;
  add("rollouts not followed", std::move(off));
  return rows;
}

void expect_same(const Pipeline& read, const Pipeline& written) {
  EXPECT_EQ(read.app, written.app);
  EXPECT_EQ(read.images, written.images);
  EXPECT_EQ(read.source.tag, written.source.tag);
  ASSERT_EQ(read.environments.size(), written.environments.size());
  for (std::size_t i = 0; i < read.environments.size(); ++i) {
    const auto& got = read.environments[i];
    const auto& want = written.environments[i];
    EXPECT_EQ(got.name, want.name);
    EXPECT_EQ(got.tag, want.tag) << want.name;
    EXPECT_EQ(got.verify, want.verify) << want.name;
    EXPECT_EQ(got.rollback_on_failure, want.rollback_on_failure) << want.name;
    ASSERT_EQ(got.targets.size(), want.targets.size()) << want.name;
    for (std::size_t j = 0; j < got.targets.size(); ++j) {
      EXPECT_EQ(got.targets[j].cluster, want.targets[j].cluster) << want.name;
      EXPECT_EQ(got.targets[j].registry, want.targets[j].registry) << want.name;
      EXPECT_EQ(got.targets[j].project, want.targets[j].project) << want.name;
      EXPECT_EQ(got.targets[j].has_api, want.targets[j].has_api) << want.name;
      EXPECT_EQ(got.targets[j].via, want.targets[j].via) << want.name;
      EXPECT_EQ(got.targets[j].deploy, want.targets[j].deploy) << want.name;
    }
  }
}

TEST(WritePipeline, IsReadBackToTheSameValues) {
  Clusters clusters;
  clusters.contexts = {"ops/api-example-com:6443/ann", "east"};
  for (const auto& row : rows()) {
    SCOPED_TRACE(row.name);
    const auto text = write_pipeline(row.pipeline, {"a comment: [with] {odd} things"});
    const auto read = parse_pipeline(text, "written.yaml", clusters);
    ASSERT_TRUE(read.ok()) << problem(read) << "\n" << text;
    expect_same(*read, row.pipeline);
  }
}

}  // namespace
}  // namespace sluice::pipeline
