#include "migration/from_script.hpp"

#include "migration/groovy_tokens.hpp"
#include "migration/pictures.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::migration {
namespace {

Result<FromScript> pipeline(std::string_view script, const std::string& file = "script.sh",
                            const ScriptWish& wish = {}) {
  return pipeline_from_script(script, file, wish, {});
}

std::vector<std::string> codes(const FromScript& made) {
  std::vector<std::string> out;
  for (const auto& note : made.notes) out.push_back(note.code);
  return out;
}

TEST(FromScript, TheOrderOfEnvironmentsIsThatOfTheImages) {
  const auto made = pipeline("oc tag a-qa/web:1 a-prod/web:1\noc tag a-dev/web:1 a-qa/web:1");
  ASSERT_TRUE(made);
  ASSERT_EQ(made->pipeline.environments.size(), 3U);
  EXPECT_EQ(made->pipeline.environments[0].name, "dev");
  EXPECT_EQ(made->pipeline.environments[2].name, "prod");
  EXPECT_EQ(made->pipeline.app, "a");
  EXPECT_EQ(made->pipeline.source.tag, "1");
}

TEST(FromScript, AnImageThatChangesItsNameIsToldAndNotPromoted) {
  const auto made = pipeline("oc tag dev/web:1 qa/site:1");
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message().find("line 1: the image web is called site at its destination"), std::string::npos);
}

TEST(FromScript, ATagOfTheRunIsAPatternAndTheFixedOneMoves) {
  const auto made = pipeline("oc tag a-dev/web:v$V a-prod/web:v$V\noc tag a-dev/web:v$V a-prod/web:stable");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->pipeline.source.tag, "v*");
  EXPECT_EQ(made->pipeline.environments[1].tag, "stable");
}

TEST(FromScript, APatternThatWouldFindTheTargetsTagIsRefusedWithAReason) {
  const auto made = pipeline("oc tag a/web:$V a/web:stable");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind(), ErrorKind::config);
  ScriptWish wish;
  wish.tag = "v*";
  EXPECT_TRUE(pipeline("oc tag a/web:$V a/web:stable", "script.sh", wish));
}

TEST(FromScript, LoginsAreNotedWithoutTheirSecrets) {
  const auto made = pipeline(
      "docker login -u me -p hunter2 r.example.com\noc login https://me:hunter3@api.example.com:6443 -p hunter4\n"
      "oc tag a-dev/web:1 a-prod/web:1");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->text.find("hunter"), std::string::npos);
  EXPECT_NE(made->text.find("sluice login r.example.com"), std::string::npos);
  EXPECT_NE(made->text.find("sluice login https://api.example.com:6443"), std::string::npos);
  for (const auto& note : made->notes) EXPECT_EQ(note.sentence.find("hunter"), std::string::npos);
}

TEST(FromScript, NothingFoundIsAUsageError) {
  for (const auto* script : {"", "make all", "echo docker push x", "pipeline { agent any }"}) {
    const auto made = pipeline(script);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind(), ErrorKind::usage);
  }
}

TEST(FromScript, AJenkinsfileIsToldByItsNameOrItsText) {
  EXPECT_TRUE(looks_like_jenkinsfile("x", "Jenkinsfile.prod"));
  EXPECT_TRUE(looks_like_jenkinsfile("pipeline {\n}", "promote"));
  EXPECT_FALSE(looks_like_jenkinsfile("#!/bin/sh\necho 'pipeline {'", "promote"));
  EXPECT_FALSE(looks_like_jenkinsfile("pipeline {", "a.sh"));
}

TEST(FromScript, GroovyPutsItsValuesIntoTheShell) {
  const auto made = pipeline(
      "def f(image) {\n  sh \"oc tag a-dev/${image}:\\$T ${params.TO}/${image}:1\"\n}\n"
      "properties([parameters([string(name: 'TO', defaultValue: 'a-prod')])])\nenvironment { T = '1' }\n"
      "for (x in ['web', 'api']) { f(x) }\nif (env.B == 'x') { sh 'oc tag a-prod/web:1 a-eu/web:1' }",
      "Jenkinsfile");
  ASSERT_TRUE(made) << made.error().sentence();
  EXPECT_EQ(made->pipeline.images, (std::vector<std::string>{"web", "api"}));
  EXPECT_EQ(made->pipeline.environments.size(), 3U);
  const auto found = codes(*made);
  EXPECT_NE(std::find(found.begin(), found.end(), "not-understood"), found.end());
}

TEST(Pictures, RegistriesOfOpenShiftAreProjectsOfAClusterByTheirUsualNames) {
  Notebook notebook;
  const auto inner = picture_of("docker-registry.default.svc:5000/shop/web", "here", notebook);
  ASSERT_TRUE(inner);
  EXPECT_TRUE(inner->spot.on_cluster);
  EXPECT_EQ(inner->spot.host, "here");
  EXPECT_EQ(inner->tag, "latest");
  const auto outer = picture_of("default-route-openshift-image-registry.apps.a.example.com/shop/web:1", "", notebook);
  ASSERT_TRUE(outer);
  EXPECT_EQ(outer->spot.host, cluster_key("api.a.example.com:6443"));
  const auto hub = picture_of("acme/web", "", notebook);
  ASSERT_TRUE(hub);
  EXPECT_EQ(hub->spot.host, "docker.io");
  EXPECT_FALSE(picture_of("r.example.com/web:1", "", notebook));
  const auto login = picture_of("docker://me:hunter2@r.example.com/shop/web", "", notebook);
  ASSERT_FALSE(login);
  EXPECT_EQ(login.error().sentence(), "a registry was expected, and not a login");
  EXPECT_FALSE(picture_of("r.example.com/shop/web@sha256:00", "", notebook));
}

}  // namespace
}  // namespace sluice::migration
