#include "init/sketch.hpp"

#include "base/text.hpp"
#include "pipeline/write_pipeline.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace sluice::init {
namespace {

Json parsed(const std::string& text) {
  auto json = parse_json(text);
  EXPECT_TRUE(json.ok()) << text;
  return json.ok() ? *json : Json();
}

// "dev=shop-dev, prod=east/shop" for people who read failures.
std::string shown(const Chain& chain) {
  std::vector<std::string> steps;
  for (const auto& step : chain.steps) {
    steps.push_back(step.environment + "=" + (step.cluster.empty() ? "" : step.cluster + "/") + step.project);
  }
  return text::join(steps, ", ");
}

std::string chains_of(const ProjectNames& names, const SketchWish& wish) {
  const auto chains = find_chains(names, wish);
  if (!chains) return std::string(to_string(chains.error().kind())) + ": " + chains.error().sentence();
  std::vector<std::string> all;
  for (const auto& chain : *chains) all.push_back(shown(chain));
  return text::join(all, " | ");
}

TEST(Chains, FollowFromTheNamesOfProjects) {
  struct Row {
    std::string name;
    std::vector<std::string> projects;
    std::string chains;
  };
  for (const auto& row :
       std::vector<Row>{{"ends", {"shop-prod", "shop-dev"}, "dev=shop-dev, prod=shop-prod"},
                        {"beginnings", {"prod-shop", "dev-shop"}, "dev=dev-shop, prod=prod-shop"},
                        {"the usual order",
                         {"shop-live", "shop-pre", "shop-uat", "shop-test", "shop-staging", "shop-dev", "shop-qa"},
                         "dev=shop-dev, test=shop-test, qa=shop-qa, uat=shop-uat, staging=shop-staging, pre=shop-pre, "
                         "live=shop-live"},
                        {"pre-prod is one word",
                         {"shop-prod", "shop-pre-prod", "shop-dev"},
                         "dev=shop-dev, pre-prod=shop-pre-prod, prod=shop-prod"},
                        {"bare beside dev", {"shop", "shop-dev"}, "dev=shop-dev, prod=shop"},
                        {"bare beside prod", {"shop", "shop-prod"}, "dev=shop, prod=shop-prod"},
                        {"bare beside both", {"shop", "shop-dev", "shop-prod"}, "dev=shop-dev, prod=shop-prod"},
                        {"nothing but roles", {"dev", "pre-prod", "prod"}, "dev=dev, pre-prod=pre-prod, prod=prod"},
                        {"one role twice",
                         {"shop-dev", "dev-shop", "shop-prod"},
                         "dev-shop=dev-shop, shop-dev=shop-dev, prod=shop-prod"},
                        {"two apps",
                         {"blog-dev", "blog-prod", "shop-dev", "shop-prod"},
                         "dev=blog-dev, prod=blog-prod | dev=shop-dev, prod=shop-prod"},
                        {"the cluster's own",
                         {"openshift-dev", "openshift-prod", "kube-dev", "kube-prod", "a-dev", "a-prod"},
                         "dev=a-dev, prod=a-prod"}}) {
    EXPECT_EQ(chains_of({row.projects}, {}), row.chains) << row.name;
  }
}

TEST(Chains, FollowWhatWasSaid) {
  const ProjectNames names{{"blog-dev", "blog-prod", "shop-dev", "shop-test", "shop-prod", "tools"}};
  struct Row {
    std::string name;
    SketchWish wish;
    std::string chains;
  };
  for (const auto& row :
       std::vector<Row>{{"both ends", {.from = "tools", .to = {"shop-prod"}}, "tools=tools, prod=shop-prod"},
                        {"in the order that was said",
                         {.from = "shop-dev", .to = {"shop-prod", "shop-test"}},
                         "dev=shop-dev, prod=shop-prod, test=shop-test"},
                        {"the first", {.from = "shop-test"}, "test=shop-test, prod=shop-prod"},
                        {"the last", {.to = {"shop-prod"}}, "dev=shop-dev, prod=shop-prod"},
                        {"the app", {.app = "blog"}, "dev=blog-dev, prod=blog-prod"}}) {
    EXPECT_EQ(chains_of(names, row.wish), row.chains) << row.name;
  }
}

TEST(Chains, OfSeveralAppsTheOneWhoseProjectIsTheCurrentOneIsTaken) {
  const ProjectNames names{{"blog-dev", "blog-prod", "shop-dev", "shop-prod"}, {}, "shop-prod"};
  EXPECT_EQ(chains_of(names, {}), "dev=shop-dev, prod=shop-prod");
}

TEST(Chains, GoOnInTheSecondCluster) {
  struct Row {
    std::string name;
    std::vector<std::string> here;
    std::vector<std::string> there;
    SketchWish wish;
    std::string chains;
  };
  for (const auto& row : std::vector<Row>{
           {"by role",
            {"shop-dev", "shop-test"},
            {"shop-prod"},
            {},
            "dev=shop-dev, test=shop-test, prod=east/shop-prod"},
           {"the same name", {"shop"}, {"shop"}, {}, "dev=shop, prod=east/shop"},
           {"a role that both have is played there",
            {"shop-dev", "shop-prod"},
            {"shop-prod"},
            {},
            "dev=shop-dev, prod=east/shop-prod"},
           {"as said",
            {"shop-dev"},
            {"store"},
            {.from = "shop-dev", .to = {"store"}},
            "dev=shop-dev, store=east/store"},
       }) {
    auto wish = row.wish;
    wish.to_cluster = "east";
    EXPECT_EQ(chains_of({row.here, row.there}, wish), row.chains) << row.name;
  }
}

TEST(Chains, ThatCannotBeToldAreRefusedWithWhatThereIs) {
  const ProjectNames names{{"shop-dev", "shop-prod", "tools", "default"}};
  struct Row {
    std::string name;
    ProjectNames names;
    SketchWish wish;
    std::vector<std::string> words;
  };
  for (const auto& row : std::vector<Row>{
           {"misspelt", names, {.from = "shop-dve"}, {"no project 'shop-dve'", "did you mean 'shop-dev'"}},
           {"misspelt target", names, {.to = {"shop-prd"}}, {"no project 'shop-prd'", "did you mean 'shop-prod'"}},
           {"no partner", names, {.from = "tools"}, {"where images of tools go", "--to", "shop-dev, shop-prod, tools"}},
           {"no first", names, {.to = {"tools"}}, {"where images of tools come from", "--from"}},
           {"nothing alike", {{"a", "b"}}, {}, {"no two projects look like", "--from PROJECT --to PROJECT", "a, b"}},
           {"nothing at all", {}, {}, {"no projects to be seen"}},
           {"onto itself", names, {.from = "tools", .to = {"tools"}}, {"named twice"}}}) {
    const auto said = chains_of(row.names, row.wish);
    EXPECT_TRUE(said.starts_with("config: ")) << row.name << ": " << said;
    for (const auto& word : row.words) EXPECT_NE(said.find(word), std::string::npos) << row.name << ": " << said;
  }
}

// What a project may have. Tags: "latest" pushed, "18<" imported.
kube::ImageStream stream(const std::string& project, const std::string& name, const std::vector<std::string>& tags) {
  std::vector<std::string> specs;
  std::vector<std::string> histories;
  int minute = 10;
  for (const auto& tag : tags) {
    const auto bare = tag.substr(0, tag.find('<'));
    if (bare != tag) {
      specs.push_back(
          fmt::format(R"({{"name": "{}", "from": {{"kind": "DockerImage", "name": "quay.io/a/b:1"}}}})", bare));
    }
    histories.push_back(
        fmt::format(R"({{"tag": "{}", "items": [{{"created": "2026-01-01T00:{}:00Z", "image": "sha256:{}"}}]}})", bare,
                    minute++, std::string(64, 'a')));
  }
  return kube::ImageStream(parsed(fmt::format(
      R"({{"kind": "ImageStream", "metadata": {{"name": "{}", "namespace": "{}"}},
          "spec": {{"tags": [{}]}}, "status": {{"tags": [{}]}}}})",
      name, project, text::join(specs, ","), text::join(histories, ","))));
}

