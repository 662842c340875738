// apply_patch: the three formats of the API, and how each profile refuses what cannot be applied.
#include "sandbox/core/resource.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"

#include <gtest/gtest.h>

namespace sluice::sandbox {
namespace {

constexpr auto kMerge = "application/merge-patch+json";
constexpr auto kJsonPatch = "application/json-patch+json";
constexpr auto kStrategic = "application/strategic-merge-patch+json";

Answer<Json> apply(const char* type, const char* patch, const char* before, Profile profile = Profile::v3_11) {
  World world(profile);
  ApiRequest request;
  request.content_type = type;
  request.raw_body = patch;
  return apply_patch(world, request, parse_json(before).value());
}

TEST(Patch, ChangesWhatItNames) {
  struct Row {
    const char* type;
    const char* patch;
    const char* before;
    const char* after;
  };
  const Row rows[] = {
      {kMerge, R"({"a":{"b":2}})", R"({"a":{"b":1,"c":3}})", R"({"a":{"b":2,"c":3}})"},
      {kMerge, R"({"a":null})", R"({"a":1,"b":2})", R"({"b":2})"},
      {kMerge, R"({"a":[1]})", R"({"a":[1,2,3]})", R"({"a":[1]})"},
      {kMerge, R"({"a":{"x":{"y":null,"z":1}}})", R"({})", R"({"a":{"x":{"z":1}}})"},
      {kJsonPatch, R"([{"op":"add","path":"/a/-","value":3}])", R"({"a":[1,2]})", R"({"a":[1,2,3]})"},
      {kJsonPatch, R"([{"op":"add","path":"/a/0","value":0}])", R"({"a":[1]})", R"({"a":[0,1]})"},
      {kJsonPatch, R"([{"op":"replace","path":"/a/b~1c","value":1}])", R"({"a":{"b/c":0}})", R"({"a":{"b/c":1}})"},
      {kJsonPatch, R"([{"op":"move","from":"/a","path":"/b"}])", R"({"a":1})", R"({"b":1})"},
      {kJsonPatch, R"([{"op":"test","path":"/a","value":1},{"op":"remove","path":"/a"}])", R"({"a":1})", R"({})"},
      {kStrategic, R"({"spec":{"containers":[{"name":"b","image":"2"}]}})",
       R"({"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"1","x":1}]}})",
       R"({"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2","x":1}]}})"},
      {kStrategic, R"({"spec":{"tags":[{"name":"c"}]}})", R"({"spec":{"tags":[{"name":"a"}]}})",
       R"({"spec":{"tags":[{"name":"a"},{"name":"c"}]}})"},
      {kStrategic, R"({"spec":{"tags":[{"$patch":"delete","name":"a"}]}})",
       R"({"spec":{"tags":[{"name":"a"},{"name":"b"}]}})", R"({"spec":{"tags":[{"name":"b"}]}})"},
      {kStrategic, R"({"spec":{"triggers":[{"type":"A"}]}})", R"({"spec":{"triggers":[{"type":"B"}]}})",
       R"({"spec":{"triggers":[{"type":"A"}]}})"},
  };
  for (const auto& row : rows) {
    auto answer = apply(row.type, row.patch, row.before);
    ASSERT_TRUE(answer.ok()) << row.patch << ": " << answer.error().message;
    EXPECT_TRUE(same_tree(*answer, parse_json(row.after).value())) << row.patch << " gave " << answer->dump();
  }
}

TEST(Patch, WhatCannotBeAppliedIsABare500InTheOldServerAndTypedInTheNewOne) {
  struct Row {
    const char* type;
    const char* patch;
    int old_code;
    int new_code;
  };
  const Row rows[] = {
      {kJsonPatch, R"([{"op":"test","path":"/a","value":2}])", 500, 422},
      {kJsonPatch, R"([{"op":"remove","path":"/none"}])", 500, 422},
      {kJsonPatch, R"([{"op":"add","path":"/none/x","value":1}])", 500, 422},
      {kJsonPatch, R"({"not":"a list"})", 500, 400},
      {kMerge, "{", 500, 400},
      {"application/json", "{}", 415, 415},
      {"application/apply-patch+yaml", "{}", 415, 415},
  };
  for (const auto& row : rows) {
    auto old_answer = apply(row.type, row.patch, R"({"a":1})");
    auto new_answer = apply(row.type, row.patch, R"({"a":1})", Profile::v4);
    ASSERT_FALSE(old_answer.ok()) << row.patch;
    ASSERT_FALSE(new_answer.ok()) << row.patch;
    EXPECT_EQ(old_answer.error().code, row.old_code) << row.patch;
    EXPECT_EQ(new_answer.error().code, row.new_code) << row.patch;
  }
}

}  // namespace
}  // namespace sluice::sandbox
