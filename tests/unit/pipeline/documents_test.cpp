// Holds docs/examples and schemas to what the parsers accept.

#include "base/json.hpp"
#include "base/text.hpp"
#include "files.hpp"
#include "pipeline/clusters.hpp"
#include "pipeline/pipeline.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace sluice::pipeline {
namespace {

using testing::content_of;
using testing::problem;
using testing::project_file;

Clusters example_clusters() {
  const auto file = project_file("docs/examples/clusters.yaml");
  auto clusters = parse_clusters(content_of(file), file);
  EXPECT_TRUE(clusters.ok()) << problem(clusters);
  return clusters.ok() ? std::move(*clusters) : Clusters{};
}

TEST(Examples, AllParse) {
  const auto clusters = example_clusters();
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(project_file("docs/examples"))) {
    if (entry.path().extension() != ".yaml" || entry.path().filename() == "clusters.yaml") continue;
    const auto pipeline = load_pipeline(entry.path(), clusters);
    EXPECT_TRUE(pipeline.ok()) << problem(pipeline);
    ++count;
  }
  EXPECT_GE(count, 3U) << "examples found";
}

// Every block of docs/pipeline.md that is marked as YAML is a whole file.
TEST(Examples, InTheGuideParse) {
  const auto clusters = example_clusters();
  const auto guide = content_of(project_file("docs/pipeline.md"));
  ASSERT_FALSE(guide.empty());
  std::size_t count = 0;
  constexpr std::string_view kOpen = "```yaml\n";
  for (auto at = guide.find(kOpen); at != std::string::npos; at = guide.find(kOpen, at)) {
    at += kOpen.size();
    const auto block = guide.substr(at, guide.find("```", at) - at);
    const auto outcome = block.starts_with("clusters:") ? problem(parse_clusters(block, "guide"))
                                                        : problem(parse_pipeline(block, "guide", clusters));
    EXPECT_EQ(outcome, "(accepted)") << block;
    ++count;
  }
  EXPECT_GE(count, 4U) << "blocks found";
}

Json schema(std::string_view name) {
  const auto parsed = parse_json(content_of(project_file("schemas/" + std::string(name))));
  EXPECT_TRUE(parsed.ok()) << name << ": " << problem(parsed);
  return parsed.ok() ? *parsed : Json();
}

const Json& at(const Json& from, const std::vector<std::string>& path) {
  const Json* node = &from;
  for (const auto& key : path) {
    node = node->find(key);
    if (node == nullptr) break;
  }
  static const Json kNone;
  EXPECT_NE(node, nullptr) << text::join(path, ".");
  return node != nullptr ? *node : kNone;
}

std::set<std::string> property_names(const Json& object_schema) {
  EXPECT_EQ(object_schema.bool_at("additionalProperties"), false);
  std::set<std::string> names;
  for (const auto& [name, value] : at(object_schema, {"properties"}).members()) names.insert(name);
  return names;
}

// The keys that the parser lists when it meets one that it does not know.
std::set<std::string> allowed_keys(const std::string& sentence) {
  constexpr std::string_view kMark = "allowed here: ";
  const auto start = sentence.find(kMark);
  EXPECT_NE(start, std::string::npos) << sentence;
  std::set<std::string> names;
  if (start == std::string::npos) return names;
  for (const auto& name : text::split(sentence.substr(start + kMark.size()), ',')) {
    names.emplace(text::trim(name));
  }
  return names;
}

TEST(Schemas, OfPipelinesNameTheKeysThatTheParserTakes) {
  const auto json = schema("pipeline.schema.json");
  const auto listed = [](const std::string& text) {
    return allowed_keys(problem(parse_pipeline(text, "sluice.yaml", Clusters{})));
  };
  const std::string head = "app: a\nimages: [a]\n";
  const std::string two = "  - {name: b}\n";
  EXPECT_EQ(property_names(json), listed("zzzzzzzz: 1\n"));
  EXPECT_EQ(property_names(at(json, {"properties", "source"})), listed(head + "source: {zzzzzzzz: 1}\n"));
  EXPECT_EQ(property_names(at(json, {"$defs", "environment"})),
            listed(head + "environments:\n  - {name: a, zzzzzzzz: 1}\n" + two));
  EXPECT_EQ(property_names(at(json, {"$defs", "target"})),
            listed(head + "environments:\n  - {name: a, targets: [{zzzzzzzz: 1}]}\n" + two));
}

TEST(Schemas, OfClustersNameTheKeysThatTheParserTakes) {
  const auto json = schema("clusters.schema.json");
  const auto listed = [](const std::string& text) { return allowed_keys(problem(parse_clusters(text, "c.yaml"))); };
  EXPECT_EQ(property_names(json), listed("zzzzzzzz: 1\n"));
  EXPECT_EQ(property_names(at(json, {"$defs", "cluster"})), listed("clusters: {a: {zzzzzzzz: 1}}\n"));
}

TEST(Guide, NamesEveryKey) {
  const auto guide = content_of(project_file("docs/pipeline.md"));
  const auto pipeline = schema("pipeline.schema.json");
  const auto clusters = schema("clusters.schema.json");
  for (const auto* object :
       {&pipeline, &at(pipeline, {"properties", "source"}), &at(pipeline, {"$defs", "environment"}),
        &at(pipeline, {"$defs", "target"}), &clusters, &at(clusters, {"$defs", "cluster"})}) {
    for (const auto& name : property_names(*object)) {
      EXPECT_NE(guide.find("`" + name + "`"), std::string::npos) << "docs/pipeline.md does not name " << name;
    }
  }
}

}  // namespace
}  // namespace sluice::pipeline