kube::DeploymentConfig config(const std::string& project, const std::string& name, const std::string& from_project,
                              const std::string& from, bool automatic = true) {
  return kube::DeploymentConfig(parsed(fmt::format(
      R"({{"kind": "DeploymentConfig", "metadata": {{"name": "{0}", "namespace": "{1}", "uid": "{0}"}},
          "spec": {{"triggers": [{{"type": "ImageChange", "imageChangeParams": {{"automatic": {4},
              "containerNames": ["{0}"], "from": {{"kind": "ImageStreamTag", "namespace": "{2}", "name": "{3}"}}}}}}],
            "template": {{"spec": {{"containers": [{{"name": "{0}", "image": " "}}]}}}}}}}})",
      name, project, from_project, from, automatic)));
}

kube::Deployment deployment(const std::string& project, const std::string& name, const std::string& image,
                            const std::string& annotation = "") {
  auto json = parsed(fmt::format(
      R"({{"kind": "Deployment", "metadata": {{"name": "{0}", "namespace": "{1}", "uid": "{0}"}},
          "spec": {{"template": {{"spec": {{"containers": [{{"name": "{0}", "image": "{2}"}}]}}}}}}}})",
      name, project, image));
  kube::Deployment out(std::move(json));
  if (!annotation.empty()) out.annotate("image.openshift.io/triggers", annotation);
  return out;
}

