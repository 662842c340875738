// Image triggers: what the annotation means, and what a moved tag changes.
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/triggers.hpp"
#include "unit/sandbox/workload_harness.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::sandbox {
namespace {

constexpr std::string_view kSpec = "spec.template.spec";

TEST(WorkloadTriggers, AFieldPathIsTakenOnlyInItsTwoForms) {
  struct Row {
    const char* name;
    const char* path;
    const char* expected;  ///< "containers/0", "initContainers/web", or "" when it is refused
  };
  constexpr auto kRows = std::to_array<Row>({
      {"by index", "spec.template.spec.containers[0].image", "containers/0"},
      {"by name", "spec.template.spec.containers[?(@.name==\"web\")].image", "containers/web"},
      {"init container", "spec.template.spec.initContainers[?(@.name==\"web\")].image", "initContainers/web"},
      {"single quotes", "spec.template.spec.containers[?(@.name=='web')].image", ""},
      {"a space", "spec.template.spec.containers[?(@.name == \"web\")].image", ""},
      {"no name", "spec.template.spec.containers[?(@.name==\"\")].image", ""},
      {"quote in the name", "spec.template.spec.containers[?(@.name==\"a\"b\")].image", ""},
      {"another field", "spec.template.spec.containers[0].name", ""},
      {"nothing after", "spec.template.spec.containers[0]", ""},
      {"more after", "spec.template.spec.containers[0].image.x", ""},
      {"negative index", "spec.template.spec.containers[-1].image", ""},
      {"no index", "spec.template.spec.containers[].image", ""},
      {"another pod spec", "spec.jobTemplate.spec.template.spec.containers[0].image", ""},
      {"huge index", "spec.template.spec.containers[99999999999999999999].image", ""},
      {"empty", "", ""},
  });
  for (const auto& row : kRows) {
    const auto selector = parse_field_path(row.path, kSpec);
    std::string seen;
    if (selector) {
      seen = selector->init ? "initContainers/" : "containers/";
      const auto* index = std::get_if<std::size_t>(&selector->which);
      seen += index != nullptr ? std::to_string(*index) : std::get<std::string>(selector->which);
    }
    EXPECT_EQ(seen, row.expected) << row.name;
  }
}

TEST(WorkloadTriggers, AnAnnotationOfAnotherShapeIsIgnoredAltogether) {
  struct Row {
    const char* name;
    const char* text;
    int expected;  ///< number of triggers; -1: unusable
  };
  constexpr auto kRows = std::to_array<Row>({
      {"one", R"([{"from":{"kind":"ImageStreamTag","name":"a:b"},"fieldPath":"x"}])", 1},
      {"paused", R"([{"from":{"kind":"ImageStreamTag","name":"a:b"},"fieldPath":"x","paused":true}])", 1},
      {"paused as text", R"([{"from":{"kind":"ImageStreamTag","name":"a:b"},"fieldPath":"x","paused":"false"}])", -1},
      {"same path twice",
       R"([{"from":{"kind":"ImageStreamTag","name":"a:b"},"fieldPath":"x"},{"from":{"kind":"ImageStreamTag","name":"c:d"},"fieldPath":"x"}])",
       -1},
      {"another kind", R"([{"from":{"kind":"DockerImage","name":"a:b"},"fieldPath":"x"}])", 0},
      {"with an apiVersion", R"([{"from":{"kind":"ImageStreamTag","apiVersion":"v1","name":"a:b"},"fieldPath":"x"}])",
       0},
      {"misspelt key", R"([{"form":{"kind":"ImageStreamTag","name":"a:b"},"fieldPath":"x"}])", 0},
      {"from is text", R"([{"from":"a:b","fieldPath":"x"}])", -1},
      {"no list", R"({"from":{"kind":"ImageStreamTag","name":"a:b"}})", -1},
      {"no JSON", "site:live", -1},
      {"empty list", "[]", 0},
      {"empty text", "", -1},
  });
  for (const auto& row : kRows) {
    const auto triggers = parse_trigger_annotation(row.text);
    EXPECT_EQ(triggers ? static_cast<int>(triggers->size()) : -1, row.expected) << row.name;
  }
}

TagResolver resolver(std::map<std::string, std::string> tags) {
  return [tags = std::move(tags)](std::string_view ns, std::string_view stream,
                                  std::string_view tag) -> std::optional<std::string> {
    const auto found = tags.find(std::string(ns) + "/" + std::string(stream) + ":" + std::string(tag));
    return found == tags.end() ? std::nullopt : std::optional(found->second);
  };
}

Json deployment(std::string_view annotation) {
  auto object = json_of(R"({"metadata":{"name":"web","namespace":"prod"},
    "spec":{"template":{"spec":{"containers":[{"name":"c","image":"old"},{"name":"d","image":"old"}]}}}})");
  annotate(object, kTriggerAnnotation, annotation);
  return object;
}

