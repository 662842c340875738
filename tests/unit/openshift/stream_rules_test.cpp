#include "openshift/streams/rules.hpp"
#include "unit/openshift/openshift_testing.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using testing::parsed;

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

/// The stream prod/web in the registry reg:5000, with `spec` and `history` as entries of their lists.
kube::ImageStream stream_of(const std::string& spec, const std::string& history) {
  return kube::ImageStream(parsed(fmt::format(
      R"({{"metadata": {{"name": "web", "namespace": "prod"}}, "spec": {{"tags": [{}]}},
          "status": {{"dockerImageRepository": "reg:5000/prod/web", "tags": [{}]}}}})",
      spec, history)));
}

std::string live_at(const std::string& image, const std::string& repository) {
  return fmt::format(R"({{"tag": "live", "items": [{{"image": "{0}", "dockerImageReference": "{1}@{0}"}}]}})", image,
                     repository);
}

TEST(StreamRules, KnowsWhichTagsTheClusterMovesByItself) {
  struct Row {
    const char* name;
    std::string spec;
    bool wanders;
  };
  const std::vector<Row> rows{
      {"pushed only", "", false},
      {"no source", R"({"name": "live"})", false},
      {"other tag", R"({"name": "next", "from": {"kind": "DockerImage", "name": "r/x:1"}})", false},
      {"image", R"({"name": "live", "from": {"kind": "ImageStreamImage", "name": "web@)" + kB + R"("}})", false},
      {"pull spec by tag", R"({"name": "live", "from": {"kind": "DockerImage", "name": "r/x:1"}})", true},
      {"pull spec by digest", R"({"name": "live", "from": {"kind": "DockerImage", "name": "r/x@)" + kA + R"("}})",
       false},
      {"pull spec by another digest",
       R"({"name": "live", "from": {"kind": "DockerImage", "name": "r/x@)" + kB + R"("}})", true},
      {"scheduled",
       R"({"name": "live", "from": {"kind": "DockerImage", "name": "r/x@)" + kA +
           R"("}, "importPolicy": {"scheduled": true}})",
       true},
      {"alias", R"({"name": "live", "from": {"kind": "ImageStreamTag", "name": "latest"}})", true},
      {"alias with its stream", R"({"name": "live", "from": {"kind": "ImageStreamTag", "name": "web:latest"}})", true},
      {"alias with its project",
       R"({"name": "live", "from": {"kind": "ImageStreamTag", "namespace": "prod", "name": "web:latest"}})", true},
      {"tag of another stream", R"({"name": "live", "from": {"kind": "ImageStreamTag", "name": "api:latest"}})", false},
      {"tag of another project",
       R"({"name": "live", "from": {"kind": "ImageStreamTag", "namespace": "dev", "name": "web:1"}})", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(would_wander(stream_of(row.spec, live_at(kA, "reg:5000/prod/web")), "live", kA), row.wanders) << row.name;
  }
}

TEST(StreamRules, KnowsWhichWritesDoNothing) {
  struct Row {
    const char* name;
    std::string spec;
    kube::ImageSource from;
    bool nothing;
  };
  const auto entry = [](const std::string& project, const std::string& name, const std::string& more = "") {
    return fmt::format(
        R"({{"name": "live", "from": {{"kind": "ImageStreamImage", "namespace": "{}", "name": "{}"}}{}}})", project,
        name, more);
  };
  const std::vector<Row> rows{
      {"new", "", {"ImageStreamImage", "dev", "web@" + kA}, false},
      {"no source yet", R"({"name": "live"})", {"ImageStreamImage", "dev", "web@" + kA}, false},
      {"same", entry("dev", "web@" + kA), {"ImageStreamImage", "dev", "web@" + kA}, true},
      {"another kind", entry("dev", "web@" + kA), {"ImageStreamTag", "dev", "web@" + kA}, true},
      {"own project, not named", entry("", "web@" + kA), {"ImageStreamImage", "prod", "web@" + kA}, true},
      {"another project", entry("test", "web@" + kA), {"ImageStreamImage", "dev", "web@" + kA}, false},
      {"another image", entry("dev", "web@" + kB), {"ImageStreamImage", "dev", "web@" + kA}, false},
      {"a reference before",
       entry("dev", "web@" + kA, R"(, "reference": true)"),
       {"ImageStreamImage", "dev", "web@" + kA},
       false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(write_does_nothing(stream_of(row.spec, live_at(kB, "reg:5000/prod/web")), "live", row.from), row.nothing)
        << row.name;
  }
}

TEST(StreamRules, TellsStoredImagesFromImportedOnes) {
  EXPECT_TRUE(is_stored_here(stream_of("", live_at(kA, "reg:5000/prod/web")), kA));
  EXPECT_FALSE(is_stored_here(stream_of("", live_at(kA, "reg:5000/prod/web")), kB)) << "not in the history";
  EXPECT_FALSE(is_stored_here(stream_of("", live_at(kA, "quay.io/shop/web")), kA)) << "imported";
  EXPECT_FALSE(is_stored_here(stream_of("", live_at(kA, "reg:5000/dev/web")), kA)) << "a reference to another project";
  EXPECT_FALSE(
      is_stored_here(stream_of("", live_at(kA, "reg:5000/prod/web") + ", " + live_at(kA, "quay.io/shop/web")), kA))
      << "the server may take either item";
}

TEST(StreamRules, ResolvesTagsAsTriggersDo) {
  const auto far = live_at(kA, "quay.io/shop/web");
  EXPECT_EQ(resolved_pull_spec(stream_of("", far), "live"), "quay.io/shop/web@" + kA);
  EXPECT_EQ(resolved_pull_spec(stream_of(R"({"name": "live", "referencePolicy": {"type": "Local"}})", far), "live"),
            "reg:5000/prod/web@" + kA);
  EXPECT_EQ(resolved_pull_spec(stream_of("", far), "next"), "");
  EXPECT_EQ(registry_host("reg:5000/prod/web@" + kA), "reg:5000");
  EXPECT_EQ(registry_host(""), "");
  EXPECT_EQ(top_image(stream_of("", far), "live"), kA);
  EXPECT_EQ(top_image(stream_of("", R"({"tag": "live", "items": null})"), "live"), "");
}

}  // namespace
}  // namespace sluice::openshift