struct World {
  SeenProject dev;
  SeenProject prod;
  SketchWish wish{};
  std::string stem = "shop";

  Result<Sketch> sketch() const {
    const Chain chain{stem, {{"dev", "", "shop-dev"}, {"prod", "", "shop-prod"}}, {}};
    return sketch_pipeline(chain, {dev, prod}, wish);
  }
};

bool has(const Sketch& sketch, const std::string& code, const std::string& words = "") {
  return std::any_of(sketch.notes.begin(), sketch.notes.end(), [&](const Finding& note) {
    return note.code == code && note.sentence.find(words) != std::string::npos;
  });
}

std::string notes_of(const Sketch& sketch) {
  std::string out;
  for (const auto& note : sketch.notes) out += note.code + ": " + note.sentence + "\n";
  return out;
}

World shop() {
  World world;
  world.dev.streams = {stream("shop-dev", "builder", {"18<"}), stream("shop-dev", "api", {"latest"}),
                       stream("shop-dev", "web", {"latest"})};
  world.prod.workloads.configs = {config("shop-prod", "web", "shop-prod", "web:latest"),
                                  config("shop-prod", "api", "shop-prod", "api:latest")};
  return world;
}

TEST(Sketch, TakesTheImagesThatALaterProjectUses) {
  const auto sketch = shop().sketch();
  ASSERT_TRUE(sketch.ok()) << sketch.error().sentence();
  EXPECT_EQ(pipeline::write_pipeline(sketch->pipeline), R"(app: shop
images: [api, web]
source: {tag: latest}
environments:
  - {name: dev, project: shop-dev}
  - {name: prod, project: shop-prod}
)");
  EXPECT_EQ(notes_of(*sketch), "");
}

TEST(Sketch, FindsImagesByWhateverNamesThem) {
  const std::string annotation =
      R"([{"from": {"kind": "ImageStreamTag", "name": "web:live"}, "fieldPath": "spec.template.spec.containers[?(@.name==\"web\")].image"}])";
  const std::string broken = R"([{"from": {"kind": "ImageStreamTag", "name": "web:latest"}, "paused": "false"}])";
  struct Row {
    std::string name;
    SeenProject prod;
  };
  std::vector<Row> rows(5);
  rows[0].name = "an annotation";
  rows[0].prod.workloads.deployments = {deployment("shop-prod", "web", " ", annotation)};
  rows[1].name = "a template";
  rows[1].prod.workloads.deployments = {deployment("shop-prod", "web", "registry.example.com:5000/shop-prod/web:1")};
  rows[2].name = "a template that runs what was built";
  rows[2].prod.workloads.deployments = {deployment("shop-prod", "web", "registry.example.com:5000/shop-dev/web:1")};
  rows[3].name = "an annotation that nobody can read";
  rows[3].prod.workloads.deployments = {deployment("shop-prod", "web", " ", broken)};
  rows[4].name = "a stream of that name";
  rows[4].prod.streams = {stream("shop-prod", "web", {})};
  for (auto& row : rows) {
    auto world = shop();
    world.prod = row.prod;
    const auto sketch = world.sketch();
    ASSERT_TRUE(sketch.ok()) << row.name << ": " << sketch.error().sentence();
    EXPECT_EQ(sketch->pipeline.images, std::vector<std::string>{"web"}) << row.name;
    EXPECT_TRUE(has(*sketch, "guessed-images", "api")) << row.name << ": " << notes_of(*sketch);
  }
}