std::string image_of(const Json& object, std::size_t container) {
  return text_at(at(object, {"spec", "template", "spec", "containers"}).items()[container], {"image"});
}

TEST(WorkloadTriggers, AnAnnotatedContainerGetsTheImageOfItsTag) {
  const auto object = deployment(
      R"([{"from":{"kind":"ImageStreamTag","name":"site:live"},"fieldPath":"spec.template.spec.containers[?(@.name==\"d\")].image"}])");
  const auto changed = with_images(kDeployments, object, resolver({{"prod/site:live", "new"}}));
  ASSERT_TRUE(changed);
  EXPECT_EQ(image_of(*changed, 0), "old");
  EXPECT_EQ(image_of(*changed, 1), "new");
  EXPECT_FALSE(with_images(kDeployments, *changed, resolver({{"prod/site:live", "new"}}))) << "changed twice";
}

TEST(WorkloadTriggers, AnUnknownContainerStopsTheWholeObject) {
  const auto object = deployment(
      R"([{"from":{"kind":"ImageStreamTag","name":"site:live"},"fieldPath":"spec.template.spec.containers[0].image"},
          {"from":{"kind":"ImageStreamTag","name":"site:live"},"fieldPath":"spec.template.spec.containers[7].image"}])");
  EXPECT_FALSE(with_images(kDeployments, object, resolver({{"prod/site:live", "new"}})));
}

TEST(WorkloadTriggers, APausedAnnotationTriggerDoesNothing) {
  const auto object = deployment(
      R"([{"from":{"kind":"ImageStreamTag","name":"site:live"},"fieldPath":"spec.template.spec.containers[0].image","paused":true}])");
  EXPECT_FALSE(with_images(kDeployments, object, resolver({{"prod/site:live", "new"}})));
}

Json config(std::string_view last_of_first = "") {
  auto object = json_of(R"({"metadata":{"name":"site","namespace":"prod"},"spec":{"triggers":[
    {"type":"ImageChange","imageChangeParams":{"automatic":true,"containerNames":["c"],"from":{"kind":"ImageStreamTag","name":"site:live","namespace":"prod"}}},
    {"type":"ImageChange","imageChangeParams":{"automatic":true,"containerNames":["d","init"],"from":{"kind":"ImageStreamTag","name":"side:live","namespace":"other"}}}],
    "template":{"spec":{"containers":[{"name":"c","image":" "},{"name":"d","image":" "}],"initContainers":[{"name":"init","image":" "}]}}}})");
  if (!last_of_first.empty()) {
    auto& trigger = (*find_at(object, {"spec", "triggers"})->elements())[0];
    set_at(trigger, {"imageChangeParams", "lastTriggeredImage"}, last_of_first);
  }
  return object;
}

TEST(WorkloadTriggers, OneUnresolvedTriggerHoldsTheOthersBack) {
  EXPECT_FALSE(with_images(kDeploymentConfigs, config(), resolver({{"prod/site:live", "new"}})));
}

TEST(WorkloadTriggers, ATagThatIsGoneLeavesTheLastImage) {
  const auto changed = with_images(kDeploymentConfigs, config("kept"), resolver({{"other/side:live", "new"}}));
  ASSERT_TRUE(changed);
  EXPECT_EQ(image_of(*changed, 0), "kept");
  EXPECT_EQ(image_of(*changed, 1), "new");
  EXPECT_EQ(text_at(at(*changed, {"spec", "template", "spec", "initContainers"}).items()[0], {"image"}), "new");
}

TEST(WorkloadTriggers, AManualTriggerIsLeftAlone) {
  auto object = config();
  for (auto& trigger : *find_at(object, {"spec", "triggers"})->elements()) {
    remove_at(trigger, {"imageChangeParams", "automatic"});
  }
  EXPECT_FALSE(
      with_images(kDeploymentConfigs, object, resolver({{"prod/site:live", "new"}, {"other/side:live", "new"}})));
}

TEST(WorkloadTriggers, TheStreamsOfAWorkloadAreItsOwnUnlessNamed) {
  using Streams = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(streams_of(kDeploymentConfigs, config()), (Streams{{"prod", "site"}, {"other", "side"}}));
  EXPECT_EQ(
      streams_of(kDeployments, deployment(R"([{"from":{"kind":"ImageStreamTag","name":"a:b"},"fieldPath":"x"}])")),
      (Streams{{"prod", "a"}}));
  EXPECT_EQ(streams_of(kDeployments, deployment("nonsense")), Streams{});
}

}  // namespace
}  // namespace sluice::sandbox
