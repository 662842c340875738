#include "sandbox/control/scenario.hpp"

#include "sandbox/control/apply_scenario.hpp"
#include "sandbox/control/demo_scenario.hpp"
#include "sandbox/control/knobs.hpp"
#include "sandbox/core/tree.hpp"

#include <gtest/gtest.h>

namespace sluice::sandbox {
namespace {

TEST(Scenario, ReadsPeopleProjectsAndRights) {
  const auto scenario = parse_scenario(R"(
users: [{name: ann, password: secret, groups: [ops]}]
projects: [{name: dev, admin: ann, labels: {team: shop}}]
rights:
  - {subject: "user:bob", role: view, project: dev}
  - {subject: "serviceaccount:dev/robot", role: edit, project: dev}
  - {subject: "group:ops", role: cluster-reader, project: null}
tokens: [bob]
)",
                                       "s.yaml");
  ASSERT_TRUE(scenario.ok()) << scenario.error().sentence();
  World world(Profile::v3_11);
  const auto tokens = apply_people(world, *scenario);
  ASSERT_TRUE(tokens.ok()) << tokens.error().sentence();
  const auto may = [&](const Caller& caller, std::string verb) {
    return world.may(caller, {std::move(verb), "image.openshift.io", "imagestreams", "", "dev", ""});
  };
  EXPECT_TRUE(may(*world.authenticate(tokens->at("ann")), "delete"));
  EXPECT_TRUE(may(*world.authenticate(tokens->at("bob")), "get"));
  EXPECT_FALSE(may(*world.authenticate(tokens->at("bob")), "delete"));
  EXPECT_TRUE(may(Caller::service_account("dev", "robot"), "create"));
  EXPECT_TRUE(world.may(Caller::person("eve", {"ops"}), {"list", "", "secrets", "", "", ""}));
}

TEST(Scenario, SaysWhereItIsWrong) {
  struct Row {
    const char* text;
    const char* says;
  };
  const Row rows[] = {
      {"users: [{nam: ann}]", "did you mean"},
      {"users: {name: ann}", "is a list"},
      {"rights: [{subject: ann, role: view}]", "user:NAME"},
      {"workloads: [{kind: Deploiment, project: p, name: n, image: 'a:b'}]", "one of"},
      {"workloads: [{kind: Deployment, project: p, name: n, image: a}]", "STREAM:TAG"},
      {"images: [{project: p, stream: s, tag: t, layers: 1000}]", "from 0 to 100"},
      {"nonsense: 1", "nonsense"},
      {"objects: [1]", "kind and apiVersion"},
  };
  for (const auto& row : rows) {
    const auto scenario = parse_scenario(row.text, "s.yaml");
    ASSERT_FALSE(scenario.ok()) << row.text;
    EXPECT_NE(scenario.error().sentence().find(row.says), std::string::npos)
        << row.text << " was told: " << scenario.error().sentence();
    EXPECT_NE(scenario.error().sentence().find("s.yaml"), std::string::npos) << scenario.error().sentence();
  }
}

TEST(Scenario, TheDemoCanBeRead) {
  const auto scenario = parse_scenario(kDemoScenario, "demo");
  ASSERT_TRUE(scenario.ok()) << scenario.error().sentence();
  EXPECT_FALSE(scenario->workloads.empty());
}

TEST(Scenario, YamlScalarsBecomeJsonAsTheyAreWritten) {
  const auto node = yaml::parse("{a: 1, b: '1', c: true, d: ~, e: 1.10, f: [x]}", "x");
  ASSERT_TRUE(node.ok());
  EXPECT_EQ(to_json(*node).dump(), R"({"a":1,"b":"1","c":true,"d":null,"e":"1.10","f":["x"]})");
}

TEST(Knobs, AreCheckedBeforeTheyAreTurned) {
  SharedWorld world(std::in_place, Profile::v3_11);
  FaultTable faults;
  const KnobTargets targets{world, faults, [](bool) {}, [](const Json&) { return Status{}; }};
  struct Row {
    const char* knob;
    const char* says;
  };
  const Row rows[] = {
      {R"({})", "member 'knob'"},
      {R"({"knob":"fualt"})", "did you mean 'fault'"},
      {R"({"knob":"fault"})", "'server' must be"},
      {R"({"knob":"fault","server":"api","stauts":1})", "did you mean 'status'"},
      {R"({"knob":"clock"})", "advance-seconds"},
      {R"({"knob":"clock","advance-seconds":"1"})", "advance-seconds"},
      {R"({"knob":"nodes","mode":"maybe"})", "auto or manual"},
      {R"({"knob":"outcome","kind":"DeploymentConfig","namespace":"p","name":"n","result":"explode"})", "one of"},
      {R"({"knob":"expire-token"})", "'token' or 'user'"},
      {R"({"knob":"revoke-token","token":"none"})", "no such token"},
  };
  for (const auto& row : rows) {
    const auto turned = turn(parse_json(row.knob).value(), targets);
    ASSERT_FALSE(turned.ok()) << row.knob;
    EXPECT_NE(turned.error().sentence().find(row.says), std::string::npos)
        << row.knob << " was told: " << turned.error().sentence();
  }
  EXPECT_TRUE(turn(parse_json(R"({"knob":"clock","advance-seconds":60})").value(), targets).ok());
  EXPECT_EQ(world.with([](const World& w) { return w.clock_offset.count(); }), 60);
}

}  // namespace
}  // namespace sluice::sandbox