TEST(Sketch, TakesAllThatWasPushedWhereNothingIsUsed) {
  auto world = shop();
  world.prod = {};
  const auto sketch = world.sketch();
  ASSERT_TRUE(sketch.ok()) << sketch.error().sentence();
  EXPECT_EQ(sketch->pipeline.images, (std::vector<std::string>{"api", "web"}));
  EXPECT_TRUE(has(*sketch, "guessed-images", "all of its images"));
  EXPECT_TRUE(has(*sketch, "image-unused", "api, web")) << notes_of(*sketch);
}

TEST(Sketch, RefusesAProjectWithoutAnyImage) {
  auto world = shop();
  world.dev.streams = {stream("shop-dev", "web", {})};
  world.prod = {};
  const auto sketch = world.sketch();
  ASSERT_FALSE(sketch.ok());
  EXPECT_EQ(sketch.error().kind(), ErrorKind::not_found);
  EXPECT_NE(sketch.error().sentence().find("no image in the project shop-dev"), std::string::npos);
}

TEST(Sketch, ChoosesTheTagThatImagesAreFoundUnder) {
  struct Row {
    std::string name;
    std::vector<std::string> api;
    std::vector<std::string> web;
    std::string followed;  ///< by a workload of the first project
    std::string tag;
    std::string note;
  };
  for (const auto& row : std::vector<Row>{
           {"latest", {"latest", "1"}, {"2", "latest"}, "", "latest", ""},
           {"what runs in dev", {"latest", "tested"}, {"latest", "tested"}, "web:tested", "tested", ""},
           {"what runs in dev and not all have", {"latest"}, {"latest", "tested"}, "web:tested", "latest", ""},
           {"versions", {"v1.0.0", "v1.1.0"}, {"v1.1.0"}, "", "v*", "guessed-source"},
           {"versions without a v", {"1.1.0"}, {"1.1.0"}, "", "*.*.*", "guessed-source"},
           {"the only one", {"main"}, {"main", "old"}, "", "main", ""},
           {"the newest", {"main", "other"}, {"main", "other"}, "", "other", "guessed-source"},
           {"our own pins are none", {"main", "sluice-123456789012"}, {"main", "sluice-123456789012"}, "", "main", ""},
           {"nothing in common", {"a"}, {"b"}, "", "latest", "source-tag-missing"}}) {
    auto world = shop();
    world.dev.streams = {stream("shop-dev", "api", row.api), stream("shop-dev", "web", row.web)};
    if (!row.followed.empty()) world.dev.workloads.configs = {config("shop-dev", "web", "shop-dev", row.followed)};
    const auto sketch = world.sketch();
    ASSERT_TRUE(sketch.ok()) << row.name << ": " << sketch.error().sentence();
    EXPECT_EQ(sketch->pipeline.source.tag, row.tag) << row.name << ": " << notes_of(*sketch);
    const bool noted = has(*sketch, "guessed-source") || has(*sketch, "source-tag-missing");
    EXPECT_EQ(noted, !row.note.empty()) << row.name << ": " << notes_of(*sketch);
    if (!row.note.empty()) {
      EXPECT_TRUE(has(*sketch, row.note)) << row.name << ": " << notes_of(*sketch);
    }
  }
}

TEST(Sketch, MovesTheTagThatTriggersFollow) {
  struct Row {
    std::string name;
    std::vector<std::string> tags;  ///< in dev
    std::string followed;           ///< in prod
    std::string tag;                ///< "" when it is the usual one
  };
  for (const auto& row : std::vector<Row>{{"the same", {"latest"}, "latest", ""},
                                          {"another", {"latest"}, "prod", "prod"},
                                          {"live after a pattern", {"v1.0.0"}, "live", ""},
                                          {"another after a pattern", {"v1.0.0"}, "stable", "stable"}}) {
    World world;
    world.dev.streams = {stream("shop-dev", "web", row.tags)};
    world.prod.workloads.configs = {config("shop-prod", "web", "shop-prod", "web:" + row.followed)};
    const auto sketch = world.sketch();
    ASSERT_TRUE(sketch.ok()) << row.name << ": " << sketch.error().sentence();
    EXPECT_EQ(sketch->pipeline.environments[1].tag.value_or(""), row.tag) << row.name;
    EXPECT_EQ(sketch->pipeline.environments[0].tag, std::nullopt) << row.name;
    EXPECT_FALSE(has(*sketch, "image-unused")) << row.name << ": " << notes_of(*sketch);
  }
}

