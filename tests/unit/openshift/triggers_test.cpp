#include "openshift/workloads/triggers.hpp"

#include "unit/openshift/openshift_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::openshift {
namespace {

using ::testing::HasSubstr;

const std::vector<kube::Container> kContainers{{"setup", "x", true}, {"web", "a", false}, {"side", "b", false}};

TriggerReading read(const std::string& text, std::string_view kind = "Deployment") {
  return read_triggers(text, kind, kContainers, "prod");
}

std::string trigger(const std::string& path, const std::string& more = "") {
  return R"([{"from":{"kind":"ImageStreamTag","name":"site:live"},"fieldPath":")" + path + "\"" + more + "}]";
}

TEST(Triggers, ReadsWhatWorks) {
  struct Row {
    const char* name;
    std::string text;
    std::string kind;
    std::string container;
    bool init;
    bool paused;
  };
  const std::vector<Row> rows{
      {"by name", trigger(R"(spec.template.spec.containers[?(@.name==\"web\")].image)"), "Deployment", "web", false,
       false},
      {"by number", trigger("spec.template.spec.containers[1].image"), "StatefulSet", "side", false, false},
      {"init container", trigger(R"(spec.template.spec.initContainers[?(@.name==\"setup\")].image)"), "DaemonSet",
       "setup", true, false},
      {"cron job", trigger("spec.jobTemplate.spec.template.spec.containers[0].image"), "CronJob", "web", false, false},
      {"paused", trigger("spec.template.spec.containers[0].image", R"(,"paused":true)"), "Deployment", "web", false,
       true},
      {"not paused", trigger("spec.template.spec.containers[0].image", R"(,"paused":false)"), "Deployment", "web",
       false, false},
      {"null", trigger("spec.template.spec.containers[0].image", R"(,"paused":null)"), "Deployment", "web", false,
       false},
  };
  for (const auto& row : rows) {
    const auto reading = read(row.text, row.kind);
    EXPECT_TRUE(reading.problems.empty()) << row.name << ": " << reading.problems.front().sentence;
    ASSERT_EQ(reading.triggers.size(), 1U) << row.name;
    EXPECT_EQ(reading.triggers[0].container, row.container) << row.name;
    EXPECT_EQ(reading.triggers[0].init, row.init) << row.name;
    EXPECT_EQ(reading.triggers[0].paused, row.paused) << row.name;
    EXPECT_EQ(reading.triggers[0].from, (kube::ImageSource{"ImageStreamTag", "prod", "site:live"})) << row.name;
  }
}

TEST(Triggers, SaysWhatIsMalformed) {
  struct Row {
    const char* name;
    std::string text;
    const char* code;
    bool fatal;
    const char* part;
  };
  const std::string good = "spec.template.spec.containers[0].image";
  const auto from = [&](const std::string& json) {
    return R"([{"from":)" + json + R"(,"fieldPath":")" + good + "\"}]";
  };
  const std::vector<Row> rows{
      {"no JSON", "[{", "not-json", true, "is not JSON"},
      {"no list", R"({"from":{}})", "not-a-list", true, "square brackets"},
      {"empty", "[]", "empty", false, "no trigger"},
      {"an entry that is a text", R"(["x"])", "not-an-object", true, "no object"},
      {"misspelt key", R"([{"form":{"kind":"ImageStreamTag","name":"a:b"},"fieldPath":")" + good + "\"}]",
       "unknown-key", false, "write \"from\""},
      {"misspelt key leaves it without from", R"([{"form":{},"fieldPath":")" + good + "\"}]", "no-from", false,
       "without 'from'"},
      {"text for a boolean", trigger(good, R"(,"paused":"false")"), "paused-not-boolean", true, "without quotes"},
      {"number for a boolean", trigger(good, R"(,"paused":0)"), "paused-not-boolean", true, "true or false"},
      {"wrong container", trigger(R"(spec.template.spec.containers[?(@.name==\"wbe\")].image)"), "unknown-container",
       true, "did you mean 'web'?"},
      {"init container among the others", trigger(R"(spec.template.spec.containers[?(@.name==\"setup\")].image)"),
       "unknown-container", true, "the containers are: web, side"},
      {"number out of range", trigger("spec.template.spec.containers[2].image"), "unknown-container", true,
       "there are 2"},
      {"single quotes", trigger("spec.template.spec.containers[?(@.name=='web')].image"), "bad-selector", true,
       "single quotes"},
      {"no selector", trigger("spec.template.spec.containers[].image"), "bad-selector", true, "not known"},
      {"wrong place", trigger("spec.containers[0].image"), "wrong-place", true, "pod spec of a Deployment"},
      {"no container", trigger("spec.template.spec.volumes[0].image"), "wrong-place", true, "no container"},
      {"wrong field", trigger("spec.template.spec.containers[0].name"), "wrong-field", true, ".image"},
      {"no path", R"([{"from":{"kind":"ImageStreamTag","name":"a:b"}}])", "no-field-path", true, "without 'fieldPath'"},
      {"path twice",
       R"([{"from":{"kind":"ImageStreamTag","name":"a:b"},"fieldPath":")" + good +
           R"("},{"from":{"kind":"ImageStreamTag","name":"c:d"},"fieldPath":")" + good + "\"}]",
       "duplicate-field-path", true, "twice"},
      {"from as a text", from("\"a:b\""), "from-not-an-object", true, "no object"},
      {"another kind", from(R"({"kind":"DockerImage","name":"a:b"})"), "wrong-kind", false, "ImageStreamTag"},
      {"no tag", from(R"({"kind":"ImageStreamTag","name":"a"})"), "name-without-tag", false, "STREAM:TAG"},
      {"apiVersion", from(R"({"kind":"ImageStreamTag","name":"a:b","apiVersion":"v1"})"), "api-version", false,
       "leave it out"},
      {"number as a name", from(R"({"kind":"ImageStreamTag","name":7})"), "not-a-text", true, "quotes"},
      {"wrong container while paused",
       trigger(R"(spec.template.spec.containers[?(@.name==\"zzz\")].image)", R"(,"paused":true)"), "unknown-container",
       false, "never does anything"},
  };
  for (const auto& row : rows) {
    const auto reading = read(row.text);
    const auto found = std::find_if(reading.problems.begin(), reading.problems.end(),
                                    [&](const TriggerProblem& problem) { return problem.code == row.code; });
    ASSERT_NE(found, reading.problems.end()) << row.name;
    EXPECT_EQ(found->fatal, row.fatal) << row.name;
    EXPECT_THAT(found->sentence + "; " + found->fix, HasSubstr(row.part)) << row.name;
    EXPECT_TRUE(!row.fatal || reading.triggers.empty()) << row.name;
  }
}

TEST(Triggers, TakeKeysInAnyCaseAsTheControllerDoes) {
  const auto reading = read(R"([{"From":{"KIND":"ImageStreamTag","Name":"a:b","Namespace":"other"},
                                "fieldpath":"spec.template.spec.containers[0].image"}])");
  EXPECT_TRUE(reading.problems.empty());
  ASSERT_EQ(reading.triggers.size(), 1U);
  EXPECT_EQ(reading.triggers[0].from.project, "other");
}

TEST(Triggers, AreWrittenAsTheyAreRead) {
  const auto text = trigger_annotation_for("CronJob", {"ImageStreamTag", "prod", "site:live"}, "web");
  const auto reading = read(text, "CronJob");
  EXPECT_TRUE(reading.problems.empty());
  ASSERT_EQ(reading.triggers.size(), 1U);
  EXPECT_EQ(reading.triggers[0].container, "web");
}

}  // namespace
}  // namespace sluice::openshift