TEST(Sketch, TellsWhatWouldKeepWorkloadsFromRolling) {
  struct Row {
    std::string name;
    openshift::Workloads workloads;
    std::string code;
    std::string words;
  };
  const auto with = [](auto change) {
    openshift::Workloads workloads;
    change(workloads);
    return workloads;
  };
  const std::string broken = R"([{"from": {"kind": "ImageStreamTag", "name": "web:latest"}, "paused": "false"}])";
  const std::vector<Row> rows{
      {"no trigger", with([](auto& w) {
         w.deployments = {deployment("shop-prod", "web", "r.example.com:5000/shop-prod/web:latest")};
       }),
       "trigger-missing", "has no trigger on web:latest"},
      {"not automatic",
       with([](auto& w) { w.configs = {config("shop-prod", "web", "shop-prod", "web:latest", false)}; }),
       "trigger-manual", "not automatic"},
      {"malformed", with([&](auto& w) { w.deployments = {deployment("shop-prod", "web", " ", broken)}; }),
       "trigger-malformed", "in shop-prod"},
      {"the first project, the same tag",
       with([](auto& w) { w.configs = {config("shop-prod", "web", "shop-dev", "web:latest")}; }),
       "trigger-other-project", "follows shop-dev/web:latest"},
      {"the first project, another tag",
       with([](auto& w) { w.configs = {config("shop-prod", "web", "shop-dev", "web:other")}; }), "follows-source",
       "without a promotion"},
      {"several tags", with([](auto& w) {
         w.configs = {config("shop-prod", "web", "shop-prod", "web:latest"),
                      config("shop-prod", "shadow", "shop-prod", "web:canary"),
                      config("shop-prod", "spare", "shop-prod", "web:latest")};
       }),
       "several-tags", "latest is moved, canary not"},
      {"unreadable", with([](auto& w) {
         w.unread = {{openshift::WorkloadKind::deployment, true, "Deployments of shop-prod may not be listed"}};
       }),
       "workloads-unread", "may not be listed"}};
  for (const auto& row : rows) {
    World world;
    world.dev.streams = {stream("shop-dev", "web", {"latest"})};
    world.prod.workloads = row.workloads;
    const auto sketch = world.sketch();
    ASSERT_TRUE(sketch.ok()) << row.name << ": " << sketch.error().sentence();
    EXPECT_TRUE(has(*sketch, row.code, row.words)) << row.name << ": " << notes_of(*sketch);
    for (const auto& note : sketch->notes) {
      if (note.code == row.code) {
        EXPECT_EQ(note.severity, Severity::warning) << row.name;
      }
    }
  }
}

TEST(Sketch, DoesWhatWasSaid) {
  auto world = shop();
  world.wish.app = "store";
  world.wish.images = {"web", "wbe", "web"};
  world.wish.tag = "v*";
  const auto sketch = world.sketch();
  ASSERT_TRUE(sketch.ok()) << sketch.error().sentence();
  EXPECT_EQ(sketch->pipeline.app, "store");
  EXPECT_EQ(sketch->pipeline.images, (std::vector<std::string>{"web", "wbe"}));
  EXPECT_EQ(sketch->pipeline.source.tag, "v*");
  EXPECT_TRUE(has(*sketch, "image-not-there", "did you mean 'web'")) << notes_of(*sketch);
}

TEST(Sketch, RefusesWhatIsNoName) {
  for (const auto& [name, change] : std::vector<std::pair<std::string, void (*)(SketchWish&)>>{
           {"app", [](SketchWish& wish) { wish.app = "My Shop"; }},
           {"image", [](SketchWish& wish) { wish.images = {"Web!"}; }},
           {"tag", [](SketchWish& wish) { wish.tag = "a b"; }}}) {
    auto world = shop();
    change(world.wish);
    EXPECT_FALSE(world.sketch().ok()) << name;
  }
}

TEST(Sketch, NamesTheAppAfterWhatThereIs) {
  auto world = shop();
  world.stem = "";
  world.wish.images = {"web"};
  EXPECT_EQ(world.sketch()->pipeline.app, "web");
  world.wish.images = {"web", "api"};
  EXPECT_EQ(world.sketch()->pipeline.app, "shop-dev");
}

}  // namespace
}  // namespace sluice::init
